"""How well an endpoint serves, in 0..1: availability x latency x headroom.

    availability   1 when up, 0 when down; in between nothing, since step() already weighs the evidence
    latency        1 up to twice the endpoint's own usual latency, and always up to usual + 50 ms; above that
                   bound / now, but not below 0.25: slow is better than gone
    headroom       1 up to a saturation of 0.8, then falling in a straight line to 0.25 at 1.0 and above

Latency is judged against the endpoint's own past, so a far region is not sick because it is far.
"""

from dataclasses import dataclass

from gslb.model.combine import Health

LATENCY_FACTOR = 2.0
LATENCY_FLOOR = 0.050
WORST = 0.25
HEADROOM_FROM = 0.8
FAST_HALF_LIFE = 10.0
SLOW_HALF_LIFE = 600.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Moving averages of a check's latency in seconds; ``at`` is the time of the newest sample."""

    recent: float
    usual: float
    at: float


def observe_latency(latency: Latency | None, sample: float, at: float) -> Latency:
    """Both averages after ``sample`` seconds at monotonic time ``at``, with half-lives of 10 s and 10 min.

    The half-lives are in time, not in samples: a shorter interval does not make the memory shorter.
    """
    if latency is None:
        return Latency(sample, sample, at)
    elapsed = max(0.0, at - latency.at)
    return Latency(
        _decay(latency.recent, sample, elapsed, FAST_HALF_LIFE),
        _decay(latency.usual, sample, elapsed, SLOW_HALF_LIFE),
        max(at, latency.at),
    )


def _decay(average: float, sample: float, elapsed: float, half_life: float) -> float:
    keep: float = 0.5 ** (elapsed / half_life)
    return average * keep + sample * (1.0 - keep)


SETTLED = 0.125
"""Half of the quarter that policies count scores in."""


def settle(former: float, newest: float) -> float:
    """The score to go on with: ``former`` until ``newest`` is more than half a quarter away from it.

    A score that trembles around the border of two quarters would otherwise move traffic with every probe.
    """
    gone = (former == 0.0) != (newest == 0.0)
    return newest if gone or abs(newest - former) > SETTLED else former


def score(health: Health, latency: Latency | None, saturation: float) -> float:
    """The score of an endpoint, in 0..1; 0 only when it is down or unknown."""
    if health in (Health.DOWN, Health.UNKNOWN):
        return 0.0
    return _latency_factor(latency) * _headroom_factor(saturation)


def _latency_factor(latency: Latency | None) -> float:
    if latency is None:
        return 1.0
    bound = max(latency.usual * LATENCY_FACTOR, latency.usual + LATENCY_FLOOR)
    return 1.0 if latency.recent <= bound else max(WORST, bound / latency.recent)


def _headroom_factor(saturation: float) -> float:
    if saturation <= HEADROOM_FROM:
        return 1.0
    return max(WORST, 1.0 - (saturation - HEADROOM_FROM) / (1.0 - HEADROOM_FROM) * (1.0 - WORST))
