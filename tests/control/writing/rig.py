"""Writers against a provider in memory, on a loop with a time of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from gslb.control.clock import Clock
from gslb.control.writing.fleet import Writers
from gslb.control.writing.setup import WriterPlace, WriterSetup
from gslb.control.writing.writer import ZoneWriter
from gslb.model.names import ServiceName
from gslb.model.record import PublicationRecord
from gslb.model.steering import RecordType, Steering
from tests.control.loops import running
from tests.control.writing.held import ZONE, Cloud, Held, HeldWitness
from tests.nameserver.support import service as steering_of

S = [ServiceName(f"s{number}.{ZONE}") for number in range(300)]
ONE, TWO, THREE = "192.0.2.1", "192.0.2.2", "192.0.2.3"
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)


class LoopClock(Clock):
    """Both clocks go as the loop's does."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def utc(self) -> datetime:
        return BEGAN + timedelta(seconds=self.monotonic())


@dataclass
class Told:
    """What writers have told of."""

    records: list[PublicationRecord] = field(default_factory=list)
    moves: int = 0
    troubles: list[str] = field(default_factory=list)
    concerned: list[tuple[ServiceName, ...]] = field(default_factory=list)
    ends: list[tuple[str, tuple[ServiceName, ...]]] = field(default_factory=list)
    drifts: list[tuple[ServiceName, ...]] = field(default_factory=list)

    def published(self, record: PublicationRecord) -> None:
        self.records.append(record)

    def moved(self) -> None:
        self.moves += 1

    def trouble(
        self, provider: str, zone: str, text: str, services: tuple[ServiceName, ...] = (), *, over: bool = False
    ) -> None:
        if over:
            self.ends.append((text, services))
        else:
            self.troubles.append(text)
            self.concerned.append(services)

    def drift(self, provider: str, zone: str, services: tuple[ServiceName, ...]) -> None:
        self.drifts.append(services)


def answer(service: ServiceName, *values: str, ttl: int = 30, **more: Any) -> Steering:
    """A steering with a region for each value, of equal weight."""
    return replace(steering_of(service, *((1, [value]) for value in values), **more), ttl=ttl)


def weighted(service: ServiceName, **weights: int) -> Steering:
    """Regions a, b and c, with addresses .1, .2 and .3."""
    return steering_of(service, *((weight, [f"192.0.2.{'abc'.index(name) + 1}"]) for name, weight in weights.items()))


def both(service: ServiceName, *values: str) -> Steering:
    """A steering of A and AAAA."""
    return answer(service, *values, types=(RecordType.A, RecordType.AAAA))


class Rig:
    """Writers, and what they work on and tell."""

    def __init__(self, cloud: Cloud | None = None, seed: int = 1, servers: Any = None) -> None:
        self.cloud, self.told, self.registry = cloud or Cloud(), Told(), CollectorRegistry()
        self.writers = Writers(LoopClock(), self.told, self.registry, servers or HeldWitness(self.cloud), Random(seed))
        self.generation = 0
        self.steerings: dict[ServiceName, Steering] = {}

    def setup(self, services: Iterable[ServiceName] = S[:3], **more: Any) -> WriterSetup:
        usual: dict[str, Any] = {"provider": "cloud", "zone": ZONE, "owner": "us", "fence": 1}
        options = more.pop("options", None) or Held(self.cloud)
        return WriterSetup(options=options, services=frozenset(services), **(usual | more))

    def configure(self, *setups: WriterSetup) -> None:
        self.writers.configure(setups)

    def publish(self, *steerings: Steering) -> int:
        """Publish these beside what was published; returns the generation."""
        self.steerings |= {steering.name: steering for steering in steerings}
        self.generation += 1
        self.writers.publish(self.generation, self.steerings, asyncio.get_running_loop().time())
        return self.generation

    def over(self, *services: ServiceName) -> list[int | None]:
        return [self.writers.over(service) for service in services]

    async def until_over(self, *services: ServiceName, within: float = 3600.0) -> None:
        await until(lambda: all(self.writers.over(service) == self.generation for service in services), within)

    def place(self, zone: str = ZONE) -> WriterPlace:
        return next(place for place in self.writers.places() if place.zone == zone)

    def writer(self, zone: str = ZONE, provider: str = "cloud") -> ZoneWriter:
        return self.writers._writers[provider, zone]

    def metric(self, name: str, **labels: str) -> float:
        usual = {"provider": "cloud", "zone": ZONE}
        value = self.registry.get_sample_value(f"gslb_provider_{name}", usual | labels)
        return 0.0 if value is None else value


@asynccontextmanager
async def at_work(
    *services: ServiceName, cloud: Cloud | None = None, servers: Any = None, seed: int = 1, **setup: Any
) -> AsyncIterator[Rig]:
    """A rig with one zone, that runs."""
    rig = Rig(cloud, seed, servers)
    rig.configure(rig.setup(services or S[:3], **setup))
    async with running(rig.writers.run()):
        yield rig


async def until(condition: Callable[[], object], within: float = 3600.0) -> None:
    """Wait for ``condition``, in virtual time."""
    loop, began = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  of many things, and time is virtual
            await asyncio.sleep(0.01 + (loop.time() - began) / 100)


async def quiet(rig: Rig, seconds: float = 20.0, within: float = 3600.0) -> None:
    """Wait until nothing was asked for so long."""
    async with asyncio.timeout(within):
        before = -1
        while before != len(rig.cloud.requests):
            before = len(rig.cloud.requests)
            await asyncio.sleep(seconds)
