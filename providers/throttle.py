"""A token bucket with lanes: requests leave no faster than a provider takes them, the urgent ones first.

The next turn is that of the most urgent lane in which somebody waits, and in a lane of whoever came first. But whoever
has waited for longer than its lane is patient is overdue, and of ``SHARE`` turns one is that of whoever is most so:
nobody waits for ever, however many urgent requests come, and these have most turns, however many are overdue.

For use on one event loop; threads of an SDK tell theirs by way of it.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from math import inf

from providers.base import Lane, ThrottledError

PATIENCE: Mapping[Lane, float] = {Lane.URGENT: 0.0, Lane.ROUTINE: 10.0, Lane.FOLLOWING: 20.0, Lane.COSMETIC: 60.0}
"""Seconds that a request of a lane waits while more urgent ones are served, before it is overdue."""
SHARE = 4
"""Turns of which one is for whoever is overdue."""
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
        self._queues: dict[Lane, deque[tuple[float, asyncio.Future[None]]]] = {lane: deque() for lane in Lane}
        self._passed = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def rate(self) -> float:
        """Requests per second at present."""
        return self._present

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return sum(map(len, self._queues.values()))

    async def take(self, lane: Lane) -> None:
        """Wait for one's turn; whoever is cancelled has not had it.

        Raises:
            ThrottledError: too many wait already.
        """
        loop = asyncio.get_running_loop()
        if self.waiting >= MAX_WAITING:
            raise ThrottledError(f"{MAX_WAITING} requests wait already", "raise rate, if the provider allows for it")
        turn = loop.create_future()
        self._queues[lane].append((loop.time() + PATIENCE[lane], turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            self._give_up(lane, turn)
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

    def _give_up(self, lane: Lane, turn: asyncio.Future[None]) -> None:
        """Nobody waits for ``turn`` any more; one that was given already is somebody else's."""
        if turn.cancelled():
            self._queues[lane] = deque(entry for entry in self._queues[lane] if entry[1] is not turn)
        else:
            self._tokens = min(self._burst, self._tokens + 1)
        self._serve()

    def _serve(self) -> None:
        """Give turns while there are any; come back when the next one is due."""
        self._refill()
        while self.waiting and self._tokens >= 1 - ROUNDING:
            _, turn = self._queues[self._next()].popleft()
            if not turn.done():  # else it is about to be given up
                turn.set_result(None)
                self._tokens -= 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.waiting:
            self._timer = asyncio.get_running_loop().call_later((1 - self._tokens) / self._present, self._serve)

    def _next(self) -> Lane:
        """The lane whose turn it is; somebody waits in one."""
        first, *others = [lane for lane, queue in self._queues.items() if queue]
        oldest = min(others, key=lambda lane: self._queues[lane][0][0], default=first)
        if oldest is first or self._queues[oldest][0][0] > self._at:
            self._passed = 0
            return first
        self._passed = (self._passed + 1) % SHARE
        return first if self._passed else oldest
