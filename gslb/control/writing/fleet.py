"""All zones at all API providers: who publishes what, and what is known of it."""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from math import inf
from random import Random
from types import MappingProxyType
from typing import Any

from prometheus_client import CollectorRegistry

from gslb.control.clock import Clock
from gslb.control.writing.access import Access
from gslb.control.writing.keeper import kept
from gslb.control.writing.left import Key, Left, warn_of_owner
from gslb.control.writing.metrics import WriterMetrics
from gslb.control.writing.setup import Tell, WriterPlace, WriterSetup
from gslb.control.writing.site import Site
from gslb.control.writing.status import place_of
from gslb.control.writing.witness import DnsWitness, Witness
from gslb.control.writing.writer import ZoneWriter
from gslb.model.names import ServiceName
from gslb.model.steering import Steering

PATIENCE = 0.9
"""Seconds within which everything ends."""


class Writers:
    """The writers of all zones. For use on one event loop.

    Args:
        clock: both clocks.
        tell: whom to tell of what happens.
        registry: takes the metrics.
        witness: asks nameservers; None: over the network.
        random: spreads waits.
    """

    def __init__(
        self,
        clock: Clock,
        tell: Tell,
        registry: CollectorRegistry,
        witness: Witness | None = None,
        random: Random | None = None,
    ) -> None:
        self._clock, self._tell, self._metrics = clock, tell, WriterMetrics(registry)
        self._witness, self._random = witness or DnsWitness(), random or Random()  # noqa: S311  it spreads waits
        self._accesses: dict[str, Access] = {}
        self._writers: dict[Key, ZoneWriter] = {}
        self._carriers: dict[str, list[ZoneWriter]] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._left = Left()
        self._running = self._moving = False
        self._published: tuple[int, Mapping[ServiceName, Steering], float] = (0, MappingProxyType({}), 0.0)

    def configure(self, setups: Sequence[WriterSetup]) -> None:
        """Write these zones from now on. What is the same goes on as it is; what is left out is left as it is there.

        A zone that goes on with other services removes those that it had; one that is to be published elsewhere, in a
        zone of its own say, once it is confirmed there. A provider with another table, or another
        pace, is opened anew, and its zones begin anew. What others have in the way of services is looked at again.
        """
        wanted = {setup.key: setup for setup in setups}
        accounts = {setup.provider: setup for setup in setups}
        gone = {name for name in self._accesses if not self._is_same(self._accesses[name], accounts.get(name))}
        stopped = [key for key in self._writers if key not in wanted or key[0] in gone]
        self._look_back(wanted)
        tasks = [self._stop(key) for key in stopped]
        for name in gone:
            self._end(self._closed(self._accesses.pop(name), name, [task for task in tasks if task is not None]))
        for key, setup in wanted.items():
            writer = self._writers.get(key)
            if writer is None:
                self._start(setup)
                continue
            if writer.site.setup != setup:
                writer.configure(setup)
                self._publish_at([writer])
            writer.reconsider()
        self._carriers = {}
        for (_, zone), writer in self._writers.items():
            self._carriers.setdefault(zone, []).append(writer)
        if stopped or wanted:
            self._has_moved()

    def publish(self, generation: int, steerings: Mapping[ServiceName, Steering], at: float) -> None:
        """Have ``steerings`` published; returns at once. Of several calls the newest counts.

        Args:
            generation: rises from one call to the next.
            steerings: of all services; those that are left out stay as they are.
            at: when it was decided, in monotonic seconds.
        """
        self._published = generation, dict(steerings), at
        self._publish_at(self._writers.values())

    def over(self, service: ServiceName) -> int | None:
        """The newest generation of which no place at the API providers can give older answers for ``service``.

        It is 0 before the first is confirmed. It stands still while a change is under way, refused, or cannot be said,
        and while somebody else has changed what was written; otherwise it moves on with each publication. None: no
        API provider carries it. One that is removed is carried until it is known to be there no more. Where its zone is
        taken off a provider while a change of it is under way, it stands still until all servers there have what was
        written, and for ever if it was not written, unless the zone is published there again.
        """
        known = [writer.over(service) for writer in self._carriers_of(service)]
        known.extend(self._left.over(service, self._clock.monotonic()))
        return min((generation for generation in known if generation is not None), default=None)

    def _carriers_of(self, service: ServiceName) -> Iterator[ZoneWriter]:
        return (writer for zone in _zones_of(service) for writer in self._carriers.get(zone, ()))

    def _is_awaited(self, service: ServiceName) -> bool:
        """Whether a service is to be published somewhere, and nowhere is so yet."""
        places = {writer.publishes(service) for writer in self._carriers_of(service)}
        return False in places and True not in places

    def places(self) -> tuple[WriterPlace, ...]:
        """How it stands with each zone."""
        return tuple(place_of(self._writers[key]) for key in sorted(self._writers))

    async def run(self) -> None:
        """Work until cancelled; ends within a second of that."""
        self._running = True
        for key in self._writers:
            self._run(key)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._running = False
            await self._close()

    async def _close(self) -> None:
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        for access in self._accesses.values():
            self._end(self._closed(access, access.name, tasks))
        if self._ending:
            await asyncio.wait(self._ending, timeout=PATIENCE)

    def _look_back(self, wanted: Mapping[Key, WriterSetup]) -> None:
        """Before a reload: what becomes of records where zones are published now."""
        for key, writer in self._writers.items():
            if key in wanted:
                warn_of_owner(writer.site, wanted[key])
                continue
            seconds = self._left.leave(writer.site)
            if seconds < inf:
                asyncio.get_running_loop().call_later(seconds, self._has_moved)
        for key in wanted:
            self._left.back(key)

    def _is_same(self, access: Access, setup: WriterSetup | None) -> bool:
        return setup is not None and (access.options, access.pace) == (setup.options, (setup.rate, setup.burst))

    def _start(self, setup: WriterSetup) -> None:
        access = self._accesses.get(setup.provider)
        if access is None:
            access = Access(
                setup.provider, setup.options, (setup.rate, setup.burst), self._clock, self._metrics, self._random
            )
            access.on_recovered = lambda: self._recovered(setup.provider)
            self._accesses[setup.provider] = access
        site = Site(setup, access, self._clock, self._metrics, self._tell, self._has_moved, self._witness, self._random)
        site.awaited = self._is_awaited
        self._writers[setup.key] = ZoneWriter(site)
        self._publish_at([self._writers[setup.key]])
        if self._running:
            self._run(setup.key)

    def _run(self, key: Key) -> None:
        self._tasks[key] = asyncio.create_task(kept(self._writers[key], self._random))

    def _stop(self, key: Key) -> asyncio.Task[None] | None:
        self._writers.pop(key).reports.leave()
        self._metrics.forget(*key)
        task = self._tasks.pop(key, None)
        if task is not None:
            task.cancel()
        return task

    def _end(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _closed(self, access: Access, name: str, tasks: Iterable[asyncio.Task[None]]) -> None:
        """Close an account once nobody uses it any more."""
        waiting = [task for task in tasks if not task.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=PATIENCE / 2)
        await access.close()
        if name not in self._accesses:
            self._metrics.forget_account(name)

    def _publish_at(self, writers: Iterable[ZoneWriter]) -> None:
        generation, steerings, at = self._published
        if generation:
            for writer in writers:
                writer.publish(generation, steerings, at)

    def _recovered(self, provider: str) -> None:
        for (name, _), writer in self._writers.items():
            if name == provider:
                writer.recovered()

    def _has_moved(self) -> None:
        """Tell of it once for all that one turn of the loop has brought."""
        if not self._moving:
            self._moving = True
            asyncio.get_running_loop().call_soon(self._tell_moved)

    def _tell_moved(self) -> None:
        self._moving = False
        for writer in self._writers.values():
            writer.look_elsewhere()
        self._tell.moved()


def _zones_of(service: ServiceName) -> Iterator[str]:
    """Names of zones that ``service`` may be in."""
    name: str = service
    while name:
        yield name
        name = name.partition(".")[2]
