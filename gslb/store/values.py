"""Values that only the store deals in, and how they are folded together. No rows, no files."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from gslb.model.names import ServiceName
from gslb.model.observation import CheckKey, Observation
from gslb.model.override import Override
from gslb.model.record import (
    CheckRecord,
    ComebackRecord,
    DecisionRecord,
    ExposureStateRecord,
    OverrideRecord,
    RampRecord,
    SerialRecord,
)
from gslb.model.steering import Steering


@dataclass(frozen=True, slots=True)
class LastSteering:
    """What a service was last told to answer.

    Attributes:
        service: whose steering it is.
        newest: of the newest decision.
        good: of the newest decision with a fit endpoint behind it; None where there was none.
    """

    service: ServiceName
    newest: Steering
    good: Steering | None


@dataclass(frozen=True, slots=True)
class StoredState:
    """Everything a restart begins with; overrides in the order in which they were given."""

    checks: tuple[CheckRecord, ...] = ()
    overrides: tuple[OverrideRecord, ...] = ()
    steerings: tuple[LastSteering, ...] = ()
    ramps: tuple[RampRecord, ...] = ()
    exposures: tuple[ExposureStateRecord, ...] = ()
    comebacks: tuple[ComebackRecord, ...] = ()
    serials: tuple[SerialRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Rollup:
    """Results of one check in one minute. Latencies are in seconds."""

    minute_utc: datetime
    key: CheckKey
    count: int
    failures: int
    latency_sum: float
    latency_max: float


Keyed = CheckRecord | ExposureStateRecord | LastSteering | RampRecord | ComebackRecord | SerialRecord
"""States of which the newest of each key counts."""
Whole = OverrideRecord
"""States that are replaced all together."""
KeyedState = TypeVar(
    "KeyedState", CheckRecord, ExposureStateRecord, LastSteering, RampRecord, ComebackRecord, SerialRecord
)


def key_of(state: Keyed) -> Hashable:
    """What ``state`` is the state of."""
    match state:
        case CheckRecord():
            return state.key
        case RampRecord() | ComebackRecord():
            return state.service, state.region
        case SerialRecord():
            return state.zone
    return state.service


def is_over(state: Keyed) -> bool:
    """Whether nothing is left to be kept of what ``state`` is the state of."""
    match state:
        case ExposureStateRecord():
            return state.answers.is_over
        case RampRecord():
            return state.plan is None
        case ComebackRecord():
            return state.state is None
    return False


def follow(earlier: KeyedState | None, later: KeyedState) -> KeyedState:
    """``later``; a steering with the good one of ``earlier`` where it has none of its own."""
    match later:
        case LastSteering(good=None) if earlier is not None:
            return replace(later, good=earlier.good)
    return later


def newest(orders: Iterable[OverrideRecord]) -> tuple[OverrideRecord, ...]:
    """``orders``, of several about the same the last one only."""
    found: dict[Hashable, OverrideRecord] = {}
    for order in orders:
        key = _about(order)
        found.pop(key, None)
        found[key] = order
    return tuple(found.values())


def _about(order: OverrideRecord) -> Hashable:
    return Override(order.kind, order.target, order.author, order.reason, 0.0, service=order.service).key


def steering_of(decision: DecisionRecord) -> LastSteering:
    """What ``decision`` alone says of its service."""
    return LastSteering(decision.service, decision.after, decision.after if decision.good else None)


def rollup_of(key: CheckKey, observation: Observation, at_utc: datetime) -> Rollup:
    """The rollup of a single result. ``at_utc`` must be aware."""
    minute = at_utc.astimezone(UTC).replace(second=0, microsecond=0)
    return Rollup(minute, key, 1, 0 if observation.ok else 1, observation.latency, observation.latency)


def add_rollups(one: Rollup, other: Rollup) -> Rollup:
    """Both together; they must be of the same check and minute."""
    return Rollup(
        one.minute_utc,
        one.key,
        one.count + other.count,
        one.failures + other.failures,
        one.latency_sum + other.latency_sum,
        max(one.latency_max, other.latency_max),
    )
