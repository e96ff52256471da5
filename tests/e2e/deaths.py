"""A writer that is killed (SIGKILL) at an HTTP request of a change, and those that come after it.

moment   the writer dies                                     its request
before   when the provider has received the request          is never looked at
during   when all of it is done                              has no answer
after    when it is answered                                 is over
late     when the provider has received the request          does its work later, just before some request of the next
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from threading import Event

from gslb.model.distribution import distribution
from gslb.model.location import Client
from gslb.model.recordset import markers
from tests.e2e.clouds import CLOUDS, CREDENTIALS, Asked, Cloud, Moment, Records
from tests.e2e.scenarios import ONE, SCENARIOS, TWO, ZONE, Scenario, answers_of, is_answered, publish, rendered
from tests.fakes.nameserver import Nameserver
from tests.waiting import until

FOREIGN = 20
AT_ONCE = 6
"""cases, which mostly wait for the next question whether a change is settled"""
PATIENCE = 20.0
ANYBODY = Client(ip_network("192.0.2.1"))


@dataclass(frozen=True, slots=True)
class Death:
    """When a writer dies.

    Attributes:
        request: at which of its requests, counted from 0.
        moment: of that.
        writing: it is counted among those that write.
        late: it does its work just before this request of the next writer; None: at once, if at all.
    """

    request: int
    moment: Moment = Moment.BEFORE
    writing: bool = False
    late: int | None = None


@dataclass
class Victim:
    """The writer, and what kills it. A hook.

    Attributes:
        first: number of its first request.
        death: when it dies; None: it does not.
        process: file descriptor of its process.
        killed: it is dead.
        successor: number of the first request of the next one.
    """

    first: int
    death: Death | None
    process: int
    killed: bool = False
    successor: int | None = None
    _writes: int = 0
    _held: int | None = None
    _free: Event = field(default_factory=Event)
    _done: Event = field(default_factory=Event)

    def __call__(self, moment: Moment, asked: Asked) -> bool:
        if self.death is None:
            return True
        if self.successor is not None:
            self._meet(moment, asked, self.successor)
            return True
        if not self._is_meant(moment, asked, self.death):
            return True
        signal.pidfd_send_signal(self.process, signal.SIGKILL)
        self.killed = True
        if self.death.late is None:
            return moment is not Moment.BEFORE
        self._held = asked.number
        assert self._free.wait(PATIENCE)
        return True

    def _is_meant(self, moment: Moment, asked: Asked, death: Death) -> bool:
        """Whether this is where it dies."""
        if moment is not death.moment or self.killed:
            return False
        if not death.writing:
            return asked.number == self.first + death.request
        self._writes += asked.writes
        return asked.writes and self._writes == death.request + 1

    def _meet(self, moment: Moment, asked: Asked, successor: int) -> None:
        """Let what was held go first, when the successor has come so far."""
        late = 0 if self.death is None or self.death.late is None else self.death.late
        if asked.number == self._held and moment is Moment.DURING:
            self._done.set()
        elif self._held is not None and asked.number == successor + late and moment is Moment.BEFORE:
            self._free.set()
            assert self._done.wait(PATIENCE)


@contextmanager
def zygotes(folder: Path) -> Iterator[Path]:
    """Where writers can be had."""
    path = folder / "socket"
    process = subprocess.Popen([sys.executable, "-m", "tests.e2e.zygote", str(path)], env=os.environ | CREDENTIALS)
    try:
        yield path
    finally:
        process.kill()
        process.wait()


@dataclass
class Stage:
    """A provider with one zone, and what happens to it.

    Attributes:
        cloud: the provider.
        server: the zone's nameserver.
        name: of the scenario.
        zygote: gives writers.
    """

    cloud: Cloud
    server: str
    name: str
    zygote: Path

    @property
    def scenario(self) -> Scenario:
        return SCENARIOS[self.name]

    async def establish(self) -> None:
        """Have what is there before, beside what belongs to others."""
        self.cloud.fill(ZONE, FOREIGN)
        if self.scenario.before:
            await publish(self.cloud.options, self.server, Scenario((), self.scenario.before), 1)

    async def write(self, death: Death | None) -> Sequence[Asked]:
        """Let a writer make the change, and perhaps die; its requests."""
        first = len(self.cloud.asked())
        reader, writer = await asyncio.open_unix_connection(str(self.zygote))
        process = os.pidfd_open(int(await reader.readline()))
        try:
            self.victim = Victim(first, death, process)
            self.cloud.hook(self.victim)
            case = {"type": self.cloud.name, "table": self.cloud.table, "server": self.server, "scenario": self.name}
            writer.write(json.dumps(case | {"fence": 2}).encode() + b"\n")
            async with asyncio.timeout(PATIENCE):
                lived = await reader.read() == b"lived\n"
            assert lived or self.victim.killed
            assert not lived or death is None or death.moment is Moment.AFTER  # which may be too late
        finally:
            writer.close()
            os.close(process)
        return self.cloud.asked()[first:]

    async def recover(self) -> None:
        """Start another one, and a third one under its lease, which finds nothing to write."""
        self.victim.successor = len(self.cloud.asked())
        await publish(self.cloud.options, self.server, self.scenario, 3)
        commits, asked = len(self.cloud.states(ZONE)), len(self.cloud.asked())
        await publish(self.cloud.options, self.server, self.scenario, 3)
        assert len(self.cloud.states(ZONE)) == commits
        assert not any(request.writes for request in self.cloud.asked()[asked:])

    def check(self, states: list[Records]) -> None:
        """What holds in the end, and all the way; ``states`` begin with what was there before."""
        scenario, provider = self.scenario, self.cloud.options
        foreign = frozenset(record for record in states[0] if "foreign" in record.name or record.name == ZONE)
        assert len(foreign) > FOREIGN
        for state in states:
            assert foreign <= state
            for name in (ONE, TWO):
                old, new = (rendered(provider, each, name) for each in (scenario.before, scenario.after))
                assert answers_of(state, name) in {old, new}
                assert is_answered(state, name) or not (old and new)
        end = states[-1]
        marked = markers(end)
        assert marked.keys() == set(scenario.services)
        wanted = rendered(provider, scenario.after, ONE) | rendered(provider, scenario.after, TWO)
        assert end - foreign - {record for _, record in marked.values()} == wanted  # nothing is there twice
        for steering in scenario.after:
            for kind in steering.types:
                odds = self.cloud.odds(steering.name, kind.value, ANYBODY)
                assert odds == distribution(steering, kind, ANYBODY)


async def play(kind: str, name: str, zygote: Path, folder: Path, death: Death | None) -> Sequence[Asked]:
    """One case; the requests that the first writer has made."""
    await until(zygote.exists, PATIENCE)
    more = {"key": folder / "key.json"} if kind == "clouddns" else {}
    with CLOUDS[kind](ZONE, **more) as cloud, Nameserver(cloud.odds) as server:
        stage = Stage(cloud, f"{server.host}:{server.port}", name, zygote)
        await stage.establish()
        began = len(cloud.states(ZONE)) - 1
        requests = await stage.write(death)
        await stage.recover()
        stage.check(cloud.states(ZONE)[began:])
        return requests


async def play_all(kind: str, name: str, zygote: Path, folder: Path, deaths: Collection[Death]) -> list[str]:
    """Several cases at once; what has gone wrong."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, death: Death) -> str:
        own = folder / str(number)
        own.mkdir()
        async with turns:
            try:
                await play(kind, name, zygote, own, death)
            except Exception as error:  # noqa: BLE001  the others go on
                return f"{death}: {error!r}"
        return ""

    told = await asyncio.gather(*(one(number, death) for number, death in enumerate(deaths)))
    return [text for text in told if text]
