"""What Cloud DNS refuses about record sets, as far as they show it by themselves.

Sources: Cloud DNS documentation, Quotas and limits; REST v1, ResourceRecordSet; RFC 1035, section 2.3.4; RFC 2181,
sections 8 and 10.1.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gslb.model.recordset import RecordSet
from providers import names
from providers.clouddns.windows import MAX_WEIGHT

MAX_ITEMS = 100
"""of a policy (quota itemsPerRoutingPolicy)"""
MAX_RECORDS = 100
"""of a set, or of an item (quota resourceRecordsPerRrset)"""
MAX_SETS = 1000
"""in a change; so many may be added, and as many removed (rrsetAdditionsPerChange, rrsetDeletionsPerChange)"""
MAX_CHARACTERS = 100_000
"""of data in a change (totalRrdataSizePerChange)"""
_MAX_TTL = 2**31 - 1
_MAX_NAME, _MAX_LABEL = 255, 63
_LABEL = re.compile(rb"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
"""Google does not write which others the API takes, and in what notation it lists them."""


def problems(records: Sequence[RecordSet]) -> Iterator[str]:
    """What is wrong with ``records``."""
    types = defaultdict[str, set[str]](set)
    for record in records:
        types[record.name].add(record.type)
        yield from (f"{record.name} {record.type}: {text}" for text in _alone(record))
    for name, found in types.items():
        if "CNAME" in found and len(found) > 1:
            others = ", ".join(sorted(found - {"CNAME"}))
            yield f"{name}: an alias (CNAME) has its name for itself, and there are {others}"


def _alone(record: RecordSet) -> Iterator[str]:
    labels = names.labels(record.name)
    if sum(len(label) + 1 for label in labels) + 1 > _MAX_NAME or not all(0 < len(it) <= _MAX_LABEL for it in labels):
        yield f"a name has at most {_MAX_NAME} octets, and each of its labels 1 to {_MAX_LABEL}"
    elif not all(map(_LABEL.fullmatch, labels[labels[0] == b"*" :])):
        yield "a name has letters, digits, _ and, within its labels, - only, and * as its first label"
    if record.ttl is None or not 0 <= record.ttl <= _MAX_TTL:
        yield f"the TTL is not within 0 to {_MAX_TTL} seconds"
    most = 1 if record.type == "CNAME" else MAX_RECORDS
    items = _items(record)
    if max([len(record.values), *(len(item.get("rrdatas", ())) for item in items)]) > most:
        yield f"an answer has more than {most} records"
    if len(items) > MAX_ITEMS:
        yield f"a policy has more than {MAX_ITEMS} items"
    if not all(0 <= weight <= MAX_WEIGHT for weight in record.weights):
        yield f"a weight is not within 0 to {MAX_WEIGHT}"


def _items(record: RecordSet) -> Sequence[Mapping[str, Any]]:
    """Of its policy, if it has one."""
    policy = record.members.get("routingPolicy", {})
    return [item for name in ("wrr", "geo") for item in policy.get(name, {}).get("items", ())]
