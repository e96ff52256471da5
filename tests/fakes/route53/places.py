"""Locations that Route 53 knows: continents, countries, subdivisions, and where AWS's regions are.

Read off ListGeoLocations: a country is there if gslb.model.countries counts it to a continent and it is not in
``_WITHOUT``. Subdivisions are those of two countries. Ukraine's are the codes of ISO 3166-2 but for two,
which are older.
"""

from gslb.model.countries import CONTINENTS, continent_of
from gslb.model.geodesy import Coordinates
from tests.fakes.route53.records import DEFAULT, Geolocation

CONTINENT_NAMES = {
    "AF": "Africa",
    "AN": "Antarctica",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}
assert frozenset(CONTINENT_NAMES) == CONTINENTS

_WITHOUT = frozenset({"BV", "CX", "EH", "HM"})
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
COUNTRIES = tuple(
    code for code in (a + b for a in _LETTERS for b in _LETTERS) if continent_of(code) and code not in _WITHOUT
)

_UA = "05 07 09 11 12 14 18 20 21 23 26 30 32 35 46 48 51 53 56 59 61 63 65 68 71 74 77"
_US = """
    AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH OK OR PA
    RI SC SD TN TX UT VA VT WA WI WV WY
"""
SUBDIVISIONS = {"UA": tuple(_UA.split()), "US": tuple(_US.split())}
_ISO = {("UA", "11"): "UA-43", ("UA", "20"): "UA-40"}


def iso_subdivision(country: str, code: str) -> str:
    """ISO 3166-2 of a subdivision as Route 53 has it: Crimea is 11 there, and Sevastopol 20."""
    return _ISO.get((country, code), f"{country}-{code}")


def every_location() -> list[Geolocation]:
    """In the order of ListGeoLocations: the default, countries with their subdivisions, continents."""
    listed = [Geolocation(country=DEFAULT)]
    for country in COUNTRIES:
        listed.append(Geolocation(country=country))
        listed.extend(Geolocation(country=country, subdivision=code) for code in SUBDIVISIONS.get(country, ()))
    return [*listed, *(Geolocation(continent=continent) for continent in sorted(CONTINENTS))]


LOCATIONS = frozenset(every_location())

REGIONS: dict[str, Coordinates] = {
    "af-south-1": (-33.93, 18.42),
    "ap-east-1": (22.28, 114.18),
    "ap-east-2": (25.03, 121.56),
    "ap-northeast-1": (35.62, 139.77),
    "ap-northeast-2": (37.56, 126.98),
    "ap-northeast-3": (34.69, 135.50),
    "ap-south-1": (19.08, 72.88),
    "ap-south-2": (17.41, 78.45),
    "ap-southeast-1": (1.37, 103.80),
    "ap-southeast-2": (-33.91, 151.19),
    "ap-southeast-3": (-6.20, 106.85),
    "ap-southeast-4": (-37.81, 144.96),
    "ap-southeast-5": (3.14, 101.69),
    "ap-southeast-6": (-36.85, 174.76),
    "ap-southeast-7": (13.75, 100.50),
    "ca-central-1": (45.50, -73.60),
    "ca-west-1": (51.05, -114.07),
    "cn-north-1": (39.91, 116.41),
    "cn-northwest-1": (37.50, 105.16),
    "eu-central-1": (50.11, 8.68),
    "eu-central-2": (47.37, 8.54),
    "eu-north-1": (59.33, 18.07),
    "eu-south-1": (45.46, 9.19),
    "eu-south-2": (41.65, -0.88),
    "eu-west-1": (53.35, -6.26),
    "eu-west-2": (51.51, -0.13),
    "eu-west-3": (48.86, 2.35),
    "eusc-de-east-1": (52.41, 13.05),
    "il-central-1": (32.08, 34.78),
    "me-central-1": (24.45, 54.38),
    "me-south-1": (26.07, 50.56),
    "mx-central-1": (20.59, -100.39),
    "sa-east-1": (-23.55, -46.63),
    "us-east-1": (38.95, -77.45),
    "us-east-2": (39.96, -83.00),
    "us-gov-east-1": (39.96, -83.00),
    "us-gov-west-1": (45.52, -122.68),
    "us-west-1": (37.35, -121.96),
    "us-west-2": (45.84, -119.70),
}
"""About where each region is: latitude and longitude, for want of what AWS measures."""
