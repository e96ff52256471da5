"""Whether a batch may be applied as a whole, and what the zone is like afterwards.

Changes are judged in their order, each by what those before it leave. Sets that the batch upserts are out of the way
until their turn: an alias comes after the target that is upserted with it, as octoDNS has found. A CREATE beside what a
later DELETE removes is refused, as roadworker has found. Whether aliases have lost their targets is judged at the end.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.fakes.route53.errors import ApiError, invalid_batch
from tests.fakes.route53.group import group_problems
from tests.fakes.route53.records import Action, Change, Key, RecordSet, bracketed
from tests.fakes.route53.single import single_problems
from tests.fakes.route53.targets import lost_targets, target_problems
from tests.fakes.route53.zone import Draft, Zone

MAX_RECORDS = 1000
MAX_CHARACTERS = 32_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What is asked of the account while a batch is judged, and what may be left out.

    Attributes:
        cidr_location: whether a collection has a location; raises ApiError if there is no such collection.
        zone_ids: of all zones of the account.
        health_checks: ids that exist.
        one_value: a weighted or latency record set has one value at most, as the API reference says.
    """

    cidr_location: Callable[[str, str], bool]
    zone_ids: frozenset[str] = frozenset()
    health_checks: frozenset[str] = frozenset()
    one_value: bool = True


def drafted(zone: Zone, changes: Sequence[Change], rules: Rules) -> Draft:
    """The zone as the batch would leave it.

    Raises:
        ApiError: the batch is refused; InvalidChangeBatch has a message for each fault.
    """
    _within_limits(changes)
    _no_duplicates(changes)
    draft = Draft(zone.nodes)
    for change in changes:
        if change.action is Action.UPSERT:
            draft.remove(change.record_set.key)
    problems: list[str] = []
    for change in changes:
        problems += _applied(zone, draft, change, rules)
    if not problems:
        problems = [*_apex(zone, draft), *lost_targets(zone.id, draft)]
    if problems:
        raise invalid_batch(*dict.fromkeys(problems))
    return draft


def _within_limits(changes: Sequence[Change]) -> None:
    """Upserts count twice. An alias, which has no value, is counted as one record here."""
    records = characters = 0
    for change in changes:
        times = 2 if change.action is Action.UPSERT else 1
        records += times * max(1, len(change.record_set.values))
        characters += times * sum(map(len, change.record_set.values))
    if records > MAX_RECORDS:
        raise invalid_batch(f"Number of records limit of {MAX_RECORDS} exceeded.")
    if characters > MAX_CHARACTERS:
        raise invalid_batch(f"Number of characters limit of {MAX_CHARACTERS} exceeded.")


def _no_duplicates(changes: Sequence[Change]) -> None:
    """One change for each record set, or a DELETE and then a CREATE."""
    actions: dict[Key, list[Action]] = defaultdict(list)
    for change in changes:
        actions[change.record_set.key].append(change.action)
    wrong = [key for key, found in actions.items() if len(found) > 1 and found != [Action.DELETE, Action.CREATE]]
    if wrong:
        told = (f"'{kind} {name}'" for name, kind, _ in wrong)
        raise invalid_batch(
            *(f"The request contains an invalid set of changes for a resource record set {it}" for it in told)
        )


def _applied(zone: Zone, draft: Draft, change: Change, rules: Rules) -> list[str]:
    """Apply one change to the draft; what is wrong with it."""
    record_set = change.record_set
    if change.action is Action.DELETE:
        return _deleted(draft, record_set)
    if change.action is Action.CREATE and draft.get(record_set.key):
        return [f"Tried to create {bracketed(record_set)} but it already exists"]
    if record_set.health_check and record_set.health_check not in rules.health_checks:
        raise ApiError("NoSuchHealthCheck", f"No health check exists with ID: {record_set.health_check}", 404)
    problems = single_problems(zone, record_set, one_value=rules.one_value)
    if not problems:
        problems += group_problems(draft, record_set, rules.cidr_location)
        problems += target_problems(zone, draft, record_set, rules.zone_ids)
    draft.put(record_set)
    return problems


def _deleted(draft: Draft, record_set: RecordSet) -> list[str]:
    current = draft.get(record_set.key)
    if current is None:
        return [f"Tried to delete {bracketed(record_set)} but it was not found"]
    if not current.same(record_set):
        return [f"Tried to delete {bracketed(record_set)} but the values provided do not match the current values"]
    draft.remove(record_set.key)
    return []


def _apex(zone: Zone, draft: Draft) -> list[str]:
    problems = []
    if not draft.group(zone.name, "SOA"):
        problems.append("A HostedZone must contain exactly one SOA record.")
    if not draft.group(zone.name, "NS"):
        problems.append("A HostedZone must contain at least one NS record for the zone itself.")
    return problems
