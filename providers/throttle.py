"""A token bucket with lanes: requests leave no faster than a provider takes them, the urgent ones first.

Whoever waits has a moment by which it would like to have had its turn, and the earliest of these is next: an urgent
request passes all others that came lately, and nobody waits for ever, however many urgent ones come.
"""

import asyncio
from collections.abc import Mapping
from heapq import heappop, heappush
from itertools import count

from providers.base import Lane, ThrottledError

PATIENCE: Mapping[Lane, float] = {Lane.URGENT: 0.0, Lane.ROUTINE: 10.0, Lane.FOLLOWING: 20.0, Lane.COSMETIC: 60.0}
"""Seconds that a request of a lane would wait while others are served that came after it."""
MAX_WAITING = 10_000
"""Requests that wait; more are refused."""
SLOWEST = 0.05
"""Share of the stated rate below which a provider that refuses requests is not asked more slowly still."""
RECOVERY = 0.05
"""Share of the stated rate by which it grows again with each request that is taken."""


class TokenBucket:
    """Turns for requests, ``rate`` of them a second, and ``burst`` at once after a pause.

    A provider that refuses requests as too many gets half as many from then on, and gradually more again while it takes
    them (additive increase, multiplicative decrease; Chiu and Jain, 1989).
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, float(burst)
        self._present = rate
        self._tokens, self._at = float(burst), asyncio.get_running_loop().time()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def rate(self) -> float:
        """Requests per second at present."""
        return self._present

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return sum(not turn.done() for _, _, turn in self._waiting)

    async def take(self, lane: Lane) -> None:
        """Wait for one's turn.

        Raises:
            ThrottledError: too many wait already.
        """
        loop = asyncio.get_running_loop()
        if len(self._waiting) >= MAX_WAITING:
            raise ThrottledError(f"{MAX_WAITING} requests wait already", "raise rate, if the provider allows for it")
        turn = loop.create_future()
        heappush(self._waiting, (loop.time() + PATIENCE[lane], next(self._count), turn))
        self._serve()
        await turn

    def throttled(self) -> None:
        """The provider wants fewer requests: what was saved up is lost, and the rate is halved."""
        self._refill()
        self._tokens = min(self._tokens, 0.0)
        self._present = max(self._rate * SLOWEST, self._present / 2)

    def succeeded(self) -> None:
        """The provider took a request."""
        self._refill()
        self._present = min(self._rate, self._present + self._rate * RECOVERY)

    def _refill(self) -> None:
        now = asyncio.get_running_loop().time()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._present)
        self._at = now

    def _serve(self) -> None:
        """Give turns while there are any; come back when the next one is due."""
        self._refill()
        while self._waiting and (self._tokens >= 1 or self._waiting[0][2].done()):
            _, _, turn = heappop(self._waiting)
            if not turn.done():  # else whoever waited was cancelled
                turn.set_result(None)
                self._tokens -= 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later((1 - self._tokens) / self._present, self._serve)
