"""The decision: from health, scores and orders to what a name answers.

Each record type is decided on its own, so that a type the service is configured for never goes without an answer while
anything can give one. The endpoints of the fittest level go through the policy; clients to whom it leaves none of them
get the next level, and those for whom none is fit what when_all_down says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from gslb.model.all_down import Outcome, Outcomes, without_any
from gslb.model.area import Area, specificity
from gslb.model.branch import QUIET, Branch, Reason, Signals, Tier
from gslb.model.fitness import Fitness, Standing, View, hold_of, reason
from gslb.model.groups import groups_of, members, merge, run_policy, unsaid
from gslb.model.names import EndpointName, RegionName
from gslb.model.override import Override
from gslb.model.steering import NoAnswer, Pick, RecordType, Rule, Steering, answering
from gslb.model.topology import Region, Service

__all__ = ["Decision", "Fitness", "Standing", "hold_of", "steer"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a service answers and why.

    Only ``steering`` is compared when asking 'did it change'.

    Attributes:
        steering: the answers.
        reasons: for every endpoint, in the order of the configuration, then what the steps said of regions.
        fitness: of every endpoint.
        next_at: monotonic time at which to decide again without an event; None for never.
        good: at least one endpoint was fit; otherwise ``when_all_down`` decided.
        ttl_reason: why the TTL is what it is.
        faults: of steps that failed, and were left out.
        withheld: what would be answered, if people had not frozen the answers.
    """

    steering: Steering
    reasons: tuple[Reason, ...]
    fitness: Mapping[EndpointName, Fitness]
    next_at: float | None
    good: bool
    ttl_reason: str = ""
    faults: tuple[str, ...] = ()
    withheld: Steering | None = None


def steer(
    service: Service,
    regions: Mapping[RegionName, Region],
    standings: Mapping[EndpointName, Standing],
    overrides: Sequence[Override],
    last_good: Steering | None,
    now: float,
    *,
    signals: Signals = QUIET,
    before: Steering | None = None,
) -> Decision:
    """Decide what ``service`` answers at monotonic time ``now``.

    Args:
        service: the service.
        regions: all regions that it, or its fallback, names.
        standings: one for every endpoint of these regions.
        overrides: all orders, expired ones included.
        last_good: the newest steering of this service that some fit endpoint was behind.
        now: monotonic seconds.
        signals: what is measured beside.
        before: the steering in force.
    """
    in_force = tuple(order for order in overrides if order.active(now))
    view = View(service, regions, standings, in_force, now, signals, before)
    found = view.classify()
    fitness = {name: level for name, (level, _) in found.items()}
    outcomes = [_decide(view, kind, fitness, last_good) for kind in view.types]
    ttl, ttl_reason = view.ttl()
    steering = _steering(view, outcomes, ttl)
    given = answering(steering)
    reasons = [reason(name, level, text, answers=name in given) for name, (level, text) in found.items()]
    reasons += _said(outcomes)
    good = any(outcome.good for each in outcomes for outcome in each.values())
    faults = tuple(dict.fromkeys(view.faults))
    return Decision(steering, tuple(reasons), fitness, view.next_at(), good, ttl_reason, faults)


def _decide(
    view: View, kind: RecordType, fitness: Mapping[EndpointName, Fitness], last_good: Steering | None
) -> Outcomes:
    carrying = {fitness[e.name] for e in view.endpoints if kind in view.carried[e.name]}
    found: dict[Area | None, Outcome] = {}
    reserves: dict[Area | None, Branch] = {}
    for level in sorted(carrying):
        if level >= Fitness.DOWN:
            break
        tier = members(view, kind, lambda e, level=level: fitness[e.name] is level)  # type: ignore[misc]
        for branch in run_policy(view, kind, tier):
            if branch.last_resort:
                reserves.setdefault(branch.match, branch)
            former = found.get(branch.match)
            if former is None or not former.groups:
                found[branch.match] = _follow(former, _outcome(view, kind, tier, branch))
        if all(outcome.groups for outcome in found.values()):
            return found
    for match, branch in reserves.items():
        if not found[match].groups:
            groups = groups_of(view, kind, branch.last_resort, branch.pick)
            found[match] = replace(found[match], groups=groups, pick=branch.pick)
    return found | {
        match: _follow(found.get(match), outcome)
        for match, outcome in without_any(view, kind, last_good).items()
        if match not in found or not found[match].groups
    }


def _follow(former: Outcome | None, outcome: Outcome) -> Outcome:
    """``outcome`` for clients whom ``former`` has left nobody, with why that was so."""
    if former is None:
        return outcome
    return replace(outcome, reasons=tuple(dict.fromkeys(former.reasons + outcome.reasons)))


def _outcome(view: View, kind: RecordType, offered: Tier, branch: Branch) -> Outcome:
    groups = groups_of(view, kind, branch.first, branch.pick)
    no_answer = NoAnswer.NODATA if branch.withheld else NoAnswer.SERVFAIL  # which resolvers would only ask for again
    reasons = branch.reasons + unsaid(offered, branch)
    return Outcome(groups, branch.pick, reasons, good=True, no_answer=no_answer, withheld=branch.withheld)


def _said(outcomes: Sequence[Outcomes]) -> list[Reason]:
    """What the steps said, of each of their branches."""
    said = (
        (structs.replace(reason, match=match) if match else reason)
        for each in outcomes
        for match, outcome in each.items()
        for reason in outcome.reasons
    )
    return list(said if len(outcomes) == 1 else dict.fromkeys(said))


def _steering(view: View, outcomes: Sequence[Outcomes], ttl: int) -> Steering:
    """The outcomes of all types in one steering.

    A host name that has never been resolved says nothing about types, so both are SERVFAIL until it has been.
    """
    matches = {match for each in outcomes for match in each} | {None}
    rules = [
        _rule(match, [found for each in outcomes if (found := each.get(match, each.get(None)))])
        for match in sorted(matches, key=lambda match: (specificity(match), str(match)))
    ]
    return Steering(
        name=view.service.name,
        ttl=ttl,
        negative_ttl=view.service.ttl_alert,
        answers=view.service.answers,
        types=view.types or (RecordType.A, RecordType.AAAA),
        rules=tuple(rules),
    )


def _rule(match: Area | None, outcomes: Sequence[Outcome]) -> Rule:
    """One rule from the outcomes of all record types, for which the policy has said the same of how to pick."""
    empty = {outcome.no_answer for outcome in outcomes if not outcome.groups or outcome.withheld}
    return Rule(
        match,
        merge(outcome.groups for outcome in outcomes),
        pick=outcomes[0].pick if outcomes else Pick.WEIGHTED,
        no_answer=NoAnswer.NODATA if empty == {NoAnswer.NODATA} else NoAnswer.SERVFAIL,
        withheld=max((outcome.withheld for outcome in outcomes), default=0),
    )
