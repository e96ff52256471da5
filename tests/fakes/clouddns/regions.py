"""The regions of Google Cloud that a geo policy may name: where they are, as data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """Coordinates in degrees, of the town that Google names; the continent as GeoNames has it."""

    latitude: float
    longitude: float
    continent: str

    @property
    def coordinates(self) -> tuple[float, float]:
        return self.latitude, self.longitude


REGIONS = {
    "africa-south1": Region(-26.20, 28.05, "AF"),  # Johannesburg
    "asia-east1": Region(24.05, 120.52, "AS"),  # Changhua
    "asia-east2": Region(22.32, 114.17, "AS"),  # Hong Kong
    "asia-northeast1": Region(35.69, 139.69, "AS"),  # Tokyo
    "asia-northeast2": Region(34.69, 135.50, "AS"),  # Osaka
    "asia-northeast3": Region(37.57, 126.98, "AS"),  # Seoul
    "asia-south1": Region(19.08, 72.88, "AS"),  # Mumbai
    "asia-south2": Region(28.65, 77.22, "AS"),  # Delhi
    "asia-southeast1": Region(1.34, 103.71, "AS"),  # Jurong West
    "asia-southeast2": Region(-6.21, 106.85, "AS"),  # Jakarta
    "asia-southeast3": Region(13.76, 100.50, "AS"),  # Bangkok
    "australia-southeast1": Region(-33.87, 151.21, "OC"),  # Sydney
    "australia-southeast2": Region(-37.81, 144.96, "OC"),  # Melbourne
    "europe-central2": Region(52.23, 21.01, "EU"),  # Warsaw
    "europe-north1": Region(60.57, 27.20, "EU"),  # Hamina
    "europe-north2": Region(59.33, 18.07, "EU"),  # Stockholm
    "europe-southwest1": Region(40.42, -3.70, "EU"),  # Madrid
    "europe-west1": Region(50.47, 3.82, "EU"),  # Saint-Ghislain
    "europe-west2": Region(51.51, -0.13, "EU"),  # London
    "europe-west3": Region(50.11, 8.68, "EU"),  # Frankfurt
    "europe-west4": Region(53.43, 6.84, "EU"),  # Eemshaven
    "europe-west6": Region(47.38, 8.54, "EU"),  # Zurich
    "europe-west8": Region(45.46, 9.19, "EU"),  # Milan
    "europe-west9": Region(48.86, 2.35, "EU"),  # Paris
    "europe-west10": Region(52.52, 13.40, "EU"),  # Berlin
    "europe-west12": Region(45.07, 7.69, "EU"),  # Turin
    "me-central1": Region(25.29, 51.53, "AS"),  # Doha
    "me-central2": Region(26.43, 50.10, "AS"),  # Dammam
    "me-west1": Region(32.09, 34.78, "AS"),  # Tel Aviv
    "northamerica-northeast1": Region(45.50, -73.57, "NA"),  # Montreal
    "northamerica-northeast2": Region(43.65, -79.38, "NA"),  # Toronto
    "northamerica-south1": Region(20.59, -100.39, "NA"),  # Queretaro
    "southamerica-east1": Region(-23.53, -46.79, "SA"),  # Osasco
    "southamerica-west1": Region(-33.45, -70.67, "SA"),  # Santiago
    "us-central1": Region(41.26, -95.86, "NA"),  # Council Bluffs
    "us-east1": Region(33.20, -80.01, "NA"),  # Moncks Corner
    "us-east4": Region(39.04, -77.49, "NA"),  # Ashburn
    "us-east5": Region(39.96, -83.00, "NA"),  # Columbus
    "us-south1": Region(32.78, -96.80, "NA"),  # Dallas
    "us-west1": Region(45.59, -121.18, "NA"),  # The Dalles
    "us-west2": Region(34.05, -118.24, "NA"),  # Los Angeles
    "us-west3": Region(40.76, -111.89, "NA"),  # Salt Lake City
    "us-west4": Region(36.17, -115.14, "NA"),  # Las Vegas
}
