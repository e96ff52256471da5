"""A connection that is held open: its end leads to an attempt at once, and proves nothing by itself."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import cast

import pytest

from gslb.control.clock import Clock
from gslb.control.monitor import Monitor
from gslb.control.resolver import Resolver
from gslb.control.runner import CheckSetup
from gslb.control.tripwire import LONGEST_PAUSE, PAUSE, Tripwire
from gslb.model.address import Address
from gslb.model.observation import Cause, CheckKey, ProbeResult
from gslb.model.pacing import Pace
from gslb.model.step import Condition, ProbeState
from probes.net.allowance import Allowance
from probes.net.connection import User
from probes.net.network import Network
from probes.net.reactor import Reactor
from probes.tcp import Tcp
from tests.control.bench import key
from tests.control.loops import running
from tests.control.test_monitor import monitoring
from tests.waiting import until

SELDOM = Pace(interval=300.0, timeout=20.0, confirm=100.0, confirm_timeout=20.0, tripwire=True)
IP = ip_address("192.0.2.1")


class Gateway:
    """Takes connections and keeps those that the other side does not end."""

    def __init__(self) -> None:
        self.taken = 0
        self.held: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def close_idle(self) -> None:
        for writer in self.held:
            writer.close()

    async def kill(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self.held:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        self.held.add(writer)
        try:
            await reader.read()
        except ConnectionError:
            pass
        finally:
            self.held.discard(writer)
            writer.close()

    @property
    def checks(self) -> dict[CheckKey, CheckSetup]:
        return self.checks_at(SELDOM)

    def checks_at(self, pace: Pace) -> dict[CheckKey, CheckSetup]:
        return {key("gw:80"): CheckSetup(Tcp(), pace, Address(ip_address("127.0.0.1"), self.port))}


@asynccontextmanager
async def gateway() -> AsyncIterator[Gateway]:
    made = Gateway()
    await made.start()
    try:
        yield made
    finally:
        await made.kill()


async def test_a_gateway_that_is_killed_is_looked_at_at_once() -> None:
    async with gateway() as gw, monitoring(gw.checks) as rig:
        await until(lambda: gw.taken == 2 and len(gw.held) == 1)
        await gw.kill()
        await until(lambda: len(rig.results) == 2)
        first, second = rig.results
        assert (first.observation.ok, first.tripped) == (True, False)
        assert (second.observation.cause, second.tripped) == (Cause.REFUSED, True)
        await gw.start()


async def test_a_server_that_closes_what_is_idle_has_not_failed() -> None:
    async with gateway() as gw, monitoring(gw.checks) as rig:
        await until(lambda: gw.taken == 2 and len(gw.held) == 1)
        gw.close_idle()
        await until(lambda: len(rig.results) == 2)
        assert [(result.observation.ok, result.tripped) for result in rig.results] == [(True, False), (True, True)]
        await until(lambda: not gw.held)
        assert gw.taken == 3, "it is not opened again at once"


async def test_no_connection_is_held_to_what_is_down() -> None:
    """A machine that has died silently would never end it, and it would be of no use when that is back."""
    async with gateway() as gw, monitoring(gw.checks_at(replace(SELDOM, confirm=0.01))) as rig:
        await until(lambda: len(gw.held) == 1 and gw.taken == 2)
        rig.verdict = ProbeState(Condition.DOWN, since=0.0)
        rig.monitor.hurry(gw.checks)
        await until(lambda: len(rig.results) == 2 and not gw.held)


async def test_with_the_monitor_the_connection_ends() -> None:
    async with gateway() as gw:
        async with monitoring(gw.checks):
            await until(lambda: len(gw.held) == 1 and gw.taken == 2)
        await until(lambda: not gw.held)


async def test_a_check_that_its_own_result_has_ended_holds_no_connection() -> None:
    seen: list[ProbeResult] = []
    resolver = Resolver(lambda _: None)

    def deliver(result: ProbeResult) -> ProbeState:
        seen.append(result)
        monitor.configure({})
        return ProbeState(Condition.UP)

    monitor = Monitor(Clock(), resolver, deliver)
    async with gateway() as gw:
        monitor.configure(gw.checks)
        async with running(monitor.run()):
            await until(lambda: seen and gw.taken == 1 and not gw.held)
            other = await asyncio.open_connection("127.0.0.1", gw.port)  # taken after any that came before it
            await until(lambda: len(gw.held) == 1)
            other[1].close()
        assert gw.taken == 2
    resolver.close()


@dataclass(slots=True)
class Held:
    """One connection of a tripwire, as its network would make it."""

    connect_time: float | None = None
    aborted: bool = False

    def abort(self) -> None:
        self.aborted = True


@dataclass(slots=True)
class Line:
    """A network to hold connections through, and a clock."""

    now: float = 100.0
    opened: list[Held] = field(default_factory=list)
    down: bool = False
    trips: int = 0
    allowance: Allowance = field(default_factory=lambda: Allowance(1))

    def connect(self, _ip: object, _port: int, _user: User) -> Held:
        if self.down:
            raise OSError
        self.opened.append(Held())
        return self.opened[-1]

    def trip(self) -> None:
        self.trips += 1


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    made = Line()
    monkeypatch.setattr("gslb.control.tripwire.monotonic", lambda: made.now)
    return made


def wired(line: Line) -> Tripwire:
    return Tripwire(cast("Network", line), line.trip)


def test_it_is_opened_again_no_faster_than_its_pause_which_doubles_up_to_a_bound(line: Line) -> None:
    wire, gaps = wired(line), []
    for _ in range(9):
        before, opened = line.now, len(line.opened)
        while len(line.opened) == opened:
            line.now += 0.25
            wire.hold(IP, 80)
        gaps.append(line.now - before)
        line.opened[-1].connect_time = 0.001
        wire.lost(None)
    assert gaps[1:] == [2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    assert line.trips == 9


def test_a_connection_that_lasted_is_opened_again_soon(line: Line) -> None:
    wire = wired(line)
    for _ in range(4):
        line.now += LONGEST_PAUSE
        wire.hold(IP, 80)
        wire.lost(None)
    line.now += LONGEST_PAUSE
    wire.hold(IP, 80)
    line.now += LONGEST_PAUSE
    wire.lost(None)
    count = len(line.opened)
    line.now += PAUSE
    wire.hold(IP, 80)
    assert len(line.opened) == count + 1


def test_one_connection_is_enough(line: Line) -> None:
    wire = wired(line)
    for _ in range(5):
        line.now += LONGEST_PAUSE
        wire.hold(IP, 80)
        wire.connected()
        wire.received(b"220 ready")
    assert len(line.opened) == 1


def test_what_never_came_about_or_was_ended_here_does_not_trip(line: Line) -> None:
    wire = wired(line)
    wire.hold(IP, 80)
    wire.lost(ConnectionRefusedError())
    line.now += LONGEST_PAUSE
    wire.hold(IP, 80)
    wire.release()
    wire.release()
    assert line.opened[-1].aborted
    line.now += LONGEST_PAUSE
    line.down = True
    wire.hold(IP, 80)
    assert (line.trips, len(line.opened)) == (0, 2)


async def test_without_an_allowance_there_is_no_tripwire_and_a_released_one_gives_it_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, closing(Reactor()) as reactor:
        network, port = Network(reactor, allowance=Allowance(1)), listener.getsockname()[1]
        one, other = Tripwire(network, lambda: None), Tripwire(network, lambda: None)
        one.hold(ip_address("127.0.0.1"), port)
        other.hold(ip_address("127.0.0.1"), port)
        assert one._connection is not None
        assert other._connection is None
        one.release()
        del other
        other = Tripwire(network, lambda: None)
        other.hold(ip_address("127.0.0.1"), port)
        assert other._connection is not None
        other.release()
