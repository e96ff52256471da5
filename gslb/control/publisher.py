"""Hands decisions to our own nameservers and notes when they have confirmed them."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from gslb.control.clock import Clock
from gslb.model.names import ServiceName
from gslb.model.record import PublicationRecord
from gslb.model.steering import Steering

log = structlog.get_logger(__name__)

PATIENCE = 5.0
"""Seconds after which an unconfirmed generation is worth a warning."""
MAX_PENDING = 1000
"""Unconfirmed generations that are remembered for the record; of more the oldest are forgotten."""


class Outlet(Protocol):
    """Publishes the steering of all services that it carries, as our own nameservers do."""

    @property
    def name(self) -> str:
        """For people."""

    def publish(self, generation: int, steerings: Mapping[ServiceName, Steering]) -> None:
        """Make ``steerings`` what is answered. Returns at once; of several calls the newest counts."""

    async def settled(self, generation: int, timeout: float) -> bool:  # noqa: ASYNC109  the answer is a value, not an error
        """Whether ``generation`` or a newer one was confirmed everywhere within ``timeout`` seconds."""

    async def ended(self, generation: int, timeout: float) -> bool:  # noqa: ASYNC109  likewise
        """Whether no place can give answers of before ``generation`` any more within ``timeout`` seconds.

        Not even after a restart, as far as it knows: then what resolvers hold is all that is left of them.
        """

    async def run(self) -> None:
        """Work until cancelled."""


@dataclass(frozen=True, slots=True)
class _Pending:
    generation: int
    services: tuple[ServiceName, ...]
    decided_at: float


class Publisher:
    """Publishes generations of steerings, numbered so that they rise across restarts.

    Args:
        clock: for times of confirmation, and for the first number.
        outlet: where to publish.
        confirmed: takes a record for each generation that is confirmed.
        ended: takes a generation once no answers of before it can be given any more.
    """

    def __init__(
        self,
        clock: Clock,
        outlet: Outlet,
        confirmed: Callable[[PublicationRecord], None],
        ended: Callable[[int], object],
    ) -> None:
        self._clock, self._outlet, self._confirmed, self._ended = clock, outlet, confirmed, ended
        self.generation = int(clock.utc().timestamp() * 1000)
        self._pending: deque[_Pending] = deque(maxlen=MAX_PENDING)
        self._wake, self._due = asyncio.Event(), asyncio.Event()

    def next_generation(self) -> int:
        """The number of what is published next."""
        self.generation += 1
        return self.generation

    def continue_from(self, generation: int) -> None:
        """Number what follows above ``generation``, though the wall clock may have been set back since."""
        self.generation = max(self.generation, generation)

    def look_again(self) -> None:
        """Old answers may be given again somewhere: find out when they are not."""
        self._due.set()

    def publish(self, steerings: Mapping[ServiceName, Steering], changed: tuple[ServiceName, ...], at: float) -> None:
        """Publish ``steerings`` as the newest generation; ``changed`` since ``at`` is what the record will name."""
        self._outlet.publish(self.generation, steerings)
        self._pending.append(_Pending(self.generation, changed, at))
        self._wake.set()
        self._due.set()

    async def run(self) -> None:
        """Run the outlet and follow its confirmations until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._outlet.run())
            group.create_task(self._follow())
            group.create_task(self._follow_end())

    async def _follow(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                newest = self._pending[-1].generation
                if not await self._outlet.settled(newest, PATIENCE):
                    log.warning("not confirmed yet", provider=self._outlet.name, generation=newest)
                    continue
                self._settle(newest)

    async def _follow_end(self) -> None:
        """Tell when no answers of before what is published can be given any more."""
        while True:
            await self._due.wait()
            self._due.clear()
            generation = self.generation
            while not await self._outlet.ended(generation, PATIENCE):
                log.warning("older answers may be given again", provider=self._outlet.name, generation=generation)
                generation = self.generation
            self._ended(generation)

    def _settle(self, generation: int) -> None:
        now = self._clock.monotonic()
        at_utc = self._clock.to_utc(now)
        while self._pending and self._pending[0].generation <= generation:
            done = self._pending.popleft()
            seconds = now - done.decided_at
            self._confirmed(PublicationRecord(at_utc, self._outlet.name, done.generation, done.services, seconds))
