"""When a check is due again: at its regular phase, or sooner while failures wait to be confirmed."""

import math
from dataclasses import dataclass, field

from gslb.model.step import Condition, ProbeState, Thresholds

_ROUNDING = 1e-6
"""A share of an interval: a moment that is due but for rounding is due, and not the next one."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Timing of one probe, in seconds.

    Attributes:
        interval: between the starts of two regular attempts.
        timeout: of a regular attempt.
        confirm: between the starts of two confirming attempts, and from the failure to the first of them.
        confirm_timeout: of a confirming attempt.
        hedge: beyond the usual latency, after which an attempt is taken for a failure to be confirmed; None: its
            time limit alone decides.
        backoff: longest interval between attempts at an endpoint that has long been down.
        tripwire: whether a connection is held open, whose end leads to an attempt at once.
        thresholds: evidence wanted.
    """

    interval: float = 1.0
    timeout: float = 0.5
    confirm: float = 0.2
    confirm_timeout: float = 0.5
    hedge: float | None = None
    backoff: float = 0.0
    tripwire: bool = False
    thresholds: Thresholds = field(default_factory=Thresholds)


START_RATE = 1000.0
"""First attempts per second, where the interval leaves the choice."""


def spread(index: int, count: int, interval: float) -> float:
    """The phase of check ``index`` of ``count``, in seconds: evenly over one interval."""
    return interval * index / max(count, 1)


def first_attempt(index: int, count: int, interval: float) -> float:
    """Delay in seconds before the first attempt of check ``index`` of ``count``.

    A slow start: no faster than START_RATE, but there is no need to wait for a long interval to know where one stands.
    """
    return min(spread(index, count, interval), index / START_RATE)


PATIENCE = 0.1
"""Share of the time that an endpoint has been down after which it is tried again."""


def backed_off(pace: Pace, down_for: float) -> float:
    """The interval for an endpoint that has been down for so many seconds.

    It grows with the time that the endpoint has been down, in whole intervals, up to ``pace.backoff``: what has been
    away for an hour need not be asked every second, and what went away just now may be back at once.
    """
    return pace.interval * max(1, math.floor(min(down_for * PATIENCE, pace.backoff) / pace.interval + _ROUNDING))


EXPIRY = 3
"""Intervals without a word after which a vote is too old to count."""


def expires_after(pace: Pace, state: ProbeState) -> float:
    """Seconds after which the vote of a check that nothing more is heard of does not count any more."""
    interval = max(pace.interval, pace.backoff) if state.condition is Condition.DOWN else pace.interval
    return EXPIRY * interval + max(pace.timeout, pace.confirm_timeout)


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Smoothed latency of successful attempts and its mean deviation, in seconds (RFC 6298, section 2)."""

    smoothed: float
    deviation: float

    @property
    def bound(self) -> float:
        """What is hardly ever exceeded."""
        return self.smoothed + 4 * self.deviation


def observe_round_trip(before: RoundTrip | None, latency: float) -> RoundTrip:
    """The estimate after one more success."""
    if before is None:
        return RoundTrip(latency, latency / 2)
    deviation = before.deviation + (abs(before.smoothed - latency) - before.deviation) / 4
    return RoundTrip(before.smoothed + (latency - before.smoothed) / 8, deviation)


def hedge_after(pace: Pace, usual: RoundTrip | None) -> float | None:
    """Seconds after which an attempt is slow enough to begin confirming; None where its time limit comes first.

    The margin is ``pace.hedge``, and more for an endpoint whose latency varies by nature. Where one failure is enough
    there is nothing to confirm.
    """
    if pace.hedge is None or usual is None or pace.thresholds.fall == 1:
        return None
    after = max(usual.smoothed + pace.hedge, usual.bound)
    return after if after < pace.timeout else None


def next_regular(phase: float, interval: float, now: float) -> float:
    """The first moment after ``now`` that lies a whole number of intervals after ``phase``.

    Keeping the phase keeps the spread: checks that were delayed together (a stopped process) do not stay together.
    """
    return phase + interval * (math.floor((now - phase) / interval + _ROUNDING) + 1)
