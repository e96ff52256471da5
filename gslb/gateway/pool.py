"""The upstreams of a gateway: which are healthy, and which to try next. No I/O; time comes in as an argument."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gslb.model.address import Address


@dataclass(slots=True)
class Upstream:
    """One server.

    Attributes:
        healthy: a connection to it could be made when last tried.
        retry_at: monotonic seconds until which requests leave it alone.
    """

    address: Address
    healthy: bool = True
    retry_at: float = 0.0


class Pool:
    """Round robin over the healthy upstreams; the others are the last resort, once ``retry`` seconds have passed."""

    def __init__(self, addresses: Iterable[Address], retry: float) -> None:
        self._upstreams = [Upstream(address) for address in addresses]
        self._retry = retry
        self._turn = 0

    def __iter__(self) -> Iterator[Upstream]:
        """Every upstream, as configured."""
        return iter(self._upstreams)

    @property
    def healthy(self) -> int:
        """How many upstreams are healthy."""
        return sum(upstream.healthy for upstream in self._upstreams)

    @property
    def total(self) -> int:
        """How many upstreams there are."""
        return len(self._upstreams)

    def order(self, now: float) -> list[Upstream]:
        """Upstreams to try for the next request, best first, each once. Empty: none may be tried now."""
        healthy = [upstream for upstream in self._upstreams if upstream.healthy]
        due = [upstream for upstream in self._upstreams if not upstream.healthy and upstream.retry_at <= now]
        self._turn += 1
        first = self._turn % len(healthy) if healthy else 0
        return healthy[first:] + healthy[:first] + due

    def failed(self, upstream: Upstream, now: float) -> None:
        """A connection to ``upstream`` could not be made."""
        upstream.healthy, upstream.retry_at = False, now + self._retry

    def connected(self, upstream: Upstream) -> None:
        """A connection to ``upstream`` could be made."""
        upstream.healthy = True
