"""What gslb's nameserver is to reach, and whether it did."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from tests.bench.dns.rounds import Figures, Rounds

SUBJECT = "gslb"


class Measure(StrEnum):
    """What is compared."""

    COST = "processor time per query"
    P99 = "p99"


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio of two medians that is not to be exceeded.

    Attributes:
        mix: in which.
        against: the other server.
        limit: the most that is allowed; None: it is measured only.
        measure: what of.
    """

    mix: str
    against: str
    limit: float | None
    measure: Measure = Measure.COST


TARGETS = (
    Target("hot", "gdnsd", 1.05),
    Target("mix", "gdnsd", 1.25),
    Target("case", "gdnsd", 1.3),
    Target("nx", "gdnsd", 1.3),
    Target("cookies", "gdnsd", 1.3),
    Target("ecs", "gdnsd", 1.1),
    Target("flood", "gdnsd", 2.3),
    Target("hot", "powerdns", 0.3),
    Target("paced", "gdnsd", 2.0, Measure.P99),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and what was measured."""

    target: Target
    ratio: float

    @property
    def text(self) -> str:
        """In a word."""
        if self.target.limit is None:
            return "no limit set"
        return "met" if self.ratio <= self.target.limit else "missed"


def verdicts(rounds: Rounds, targets: Sequence[Target] = TARGETS) -> Iterator[Verdict]:
    """On each target whose two servers were measured."""
    for target in targets:
        ours, theirs = ((target.mix, name) for name in (SUBJECT, target.against))
        if ours in rounds[0] and theirs in rounds[0]:
            values = (median(_value(each[turn], target.measure) for each in rounds) for turn in (ours, theirs))
            mine, other = values
            yield Verdict(target, mine / other if other else float("inf"))


def failures(rounds: Rounds) -> tuple[int, int]:
    """Queries of the subject that were lost, and its replies that should not have come; there are to be none."""
    mine = [figures for each in rounds for (_, server), figures in each.items() if server == SUBJECT]
    return sum(figures.lost for figures in mine), sum(figures.bad for figures in mine)


def _value(figures: Figures, measure: Measure) -> float:
    return figures.microseconds if measure is Measure.COST else figures.load.p99
