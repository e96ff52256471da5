"""When a check is due again: at its regular phase, or sooner while failures wait to be confirmed."""

import math
from dataclasses import dataclass, field

from gslb.model.step import Thresholds

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
        thresholds: evidence wanted.
    """

    interval: float = 1.0
    timeout: float = 0.5
    confirm: float = 0.2
    confirm_timeout: float = 0.5
    thresholds: Thresholds = field(default_factory=Thresholds)


def spread(index: int, count: int, interval: float) -> float:
    """Delay in seconds before the first attempt of check ``index`` of ``count``: evenly over one interval."""
    return interval * index / max(count, 1)


def next_regular(phase: float, interval: float, now: float) -> float:
    """The first moment after ``now`` that lies a whole number of intervals after ``phase``.

    Keeping the phase keeps the spread: checks that were delayed together (a stopped process) do not stay together.
    """
    return phase + interval * (math.floor((now - phase) / interval + _ROUNDING) + 1)
