"""How long to wait after a failure. Pure: chance is an argument."""

from dataclasses import dataclass

_MOST_DOUBLINGS = 30
"""reaches the longest wait of any, and keeps the power small"""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that grow exponentially, spread over all of their length so that many who failed together part.

    "Full jitter" (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015), above a least wait.

    Attributes:
        least: shortest wait in seconds.
        base: upper bound of the first wait; doubled from one to the next.
        most: upper bound of any.
    """

    least: float
    base: float
    most: float

    def wait(self, failures: int, chance: float) -> float:
        """Seconds to wait after so many failures in a row.

        Args:
            failures: at least 1.
            chance: 0..1, evenly distributed.
        """
        bound = min(self.most, self.base * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
        return self.least + chance * max(0.0, bound - self.least)


QUICK = Backoff(0.0, 0.5, 60.0)
"""For what may be over in a moment: a provider that is away, or wants fewer requests."""
LONG = Backoff(30.0, 60.0, 300.0)
"""For what takes somebody to do something: credentials, a quota, a zone that is not there."""
EXTRA = 1.0
"""Seconds that an attempt before its time, for a decision that is urgent, keeps from the one before."""
