"""Hands decisions to the providers and notes when each has confirmed them."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from gslb.control.clock import Clock
from gslb.model.names import ServiceName
from gslb.model.record import PublicationRecord
from gslb.model.steering import Steering
from providers.base import Place

log = structlog.get_logger(__name__)

PATIENCE = 5.0
"""Seconds after which an unconfirmed generation is worth a warning."""
MAX_PENDING = 1000
"""Unconfirmed generations that are remembered for the record; of more the oldest are forgotten."""


class Outlet(Protocol):
    """Publishes the steering of all services that it carries, as a nameserver of our own does."""

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

    def places(self) -> tuple[Place, ...]:
        """Where it answers, for status."""

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
        providers: where to publish.
        confirmed: takes a record whenever a provider confirms.
        ended: takes a generation once no provider can give answers of before it any more.
    """

    def __init__(
        self,
        clock: Clock,
        providers: Sequence[Outlet],
        confirmed: Callable[[PublicationRecord], None],
        ended: Callable[[int], object],
    ) -> None:
        self._clock, self._providers, self._confirmed, self._ended = clock, providers, confirmed, ended
        self.generation = int(clock.utc().timestamp() * 1000)
        self._over: dict[str, int] = {}
        self._pending: dict[str, deque[_Pending]] = {provider.name: deque(maxlen=MAX_PENDING) for provider in providers}
        self._wake = {provider.name: asyncio.Event() for provider in providers}
        self._due = {provider.name: asyncio.Event() for provider in providers}

    def next_generation(self) -> int:
        """The number of what is published next."""
        self.generation += 1
        return self.generation

    def continue_from(self, generation: int) -> None:
        """Number what follows above ``generation``, though the wall clock may have been set back since."""
        self.generation = max(self.generation, generation)

    def look_again(self) -> None:
        """Some place may give old answers again: find out when none does."""
        for due in self._due.values():
            due.set()

    def publish(self, steerings: Mapping[ServiceName, Steering], changed: tuple[ServiceName, ...], at: float) -> None:
        """Publish ``steerings`` as the newest generation; ``changed`` since ``at`` is what the record will name."""
        for provider in self._providers:
            provider.publish(self.generation, steerings)
            self._pending[provider.name].append(_Pending(self.generation, changed, at))
            self._wake[provider.name].set()
            self._due[provider.name].set()

    async def run(self) -> None:
        """Run the providers and follow their confirmations until cancelled."""
        async with asyncio.TaskGroup() as group:
            for provider in self._providers:
                group.create_task(provider.run())
                group.create_task(self._follow(provider))
                group.create_task(self._follow_end(provider))

    async def _follow(self, provider: Outlet) -> None:
        pending, wake = self._pending[provider.name], self._wake[provider.name]
        while True:
            await wake.wait()
            wake.clear()
            while pending:
                newest = pending[-1]
                if not await provider.settled(newest.generation, PATIENCE):
                    log.warning("not confirmed yet", provider=provider.name, generation=newest.generation)
                    continue
                self._settle(provider, newest.generation)

    async def _follow_end(self, provider: Outlet) -> None:
        """Tell when no answers of before what is published can be given any more."""
        due = self._due[provider.name]
        while True:
            await due.wait()
            due.clear()
            generation = self.generation
            while not await provider.ended(generation, PATIENCE):
                log.warning("older answers may be given again", provider=provider.name, generation=generation)
                generation = self.generation
            self._over[provider.name] = generation
            if len(self._over) == len(self._providers):
                self._ended(min(self._over.values()))

    def _settle(self, provider: Outlet, generation: int) -> None:
        pending, now = self._pending[provider.name], self._clock.monotonic()
        at_utc = self._clock.to_utc(now)
        while pending and pending[0].generation <= generation:
            done = pending.popleft()
            seconds = now - done.decided_at
            self._confirmed(PublicationRecord(at_utc, provider.name, done.generation, done.services, seconds))
