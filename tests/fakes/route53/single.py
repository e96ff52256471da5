"""What a record set must be like in a zone, whatever else is there."""

from collections import Counter

from tests.fakes.route53.names import WILDCARD, within
from tests.fakes.route53.places import LOCATIONS
from tests.fakes.route53.records import Geolocation, Latency, Multivalue, RecordSet, Weighted, described
from tests.fakes.route53.values import problem
from tests.fakes.route53.zone import Zone

_NO_POLICY = frozenset({"DS", "NS", "SOA"})
_ONE_VALUE = frozenset({"CNAME", "SOA"})
MAX_VALUES = 400


def single_problems(zone: Zone, record_set: RecordSet, *, one_value: bool) -> list[str]:
    """All that is wrong with it by itself."""
    return [
        *_name_problems(zone, record_set),
        *_value_problems(record_set),
        *_policy_problems(record_set, one_value=one_value),
    ]


def _name_problems(zone: Zone, record_set: RecordSet) -> list[str]:
    name, kind = record_set.name, record_set.type
    if not within(name, zone.name):
        return [f"RRSet with DNS name {name} is not permitted in zone {zone.name}"]
    if kind == "CNAME" and name == zone.name:
        return [f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone.name}"]
    if kind == "SOA" and name != zone.name:
        return [f"RRSet of type SOA with DNS name {name} is not permitted in zone {zone.name}: only at its apex"]
    if kind == "DS" and name == zone.name:
        return [f"RRSet of type DS with DNS name {name} is not permitted at apex in zone {zone.name}"]
    if kind == "NS" and name.startswith(f"{WILDCARD}."):
        return [f"RRSet of type NS with DNS name {name} is not permitted: a wildcard"]
    return []


def _value_problems(record_set: RecordSet) -> list[str]:
    problems = [found for value in record_set.values if (found := problem(record_set.type, value))]
    counts = Counter(record_set.values)
    problems += [f"Duplicate Resource Record: '{value}'" for value, count in counts.items() if count > 1]
    if len(record_set.values) > MAX_VALUES:
        problems.append(f"{described(record_set)} cannot be created: it may have {MAX_VALUES} resource records at most")
    if record_set.type in _ONE_VALUE and len(record_set.values) > 1:
        problems.append(f"{described(record_set)} cannot be created: it may have one resource record only")
    return problems


def _policy_problems(record_set: RecordSet, *, one_value: bool) -> list[str]:
    routing, told = record_set.routing, described(record_set)
    problems = []
    if routing and record_set.type in _NO_POLICY:
        problems.append(f"{told} cannot be created: the type allows simple routing only")
    if isinstance(routing, Multivalue) and record_set.type == "CNAME":
        problems.append(f"{told} cannot be created: a CNAME cannot be a multivalue answer")
    if isinstance(routing, Multivalue) and record_set.alias:
        problems.append(f"{told} cannot be created: a multivalue answer cannot be an alias")
    if isinstance(routing, Geolocation) and routing not in LOCATIONS:
        problems.append(f"{told} cannot be created: the geolocation {_location(routing)} is not supported")
    if one_value and isinstance(routing, Weighted | Latency) and len(record_set.values) > 1:
        problems.append(f"{told} cannot be created: it may have one resource record only")
    return problems


def _location(routing: Geolocation) -> str:
    continent, country, subdivision = (
        routing.continent or "null",
        routing.country or "null",
        routing.subdivision or "null",
    )
    return f"[continent: {continent}, country: {country}, subdivision: {subdivision}]"
