"""The requests being forwarded, and what became of the recent ones."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aiohttp import web

from gslb.gateway.meter import Meter
from gslb.gateway.metrics import Metrics

_FAILURES = ("5xx", "cut")


@dataclass(slots=True)
class Record:
    """One request. ``outcome`` is the client's departure unless something else is noted before the end."""

    outcome: str = "gone"


class Traffic:
    """Follows every request, for the health document, the metrics and the drain.

    Attributes:
        active: connections with a request in flight; HTTP/1 has one at a time on each.
    """

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self._arrived, self._finished, self._failed = (Meter(self._now()) for _ in range(3))
        self.active: set[web.RequestHandler] = set()
        self.metrics = Metrics(lambda: len(self.active))

    @contextmanager
    def following(self, request: web.BaseRequest) -> Iterator[Record]:
        """Follow ``request`` until the end of the block."""
        started, record, connection = self._now(), Record(), request.protocol
        self._arrived.add(started)
        self.active.add(connection)
        try:
            yield record
        finally:
            self.active.discard(connection)
            self._count(request.method, record.outcome, started)

    def load(self) -> float:
        """Requests per second of late."""
        return self._arrived.rate(self._now())

    def errors(self) -> float:
        """Share of the requests finished of late that failed, 0..1."""
        now = self._now()
        finished = self._finished.count(now)
        return self._failed.count(now) / finished if finished else 0.0

    def _count(self, method: str, outcome: str, started: float) -> None:
        now = self._now()
        self.metrics.finished(method, outcome, now - started)
        if outcome != "gone":
            self._finished.add(now)
        if outcome in _FAILURES:
            self._failed.add(now)
