"""Which of gslb's areas Route 53 knows, and how it calls them.

As ListGeoLocations has them: all continents, all countries but four that hardly anybody lives in, and the subdivisions
of two countries. Those of Ukraine go by ISO 3166-2, but for two that have older codes.
"""

from collections.abc import Mapping

from gslb.model.area import Area, AreaKind
from gslb.model.countries import CONTINENTS
from gslb.model.geodesy import Coordinates

GeoLocation = Mapping[str, str]
"""The member of a record set that is called so."""

_WITHOUT = frozenset({"BV", "CX", "EH", "HM"})
_UNITED_STATES = """
    AL AK AZ AR CA CO CT DC DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA
    RI SC SD TN TX UT VT VA WA WV WI WY
"""
_UKRAINE = "05 07 09 12 14 18 21 23 26 30 32 35 46 48 51 53 56 59 61 63 65 68 71 74 77"
_SUBDIVISIONS = {
    **{f"US-{code}": code for code in _UNITED_STATES.split()},
    **{f"UA-{code}": code for code in _UKRAINE.split()},
    "UA-40": "20",  # Sevastopol
    "UA-43": "11",  # Crimea
}
"""codes of ISO 3166-2, and those of Route 53"""

EVERY_CONTINENT = tuple(Area(AreaKind.CONTINENT, code) for code in sorted(CONTINENTS))
"""Whoever is in a place that is known is in one of these."""
ANYWHERE: GeoLocation = {"CountryCode": "*"}
"""Whoever is in none of the others of a name, or in a place that is not known."""


def geolocation(area: Area) -> GeoLocation | None:
    """``area`` as Route 53 has it; None where it does not know it."""
    match area:
        case Area(AreaKind.CONTINENT, code):
            return {"ContinentCode": code}
        case Area(AreaKind.COUNTRY, code) if code not in _WITHOUT:
            return {"CountryCode": code}
        case Area(AreaKind.SUBDIVISION, code) if code in _SUBDIVISIONS:
            return {"CountryCode": code.partition("-")[0], "SubdivisionCode": _SUBDIVISIONS[code]}
        case _:
            return None


def rounded(place: Coordinates) -> Coordinates:
    """``place`` in hundredths of a degree, which Route 53 has: within 0.8 km. Places that are one there are equal."""
    latitude, longitude = (round(degrees, 2) + 0.0 for degrees in place)  # no negative zero
    return latitude, 180.0 if longitude == -180 else longitude  # noqa: PLR2004  one meridian


def proximity(place: Coordinates) -> Mapping[str, object]:
    """A rounded place, as geoproximity routing has it."""
    return {"Coordinates": {"Latitude": f"{place[0]:.2f}", "Longitude": f"{place[1]:.2f}"}}
