"""How many requests are welcome: a token bucket for each action, or one for all."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Quota:
    """``burst`` requests at once, and ``rate`` a second after that; of each action, or of all ``together``."""

    burst: float = 50
    rate: float = 10
    together: bool = False


UNLIMITED = Quota(float("inf"), float("inf"))


@dataclass(slots=True)
class Buckets:
    """What is left, by action; times are seconds of the fake's clock."""

    quota: Quota = field(default_factory=Quota)
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, action: str, now: float) -> bool:
        """Whether one more request is welcome; it is counted if so."""
        if self.quota == UNLIMITED:
            return True
        bucket = "" if self.quota.together else action
        left, since = self._left.get(bucket, (self.quota.burst, now))
        left = min(self.quota.burst, left + max(0.0, now - since) * self.quota.rate)
        self._left[bucket] = (left - 1 if left >= 1 else left, now)
        return left >= 1
