"""What Route 53 refuses about record sets, as far as they show it by themselves.

Sources: Amazon Route 53 Developer Guide, "Quotas" and "DNS domain name format"; API Reference, ResourceRecordSet.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from gslb.model.recordset import RecordSet
from providers import names

MAX_RECORDS, MAX_CHARACTERS = 1000, 32_000
"""of values in a request; an alias is counted as one"""

_MAX_LABEL, _MAX_NAME = 63, 255
_MAX_IDENTIFIER = 128
_MAX_VALUES = 400
_MAX_STRING = 255
_MAX_TTL = 2**31 - 1
_MAX_WEIGHT = 255
_MAX_SETS, _MAX_PLACES = 100, 30
_STRING = re.compile(r'"((?:[^"\\]|\\[0-7]{3}|\\.)*)"')
_ESCAPE = re.compile(r"\\[0-7]{3}|\\.")

POLICIES: Mapping[str, str] = {
    "Weight": "weighted",
    "GeoLocation": "geolocation",
    "GeoProximityLocation": "geoproximity",
    "CidrRoutingConfig": "ip-based",
    "MultiValueAnswer": "multivalue",
    "Region": "latency",
    "Failover": "failover",
}
"""Routing policies by the member of a record set that says so; ``simple`` where there is none."""

_ONE_VALUE = frozenset({"weighted", "latency"})
"""Policies that have one value in a record set; the others may have several."""


def policy(members: Mapping[str, object]) -> str:
    """The routing policy of a record set, by its members."""
    return next((name for member, name in POLICIES.items() if member in members), "simple")


def one_value(policy: str, kind: str) -> bool:
    """Whether a record set of this policy and type has one value at most."""
    return policy in _ONE_VALUE or kind == "CNAME"


def problems(records: Sequence[RecordSet]) -> Iterator[str]:
    """What is wrong with ``records``, each thing once."""
    groups: dict[tuple[str, str], list[RecordSet]] = defaultdict(list)
    for record in records:
        groups[record.name, record.type].append(record)
    each = (text for record in records for text in _alone(record))
    together = (text for (name, kind), group in groups.items() for text in _together(f"{name} {kind}", group))
    yield from dict.fromkeys(chain(each, together, _beside_alias(groups)))


def _alone(record: RecordSet) -> Iterator[str]:
    """What is wrong with one record set, whatever there is beside it."""
    what = f"{record.name} {record.type}"
    yield from _name(record.name)
    if len(record.identifier) > _MAX_IDENTIFIER:
        yield f"{what}: an identifier of {len(record.identifier)} characters; {_MAX_IDENTIFIER} at most"
    if record.ttl is not None and not 0 <= record.ttl <= _MAX_TTL:
        yield f"{what}: a TTL of {record.ttl} s"
    if any(not 0 <= weight <= _MAX_WEIGHT or weight % 1 for weight in record.weights):
        yield f"{what}: a weight of {max(record.weights):g}; whole numbers up to {_MAX_WEIGHT} only"
    most = 1 if one_value(policy(_members(record)), record.type) else _MAX_VALUES
    if len(record.values) > most:
        yield f"{what}: {len(record.values)} values in a record set; {most} at most"
    if any(len(_ESCAPE.sub("x", text)) > _MAX_STRING for value in record.values for text in _STRING.findall(value)):
        yield f"{what}: a string of more than {_MAX_STRING} characters"


def _name(name: str) -> Iterator[str]:
    """Any octet may be in a name, but a dot within a label would be taken for one between two."""
    labels = names.labels(name)
    if not all(labels):
        yield f"{name}: an empty label"
    if any(b"." in label for label in labels):
        yield f"{name}: a dot within a label"
    if longest := max((len(label) for label in labels if len(label) > _MAX_LABEL), default=0):
        yield f"{name}: a label of {longest} octets; {_MAX_LABEL} at most"
    if (octets := sum(len(label) + 1 for label in labels)) > _MAX_NAME:
        yield f"{name}: {octets} octets; {_MAX_NAME} at most"


def _together(what: str, group: Sequence[RecordSet]) -> Iterator[str]:
    """What is wrong with all record sets of a name and type."""
    policies = sorted({policy(_members(record)) for record in group})
    if len(policies) > 1:
        yield f"{what}: {' and '.join(policies)} routing at one name"
    elif policies == ["simple"] and len(group) > 1:
        yield f"{what}: {len(group)} record sets without a routing policy"
    most = _MAX_PLACES if policies == ["geoproximity"] else _MAX_SETS
    if len(group) > most:
        yield f"{what}: {len(group)} record sets of one name and type; {most} at most"
    if policies != ["simple"] and len({record.identifier for record in group} - {""}) < len(group):
        yield f"{what}: record sets without identifiers of their own"
    if len({record.ttl for record in group} - {None}) > 1 and "weighted" in policies:
        yield f"{what}: weighted record sets with different TTLs"


def _beside_alias(groups: Mapping[tuple[str, str], object]) -> Iterator[str]:
    """A CNAME has its name for itself (RFC 2181, section 10.1)."""
    types: dict[str, set[str]] = defaultdict(set)
    for name, kind in groups:
        types[name].add(kind)
    yield from (f"{name}: a CNAME beside other types" for name, kinds in types.items() if kinds > {"CNAME"})


def _members(record: RecordSet) -> Mapping[str, object]:
    """The members that ``record`` has besides its values."""
    found: dict[str, object] = record.members
    return found
