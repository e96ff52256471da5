"""The monitor's work on a virtual clock: the real Check and a heap, without a loop and without sockets."""

import heapq
import math
from collections.abc import Callable
from functools import partial
from itertools import count

from gslb.control.check import Attempt, Check
from gslb.model.observation import Cause, CheckKey, Observation, ProbeResult
from gslb.model.step import ProbeState

World = Callable[[CheckKey, float, float], Observation]
"""What an attempt of a check sees, by its start and its time limit."""

FAST = Observation(ok=True, latency=0.02)
REFUSED = Observation(ok=False, latency=0.001, cause=Cause.REFUSED, detail="Connection refused")


def timed_out(limit: float) -> Observation:
    return Observation(ok=False, latency=limit, cause=Cause.TIMEOUT, detail="no connection in time")


def never(_: float) -> None:
    """Nobody waits for time alone."""


class Driver:
    """Starts what is due and delivers what counts, in the order of virtual time.

    Args:
        world: what attempts see.
        deliver: takes results, as the monitor's does.
        tick: called after every event; says when it wants to be called for the sake of time alone.
    """

    def __init__(
        self,
        world: World,
        deliver: Callable[[ProbeResult], ProbeState | None],
        tick: Callable[[float], float | None] = never,
    ) -> None:
        self.now = 0.0
        self.in_flight = 0
        self._world, self._deliver, self._tick = world, deliver, tick
        self._wanted: float | None = None
        self._ticket = count()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []

    def trip(self, check: Check, moment: float) -> None:
        """The tripwire of a check closes at ``moment``."""

        def trip() -> None:
            check.trip(self.now)
            self.add(check)

        self._at(moment, trip)

    def hurry(self, check: Check, moment: float) -> None:
        """Somebody wants to know at ``moment``."""

        def hurry() -> None:
            check.hurry(self.now)
            self.add(check)

        self._at(moment, hurry)

    def add(self, check: Check) -> None:
        self._at(check.due, partial(self._start, check, check.due))

    def run(self, until: float) -> None:
        """Play everything up to ``until``."""
        while self._next() <= until:
            self.step()
        self.now = until

    def stand_still(self, seconds: float) -> None:
        """Nothing happens for ``seconds``, as in a stopped process; what was due meanwhile is late."""
        self.now += seconds

    def step(self) -> None:
        """Play the next event."""
        self.now = self._next()
        if self._heap and self._heap[0][0] <= self.now:
            heapq.heappop(self._heap)[2]()
        self._wanted = self._tick(self.now)

    def _next(self) -> float:
        event = self._heap[0][0] if self._heap else math.inf
        return max(self.now, event if self._wanted is None else min(event, self._wanted))

    def _at(self, moment: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (moment, next(self._ticket), action))

    def _start(self, check: Check, due: float) -> None:
        if check.due != due:
            return
        attempt = check.start(self.now)
        self.add(check)
        if attempt is not None:
            self.in_flight += 1
            seen = self._world(check.key, self.now, attempt.timeout)
            if attempt.hedge is not None:
                self._at(self.now + attempt.hedge, partial(self._hedge, check, attempt))
            self._at(self.now + seen.latency, partial(self._finish, check, attempt, seen))

    def _hedge(self, check: Check, attempt: Attempt) -> None:
        if check.hedge(attempt, self.now):
            self.add(check)

    def _finish(self, check: Check, attempt: Attempt, seen: Observation) -> None:
        self.in_flight -= 1
        for ready in check.finish(attempt, seen):
            assert ready.observation is not None
            state = self._deliver(ProbeResult(check.key, ready.started, ready.observation, ready.tripped))
            if state is not None and check.follow(state, self.now):
                self.add(check)
