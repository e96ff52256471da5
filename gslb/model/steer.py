"""The decision: from health, scores and orders to what a name answers.

Each record type is decided on its own, so that a type the service is configured for never goes without an answer while
anything can give one: the fittest level that has an endpoint of that type goes through the policy, and where none is
fit, when_all_down decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gslb.model.all_down import Outcome, without_any
from gslb.model.branch import ANYONE, Reason
from gslb.model.fitness import Fitness, Standing, View, carries, hold_of, reason
from gslb.model.groups import merge, run_policy
from gslb.model.names import EndpointName, RegionName
from gslb.model.override import Override
from gslb.model.steering import NoAnswer, RecordType, Rule, Steering, answering
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
    """

    steering: Steering
    reasons: tuple[Reason, ...]
    fitness: Mapping[EndpointName, Fitness]
    next_at: float | None
    good: bool


def steer(
    service: Service,
    regions: Mapping[RegionName, Region],
    standings: Mapping[EndpointName, Standing],
    overrides: Sequence[Override],
    last_good: Steering | None,
    now: float,
) -> Decision:
    """Decide what ``service`` answers at monotonic time ``now``.

    Args:
        service: the service.
        regions: all regions that it, or its fallback, names.
        standings: one for every endpoint of these regions.
        overrides: all orders, expired ones included.
        last_good: the newest steering of this service that some fit endpoint was behind.
        now: monotonic seconds.
    """
    view = View(service, regions, standings, tuple(order for order in overrides if order.active(now)), now)
    found = view.classify()
    fitness = {name: level for name, (level, _) in found.items()}
    outcomes = [_decide(view, kind, fitness, last_good) for kind in view.types()]
    steering = _steering(view, outcomes)
    given = answering(steering)
    reasons = [reason(name, level, text, answers=name in given) for name, (level, text) in found.items()]
    reasons += dict.fromkeys(said for outcome in outcomes for said in outcome.reasons)
    return Decision(steering, tuple(reasons), fitness, view.next_at(), any(outcome.good for outcome in outcomes))


def _decide(
    view: View, kind: RecordType, fitness: Mapping[EndpointName, Fitness], last_good: Steering | None
) -> Outcome:
    carrying = [fitness[e.name] for e in view.endpoints if carries(view.standings[e.name], kind)]
    level = min(carrying)
    if level >= Fitness.DOWN:
        return without_any(view, kind, last_good)
    groups, reasons = run_policy(view, kind, lambda e: fitness[e.name] is level)
    return Outcome(groups, reasons, good=True)


def _steering(view: View, outcomes: Sequence[Outcome]) -> Steering:
    """The outcomes of all types in one steering.

    A host name that has never been resolved says nothing about types, so both are SERVFAIL until it has been.
    """
    empty = {outcome.no_answer for outcome in outcomes if not outcome.groups}
    no_answer = NoAnswer.NODATA if empty == {NoAnswer.NODATA} else NoAnswer.SERVFAIL
    rule = Rule(ANYONE, merge(outcome.groups for outcome in outcomes), no_answer=no_answer)
    return Steering(
        name=view.service.name,
        ttl=view.ttl(),
        negative_ttl=view.service.ttl_alert,
        answers=view.service.answers,
        types=view.types() or (RecordType.A, RecordType.AAAA),
        rules=(rule,),
    )
