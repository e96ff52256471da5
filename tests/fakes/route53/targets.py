"""Targets of aliases: in the same zone, of the same type, and there. AWS's other services are taken on trust."""

import re

from tests.fakes.route53.names import within
from tests.fakes.route53.records import RecordSet, described
from tests.fakes.route53.zone import Draft, Zone

_SERVICES = re.compile(
    r".*\.(?:amazonaws\.com|amazonaws\.com\.cn|cloudfront\.net|elasticbeanstalk\.com|awsglobalaccelerator\.com)\."
)
_NO_ALIAS = frozenset({"NS", "SOA"})


def target_problems(zone: Zone, draft: Draft, record_set: RecordSet, zones: frozenset[str]) -> list[str]:
    """All that is wrong with what an alias points to; ``zones`` are the ids of all zones of the account."""
    alias = record_set.alias
    if alias is None:
        return []
    if record_set.type in _NO_ALIAS:
        return [f"{described(record_set)} cannot be created: a record of type {record_set.type} cannot be an alias"]
    told = f"Tried to create an alias that targets {alias.name}, type {record_set.type} in zone {alias.zone}"
    if alias.zone != zone.id:
        foreign = alias.zone not in zones and _SERVICES.fullmatch(alias.name)
        return [] if foreign else [f"{told}, but the alias target name does not lie within the target zone"]
    problems = []
    if not within(alias.name, zone.name):
        problems.append(f"{told}, but the alias target name does not lie within the target zone")
    if alias.name == record_set.name:
        problems.append(f"{told}, but that is the record itself")
    elif not draft.group(alias.name, record_set.type):
        problems.append(f"{told}, but that target was not found")
    return problems


def lost_targets(zone: str, draft: Draft) -> list[str]:
    """Aliases that the batch leaves without a target. Whether AWS refuses this is not known; it may not be done."""
    gone = draft.gone()
    return [
        f"{described(record_set)} is an alias of {record_set.alias.name}, which would not be there any more"
        for record_set in (draft.aliases() if gone else ())
        if record_set.alias and record_set.alias.zone == zone and (record_set.alias.name, record_set.type) in gone
    ]
