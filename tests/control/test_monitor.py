"""The monitor on a real event loop, with probes that do as they are told, and once with real ones."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest
from structlog.testing import capture_logs

from gslb.control.clock import Clock
from gslb.control.descriptors import Budget
from gslb.control.monitor import Monitor
from gslb.control.resolver import Resolver
from gslb.control.runner import CheckSetup
from gslb.model.address import Address
from gslb.model.observation import Cause, CheckKey, Observation, ProbeResult
from gslb.model.pacing import Pace
from gslb.model.step import Condition, ProbeState
from probes.base import AsyncProbe, Target
from probes.tcp import Tcp
from tests.control.bench import key
from tests.control.loops import running
from tests.waiting import until

QUICK = Pace(interval=0.01, timeout=0.01, confirm=0.002, confirm_timeout=0.01)
SELDOM = Pace(interval=30.0, timeout=5.0, confirm=0.002, confirm_timeout=5.0)
CALM, SUSPECT = ProbeState(Condition.UP), ProbeState(Condition.UP, failures=1)
GOOD = Observation(ok=True, latency=0.001)
BAD = Observation(ok=False, latency=0.001, cause=Cause.STATUS, detail="HTTP 503")


class Told:
    """A probe that does as it is told, and counts how many of its attempts are under way."""

    def __init__(self, act: Callable[[Target], Awaitable[Observation]]) -> None:
        self.attempts: Counter[str] = Counter()
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.most_together = 0
        self._act = act

    async def attempt(self, target: Target, timeout: float) -> Observation:  # noqa: ASYNC109  the port's signature
        self.attempts[target.name] += 1
        self.now[target.name] += 1
        self.most[target.name] = max(self.most[target.name], self.now[target.name])
        self.most_together = max(self.most_together, self.now.total())
        try:
            return await self._act(target)
        finally:
            self.now[target.name] -= 1


async def good(_: Target) -> Observation:
    return GOOD


def setups(probe: AsyncProbe, *names: str, pace: Pace = QUICK) -> dict[CheckKey, CheckSetup]:
    return {key(name): CheckSetup(probe, pace, Address(ip_address("127.0.0.1"), int(name[-1]))) for name in names}


class Rig:
    """A monitor and what it has delivered."""

    def __init__(self, in_flight: int = 1000) -> None:
        self.results: list[ProbeResult] = []
        self.suspects: set[str] = set()
        self.late: list[float] = []
        self.verdict = CALM
        self.resolver = Resolver(lambda _: None)
        self.monitor = Monitor(Clock(), self.resolver, self._deliver, self.late.append, Budget(in_flight))

    def _deliver(self, result: ProbeResult) -> ProbeState:
        self.results.append(result)
        return SUSPECT if result.key.target in self.suspects else self.verdict

    def of(self, name: str) -> list[ProbeResult]:
        return [result for result in self.results if result.key.target == name]


@asynccontextmanager
async def monitoring(setups: dict[CheckKey, CheckSetup], *suspects: str, in_flight: int = 1000) -> AsyncIterator[Rig]:
    rig = Rig(in_flight)
    rig.suspects.update(suspects)
    rig.monitor.configure(setups)
    try:
        async with running(rig.monitor.run()):
            yield rig
    finally:
        rig.resolver.close()


async def test_results_come_in_with_their_check_and_the_time_of_the_attempt() -> None:
    before = Clock().monotonic()
    async with monitoring(setups(Told(good), "127.0.0.1:1")) as rig:
        await until(lambda: len(rig.results) >= 3)
    assert {result.key for result in rig.results} == {key("127.0.0.1:1")}
    starts = [result.at for result in rig.results]
    assert before < starts[0] < starts[1] < starts[2]
    assert all(late >= 0 for late in rig.late)
    assert len(rig.late) >= 3


async def test_regular_attempts_of_a_check_never_overlap() -> None:
    async def slow(_: Target) -> Observation:
        await asyncio.sleep(2.5 * QUICK.interval)
        return GOOD

    probe, names = Told(slow), ("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
    async with monitoring(setups(probe, *names)):
        await until(lambda: min(probe.attempts[name] for name in names) >= 4)
    assert set(probe.most.values()) == {1}
    assert probe.most_together > 1


async def test_a_failure_is_confirmed_at_once_and_not_at_the_next_interval() -> None:
    async def bad(_: Target) -> Observation:
        return BAD

    async with monitoring(setups(Told(bad), "127.0.0.1:1", pace=SELDOM), "127.0.0.1:1") as rig:
        await until(lambda: len(rig.results) >= 3)
        rig.suspects.clear()


async def test_confirming_attempts_overlap_up_to_their_bound() -> None:
    release = asyncio.Event()
    first = deque([BAD])

    async def silent(_: Target) -> Observation:
        if not first:
            await release.wait()
        return first.popleft() if first else BAD

    probe = Told(silent)
    async with monitoring(setups(probe, "127.0.0.1:1", pace=SELDOM), "127.0.0.1:1") as rig:
        await until(lambda: probe.most_together == 2)
        rig.suspects.clear()
        release.set()
        await until(lambda: len(rig.results) >= 3)
    assert probe.most_together == SELDOM.thresholds.fall - 1


async def test_a_probe_that_raises_is_a_local_failure_and_the_others_go_on() -> None:
    async def faulty(_: Target) -> Observation:
        raise ZeroDivisionError("a bug in a plug-in")

    checks = setups(Told(faulty), "127.0.0.1:1") | setups(Told(good), "127.0.0.1:2")
    with capture_logs() as logs:
        async with monitoring(checks) as rig:
            await until(lambda: len(rig.of("127.0.0.1:1")) >= 2 and len(rig.of("127.0.0.1:2")) >= 5)
    observation = rig.of("127.0.0.1:1")[0].observation
    assert (observation.ok, observation.cause) == (False, Cause.LOCAL)
    assert "a bug in a plug-in" in observation.detail
    assert (logs[0]["event"], logs[0]["target"]) == ("probe raised", "127.0.0.1:1")


async def test_a_check_that_is_no_longer_configured_stops_and_its_last_result_does_not_count() -> None:
    release, waiting = asyncio.Event(), Counter[str]()

    async def held(target: Target) -> Observation:
        waiting[target.name] += 1
        await release.wait()
        return GOOD

    stays = setups(Told(good), "127.0.0.1:2")
    async with monitoring(setups(Told(held), "127.0.0.1:1") | stays) as rig:
        await until(lambda: waiting["127.0.0.1:1"])
        rig.monitor.configure(stays)
        release.set()
        goal = len(rig.results) + 10
        await until(lambda: len(rig.results) >= goal)
    assert rig.of("127.0.0.1:1") == []
    assert waiting["127.0.0.1:1"] == 1


async def test_new_checks_start_at_once_but_slowly_and_then_spread_over_the_interval() -> None:
    rig, probe = Rig(), Told(good)
    rig.monitor.configure(setups(probe, *(f"127.0.0.1:{index}" for index in range(1, 5)), pace=SELDOM))
    checks = [runner.check for runner in rig.monitor._runners.values()]
    first = checks[0].due
    assert [check.due - first for check in checks] == pytest.approx([0, 0.001, 0.002, 0.003])
    for check in checks:
        attempt = check.start(check.due)
        assert attempt is not None
        check.finish(attempt, GOOD)
    assert [check.due - first for check in checks] == pytest.approx([30, 7.5, 15, 22.5])
    rig.resolver.close()


async def test_a_check_that_stays_is_left_alone_and_one_with_another_timing_begins_anew() -> None:
    rig, probe = Rig(), Told(good)
    names = [f"127.0.0.1:{index}" for index in range(1, 5)]
    rig.monitor.configure(setups(probe, *names, pace=SELDOM))
    before = dict(rig.monitor._runners)
    rig.monitor.configure(setups(probe, *names, "127.0.0.1:5", pace=SELDOM))
    assert {key: rig.monitor._runners[key] for key in before} == before
    rig.monitor.configure(setups(probe, *names))
    assert not set(before.values()) & set(rig.monitor._runners.values())
    rig.resolver.close()


async def test_so_many_attempts_are_under_way_at_most_and_the_rest_waits() -> None:
    release = asyncio.Semaphore(0)

    async def held(_: Target) -> Observation:
        await release.acquire()
        return GOOD

    probe, names = Told(held), [f"127.0.0.1:{index}" for index in range(1, 9)]
    async with monitoring(setups(probe, *names, pace=SELDOM), in_flight=3):
        await until(lambda: probe.now.total() == 3)
        for _ in range(20):
            release.release()
        await until(lambda: len(probe.attempts) == len(names))
    assert probe.most_together == 3


async def test_cancelling_leaves_no_task_behind() -> None:
    async def forever(_: Target) -> Observation:
        await asyncio.Event().wait()
        return GOOD

    before, probe = asyncio.all_tasks(), Told(forever)
    async with monitoring(setups(probe, *(f"127.0.0.1:{index}" for index in range(1, 9)))):
        await until(lambda: len(probe.attempts) == 8)
    assert asyncio.all_tasks() == before
    assert probe.now.total() == 0


async def test_a_host_without_address_is_a_failure_of_its_own_kind() -> None:
    setup = CheckSetup(Told(good), QUICK, Address("gw.example.net", 80))
    async with monitoring({key("gw.example.net:80"): setup}) as rig:
        await until(lambda: rig.results)
    observation = rig.results[0].observation
    assert (observation.cause, observation.detail) == (Cause.RESOLVE, "gw.example.net has no address")


async def test_real_probes_tell_a_listening_socket_from_a_closed_one() -> None:
    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    spare = await asyncio.start_server(accept, "127.0.0.1", 0)
    open_, closed = (s.sockets[0].getsockname()[1] for s in (server, spare))
    spare.close()
    await spare.wait_closed()
    pace = Pace(interval=0.02, timeout=5.0)
    checks = {
        key(f"127.0.0.1:{port}"): CheckSetup(Tcp(), pace, Address(ip_address("127.0.0.1"), port))
        for port in (open_, closed)
    }
    async with server, monitoring(checks) as rig:
        await until(lambda: len({result.key for result in rig.results}) == 2)
    assert {r.key.target: r.observation.cause for r in rig.results} == {
        f"127.0.0.1:{open_}": None,
        f"127.0.0.1:{closed}": Cause.REFUSED,
    }
