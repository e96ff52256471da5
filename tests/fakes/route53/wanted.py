"""What one change must be like by itself, whatever the zone holds. Faults of this kind are told one at a time."""

import re
from dataclasses import dataclass, replace

from tests.fakes.route53.errors import invalid_input, out_of_bounds
from tests.fakes.route53.names import canonical
from tests.fakes.route53.places import REGIONS
from tests.fakes.route53.records import (
    Action,
    Change,
    Cidr,
    Failover,
    Geolocation,
    Geoproximity,
    Latency,
    Routing,
    Weighted,
)
from tests.fakes.route53.values import TYPES

_MAX_IDENTIFIER = 128
_MAX_WEIGHT = 255
_MAX_TTL = 2**31 - 1
_MAX_BIAS = 99
_MAX_VALUE = 4000
_POLICIES = "[Weight, Region, Failover, GeoLocation, MultiValueAnswer, GeoProximityLocation, or CidrRoutingConfig]"
_CONTENTS = "[AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]"
_LATITUDE = re.compile(r"[-+]?[0-9]{1,2}(\.[0-9]{0,2})?")
_LONGITUDE = re.compile(r"[-+]?[0-9]{1,3}(\.[0-9]{0,2})?")
_LOCATION = re.compile(r"[0-9A-Za-z_*-]{1,16}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change as it was asked for, and how many routing policies it names."""

    change: Change
    policies: int


def checked(wanted: list[Wanted]) -> list[Change]:
    """The changes, with names in canonical form.

    Raises:
        ApiError: InvalidInput, for the first that is not as the API wants it.
    """
    return [_checked(item, number) for number, item in enumerate(wanted, 1)]


def _checked(wanted: Wanted, number: int) -> Change:
    change = wanted.change
    record_set = change.record_set
    member = f"changeBatch.changes.{number}.member.resourceRecordSet"
    _bounds(change, member)
    told = _told(change)
    if wanted.policies > 1:
        raise invalid_input(f"Invalid request: Expected exactly one of {_POLICIES}, but found more than one in {told}")
    if record_set.identifier and not wanted.policies:
        raise invalid_input(f"Invalid request: Expected exactly one of {_POLICIES}, but found none in {told}")
    if wanted.policies and not record_set.identifier:
        raise invalid_input(f"Invalid request: Missing field 'SetIdentifier' in {told}")
    _contents(change, told)
    alias = record_set.alias and replace(record_set.alias, name=canonical(record_set.alias.name))
    return Change(change.action, replace(record_set, name=canonical(record_set.name), alias=alias))


def _told(change: Change) -> str:
    record_set = change.record_set
    fields = f"Action={change.action}, Name={record_set.name}, Type={record_set.type}"
    return f"Change with [{fields}, SetIdentifier={record_set.identifier or 'null'}]"


def _contents(change: Change, told: str) -> None:
    """Either an alias, or a TTL and values; an alias has no TTL."""
    record_set = change.record_set
    plain = record_set.ttl is not None, bool(record_set.values)
    if record_set.alias and any(plain):
        raise invalid_input(f"Invalid request: Expected exactly one of {_CONTENTS}, but found more than one in {told}")
    if not record_set.alias and not any(plain):
        raise invalid_input(f"Invalid request: Expected exactly one of {_CONTENTS}, but found none in {told}")
    if not record_set.alias and not all(plain):
        missing = "ResourceRecords" if plain[0] else "TTL"
        raise invalid_input(f"Invalid request: Missing field '{missing}' in {told}")


def _bounds(change: Change, member: str) -> None:
    """What the API's model says of each member."""
    record_set = change.record_set
    if record_set.type not in TYPES:
        raise out_of_bounds(record_set.type, f"{member}.type", "satisfy enum value set")
    if len(record_set.identifier) > _MAX_IDENTIFIER:
        constraint = f"have length less than or equal to {_MAX_IDENTIFIER}"
        raise out_of_bounds(record_set.identifier, f"{member}.setIdentifier", constraint)
    if record_set.ttl is not None:
        _between(record_set.ttl, 0, _MAX_TTL, f"{member}.tTL")
    for value in record_set.values:
        if len(value) > _MAX_VALUE:
            raise out_of_bounds(value, f"{member}.resourceRecords", f"have length less than or equal to {_MAX_VALUE}")
    if record_set.routing:
        _routing(record_set.routing, member, change.action)


def _between(value: int, least: int, most: int, member: str) -> None:
    if value < least:
        raise out_of_bounds(value, member, f"have value greater than or equal to {least}")
    if value > most:
        raise out_of_bounds(value, member, f"have value less than or equal to {most}")


def _routing(routing: Routing, member: str, action: Action) -> None:
    match routing:
        case Weighted(weight):
            _between(weight, 0, _MAX_WEIGHT, f"{member}.weight")
        case Latency(region) if region not in REGIONS:
            raise out_of_bounds(region, f"{member}.region", "satisfy enum value set")
        case Failover(role) if role not in {"PRIMARY", "SECONDARY"}:
            raise out_of_bounds(role, f"{member}.failover", "satisfy enum value set: [PRIMARY, SECONDARY]")
        case Cidr(_, location) if not _LOCATION.fullmatch(location):
            raise out_of_bounds(
                location, f"{member}.cidrRoutingConfig.locationName", "satisfy regular expression pattern"
            )
        case Geolocation():
            _geolocation(routing)
        case Geoproximity():
            _proximity(routing, f"{member}.geoProximityLocation", action)
        case _:
            pass


def _geolocation(routing: Geolocation) -> None:
    if routing.continent and (routing.country or routing.subdivision):
        raise invalid_input("Invalid request: ContinentCode cannot be specified with CountryCode or SubdivisionCode")
    if routing.subdivision and not routing.country:
        raise invalid_input("Invalid request: SubdivisionCode needs a CountryCode")
    if not (routing.continent or routing.country):
        raise invalid_input("Invalid request: GeoLocation needs a ContinentCode or a CountryCode")


def _proximity(routing: Geoproximity, member: str, action: Action) -> None:
    given = [bool(routing.region), bool(routing.local_zone), routing.coordinates is not None]
    if sum(given) != 1:
        raise invalid_input("Invalid request: Expected exactly one of [AWSRegion, LocalZoneGroup, or Coordinates]")
    if action is not Action.DELETE and routing.region and routing.region not in REGIONS:
        raise invalid_input(f"Invalid request: AWSRegion {routing.region} is not known")
    if routing.bias is not None:
        _between(routing.bias, -_MAX_BIAS, _MAX_BIAS, f"{member}.bias")
    if routing.coordinates:
        _degrees(routing.coordinates[0], _LATITUDE, 90, f"{member}.coordinates.latitude")
        _degrees(routing.coordinates[1], _LONGITUDE, 180, f"{member}.coordinates.longitude")


def _degrees(text: str, form: re.Pattern[str], most: int, member: str) -> None:
    if not form.fullmatch(text):
        raise out_of_bounds(text, member, f"satisfy regular expression pattern: {form.pattern}")
    if abs(float(text)) > most:
        raise out_of_bounds(text, member, f"have value between -{most} and {most}")
