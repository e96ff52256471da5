"""Two controllers that write one zone over HTTP: each state is one that some of them wanted, and a later lease wins."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from threading import Event

import pytest

from gslb.model.names import ServiceName
from gslb.model.recordset import markers
from gslb.model.steering import RecordType, Steering
from tests.control.loops import running
from tests.control.writing.rig import Rig
from tests.e2e.clouds import CLOUDS, CREDENTIALS, Asked, Brisk, Cloud, Moment, Records
from tests.e2e.scenarios import FAST, ZONE, answers_of
from tests.nameserver.support import service as steering_of
from tests.waiting import until

SERVICES = [ServiceName(f"s{number}.{ZONE}") for number in range(3)]
FOREIGN = 5
PAUSES = (0.0, 0.02, 0.05, 0.1)
LAST = ("203.0.113.99", "2001:db8::99")
HALF = 0.5
RACES = [60, pytest.param(1000, marks=pytest.mark.acceptance)]


@pytest.fixture(params=["route53", "clouddns"])
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with CLOUDS[request.param](ZONE) as cloud:
        cloud.fill(ZONE, FOREIGN)
        yield cloud


class Controller:
    """One that decides something else every now and then: addresses of one type, those of the other are as they are.

    So two decisions may be about different record sets of one service, and both would be half of what is there.

    Args:
        cloud: where it writes.
        number: tells it from the other; its addresses are in a network of its own.
        fence: of its lease.
    """

    def __init__(self, cloud: Cloud, number: int, fence: int) -> None:
        self.rig, self.fence, self._random = Rig(seed=number), fence, random.Random(number)
        self._cloud, self._number, self._hosts = cloud, number, count(1)
        self._provider = Brisk(cloud.options)
        setup = self.rig.setup(SERVICES, options=self._provider, fence=fence, witness=False, **FAST)
        self.rig.configure(setup)
        self.wanted: dict[ServiceName, set[Records]] = {service: set() for service in SERVICES}

    async def decide(self, times: int) -> None:
        for _ in range(times):
            service = self._random.choice(SERVICES)
            held = answers_of(self._cloud.held(ZONE), service)
            values = {record.type: value for record in held for value in record.values}
            host = next(self._hosts)
            if self._random.random() < HALF:
                four, six = f"10.{self._number}.{host // 250}.{host % 250}", values.get("AAAA", "2001:db8::1")
            else:
                four, six = values.get("A", "192.0.2.1"), f"2001:db8:{self._number}::{host:x}"
            self.publish(service, four, six)
            await asyncio.sleep(self._random.choice(PAUSES))

    def publish(self, service: ServiceName, *values: str) -> None:
        steering = said(service, *values)
        self.wanted[service].add(self.records(steering))
        self.rig.publish(steering)

    def records(self, steering: Steering) -> Records:
        """As it publishes that."""
        return frozenset(self._provider.render(steering).records)

    @property
    def at_rest(self) -> bool:
        place = self.rig.place()
        return not place.unconfirmed and place.pending == len(place.blocked)

    def told(self, text: str) -> int:
        """How often it has told of something."""
        return sum(text in each for each in self.rig.told.troubles)


def said(service: ServiceName, *values: str) -> Steering:
    """All of the values, in one region."""
    return steering_of(service, (1, [*values]), types=(RecordType.A, RecordType.AAAA))


@asynccontextmanager
async def at_work(*controllers: Controller) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for controller in controllers:
            await stack.enter_async_context(running(controller.rig.writers.run()))
        yield


async def race(cloud: Cloud, one: Controller, two: Controller, changes: int) -> list[Records]:
    """Let both decide at the same time, and the second once more when both have come to rest; all states."""
    async with at_work(one, two):
        await asyncio.gather(one.decide(changes // 2), two.decide(changes // 2))
        await until(lambda: one.at_rest and two.at_rest, 180)
        for service in SERVICES:
            two.publish(service, *LAST)
        await two.rig.until_over(*SERVICES, within=180)
    states = cloud.states(ZONE)[2:]  # the zone was made, and filled
    assert all(answers_of(states[-1], service) == two.records(said(service, *LAST)) for service in SERVICES)
    foreign = {record for record in states[0] if "foreign" in record.name}
    assert len(foreign) == FOREIGN
    assert all(foreign <= state for state in states)
    print(f"\n{cloud.name}: {changes} decisions, {len(states)} commits, {len(conflicts(cloud))} conflicts")
    return states


def conflicts(cloud: Cloud) -> list[Asked]:
    """Requests to write that found something else than they were to replace."""
    return [request for request in cloud.asked() if request.writes and request.status != 200]


@pytest.mark.parametrize("changes", RACES)
async def test_without_a_lease_each_state_is_one_that_some_controller_wanted(cloud: Cloud, changes: int) -> None:
    one, two = Controller(cloud, 1, fence=1), Controller(cloud, 2, fence=1)
    for state in await race(cloud, one, two, changes):
        for service in SERVICES:
            assert answers_of(state, service) in {frozenset(), *one.wanted[service], *two.wanted[service]}
    refused = len(conflicts(cloud))
    assert refused > changes / 20  # they did get into each other's way
    told = one.told("changed by somebody else meanwhile") + two.told("changed by somebody else meanwhile")
    assert 0 < told <= refused  # of a service once, until what is wanted is there
    # Each is counted, and so is what was overtaken before it was read back.
    assert one.rig.metric("conflicts_total") + two.rig.metric("conflicts_total") >= refused


@pytest.mark.parametrize("changes", RACES)
async def test_an_older_lease_writes_nothing_over_a_later_one(cloud: Cloud, changes: int) -> None:
    one, two = Controller(cloud, 1, fence=1), Controller(cloud, 2, fence=2)
    fences = dict.fromkeys(SERVICES, 0)
    for state in await race(cloud, one, two, changes):
        for service, (marker, _) in markers(state).items():
            assert marker.fence >= fences[service]
            fences[service] = marker.fence
            assert answers_of(state, service) in (one, two)[marker.fence - 1].wanted[service]
    assert set(fences.values()) == {2}
    assert one.told("later lease") == len(SERVICES)


class Holding:
    """A hook that holds the next request to write, at some moment of it, until it is told to let go."""

    def __init__(self, moment: Moment) -> None:
        self.came, self.free = Event(), Event()
        self._moment = moment

    def __call__(self, moment: Moment, asked: Asked) -> bool:
        if asked.writes and moment is self._moment and not self.came.is_set():
            self.came.set()
            assert self.free.wait(10)
        return True


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.DURING])
@pytest.mark.parametrize("new", [False, True])
async def test_a_request_under_an_older_lease_that_is_slow_comes_too_late(
    cloud: Cloud, moment: Moment, *, new: bool
) -> None:
    """It is on its way while somebody with a later lease writes: of a service that is new, or is there."""
    service = SERVICES[0]
    one, two, holding = Controller(cloud, 1, fence=1), Controller(cloud, 2, fence=2), Holding(moment)
    async with at_work(one):
        if not new:
            one.publish(service, "192.0.2.1", "2001:db8::1")
            await one.rig.until_over(service)
        cloud.hook(holding)
        one.publish(service, "192.0.2.2", "2001:db8::2")
        await until(holding.came.is_set)
        async with at_work(two):
            two.publish(service, *LAST)
            await two.rig.until_over(service)
            commits = len(cloud.states(ZONE))
            holding.free.set()
            word = "meanwhile" if moment is Moment.BEFORE else "not there as written"
            await until(lambda: one.told(word))
            one.publish(service, "192.0.2.3", "2001:db8::3")
            await until(lambda: one.told("later lease"))
        states = cloud.states(ZONE)
        assert len(states) == commits
        assert answers_of(states[-1], service) == two.records(said(service, *LAST))
        assert one.rig.metric("conflicts_total") >= one.told(word) == 1
        assert one.rig.place().blocked.keys() == {service}


async def test_of_two_who_change_different_record_sets_of_a_service_one_begins_anew(cloud: Cloud) -> None:
    """Also where both say the same of themselves; else half of each would be there, which nobody has decided."""
    service, holding = SERVICES[0], Holding(Moment.BEFORE)
    one, two = Controller(cloud, 1, fence=1), Controller(cloud, 2, fence=1)
    former, there, later = ("192.0.2.1", "2001:db8::1"), ("192.0.2.2", "2001:db8::1"), ("192.0.2.1", "2001:db8::2")
    async with at_work(one):
        one.publish(service, *former)
        await one.rig.until_over(service)
        cloud.hook(holding)
        async with at_work(two):
            two.publish(service, *later)
            await until(holding.came.is_set)
            one.publish(service, *there)
            await one.rig.until_over(service)
            holding.free.set()
            await two.rig.until_over(service)
    states = [answers_of(state, service) for state in cloud.states(ZONE)[2:]]
    assert states == [one.records(said(service, *values)) for values in (former, there, later)]
    assert two.rig.metric("conflicts_total") == two.told("meanwhile") == 1
