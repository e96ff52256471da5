"""Two controllers that write the same zone: each state is one that some of them wanted, and a later lease wins."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from gslb.config.providers import Drift
from gslb.model.names import ServiceName
from gslb.model.recordset import Marker, RecordSet, by_key, markers
from gslb.model.steering import Steering
from gslb.model.zone_plan import Change, by_service
from providers.base import CasConflictError
from tests.control.loops import running
from tests.control.writing.held import FOREIGN, ZONE, Cloud, Held, Records
from tests.control.writing.rig import ONE, TWO, Rig, S, answer, at_work, until
from tests.virtualtime import VirtualLoop

SERVICES = S[:3]
Answers = frozenset[RecordSet]


class Controller:
    """One that decides something else every now and then.

    Args:
        cloud: where it writes.
        fence: of its lease.
        seed: of its decisions; addresses are of a network of its own.
    """

    def __init__(self, cloud: Cloud, fence: int, seed: int) -> None:
        self.rig, self._random, self._network = Rig(cloud, seed), random.Random(seed), f"10.{seed}.{fence}"
        self.rig.generation = 1000 * seed
        self.rig.configure(self.rig.setup(SERVICES, fence=fence, witness=False))
        self.wanted: dict[ServiceName, set[Answers]] = {service: {frozenset()} for service in SERVICES}

    async def decide(self, times: int) -> None:
        for _ in range(times):
            service = self._random.choice(SERVICES)
            values = self._random.sample(range(1, 250), self._random.randint(1, 3))
            self.publish(answer(service, *(f"{self._network}.{value}" for value in values)))
            await asyncio.sleep(self._random.choice([0.0, 0.02, 0.1, 0.5]))

    def publish(self, *steerings: Steering) -> None:
        for steering in steerings:
            self.wanted[steering.name].add(frozenset(Held(Cloud()).render(steering).records))
        self.rig.publish(*steerings)

    @property
    def conflicts(self) -> float:
        return self.rig.metric("conflicts_total")


def answers_of(state: Records, service: ServiceName) -> Answers:
    return frozenset(by_service(by_key(state), {service})[service])


def states(cloud: Cloud) -> Iterator[Records]:
    yield from (state for _, state in cloud.states[ZONE])


class Counting(Cloud):
    """Counts how often it found something else than what was to be replaced."""

    refused = 0

    def apply(self, zone: str, changes: Sequence[Change]) -> str:
        try:
            return super().apply(zone, changes)
        except CasConflictError:
            self.refused += 1
            raise


async def race(fences: tuple[int, int], changes: int, seed: int) -> tuple[Counting, Controller, Controller]:
    """Let two decide at the same time, and the second once more when both have come to rest."""
    cloud = Counting(latency=0.05)
    one, two = Controller(cloud, fences[0], 2 * seed + 1), Controller(cloud, fences[1], 2 * seed + 2)
    async with running(one.rig.writers.run()), running(two.rig.writers.run()):
        await asyncio.gather(one.decide(changes // 2), two.decide(changes // 2))
        await asyncio.sleep(700)
        two.publish(*(answer(service, "203.0.113.1") for service in SERVICES))
        await asyncio.sleep(100)
    return cloud, one, two


def play(fences: tuple[int, int], changes: int, seed: int) -> tuple[Counting, Controller, Controller]:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(race(fences, changes, seed))


RACES = [(200, 1), (200, 2), pytest.param(1000, 3, marks=pytest.mark.acceptance)]


@pytest.mark.parametrize(("changes", "seed"), RACES)
def test_without_a_lease_each_state_is_one_that_some_controller_wanted(changes: int, seed: int) -> None:
    cloud, one, two = play((1, 1), changes, seed)
    for state in states(cloud):
        assert set(FOREIGN) <= state
        for service in SERVICES:
            assert answers_of(state, service) in one.wanted[service] | two.wanted[service]
    assert cloud.refused > changes / 20  # they did get into each other's way
    told = [text for each in (one, two) for text in each.rig.told.troubles]
    # once until what is wanted is there
    assert 0 < sum("changed by somebody else meanwhile" in text for text in told) <= cloud.refused
    assert one.conflicts + two.conflicts >= cloud.refused  # and some are overtaken before it was read back
    for service in SERVICES:
        assert answers_of(cloud.held(), service) == frozenset(
            Held(cloud).render(answer(service, "203.0.113.1")).records
        )


@pytest.mark.parametrize(("changes", "seed"), RACES)
def test_an_older_lease_writes_nothing_over_a_later_one(changes: int, seed: int) -> None:
    cloud, one, two = play((1, 2), changes, seed)
    fences: dict[ServiceName, int] = {}
    for state in states(cloud):
        marked: dict[ServiceName, Marker] = {service: marker for service, (marker, _) in markers(state).items()}
        for service, marker in marked.items():
            assert marker.fence >= fences.get(service, 0)
            fences[service] = marker.fence
            assert answers_of(state, service) in (two if marker.fence == 2 else one).wanted[service]
    assert set(fences.values()) == {2}
    assert sum("later lease" in text for text in one.rig.told.troubles) == len(SERVICES)


@asynccontextmanager
async def succeeded(cloud: Cloud, drift: Drift = Drift.REPORT) -> AsyncIterator[Rig]:
    """A controller that found all as it wants it, under the lease after the one by which that was written."""
    rig = Rig(cloud, seed=2)
    rig.generation = 100
    rig.configure(rig.setup(S[:2], fence=2, drift=drift))
    async with running(rig.writers.run()):
        rig.publish(*(answer(service, ONE) for service in S[:2]))
        await rig.until_over(*S[:2])
        yield rig


async def test_who_had_the_lease_before_can_write_nothing_though_all_was_found_as_it_should_be() -> None:
    async with at_work(*S[:2]) as old:
        old.publish(*(answer(service, ONE) for service in S[:2]))
        await old.until_over(*S[:2])
        async with succeeded(old.cloud) as new:
            old.publish(answer(S[0], TWO))
            old.configure(old.setup(S[:1]))
            await asyncio.sleep(3600)
            assert (old.cloud.answers(S[0]), old.cloud.answers(S[1])) == ({ONE}, {ONE})
            assert (old.over(S[0]), new.over(*S[:2]), new.told.drifts) == ([1], [101, 101], [])


@pytest.mark.parametrize("drift", [Drift.REPORT, Drift.REPAIR])
async def test_what_stands_under_an_older_lease_is_undone_whatever_is_done_about_drift(drift: Drift) -> None:
    cloud = Cloud()
    async with at_work(*S[:2], cloud=cloud) as old:
        old.publish(*(answer(service, ONE) for service in S[:2]))
        await old.until_over(*S[:2])
    before = cloud.held()
    async with succeeded(cloud, drift) as new:
        ours = {record for record in cloud.held() if record.name.endswith(S[0])}
        theirs = {record for record in before if record.name.endswith(S[0]) and record not in FOREIGN}
        cloud.meddle_with(ours - set(FOREIGN), [replace(it, values=(TWO,)) if it.type == "A" else it for it in theirs])
        await until(lambda: cloud.answers(S[0]) == {ONE}, within=700)
        await new.until_over(*S[:2])
        assert markers(cloud.held())[S[0]][0].fence == 2
