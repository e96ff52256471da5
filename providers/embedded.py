"""embedded: gslb's own nameserver. Steering is what it speaks, so rendering is the identity.

Options: none; ``[nameserver]`` says where it listens. A worker that cannot be reached keeps answering what it has.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from secrets import token_hex

from msgspec import structs

from gslb.model.address import Address
from gslb.model.names import ServiceName
from gslb.model.steering import Steering
from gslb.model.watermark import Watermark
from gslb.nameserver.client import Link
from gslb.nameserver.protocol import MAX_LOWERED
from gslb.nameserver.serials import Serials
from gslb.nameserver.settings import DEFAULTS, Settings
from gslb.nameserver.snapshot import Snapshot, Zone
from gslb.nameserver.transfer.schedule import NotifySchedule
from gslb.nameserver.versions import Versions
from providers.base import Capabilities

CAPABILITIES = Capabilities(publication=0.1, propagation=0.0)


@dataclass(frozen=True, slots=True)
class Place:
    """A worker, as status shows it.

    Attributes:
        name: for people.
        connected: it can be reached now.
        generation: the newest one it confirmed; None before the first.
    """

    name: str
    connected: bool
    generation: int | None


class Embedded:
    """Publishes to every worker of the embedded nameserver.

    Args:
        sockets: of the workers.
        zones: static data, until ``set_zones`` is called.
        secrets: of DNS cookies where the settings have none; without any there are no cookies.
        listen: where the workers answer, which notifications come from as well.

    Attributes:
        publisher: names this process to the workers.
        regressed: called with a worker and a generation that it answers from, or would after a restart, although it
            had left that behind: a file was damaged, say. The worker is being brought up to date then; ``ended`` is to
            be asked again.
        on_answered: called with service, generation, monotonic seconds and worker when a steering is answered by for
            the first time; ``generation`` is the one with which that steering was published. Other workers' first
            answers are passed over, though one whose report came later may have been up to 0.1 s earlier.
        on_blank: called once if no worker had anything to answer from when it was first connected to.
        on_overtaken: called when a worker answers with a later serial than was given here: what was given before a
            crash was not kept. The next ``publish`` goes beyond it.
        serials: gives zones their serials.
    """

    name = "embedded"

    def __init__(
        self,
        sockets: Sequence[Path],
        zones: tuple[Zone, ...],
        secrets: tuple[str, ...] = (),
        listen: Iterable[Address] = (),
    ) -> None:
        self.publisher = token_hex(8)
        self.regressed: Callable[[str, int], object] = lambda *_: None
        self.on_answered: Callable[[ServiceName, int, float, str], object] = lambda *_: None
        self.on_blank: Callable[[], object] = lambda: None
        self.on_overtaken: Callable[[], object] = lambda: None
        self.serials = Serials(time.time)
        self.links = {
            path.stem: Link(
                path,
                self.publisher,
                partial(self._regressed, path.stem),
                partial(self._answered, path.stem),
                self._greeted,
                self._saw,
            )
            for path in sockets
        }
        self._zones, self._settings, self._secrets = zones, DEFAULTS, secrets
        self._elsewhere: frozenset[ServiceName] = frozenset()
        self._versions = Versions()
        self._notifying = NotifySchedule(listen, self.settled)

    def set_zones(
        self, zones: tuple[Zone, ...], settings: Settings = DEFAULTS, elsewhere: frozenset[ServiceName] = frozenset()
    ) -> None:
        """Static data, how to behave, and services of zones that are not published here, for the next ``publish``."""
        secrets = settings.cookie_secrets or self._secrets
        self._zones, self._settings = zones, structs.replace(settings, cookie_secrets=secrets)
        self._elsewhere = elsewhere

    def publish(self, generation: int, steerings: Mapping[ServiceName, Steering]) -> None:
        """Make ``steerings`` what every worker answers, but for those of services elsewhere. Returns at once."""
        if self._elsewhere:
            steerings = {name: steering for name, steering in steerings.items() if name not in self._elsewhere}
        serials, services = self.serials.assign(self._zones, steerings), tuple(steerings.values())
        snapshot = Snapshot(generation, self._zones, services, self.publisher, self._settings, serials)
        self._versions.published(generation, steerings)
        for link in self.links.values():
            link.publish(snapshot)
        self._notifying.published(snapshot)

    def lower(self, services: Collection[ServiceName]) -> bool:
        """Have positive answers of ``services``, and of no others, carry the TTL of negative ones from now on.

        Nothing is published: the generation stays, and so does what workers have on disk. Workers lose it 60 s after
        they have lost this process.

        Returns:
            False if there are more than 1,000: then TTLs are lowered nowhere.
        """
        here = set(services) - self._elsewhere
        taken = len(here) <= MAX_LOWERED
        for link in self.links.values():
            link.lower(tuple(sorted(here)) if taken else ())
        return taken

    def recall(self, watermarks: Collection[Watermark]) -> None:
        """Earlier control processes were told these: what is older now has ``regressed``."""
        for link in self.links.values():
            link.recall(watermarks)

    @property
    def watermark(self) -> Watermark | None:
        """What all workers are known to have left behind, even after restarts of their own; None where nothing is."""
        marks = [link.watermark for link in self.links.values()]
        known = [mark for mark in marks if mark is not None]
        return min(known, key=attrgetter("generation")) if known and len(known) == len(marks) else None

    async def settled(self, generation: int, timeout: float) -> bool:  # noqa: ASYNC109  see Outlet
        """Whether every worker confirmed ``generation`` within ``timeout`` seconds."""
        outcomes = await asyncio.gather(*(link.acknowledged(generation, timeout) for link in self.links.values()))
        return all(outcomes)

    async def ended(self, generation: int, timeout: float) -> bool:  # noqa: ASYNC109  see Outlet
        """Whether every worker has ``generation``, in force and on disk, within ``timeout`` seconds."""
        outcomes = await asyncio.gather(*(link.durable(generation, timeout) for link in self.links.values()))
        # One may have fallen back while another one was waited for.
        return all(outcomes) and all(link.has_durable(generation) for link in self.links.values())

    def places(self) -> tuple[Place, ...]:
        """The workers."""
        return tuple(Place(name, link.connected, link.acked) for name, link in self.links.items())

    async def run(self) -> None:
        """Keep a connection to every worker until cancelled."""
        self._greeted()  # if there is none, none has anything to answer from
        async with asyncio.TaskGroup() as group:
            group.create_task(self._notifying.run())
            for link in self.links.values():
                group.create_task(link.run())

    def _greeted(self) -> None:
        if all(link.blank for link in self.links.values()):
            self.on_blank()

    def _saw(self, serials: Mapping[str, int]) -> None:
        if self.serials.saw(serials):
            self.on_overtaken()

    def _regressed(self, worker: str, generation: int) -> None:
        self.regressed(worker, generation)

    def _answered(self, worker: str, service: ServiceName, generation: int, at: float) -> None:
        published = self._versions.first(service, generation)
        if published is not None:
            self.on_answered(service, published, at, worker)
