"""Whoever asks for an attempt is handed its result."""

import asyncio

from gslb.control.asked import Asked
from gslb.model.observation import ProbeResult
from tests.control.bench import ANKARA, ISTANBUL, key
from tests.control.virtual import FAST


def result(target: str, at: float = 1.0) -> ProbeResult:
    return ProbeResult(key(target), at, FAST)


async def test_the_next_result_of_each_check_comes_in_the_order_of_attempts() -> None:
    asked = Asked()
    waiting = asyncio.create_task(asked.next_results([key(ISTANBUL), key(ANKARA)], 10))
    await asyncio.sleep(0)
    asked.deliver(result(ANKARA, 2.0))
    asked.deliver(result(ANKARA, 3.0))
    asked.deliver(result(ISTANBUL))
    assert await waiting == [result(ISTANBUL), result(ANKARA, 2.0)]


async def test_two_who_ask_for_the_same_check_are_both_told() -> None:
    asked = Asked()
    waiting = [asyncio.create_task(asked.next_results([key(ISTANBUL)], 10)) for _ in range(2)]
    await asyncio.sleep(0)
    asked.deliver(result(ISTANBUL))
    assert await asyncio.gather(*waiting) == [[result(ISTANBUL)]] * 2


async def test_who_has_waited_long_enough_gets_what_there_is_and_is_forgotten() -> None:
    asked = Asked()
    waiting = asyncio.create_task(asked.next_results([key(ISTANBUL), key(ANKARA)], 0.01))
    patient = asyncio.create_task(asked.next_results([key(ANKARA)], 10))
    await asyncio.sleep(0)
    asked.deliver(result(ISTANBUL))
    assert await waiting == [result(ISTANBUL)]
    asked.deliver(result(ANKARA))
    assert await patient == [result(ANKARA)]
    assert asked._waiting == {}


async def test_with_nothing_to_wait_for_nobody_waits() -> None:
    assert await Asked().next_results([], 10) == []
