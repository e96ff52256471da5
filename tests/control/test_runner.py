"""Checks at work on real sockets: addresses that change or must not be probed, stalls, descriptors, and the end."""

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import cast

import pytest

from gslb.control.clock import Clock
from gslb.control.monitor import Monitor
from gslb.control.resolver import Resolver
from gslb.control.runner import CheckSetup
from gslb.model.address import Address
from gslb.model.observation import Cause, CheckKey, Observation, ProbeResult
from gslb.model.pacing import Pace
from gslb.model.step import ProbeState
from probes.base import Done, Target
from probes.net.network import Network
from probes.tcp import Tcp
from tests.control.bench import key
from tests.control.test_monitor import CALM, QUICK, SELDOM, SUSPECT, Told, good, monitoring, setups
from tests.probes.listening import first, gone, listening
from tests.probes.servers import open_files, silent
from tests.waiting import until

NAME = "gw.example.net"
METADATA = ip_address("169.254.169.254")
ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Line:
    """A probe that notes what becomes of its sessions, and ends its attempts when it is told to."""

    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    under_way: list[tuple[str, Done]] = field(default_factory=list)
    hold: bool = False

    def session(self, target: Target, network: Network) -> "_Session":
        self.opened.append(str(target.ip))
        return _Session(self, str(target.ip))

    def finish(self, observation: Observation) -> None:
        self.under_way.pop(0)[1](observation)


class _Session:
    def __init__(self, line: Line, ip: str) -> None:
        self._line, self._ip = line, ip

    def start(self, timeout: float, done: Done) -> "_Attempt":
        if self._line.hold:
            self._line.under_way.append((self._ip, done))
        else:
            done(Observation(ok=True, latency=0.001))
        return _Attempt()

    def close(self) -> None:
        assert self._ip not in [ip for ip, _ in self._line.under_way], "an attempt is under way"
        self._line.closed.append(self._ip)


class _Attempt:
    def expire(self) -> Observation:
        return Observation(ok=False, latency=0.1, cause=Cause.TIMEOUT)


def named(probe: Line | Tcp, pace: Pace = QUICK, port: int = 80) -> dict[CheckKey, CheckSetup]:
    return {key(NAME): CheckSetup(probe, pace, Address(NAME, port))}


def literal(ip: str, port: int, *allowed: str) -> dict[CheckKey, CheckSetup]:
    networks = tuple(ip_network(network) for network in allowed)
    return {key(ip): CheckSetup(Tcp(), QUICK, Address(ip_address(ip), port), networks)}


@asynccontextmanager
async def server() -> AsyncIterator[int]:
    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    made = await asyncio.start_server(take, "127.0.0.1", 0)
    async with made:
        yield made.sockets[0].getsockname()[1]


# Where to


async def test_an_address_where_clouds_hand_out_credentials_is_not_probed() -> None:
    async with monitoring(literal(str(METADATA), 80)) as rig:
        await until(lambda: len(rig.results) >= 3)
    assert {result.observation.cause for result in rig.results} == {Cause.FORBIDDEN}
    assert "169.254.169.254 is not probed: link-local" in rig.results[0].observation.detail


async def test_what_is_allowed_is_probed_and_what_is_not_is_not() -> None:
    """0.0.0.0 is no address of a host, but leads to this one."""
    async with server() as port:
        async with monitoring(literal("0.0.0.0", port)) as rig:
            await until(lambda: rig.results)
        assert rig.results[0].observation.cause is Cause.FORBIDDEN
        async with monitoring(literal("0.0.0.0", port, "0.0.0.0/8")) as rig:
            await until(lambda: rig.results)
        assert rig.results[0].observation.ok


async def test_a_name_that_comes_to_lead_to_such_an_address_is_not_followed_there() -> None:
    line = Line()
    async with monitoring(named(line)) as rig:
        rig.resolver.restore(NAME, ip_address("127.0.0.1"))
        await until(lambda: any(result.observation.ok for result in rig.results))
        rig.resolver._take(NAME, [METADATA])
        await until(lambda: rig.results[-1].observation.cause is Cause.FORBIDDEN)
        assert (line.opened, line.closed) == (["127.0.0.1"], ["127.0.0.1"])
        rig.resolver._take(NAME, [ip_address("127.0.0.1")])
        await until(lambda: rig.results[-1].observation.ok)
        assert line.opened == ["127.0.0.1", "127.0.0.1"]
    assert line.closed == line.opened


async def test_a_name_without_address_fails_and_one_that_is_still_being_resolved_says_nothing() -> None:
    async with monitoring(named(Line())) as rig:
        await until(lambda: rig.results)
        assert rig.results[-1].observation.cause is Cause.RESOLVE
        waiting = asyncio.create_task(asyncio.Event().wait())
        rig.resolver._tasks[NAME] = waiting  # type: ignore[assignment]
        await until(lambda: rig.results[-1].observation.cause is Cause.LOCAL)
        waiting.cancel()


async def test_a_new_address_gets_a_session_of_its_own_and_the_old_one_is_closed() -> None:
    line = Line()
    async with monitoring(named(line)) as rig:
        rig.resolver.restore(NAME, ip_address("127.0.0.1"))
        await until(lambda: any(result.observation.ok for result in rig.results))
        rig.resolver._take(NAME, [ip_address("127.0.0.2")])
        await until(lambda: line.closed)
        assert (line.opened, line.closed) == (["127.0.0.1", "127.0.0.2"], ["127.0.0.1"])
    assert line.closed == ["127.0.0.1", "127.0.0.2"]


async def test_an_attempt_to_the_old_address_ends_before_its_session_is_closed() -> None:
    """Confirming attempts overlap, so that one can be under way to each."""
    line = Line(hold=True)
    async with monitoring(named(line, replace(SELDOM, timeout=60.0, confirm_timeout=60.0)), NAME) as rig:
        rig.resolver.restore(NAME, ip_address("127.0.0.1"))
        await until(lambda: len(line.under_way) == 1)
        line.finish(Observation(ok=False, latency=0.1, cause=Cause.STATUS))
        await until(lambda: len(line.under_way) == 2)
        rig.resolver._take(NAME, [ip_address("127.0.0.2")])
        line.finish(Observation(ok=False, latency=0.1, cause=Cause.STATUS))
        await until(lambda: len(line.under_way) == 2)
        assert [ip for ip, _ in line.under_way] == ["127.0.0.1", "127.0.0.2"]
        assert line.closed == []
        rig.suspects.clear()
        line.finish(Observation(ok=True, latency=0.1))
        assert line.closed == ["127.0.0.1"]
        line.under_way.clear()
    assert line.closed == ["127.0.0.1", "127.0.0.2"]


# Time


async def test_a_slow_answer_is_confirmed_before_its_time_is_up_and_counts_all_the_same() -> None:
    release, taken = asyncio.Event(), 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        await reader.readexactly(4)
        taken += 1
        if taken > 5:
            await release.wait()
        writer.write(b"pong")
        writer.close()

    made = await asyncio.start_server(serve, "127.0.0.1", 0)
    pace = Pace(interval=0.05, timeout=30.0, confirm=0.01, confirm_timeout=30.0, hedge=0.02)
    port = made.sockets[0].getsockname()[1]
    checks = {key("gw"): CheckSetup(Tcp(send="ping", expect="pong"), pace, Address(ip_address("127.0.0.1"), port))}
    async with made, monitoring(checks) as rig:
        await until(lambda: taken >= 8)
        before = len(rig.results)
        release.set()
        await until(lambda: len(rig.results) >= before + 3)
    assert before <= 5
    assert all(result.observation.ok for result in rig.results)
    starts = [result.at for result in rig.results]
    assert starts == sorted(starts)


async def test_a_stall_of_this_process_makes_no_time_limit_of_what_has_answered() -> None:
    """The server is a thread: it answers while the loop stands still."""
    pace = Pace(interval=0.02, timeout=0.25, confirm=0.01, confirm_timeout=0.25)

    def pong(connection: socket.socket) -> None:
        connection.sendall(b"pong")
        gone(connection)

    with listening(first(4, pong)) as target:
        checks = {key("gw"): CheckSetup(Tcp(send="ping", expect="pong"), pace, Address(target.ip, target.port))}
        async with monitoring(checks) as rig:
            for _ in range(4):
                goal = len(rig.results) + 3
                await until(lambda goal=goal: len(rig.results) >= goal)  # type: ignore[misc]
                time.sleep(0.6)  # noqa: ASYNC251  this is the stall
            await until(lambda: len(rig.results) >= 15)
        assert Cause.TIMEOUT not in {result.observation.cause for result in rig.results}
        assert rig.results[-1].observation.ok


async def test_whoever_wants_to_know_at_once_does_not_wait_for_the_interval() -> None:
    async with monitoring(setups(Told(good), "127.0.0.1:1", pace=SELDOM)) as rig:
        for number in (1, 2, 3):
            await until(lambda number=number: len(rig.results) == number)  # type: ignore[misc]
            rig.monitor.hurry([key("127.0.0.1:1"), key("127.0.0.1:9")])


# What goes wrong


async def test_what_taking_a_result_raises_ends_the_run() -> None:
    def deliver(_: ProbeResult) -> ProbeState:
        raise ZeroDivisionError("the engine has a bug")

    resolver = Resolver(lambda _: None)
    monitor = Monitor(Clock(), resolver, deliver)
    monitor.configure(setups(Told(good), "127.0.0.1:1", "127.0.0.1:2"))
    with pytest.raises(ZeroDivisionError, match="the engine has a bug"):
        async with asyncio.timeout(20):
            await monitor.run()
    resolver.close()


async def test_a_process_without_descriptors_takes_nothing_out_and_goes_on_when_it_has_some() -> None:
    async with server() as port:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.control.starved", str(port), cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
    assert process.returncode == 0
    starved, verdicts, fed = json.loads(out)
    assert starved == ["local"]
    assert verdicts == ["unknown"]
    assert "ok" in fed


async def test_a_configuration_that_comes_in_the_midst_of_taking_a_result_is_in_force_at_once() -> None:
    seen: list[str] = []
    resolver = Resolver(lambda _: None)

    def deliver(result: ProbeResult) -> ProbeState:
        seen.append(result.key.target)
        if len(seen) == 5:
            monitor.configure(setups(Told(good), "127.0.0.1:2", "127.0.0.1:3"))
        return SUSPECT if len(seen) % 2 else CALM

    monitor = Monitor(Clock(), resolver, deliver)
    monitor.configure(setups(Told(good), "127.0.0.1:1", "127.0.0.1:2"))
    task = asyncio.create_task(monitor.run())
    await until(lambda: len(seen) >= 40)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    resolver.close()
    assert set(seen[5:]) == {"127.0.0.1:2", "127.0.0.1:3"}


async def test_results_that_have_waited_for_an_older_one_are_not_delivered_to_a_closed_check() -> None:
    """Two come out at once, and the first leads to a configuration without the check."""
    line, seen, resolver = Line(hold=True), [], Resolver(lambda _: None)

    def deliver(result: ProbeResult) -> ProbeState:
        seen.append(result)
        if len(seen) == 2:
            monitor.configure({})
        return SUSPECT

    monitor = Monitor(Clock(), resolver, deliver)
    monitor.configure(setups(line, "127.0.0.1:1", pace=SELDOM))  # type: ignore[arg-type]
    task = asyncio.create_task(monitor.run())
    await until(lambda: len(line.under_way) == 1)
    line.finish(Observation(ok=False, latency=0.1, cause=Cause.STATUS))
    await until(lambda: len(line.under_way) == 2)
    line.under_way.reverse()
    line.finish(Observation(ok=True, latency=0.1))
    assert len(seen) == 1
    line.finish(Observation(ok=True, latency=0.1))
    assert len(seen) == 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    resolver.close()
    assert line.closed == line.opened


async def test_the_end_leaves_no_descriptor_no_timer_and_no_task() -> None:
    async def forever(_: Target) -> Observation:
        await asyncio.Event().wait()
        raise AssertionError

    async def work(*ports: int) -> None:
        pace = Pace(interval=0.02, timeout=20.0, tripwire=True)
        tcp = {key(f"tcp-{port}"): CheckSetup(Tcp(), pace, Address(ip_address("127.0.0.1"), port)) for port in ports}
        async with monitoring(tcp | setups(Told(forever), "127.0.0.1:1")) as rig:
            await until(lambda: len(rig.results) >= 5)
            reactor = rig.monitor._reactor
        assert reactor is not None
        assert (reactor._timers, rig.monitor._reactor) == ([], None)
        assert all(runner.closed and not runner.runs for runner in rig.monitor._runners.values())
        assert rig.monitor.slots._used == 0

    with silent() as black_hole:
        async with server() as port:
            await work(port, black_hole.port)  # what the loop opens for itself is open after that
            await until(lambda: len(asyncio.all_tasks()) == 1)
            held = open_files()
            for _ in range(3):
                await work(port, black_hole.port)
            await until(lambda: open_files() <= held and len(asyncio.all_tasks()) == 1)


class Faulty:
    """A probe with bugs: says what is no observation, or raises when its time is up."""

    def __init__(self, said: object = None, *, raises: bool = False, answers: bool = True) -> None:
        self._said, self._raises, self._answers = said, raises, answers

    def session(self, _target: Target, _network: Network) -> "Faulty":
        return self

    def start(self, _timeout: float, done: Done) -> "Faulty":
        if not self._raises:
            done(cast("Observation", self._said))
        return self if self._answers else cast("Faulty", None)

    def expire(self) -> Observation:
        raise ZeroDivisionError("a bug in a plug-in")

    def close(self) -> None:
        """Nothing is kept."""


@pytest.mark.parametrize(
    ("probe", "detail"),
    [
        (Faulty("fine"), "probe returned 'fine'"),
        (Faulty(raises=True), "probe raised ZeroDivisionError"),
        (Faulty(raises=True, answers=False), "probe returned None"),
    ],
    ids=["says something else", "raises at its end", "starts no attempt"],
)
async def test_a_faulty_session_is_a_local_failure_and_its_check_goes_on(probe: Faulty, detail: str) -> None:
    async with monitoring(setups(cast("Told", probe), "127.0.0.1:1")) as rig:
        await until(lambda: len(rig.results) >= 3)
    assert {result.observation.cause for result in rig.results} == {Cause.LOCAL}
    assert all(result.observation.detail.startswith(detail) for result in rig.results)
