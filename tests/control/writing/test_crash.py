"""Killed at any moment of any request, what was decided is there in the end, and nothing else happens on the way.

The process ends before a request has done anything, after it has done its work, or so that it does its work later on,
while a new process has begun: each of them for each request of a run that is not disturbed.
"""

import asyncio
from contextlib import suppress
from enum import Enum, auto

import pytest

from gslb.model.names import ServiceName
from gslb.model.recordset import RecordSet, by_key, markers
from gslb.model.steering import Steering
from gslb.model.zone_plan import ANSWERS, by_service
from providers.base import Capabilities, CasConflictError
from tests.control.loops import running
from tests.control.writing.held import FOREIGN, ZONE, Cloud, Held, Moment, Seen
from tests.control.writing.rig import ONE, THREE, TWO, Rig, S, answer, quiet
from tests.virtualtime import VirtualLoop

SMALL = Capabilities(1.0, 1.0, batch_size=8, batch_characters=32_000, rate=100.0, burst=100)
OLD = {service: answer(service, ONE, TWO) for service in S[:6]}
NEW = {
    S[0]: answer(S[0], ONE),
    S[1]: answer(S[1], THREE),
    S[2]: answer(S[2], ONE, TWO, ttl=5),
    S[3]: answer(S[3], ONE, TWO, THREE),
    S[6]: answer(S[6], ONE),
}
"""Of S[4] nothing is decided in the new process, and S[5] is configured no more."""
SERVICES = [*S[:5], S[6]]


class Death(Enum):
    """When a process ends, as seen from the request that it makes just then."""

    BEFORE = auto()
    AFTER = auto()
    LATER = auto()


async def established(cloud: Cloud) -> None:
    rig = Rig(cloud)
    rig.configure(rig.setup(S[:6], options=Held(cloud, SMALL), fence=1))
    async with running(rig.writers.run()):
        rig.publish(*OLD.values())
        await rig.until_over(*OLD)
    cloud.requests.clear()
    cloud.states[ZONE] = cloud.states[ZONE][-1:]


class Process:
    """One that publishes NEW, and may end before its time.

    Args:
        cloud: where.
        fence: of its lease.
        number: of the request at which it ends; None: it does not.
        death: how.
    """

    def __init__(self, cloud: Cloud, fence: int, number: int | None = None, death: Death = Death.BEFORE) -> None:
        self._cloud, self._number, self._death = cloud, number, death
        self._rig = Rig(cloud, seed=fence)
        self._rig.generation = 10 * fence
        self._rig.configure(self._rig.setup(SERVICES, options=Held(cloud, SMALL), fence=fence))

    async def live(self) -> bool:
        """Publish; whether it lived until all was confirmed."""
        rig, self._cloud.meddle = self._rig, self._meddle
        self._task = asyncio.create_task(rig.writers.run())
        rig.publish(*NEW.values())
        confirmed = asyncio.create_task(rig.until_over(*NEW))
        await asyncio.wait({self._task, confirmed}, return_when=asyncio.FIRST_COMPLETED)
        lived = confirmed.done()
        if lived:
            await quiet(rig, 3.0)
        for task in (self._task, confirmed):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        return lived

    async def _meddle(self, seen: Seen, moment: Moment) -> None:
        at = Moment.LEAVING if self._death is Death.AFTER else Moment.ARRIVING
        if seen.number != self._number or moment is not at:
            return
        if self._death is Death.LATER and seen.changes:
            asyncio.get_running_loop().call_later(0.12, self._commit, seen)
        self._task.cancel()
        await asyncio.get_running_loop().create_future()

    def _commit(self, seen: Seen) -> None:
        """The provider does what it was asked to, though nobody waits for it."""
        with suppress(CasConflictError):
            self._cloud.apply(seen.zone, seen.changes)


def records(steering: Steering) -> set[RecordSet]:
    return set(Held(Cloud()).render(steering).records)


def answers_of(state: frozenset[RecordSet], service: ServiceName) -> set[RecordSet]:
    return set(by_service(by_key(state), {service})[service])


def check(cloud: Cloud) -> None:
    """What holds in the end, and all the way."""
    held = cloud.held()
    marked = markers(held)
    assert marked.keys() == set(SERVICES)
    for service, steering in NEW.items():
        assert answers_of(held, service) == records(steering)
    assert answers_of(held, S[4]) == records(OLD[S[4]])
    ours = sum(len(records(steering)) for steering in NEW.values()) + len(records(OLD[S[4]])) + len(SERVICES)
    assert len(held) == len(FOREIGN) + ours  # nothing is there twice
    for _, state in cloud.states[ZONE]:
        assert set(FOREIGN) <= state
        for service in S[:5]:
            wanted = [records(OLD[service]), records(NEW.get(service, OLD[service]))]
            assert answers_of(state, service) in wanted
            assert any(record.type in ANSWERS for record in answers_of(state, service))


def play(number: int | None, death: Death, delay: float = 0.0) -> int:
    """Kill a process at a request, and start another; returns how many requests an undisturbed one makes."""

    async def scenario() -> int:
        cloud = Cloud(latency=0.1)
        await established(cloud)
        if number is not None:
            assert not await Process(cloud, 2, number, death).live()
            await asyncio.sleep(delay)
        assert await Process(cloud, 3).live()
        check(cloud)
        return len(cloud.requests)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario())


UNDISTURBED = play(None, Death.BEFORE)


def test_an_undisturbed_process_needs_several_requests_of_each_kind() -> None:
    assert UNDISTURBED >= 10


@pytest.mark.parametrize("death", [Death.BEFORE, Death.AFTER])
@pytest.mark.parametrize("number", range(UNDISTURBED))
def test_after_a_death_at_any_request_all_is_as_decided(number: int, death: Death) -> None:
    play(number, death)


@pytest.mark.parametrize("delay", [0.0, 0.03, 0.1, 0.2])
@pytest.mark.parametrize("number", range(UNDISTURBED))
def test_so_it_is_when_the_request_does_its_work_while_the_next_process_begins(number: int, delay: float) -> None:
    play(number, Death.LATER, delay)
