"""Changes one after the other, each from its decision until it is confirmed, at a stand-in in a process of its own.

A change takes one request that writes, one question whether it is settled, which is asked half a second later, and one
that reads it back, as the zone is small. What is our own is what lies between these: from the decision to the request,
from the moment at which the question was due to the question, and so on; and processor time, of all threads.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, process_time
from typing import Any

from prometheus_client import CollectorRegistry

from gslb.config.providers import Drift
from gslb.control.clock import Clock
from gslb.control.writing.fleet import Writers
from gslb.control.writing.follower import FIRST_POLL
from gslb.control.writing.setup import WriterSetup
from gslb.model.names import ServiceName
from tests.bench.providers.watched import Timed, Watched
from tests.control.loops import running
from tests.control.writing.rig import Told, answer
from tests.e2e.clouds import PROJECT, PROVIDERS
from tests.e2e.scenarios import FAST, ZONE

SERVICE = ServiceName(f"api.{ZONE}")
ADDRESSES = ("203.0.113.1", "203.0.113.2")
STEPS = ("apply", "settled", "read")
ARGUMENTS = {
    "route53": ("--burst", "1e9", "--rate", "1e9"),
    "clouddns": ("--project", PROJECT),
}
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one change, in seconds.

    Attributes:
        written: from the decision until the provider has taken it.
        settled: until it says that all its servers have it.
        confirmed: until it was read back.
        waited: for answers.
        between: neither waited for an answer, nor for the moment at which to ask.
        processor: time of this process.
    """

    written: float
    settled: float
    confirmed: float
    waited: float
    between: float
    processor: float


@contextmanager
def stand_in(kind: str) -> Iterator[dict[str, Any]]:
    """A stand-in that has the zone; the options of a provider that publishes there."""
    command = [sys.executable, "-m", f"tests.fakes.{kind}", "--zone", ZONE, *ARGUMENTS[kind]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            table = {"endpoint": json.loads(process.stdout.readline())["url"]}
            yield table | ({"project": PROJECT, "anonymous": True} if kind == "clouddns" else {})
        finally:
            process.terminate()


class Announced(Told):
    """Wakes whoever waits for what is confirmed."""

    def __init__(self) -> None:
        super().__init__()
        self.event = asyncio.Event()

    def moved(self) -> None:
        self.event.set()


class Office:
    """Writers of the one zone.

    Args:
        provider: where.
    """

    def __init__(self, provider: Watched) -> None:
        self._told, self._generation = Announced(), 0
        self.writers = Writers(Clock(), self._told, CollectorRegistry())
        fixed: dict[str, Any] = {"owner": "us", "witness": False, "drift": Drift.OFF, **FAST}
        self.writers.configure([WriterSetup("bench", ZONE, provider, frozenset({SERVICE}), **fixed)])

    async def publish(self, address: str) -> float:
        """Publish, and wait; when it was confirmed."""
        self._generation += 1
        self.writers.publish(self._generation, {SERVICE: answer(SERVICE, address)}, monotonic())
        async with asyncio.timeout(PATIENCE):
            while self.writers.over(SERVICE) != self._generation:
                self._told.event.clear()
                await self._told.event.wait()
        return monotonic()


async def changes(kind: str, table: dict[str, Any], count: int) -> list[Figures]:
    """Publish one decision after the other, each when the one before is confirmed."""
    provider, found = Watched(PROVIDERS[kind].model_validate(table)), []
    office = Office(provider)
    async with running(office.writers.run()):
        await office.publish(ADDRESSES[0])
        for number in range(count):
            provider.calls.clear()
            began, processor = monotonic(), process_time()
            confirmed = await office.publish(ADDRESSES[(number + 1) % len(ADDRESSES)])
            found.append(_figures(provider.calls, began, confirmed, process_time() - processor))
    return found


def _figures(calls: Sequence[Timed], began: float, confirmed: float, processor: float) -> Figures:
    write, question, reading = calls
    assert (write.operation, question.operation, reading.operation) == STEPS
    waited = sum(call.ended - call.began for call in calls)
    return Figures(
        written=write.ended - began,
        settled=question.ended - began,
        confirmed=confirmed - began,
        waited=waited,
        between=confirmed - began - waited - FIRST_POLL,
        processor=processor,
    )
