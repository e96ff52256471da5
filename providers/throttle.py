"""A token bucket with lanes: requests leave no faster than a provider takes them, the urgent ones first.

Whoever waits has a moment by which it would like to have had its turn, and the earliest of these is next: an urgent
request passes all others that came lately, and nobody waits for ever, however many urgent ones come.

For use on one event loop; threads of an SDK tell theirs by way of it.
"""

import asyncio
from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf

from providers.base import Lane, ThrottledError

PATIENCE: Mapping[Lane, float] = {Lane.URGENT: 0.0, Lane.ROUTINE: 10.0, Lane.FOLLOWING: 20.0, Lane.COSMETIC: 60.0}
"""Seconds that a request of a lane would wait while others are served that came after it."""
MAX_WAITING = 10_000
"""Requests that wait; more are refused."""
SLOWEST = 0.05
"""Share of the stated rate below which a provider that refuses requests is not asked more slowly still."""
RECOVERY = 0.05
"""Share of the stated rate by which it grows again with each request that is taken."""
REACTION = 1.0
"""Seconds within which several refusals are one: they answer requests that had left before the rate was lowered."""
ROUNDING = 1e-9
"""Of a token, that may be missing: what grows by small parts never is exactly one."""


class TokenBucket:
    """Turns for requests, ``rate`` of them a second, and ``burst`` at once after a pause.

    A provider that refuses requests as too many gets half as many from then on, and gradually more again while it takes
    them (additive increase, multiplicative decrease; Chiu and Jain, 1989).

    Args:
        rate: requests per second, above 0.
        burst: of them at once, at least 1.
    """

    def __init__(self, rate: float, burst: int) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError(f"{rate} requests per second, {burst} at once: there would never be a turn")
        self._rate, self._burst = rate, float(burst)
        self._present = rate
        self._tokens, self._at = float(burst), inf
        self._lowered = -inf
        self._queue: list[tuple[float, int, asyncio.Future[None]]] = []
        self._waiting = 0
        self._count = count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def rate(self) -> float:
        """Requests per second at present."""
        return self._present

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return self._waiting

    async def take(self, lane: Lane) -> None:
        """Wait for one's turn; whoever is cancelled has not had it.

        Raises:
            ThrottledError: too many wait already.
        """
        loop = asyncio.get_running_loop()
        if self._waiting >= MAX_WAITING:
            raise ThrottledError(f"{MAX_WAITING} requests wait already", "raise rate, if the provider allows for it")
        turn = loop.create_future()
        heappush(self._queue, (loop.time() + PATIENCE[lane], next(self._count), turn))
        self._waiting += 1
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            self._give_up(turn)
            raise

    def throttled(self) -> None:
        """The provider wants fewer requests: what was saved up is lost, and the rate is halved."""
        self._refill()
        self._tokens = min(self._tokens, 0.0)
        if self._at - self._lowered >= REACTION:
            self._present, self._lowered = max(self._rate * SLOWEST, self._present / 2), self._at
        self._serve()

    def succeeded(self) -> None:
        """The provider took a request."""
        self._refill()
        self._present = min(self._rate, self._present + self._rate * RECOVERY)
        self._serve()

    def _refill(self) -> None:
        now = asyncio.get_running_loop().time()
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._present)
        self._at = now

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        """Nobody waits for ``turn`` any more; one that was given already is somebody else's."""
        if not turn.cancelled():
            self._tokens = min(self._burst, self._tokens + 1)
            self._serve()
            return
        self._waiting -= 1
        if len(self._queue) > 2 * self._waiting:
            self._queue = [entry for entry in self._queue if not entry[2].done()]
            heapify(self._queue)
        self._serve()

    def _serve(self) -> None:
        """Give turns while there are any; come back when the next one is due."""
        self._refill()
        while self._queue and (self._queue[0][2].done() or self._tokens >= 1 - ROUNDING):
            _, _, turn = heappop(self._queue)
            if not turn.done():  # else whoever waited was cancelled
                turn.set_result(None)
                self._tokens -= 1
                self._waiting -= 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue:
            self._timer = asyncio.get_running_loop().call_later((1 - self._tokens) / self._present, self._serve)
