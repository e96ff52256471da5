"""Locations that geolocation records may have."""

from tests.fakes.route53.call import Call, Reply, reply
from tests.fakes.route53.errors import ApiError, invalid_input
from tests.fakes.route53.places import CONTINENT_NAMES, LOCATIONS, every_location, iso_subdivision
from tests.fakes.route53.records import DEFAULT, Geolocation
from tests.fakes.route53.writing import location
from tests.fakes.route53.xmltree import Content

_CODES = ("continentcode", "countrycode", "subdivisioncode")


def list_geo_locations(call: Call) -> Reply:
    every, most = every_location(), call.most()
    codes = [call.query.get(f"start{code}", "") for code in _CODES]
    start = Geolocation(*codes)
    if any(codes) and start not in LOCATIONS:
        raise invalid_input(f"Invalid start location: {start}")
    rest = every[every.index(start) if any(codes) else 0 :]
    following = rest[most] if len(rest) > most else Geolocation()
    content = {
        "GeoLocationDetailsList": {"GeoLocationDetails": [_details(place) for place in rest[:most]]},
        "IsTruncated": len(rest) > most,
        **{f"Next{name}": code for name, code in location(following).items()},
        "MaxItems": most,
    }
    return reply("ListGeoLocationsResponse", content)


def get_geo_location(call: Call) -> Reply:
    continent, country, subdivision = (call.query.get(code, "") for code in _CODES)
    place = Geolocation(continent, country or ("" if continent else DEFAULT), subdivision)
    if place not in LOCATIONS:
        told = f"continent: {continent or 'null'}, country: {country or 'null'}, subdivision: {subdivision or 'null'}"
        raise ApiError("NoSuchGeoLocation", f"The specified geolocation [{told}] was not found", 404)
    return reply("GetGeoLocationResponse", {"GeoLocationDetails": _details(place)})


def _details(place: Geolocation) -> Content:
    """Of countries and subdivisions the codes stand for names, which nobody asks for here."""
    country = "Default" if place.country == DEFAULT else place.country
    return {
        "ContinentCode": place.continent or None,
        "ContinentName": CONTINENT_NAMES.get(place.continent),
        "CountryCode": place.country or None,
        "CountryName": country or None,
        "SubdivisionCode": place.subdivision or None,
        "SubdivisionName": iso_subdivision(place.country, place.subdivision) if place.subdivision else None,
    }
