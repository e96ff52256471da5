"""How much a change at a provider matters: whether it ends answers that should not be given, or could wait.

urgent     some client may no longer be given a value, or sent to an endpoint, that it is given or sent to now; or some
           client that is given nothing is given something
cosmetic   nothing but TTLs differ
routine    all else: what is added, other weights, another pick
"""

from collections.abc import Iterator
from enum import IntEnum

from msgspec.structs import replace

from gslb.model.area import Area, AreaKind, disjoint, within
from gslb.model.recordset import RecordSet
from gslb.model.steering import Rule, Steering
from gslb.model.zone_plan import ANSWERS, Change


class Urgency(IntEnum):
    """How much it matters, the most urgent first."""

    URGENT = 0
    ROUTINE = 1
    COSMETIC = 2


def urgency(before: Steering, after: Steering) -> Urgency:
    """How much it matters that ``after`` takes the place of ``before``, by what rules may answer.

    Of which groups a rule picks from for a client nothing is made: neither that nor weights end an answer.
    """
    if before == replace(after, ttl=before.ttl, negative_ttl=before.negative_ttl):
        return Urgency.COSMETIC
    given = ((_given(old), _given(new)) for old, new in _successors(before, after))
    return Urgency.URGENT if any(old - new or (new and not old) for old, new in given) else Urgency.ROUTINE


def _given(rule: Rule) -> set[tuple[str, str]]:
    """Values and endpoints that a rule may answer."""
    targets = [target for group in rule.groups for target in group.targets]
    values = {(target.type.value, target.value) for target in targets}
    return values | {("", name) for target in targets for name in target.endpoints}


def _successors(before: Steering, after: Steering) -> Iterator[tuple[Rule, Rule]]:
    """Each rule with those that may answer some of its clients afterwards."""
    if [rule.match for rule in before.rules] == [rule.match for rule in after.rules]:
        yield from zip(before.rules, after.rules, strict=True)
        return
    for old_index, old in enumerate(before.rules):
        for new_index, new in enumerate(after.rules):
            if (
                _meet(old.match, new.match)
                and not _passed(new.match, before.rules[:old_index])
                and not _passed(old.match, after.rules[:new_index])
            ):
                yield old, new


def _meet(one: Area | None, other: Area | None) -> bool:
    """Whether some client may be in both; in two subdivisions of a country as well, such as GB-ENG and GB-LND."""
    if one is None or other is None or not disjoint(one, other):
        return True
    return one.kind is other.kind is AreaKind.SUBDIVISION and one.code[:2] == other.code[:2]


def _passed(match: Area | None, earlier: tuple[Rule, ...]) -> bool:
    """Whether all who are in ``match`` are answered by rules that come earlier."""
    return match is not None and any(within(match, rule.match) for rule in earlier)


def urgency_of_change(change: Change) -> Urgency:
    """How much ``change`` matters, by its records alone; for when it is not known what steering they were made of.

    What is answered by a routing policy that is told of in a provider's own terms counts as ended when it is removed.
    """
    removed, added = _answers(change.removed), _answers(change.added)
    if not removed:
        return Urgency.ROUTINE
    if {replace(record, ttl=None) for record in removed} == {replace(record, ttl=None) for record in added}:
        return Urgency.COSMETIC
    remaining = {value for record in change.after for value in record.values}
    ends = any(not record.values or not remaining.issuperset(record.values) for record in removed)
    return Urgency.URGENT if ends else Urgency.ROUTINE


def _answers(records: tuple[RecordSet, ...]) -> list[RecordSet]:
    return [record for record in records if record.type in ANSWERS]
