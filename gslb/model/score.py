"""How well an endpoint serves, in 0..1: availability x latency x headroom x errors, the four golden signals.

    availability   1 when up, 0 when down or unknown; in between nothing, since step() already weighs the evidence
    latency        1 up to a bound of max(1.5 x usual, usual + 20 ms), above that bound / now; 1 without 60 s of samples
    headroom       1 up to a saturation of 0.8, then falling in a straight line to 0.25 at 1.0 and above
    errors         1 up to a share of 1 % of 5xx, then falling in a straight line to 0.25 at 10 % and above

No factor but availability is below 0.25: serving badly is better than not serving, and taking an endpoint out is the
business of probes. Latency is judged against the endpoint's own past (gslb.model.latency), so a far region is not sick
because it is far. Decisions see levels, which are multiples of 1/4 with hysteresis (``settle``).
"""

import math

from gslb.model.combine import Health
from gslb.model.latency import WORST, Latency, latency_factor
from gslb.model.observation import HealthReport

HEADROOM_FROM, HEADROOM_TO = 0.8, 1.0
ERRORS_FROM, ERRORS_TO = 0.01, 0.10
LEVELS = 4
HELD = 3 / 16
"""How far a score may be from its level: half of the way to the next one, and half of that again."""


def score(health: Health, latency: Latency | None = None, report: HealthReport | None = None) -> float:
    """The score of an endpoint, in 0..1; 0 only when it is down or unknown. What is not known costs nothing."""
    if health is Health.DOWN or health is Health.UNKNOWN:
        return 0.0
    value = latency_factor(latency.recent, latency.usual) if latency is not None and latency.warm else 1.0
    if report is not None:
        value *= headroom_factor(report.saturation) * errors_factor(report.errors)
    return value


def headroom_factor(saturation: float) -> float:
    """What a load of ``saturation`` x capacity leaves of the score, in 0.25..1."""
    return _falling(saturation, HEADROOM_FROM, HEADROOM_TO)


def errors_factor(errors: float) -> float:
    """What a share of 5xx leaves of the score, in 0.25..1."""
    return _falling(errors, ERRORS_FROM, ERRORS_TO)


def _falling(value: float, start: float, end: float) -> float:
    """1 up to ``start``, then in a straight line to WORST at ``end``."""
    if value <= start:
        return 1.0
    return max(WORST, 1.0 - (value - start) / (end - start) * (1.0 - WORST))


def level_of(score: float) -> float:
    """The level nearest to a score, the upper one of two; the lowest for all that serves at all."""
    return max(1, math.floor(score * LEVELS + 0.5)) / LEVELS if score > 0.0 else 0.0


def settle(former: float, newest: float) -> float:
    """The level to go on with: ``former`` until the score is more than 3/16 away from it, then the nearest.

    A score that trembles by 1/16 either way around anything moves a level that has followed it once at most: on the
    other side of the border it would have to go back by more than 1/8 to cross that one's.
    """
    if former > 0.0 < newest and -HELD <= newest - former <= HELD:
        return former
    return level_of(newest)
