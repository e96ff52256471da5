"""How much of the traffic of each service has moved lately: what scores may still move is what that leaves."""

from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from fractions import Fraction

from gslb.model.names import ServiceName
from gslb.model.shift import WINDOW, moved_between
from gslb.model.steering import Steering
from gslb.model.topology import Service


class Shifts:
    """What decisions have moved within the last minute."""

    def __init__(self) -> None:
        self._moved: dict[ServiceName, deque[tuple[float, Fraction]]] = {}
        self._free = False

    def configure(self, names: Collection[ServiceName]) -> None:
        """Forget all other services."""
        self._moved = {name: recent for name, recent in self._moved.items() if name in names}

    @contextmanager
    def free(self) -> Iterator[None]:
        """For what people have asked for: it may move anything, and does not count."""
        self._free = True
        try:
            yield
        finally:
            self._free = False

    def left(self, service: Service, now: float) -> float:
        """The share of the service's traffic that scores may move now, 0..1."""
        if self._free:
            return 1.0
        recent = self._recent(service.name, now)
        return max(0.0, service.max_shift - float(sum(amount for _, amount in recent)))

    def note(self, service: Service, before: Steering | None, after: Steering, now: float) -> None:
        """A decision has been taken."""
        amount = Fraction(0) if self._free else moved_between(before, after)
        if amount:
            self._moved.setdefault(service.name, deque()).append((now, amount))

    def moments(self) -> Iterator[tuple[ServiceName, float]]:
        """When more may move than now, in monotonic seconds."""
        for name, recent in self._moved.items():
            yield name, recent[0][0] + WINDOW

    def _recent(self, name: ServiceName, now: float) -> deque[tuple[float, Fraction]]:
        recent = self._moved.get(name)
        if recent is None:
            return deque()
        while recent and recent[0][0] + WINDOW <= now:
            recent.popleft()
        if not recent:
            del self._moved[name]
        return recent
