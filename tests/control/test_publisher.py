"""Generations on their way to a provider: numbered, confirmed, recorded."""

import asyncio
from collections.abc import Mapping

import pytest

from gslb.control.clock import Clock
from gslb.control.publisher import Publisher
from gslb.model.names import ServiceName
from gslb.model.record import PublicationRecord
from gslb.model.steering import Steering
from tests.control.bench import API, SHOP
from tests.control.loops import running
from tests.waiting import until


class Slow:
    """A provider that confirms when it is told to."""

    name = "slow"

    def __init__(self) -> None:
        self.published: list[int] = []
        self.asked: list[int] = []
        self.asked_of_end: list[int] = []
        self._confirmed = self._over = 0
        self._news = asyncio.Condition()

    def publish(self, generation: int, steerings: Mapping[ServiceName, Steering]) -> None:
        self.published.append(generation)

    async def settled(self, generation: int, timeout: float) -> bool:  # noqa: ASYNC109  the port's signature
        self.asked.append(generation)
        try:
            async with asyncio.timeout(timeout), self._news:
                await self._news.wait_for(lambda: self._confirmed >= generation)
        except TimeoutError:
            return False
        return True

    async def ended(self, generation: int, timeout: float) -> bool:  # noqa: ASYNC109  likewise
        self.asked_of_end.append(generation)
        try:
            async with asyncio.timeout(timeout), self._news:
                await self._news.wait_for(lambda: self._over >= generation)
        except TimeoutError:
            return False
        return True

    async def end(self, generation: int) -> None:
        async with self._news:
            self._over = generation
            self._news.notify_all()

    async def confirm(self, generation: int) -> None:
        async with self._news:
            self._confirmed = generation
            self._news.notify_all()

    async def run(self) -> None:
        await asyncio.Event().wait()


class Press:
    """A publisher with a slow provider, and what it has told."""

    def __init__(self) -> None:
        self.clock, self.provider = Clock(), Slow()
        self.records: list[PublicationRecord] = []
        self.over: list[int] = []
        self.publisher = Publisher(self.clock, self.provider, self._confirmed, self.over.append)

    def publish(self, *changed: ServiceName) -> int:
        generation = self.publisher.next_generation()
        self.publisher.publish({}, changed, self.clock.monotonic())
        return generation

    def _confirmed(self, record: PublicationRecord) -> None:
        self.records.append(record)

    @property
    def recorded(self) -> list[tuple[int, tuple[ServiceName, ...]]]:
        return [(record.generation, record.services) for record in self.records]


async def test_a_confirmation_is_recorded_with_the_time_it_took() -> None:
    press = Press()
    async with running(press.publisher.run()):
        generation = press.publish(API)
        await until(lambda: press.provider.asked)
        assert press.records == []
        await press.provider.confirm(generation)
        await until(lambda: press.records)
    (record,) = press.records
    assert (record.provider, record.generation, record.services) == ("slow", generation, (API,))
    assert 0 < record.seconds < 10
    assert abs((record.at_utc - press.clock.utc()).total_seconds()) < 10


async def test_one_confirmation_settles_all_generations_up_to_it() -> None:
    press = Press()
    generations = [press.publish(API), press.publish(SHOP), press.publish(API)]
    async with running(press.publisher.run()):
        await press.provider.confirm(generations[-1])
        await until(lambda: len(press.records) == 3)
    assert press.recorded == list(zip(generations, [(API,), (SHOP,), (API,)], strict=True))
    assert press.provider.asked == [generations[-1]]


async def test_a_generation_that_comes_meanwhile_is_not_taken_for_confirmed() -> None:
    press = Press()
    first = press.publish(API)
    async with running(press.publisher.run()):
        await until(lambda: press.provider.asked == [first])
        second = press.publish(SHOP)
        await press.provider.confirm(first)
        await until(lambda: press.provider.asked == [first, second])
        assert press.recorded == [(first, (API,))]
        await press.provider.confirm(second)
        await until(lambda: len(press.records) == 2)


async def test_what_is_not_confirmed_in_time_is_asked_for_again_and_recorded_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gslb.control.publisher.PATIENCE", 0.005)
    press = Press()
    generation = press.publish(API)
    async with running(press.publisher.run()):
        await until(lambda: len(press.provider.asked) >= 3)
        assert press.records == []
        await press.provider.confirm(generation)
        await until(lambda: press.records)


async def test_of_many_unconfirmed_generations_the_newest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gslb.control.publisher.MAX_PENDING", 5)
    press = Press()
    generations = [press.publish(API) for _ in range(20)]
    async with running(press.publisher.run()):
        await press.provider.confirm(generations[-1])
        await until(lambda: press.records)
    assert [record.generation for record in press.records] == generations[-5:]


async def test_generations_rise_across_restarts() -> None:
    before = Press()
    newest = [before.publish(API) for _ in range(3)][-1]
    await until(lambda: before.clock.utc().timestamp() * 1000 > newest)
    assert Press().publish(API) > newest


async def test_older_answers_are_told_to_be_over_only_once_the_provider_has_said_so() -> None:
    press = Press()
    async with running(press.publisher.run()):
        generation = press.publish(API)
        await press.provider.confirm(generation)
        await until(lambda: press.records)
        assert press.over == []
        await press.provider.end(generation)
        await until(lambda: press.over == [generation])


async def test_a_generation_that_comes_while_an_older_one_is_waited_for_is_asked_for_as_well() -> None:
    press = Press()
    async with running(press.publisher.run()):
        first = press.publish(API)
        await until(lambda: press.provider.asked_of_end == [first])
        second = press.publish(API)
        await press.provider.end(first)
        await until(lambda: press.provider.asked_of_end == [first, second])
        assert press.over == [first]
        await press.provider.end(second)
        await until(lambda: press.over == [first, second])


async def test_what_does_not_end_in_time_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gslb.control.publisher.PATIENCE", 0.005)
    press = Press()
    generation = press.publish(API)
    async with running(press.publisher.run()):
        await until(lambda: len(press.provider.asked_of_end) >= 3)
        assert press.over == []
        await press.provider.end(generation)
        await until(lambda: press.over == [generation])


async def test_when_old_answers_may_be_given_again_it_is_found_out_anew_when_they_are_over() -> None:
    press = Press()
    async with running(press.publisher.run()):
        generation = press.publish(API)
        await press.provider.end(generation)
        await until(lambda: press.over == [generation])
        await press.provider.end(0)
        press.publisher.look_again()
        await until(lambda: press.provider.asked_of_end == [generation, generation])
        assert press.over == [generation]
        await press.provider.end(generation)
        await until(lambda: press.over == [generation, generation])


def test_numbers_go_on_above_what_is_known_though_the_wall_clock_was_set_back() -> None:
    press = Press()
    press.publisher.continue_from(press.publisher.generation + 1000)
    newest = press.publisher.generation
    press.publisher.continue_from(5)
    assert press.publisher.next_generation() == newest + 1
