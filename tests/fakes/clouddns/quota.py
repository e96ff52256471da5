"""How much a project may hold and change, and how many requests it may make."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.fakes.clouddns.errors import ApiError, Json, rate_limited


@dataclass(frozen=True, slots=True)
class Quota:
    """The limits that ``projects.get`` tells; sizes in bytes."""

    additions: int = 1000
    deletions: int = 1000
    rrdata_size: int = 100_000
    records_per_set: int = 100
    sets_per_zone: int = 10_000
    zones: int = 10_000
    items_per_policy: int = 100

    def to_json(self) -> Json:
        return {
            "kind": "dns#quota",
            "managedZones": self.zones,
            "rrsetsPerManagedZone": self.sets_per_zone,
            "rrsetAdditionsPerChange": self.additions,
            "rrsetDeletionsPerChange": self.deletions,
            "totalRrdataSizePerChange": self.rrdata_size,
            "resourceRecordsPerRrset": self.records_per_set,
            "itemsPerRoutingPolicy": self.items_per_policy,
        }


@dataclass(slots=True)
class Rate:
    """A token bucket for the requests whose action matches a pattern; what goes beyond is refused.

    Attributes:
        per_second: tokens that come in a second.
        burst: tokens that the bucket holds, and starts with.
        code: 429, or 403 with the reason rateLimitExceeded.
        actions: pattern: ``changes.create``, ``*.list``, ...
    """

    per_second: float
    burst: float
    code: int = 429
    actions: str = "*"
    refused: int = 0
    _tokens: float = field(init=False)
    _filled: float | None = None

    def __post_init__(self) -> None:
        self._tokens = self.burst

    def take(self, action: str, now: float) -> ApiError | None:
        """Take a token for one request; the refusal where there is none."""
        if not fnmatchcase(action, self.actions):
            return None
        since = now - (now if self._filled is None else self._filled)
        self._tokens = min(self.burst, self._tokens + since * self.per_second)
        self._filled = now
        if self._tokens < 1:
            self.refused += 1
            return rate_limited(self.code)
        self._tokens -= 1
        return None
