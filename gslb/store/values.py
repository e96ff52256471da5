"""Values that only the store deals in, and how they are folded together. No rows, no files."""

from dataclasses import dataclass
from datetime import UTC, datetime

from gslb.model.names import ServiceName
from gslb.model.observation import CheckKey, Observation
from gslb.model.record import CheckRecord, DecisionRecord, OverrideRecord, RampRecord
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
    """Everything a restart begins with."""

    checks: tuple[CheckRecord, ...] = ()
    overrides: tuple[OverrideRecord, ...] = ()
    steerings: tuple[LastSteering, ...] = ()
    ramps: tuple[RampRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Rollup:
    """Results of one check in one minute. Latencies are in seconds."""

    minute_utc: datetime
    key: CheckKey
    count: int
    failures: int
    latency_sum: float
    latency_max: float


def follow(earlier: LastSteering | None, later: LastSteering) -> LastSteering:
    """``later``, with the good steering of ``earlier`` where it has none of its own."""
    if earlier is None or later.good is not None:
        return later
    return LastSteering(later.service, later.newest, earlier.good)


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
