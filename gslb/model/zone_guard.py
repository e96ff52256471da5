"""Plans that refuse themselves: what would be an outage if the reason for it is a mistake is not written.

rule            refused is a plan that would ...
never-empty     leave a service without any answer that is still configured, and had some
all-zero        answer a service by weights that are zero, all of them
root-ns         change the NS or SOA records of the zone
deletes         remove more than a share of the services that it has, if that is some
"""

from collections.abc import Collection, Iterator
from enum import StrEnum

import msgspec

from gslb.model.names import ServiceName
from gslb.model.recordset import RecordSet
from gslb.model.zone_plan import Change, ZonePlan


class PlanRule(StrEnum):
    """The rules."""

    NEVER_EMPTY = "never-empty"
    ALL_ZERO = "all-zero"
    ROOT_NS = "root-ns"
    DELETES = "deletes"


class PlanLimits(msgspec.Struct, frozen=True):
    """How much a plan may take away.

    Attributes:
        deletes: share of the owned services that may be removed by one plan.
        few: so many may be removed in any case.
    """

    deletes: float = 0.3
    few: int = 3


class Refusal(msgspec.Struct, frozen=True):
    """One reason not to write a plan.

    Attributes:
        rule: which.
        services: whose changes are left out.
        text: what would come of it.
    """

    rule: PlanRule
    services: tuple[ServiceName, ...]
    text: str


def guard(
    plan: ZonePlan, configured: Collection[ServiceName], owned: int, limits: PlanLimits
) -> tuple[ZonePlan, tuple[Refusal, ...]]:
    """What of ``plan`` may be written, and why the rest may not.

    A change that is refused by itself leaves the others as they are; too many deletions are all left out.

    Args:
        plan: what is wanted.
        configured: services that there are to be.
        owned: services with a marker of ours in the zone, also those that the plan does not look at.
        limits: how much may be removed.
    """
    refusals = list(_of_each(plan, configured))
    refused = {service for refusal in refusals for service in refusal.services}
    removed = [change.service for change in plan.changes if not change.added and change.service not in refused]
    if len(removed) > max(limits.few, limits.deletes * owned):
        text = f"{len(removed)} of {owned} services would be removed from {plan.zone}"
        refusals.append(Refusal(PlanRule.DELETES, tuple(removed), text))
        refused |= set(removed)
    changes = tuple(change for change in plan.changes if change.service not in refused)
    return msgspec.structs.replace(plan, changes=changes), tuple(refusals)


def _of_each(plan: ZonePlan, configured: Collection[ServiceName]) -> Iterator[Refusal]:
    for change in plan.changes:
        if change.empties and change.service in configured:
            yield Refusal(PlanRule.NEVER_EMPTY, (change.service,), f"{change.service} would have no answer")
        if any(_is_root(record, plan.zone) for record in (*change.removed, *change.added)):
            yield Refusal(
                PlanRule.ROOT_NS, (change.service,), f"{change.service} would change NS or SOA of {plan.zone}"
            )
        for name in _all_zero(change):
            yield Refusal(PlanRule.ALL_ZERO, (change.service,), f"all weights of {name} would be zero")


def _is_root(record: RecordSet, zone: str) -> bool:
    return record.name == zone and record.type in {"NS", "SOA"}


def _all_zero(change: Change) -> Iterator[str]:
    """Names and types of which nothing has any weight after ``change``."""
    weights: dict[str, list[float]] = {}
    for record in change.after:
        if record.weights:
            weights.setdefault(f"{record.name} {record.type}", []).extend(record.weights)
    yield from (name for name, each in weights.items() if not any(each))
