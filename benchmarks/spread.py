"""A median with its smallest and largest value: what the tables print."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Of one figure over all rounds or trials."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """The spread of at least one value."""
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[0], ordered[-1])

    def text(self, digits: int = 0) -> str:
        """The median, and the extremes on a line below."""
        return f"{self.median:,.{digits}f}\n{self.low:,.{digits}f}-{self.high:,.{digits}f}"


def percentile(ordered: list[float], share: float) -> float:
    """The value of ``ordered`` below which about ``share`` of all lie; 0 where there is none."""
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0
