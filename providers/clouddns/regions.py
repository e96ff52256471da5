"""The regions of Google Cloud, which are the places that a geo policy of Cloud DNS knows.

As Google lists them (Compute Engine documentation, Regions and zones; Global locations), with the town that is named
there. A region that is newer than this table gets no item of its own: clients near it are answered as at the nearest
one that has.
"""

from collections.abc import Mapping
from typing import NamedTuple

from gslb.model.geodesy import Coordinates


class GcpRegion(NamedTuple):
    """Where a region is.

    Attributes:
        coordinates: latitude and longitude of the town, in degrees.
        country: ISO 3166-1.
    """

    coordinates: Coordinates
    country: str


REGIONS: Mapping[str, GcpRegion] = {
    "africa-south1": GcpRegion((-26.20, 28.05), "ZA"),  # Johannesburg
    "asia-east1": GcpRegion((24.08, 120.54), "TW"),  # Changhua County
    "asia-east2": GcpRegion((22.30, 114.17), "HK"),  # Hong Kong
    "asia-northeast1": GcpRegion((35.68, 139.76), "JP"),  # Tokyo
    "asia-northeast2": GcpRegion((34.69, 135.50), "JP"),  # Osaka
    "asia-northeast3": GcpRegion((37.57, 126.98), "KR"),  # Seoul
    "asia-south1": GcpRegion((19.08, 72.88), "IN"),  # Mumbai
    "asia-south2": GcpRegion((28.65, 77.23), "IN"),  # Delhi
    "asia-southeast1": GcpRegion((1.34, 103.71), "SG"),  # Jurong West
    "asia-southeast2": GcpRegion((-6.21, 106.85), "ID"),  # Jakarta
    "asia-southeast3": GcpRegion((13.75, 100.50), "TH"),  # Bangkok
    "australia-southeast1": GcpRegion((-33.87, 151.21), "AU"),  # Sydney
    "australia-southeast2": GcpRegion((-37.81, 144.96), "AU"),  # Melbourne
    "europe-central2": GcpRegion((52.23, 21.01), "PL"),  # Warsaw
    "europe-north1": GcpRegion((60.57, 27.20), "FI"),  # Hamina
    "europe-north2": GcpRegion((59.33, 18.07), "SE"),  # Stockholm
    "europe-southwest1": GcpRegion((40.42, -3.70), "ES"),  # Madrid
    "europe-west1": GcpRegion((50.45, 3.82), "BE"),  # St. Ghislain
    "europe-west2": GcpRegion((51.51, -0.13), "GB"),  # London
    "europe-west3": GcpRegion((50.11, 8.68), "DE"),  # Frankfurt
    "europe-west4": GcpRegion((53.44, 6.83), "NL"),  # Eemshaven
    "europe-west6": GcpRegion((47.38, 8.54), "CH"),  # Zurich
    "europe-west8": GcpRegion((45.46, 9.19), "IT"),  # Milan
    "europe-west9": GcpRegion((48.86, 2.35), "FR"),  # Paris
    "europe-west10": GcpRegion((52.52, 13.40), "DE"),  # Berlin
    "europe-west12": GcpRegion((45.07, 7.69), "IT"),  # Turin
    "me-central1": GcpRegion((25.29, 51.53), "QA"),  # Doha
    "me-central2": GcpRegion((26.43, 50.10), "SA"),  # Dammam
    "me-west1": GcpRegion((32.09, 34.78), "IL"),  # Tel Aviv
    "northamerica-northeast1": GcpRegion((45.51, -73.57), "CA"),  # Montreal
    "northamerica-northeast2": GcpRegion((43.65, -79.38), "CA"),  # Toronto
    "northamerica-south1": GcpRegion((20.59, -100.39), "MX"),  # Queretaro
    "southamerica-east1": GcpRegion((-23.53, -46.79), "BR"),  # Osasco
    "southamerica-west1": GcpRegion((-33.45, -70.67), "CL"),  # Santiago
    "us-central1": GcpRegion((41.26, -95.86), "US"),  # Council Bluffs
    "us-east1": GcpRegion((33.20, -80.01), "US"),  # Moncks Corner
    "us-east4": GcpRegion((39.04, -77.49), "US"),  # Ashburn
    "us-east5": GcpRegion((39.96, -83.00), "US"),  # Columbus
    "us-south1": GcpRegion((32.78, -96.80), "US"),  # Dallas
    "us-west1": GcpRegion((45.60, -121.18), "US"),  # The Dalles
    "us-west2": GcpRegion((34.05, -118.24), "US"),  # Los Angeles
    "us-west3": GcpRegion((40.76, -111.89), "US"),  # Salt Lake City
    "us-west4": GcpRegion((36.17, -115.14), "US"),  # Las Vegas
}
"""All regions by the name that items of a geo policy have."""
