"""How long a check takes: what it does at present, and what is usual for it.

Three averages, each with its memory:

    recent    half-life 10 s
    average   the mean of all samples until they span 10 min, then with a half-life of 10 min
    usual     follows ``average``: downwards at once, upwards with a half-life of a week, so that a lasting shift is
              not taken for usual within the day

Half-lives are in time, not in samples: a shorter interval does not make the memory shorter. But one sample never stands
for more than a third of the short half-life, or 20 s of the others: where samples are rare, or after a gap, a single
one decides nothing. Nor does a sample count for more than twice what is accepted or already seen: a retransmitted SYN
takes a second, and two of them in a row are not yet a slow endpoint.
"""

from math import exp2

import msgspec

WORST = 0.25
"""The least that is left of a score: serving badly is better than not serving."""
FACTOR = 1.5
FLOOR = 0.020
RECENT = 10.0
AVERAGE = 600.0
USUAL = 7 * 86_400.0
WARM_UP = 60.0
"""Seconds that samples must span before they are judged."""
LONGEST = 20.0
"""Most seconds that one sample stands for."""
LONGEST_RECENT = RECENT / 3
"""Likewise in the recent average."""
MOST = 2.0
"""Times the bound, or the recent average where that is above it, that one sample counts for at most."""


class Latency(msgspec.Struct, frozen=True, gc=False):
    """Moving averages of a check's latency in seconds.

    Attributes:
        recent: over seconds.
        average: over minutes.
        usual: what ``recent`` is judged against.
        sampled: seconds that samples span, gaps counted as ``LONGEST`` at most.
        at: monotonic time of the newest sample.
    """

    recent: float
    average: float
    usual: float
    sampled: float
    at: float

    @property
    def warm(self) -> bool:
        """Whether there are samples enough to judge."""
        return self.sampled >= WARM_UP


def latency_bound(usual: float) -> float:
    """Up to here latency costs nothing; all in seconds."""
    return max(usual * FACTOR, usual + FLOOR)


def latency_factor(recent: float, usual: float) -> float:
    """What recent latency leaves of the score, in 0.25..1."""
    bound = latency_bound(usual)
    return 1.0 if recent <= bound else max(WORST, bound / recent)


def observe_latency(latency: Latency | None, sample: float, at: float) -> Latency:
    """The averages after ``sample`` seconds at monotonic time ``at``; one from the past changes nothing."""
    if latency is None:
        return Latency(sample, sample, sample, 0.0, at)
    elapsed = at - latency.at
    if elapsed <= 0.0:
        return latency
    elapsed = min(elapsed, LONGEST)
    average, usual, sampled = latency.average, latency.usual, latency.sampled
    recent = latency.recent
    sample = min(sample, MOST * max(latency_bound(usual), recent))
    recent += (sample - recent) * (1.0 - exp2(-min(elapsed, LONGEST_RECENT) / RECENT))
    if sampled < AVERAGE:
        average = usual = average + (sample - average) * elapsed / (sampled + 2.0 * elapsed)
    else:
        average += (sample - average) * (1.0 - exp2(-elapsed / AVERAGE))
        usual = average if average < usual else usual + (average - usual) * (1.0 - exp2(-elapsed / USUAL))
    return Latency(recent, average, usual, sampled + elapsed, at)
