"""What one record of a database says, in the shapes that vendors write, and several records put together.

Nested tables as MaxMind and DB-IP have them, or flat text as IPinfo does. Whatever has another form says nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeVar

from gslb.model.area import AreaKind
from gslb.model.chain import Geography
from gslb.model.countries import CONTINENTS, continent_of
from gslb.model.location import NOWHERE, Location

_COUNTRY = re.compile(r"[A-Z]{2}")
_SUBDIVISION = re.compile(r"[A-Z0-9]{1,3}")
_ASN = re.compile(r"(?:AS)?([1-9][0-9]{0,9})")
_MAX_ASN = 2**32 - 1
_COORDINATES = (("latitude", "longitude"), ("lat", "lng"))
_MAX_LATITUDE, _MAX_LONGITUDE = 90.0, 180.0

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Said:
    """What a record says.

    Attributes:
        location: of its network.
        substitute: where it names no country, that in which the network is registered, or that it represents.
    """

    location: Location = NOWHERE
    substitute: str = ""


NOTHING = Said()


def read_record(record: object) -> Said:
    """What ``record`` says of its network; parts that have another form than expected are passed over."""
    if not isinstance(record, dict):
        return NOTHING
    country = _country(record, "country", "country_code")
    location = Location(
        continent_of(country) or _continent(record),
        country,
        _subdivisions(record, country) if country else (),
        _asn(record),
        _coordinates(record),
    )
    return Said(location, "" if country else _country(record, "registered_country", "represented_country"))


def _country(record: Mapping[str, Any], *keys: str) -> str:
    for key in keys:
        value = record.get(key)
        code = value.get("iso_code") if isinstance(value, dict) else value
        if isinstance(code, str) and _COUNTRY.fullmatch(code):
            return code
    return ""


def _continent(record: Mapping[str, Any]) -> str:
    for key in ("continent", "continent_code"):
        value = record.get(key)
        code = value.get("code") if isinstance(value, dict) else value
        if isinstance(code, str) and code in CONTINENTS:
            return code
    return ""


def _subdivisions(record: Mapping[str, Any], country: str) -> tuple[str, ...]:
    entries = record.get("subdivisions")
    if not isinstance(entries, list):
        return ()
    codes = (entry.get("iso_code") for entry in entries if isinstance(entry, dict))
    return tuple(f"{country}-{code}" for code in codes if isinstance(code, str) and _SUBDIVISION.fullmatch(code))


def _asn(record: Mapping[str, Any]) -> int | None:
    traits = record.get("traits")
    inner = traits.get("autonomous_system_number") if isinstance(traits, dict) else None
    for value in (record.get("autonomous_system_number"), inner, record.get("asn")):
        found = None if value is None else _ASN.fullmatch(str(value))
        if found is not None and int(found[1]) <= _MAX_ASN:
            return int(found[1])
    return None


def _coordinates(record: Mapping[str, Any]) -> tuple[float, float] | None:
    inner = record.get("location")
    table = inner if isinstance(inner, dict) else record
    for keys in _COORDINATES:
        latitude, longitude = (_degrees(table.get(key)) for key in keys)
        if latitude is not None and longitude is not None:
            on_globe = abs(latitude) <= _MAX_LATITUDE and abs(longitude) <= _MAX_LONGITUDE
            return (latitude, longitude) if on_globe else None
    return None


def _degrees(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def merge(said: Sequence[Said]) -> Location:
    """One location from what several databases say, the first of them before the others.

    Subdivisions and coordinates come from databases that do not name another country. The substitute counts only
    where none of them knows the country, and what they know does not speak against it.
    """
    locations = [each.location for each in said]
    place = _first(location for location in locations if location.country) or NOWHERE
    country, continent = place.country, place.continent
    if not country:
        continent = _first(location.continent for location in locations) or ""
        country = _first(each.substitute for each in said if _fits(each.substitute, continent)) or ""
        continent = continent or continent_of(country) or ""
    agreeing = [location for location in locations if location.country in ("", country)]
    return Location(
        continent,
        country,
        _first(location.subdivisions for location in agreeing) or (),
        _first(location.asn for location in locations),
        _first(location.coordinates for location in agreeing),
    )


def _first(values: Iterable[Value]) -> Value | None:
    return next((value for value in values if value), None)


def _fits(country: str, continent: str) -> bool:
    return continent in ("", continent_of(country))


def tellable(said: Iterable[Said]) -> Geography:
    """What can be told of clients by records of which ``said`` is a sample."""
    kinds: set[AreaKind] = set()
    coordinates = False
    for each in said:
        location = each.location
        coordinates |= location.coordinates is not None
        kinds |= {AreaKind.ASN} if location.asn is not None else set()
        kinds |= {AreaKind.SUBDIVISION} if location.subdivisions else set()
        kinds |= {AreaKind.COUNTRY} if location.country or each.substitute else set()
        kinds |= {AreaKind.CONTINENT, AreaKind.UNKNOWN} if location.known or each.substitute else set()
    return Geography(frozenset(kinds), coordinates)
