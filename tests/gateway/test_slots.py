import asyncio

import pytest

from gslb.gateway.refusal import RefusalError
from gslb.gateway.slots import Slots
from tests.waiting import until


async def hold(slots: Slots, release: asyncio.Event, held: list[int]) -> None:
    async with slots.held():
        held.append(1)
        await release.wait()


async def test_a_request_waits_for_a_slot_and_gets_the_next_one_that_is_free() -> None:
    slots, release, held = Slots(1, 5.0), asyncio.Event(), list[int]()
    async with asyncio.TaskGroup() as group:
        group.create_task(hold(slots, release, held))
        group.create_task(hold(slots, release, held))
        await until(lambda: len(held) == 1)
        release.set()
    assert len(held) == 2


async def test_who_waits_too_long_is_sent_away_with_a_time_to_come_back() -> None:
    slots = Slots(1, 0.01)
    async with slots.held():
        with pytest.raises(RefusalError) as caught:
            async with slots.held():
                pytest.fail("there was no slot")
    assert (caught.value.status, caught.value.retry_after) == (503, 1)
    async with slots.held():
        pass


async def test_the_queue_is_no_longer_than_the_slots_are_many() -> None:
    slots, release, held = Slots(1, 5.0), asyncio.Event(), list[int]()
    async with slots.held(), asyncio.TaskGroup() as group:
        waiting = group.create_task(hold(slots, release, held))
        await asyncio.sleep(0)
        with pytest.raises(RefusalError):
            async with slots.held():
                pytest.fail("the queue was full")
        waiting.cancel()
    assert held == []
