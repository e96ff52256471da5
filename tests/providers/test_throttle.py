"""Requests leave no faster than a provider takes them, the urgent ones first, and nobody waits for ever."""

import asyncio
import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import throttle
from providers.base import Lane, ThrottledError
from providers.throttle import MAX_WAITING, PATIENCE, SHARE, SLOWEST, TokenBucket
from tests.virtualtime import VirtualLoop

Served = list[tuple[float, Lane]]


async def turn(bucket: TokenBucket, lane: Lane, served: Served) -> None:
    await bucket.take(lane)
    served.append((asyncio.get_running_loop().time(), lane))


async def idle() -> None:
    """Let everybody run who can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_burst_leaves_at_once_and_the_rest_at_the_rate() -> None:
    bucket, served = TokenBucket(10, 5), Served()
    await asyncio.gather(*(turn(bucket, Lane.ROUTINE, served) for _ in range(25)))
    moments = [at for at, _ in served]
    assert moments[:5] == [0.0] * 5
    assert moments[5:] == pytest.approx([(number + 1) / 10 for number in range(20)])


async def test_what_was_not_used_is_saved_up_to_a_burst() -> None:
    bucket, served = TokenBucket(10, 5), Served()
    await asyncio.gather(*(turn(bucket, Lane.ROUTINE, served) for _ in range(5)))
    await asyncio.sleep(3600)
    await asyncio.gather(*(turn(bucket, Lane.ROUTINE, served) for _ in range(7)))
    assert [at - 3600 for at, _ in served[5:]] == pytest.approx([0, 0, 0, 0, 0, 0.1, 0.2])


async def test_urgent_requests_pass_those_that_wait_and_equal_ones_keep_their_order() -> None:
    bucket, served = TokenBucket(1, 1), Served()
    lanes = [Lane.COSMETIC, Lane.FOLLOWING, Lane.ROUTINE, Lane.URGENT]
    tasks = [asyncio.create_task(turn(bucket, Lane.ROUTINE, served))]
    await idle()
    tasks += [asyncio.create_task(turn(bucket, lane, served)) for lane in lanes for _ in range(2)]
    await asyncio.gather(*tasks)
    assert [lane for _, lane in served[1:]] == sorted(lanes * 2)


async def test_nobody_waits_much_longer_than_a_lane_is_patient_however_many_urgent_ones_come() -> None:
    bucket, served = TokenBucket(1, 1), Served()
    await bucket.take(Lane.URGENT)
    first = {
        lane: asyncio.create_task(turn(bucket, lane, served)) for lane in (Lane.ROUTINE, Lane.FOLLOWING, Lane.COSMETIC)
    }
    urgent = []
    for _ in range(75):
        urgent += [asyncio.create_task(turn(bucket, Lane.URGENT, served)) for _ in range(2)]
        await asyncio.sleep(1)
    for lane, task in first.items():
        assert task.done()
        at = next(at for at, each in served if each is lane)
        assert PATIENCE[lane] <= at <= PATIENCE[lane] + 2 * SHARE
    for task in urgent:
        task.cancel()


async def test_an_urgent_request_is_served_soon_however_many_others_are_overdue() -> None:
    bucket, served = TokenBucket(1, 1), Served()
    others = [
        asyncio.create_task(turn(bucket, lane, served)) for lane in (Lane.ROUTINE, Lane.COSMETIC) for _ in range(200)
    ]
    await asyncio.sleep(100.5)  # all that wait are overdue
    began, urgent = asyncio.get_running_loop().time(), Served()
    await asyncio.gather(*(turn(bucket, Lane.URGENT, urgent) for _ in range(9)))
    assert [at - began for at, _ in urgent] == pytest.approx([0.5, 1.5, 2.5, 4.5, 5.5, 6.5, 8.5, 9.5, 10.5], abs=1.01)
    assert urgent[-1][0] - began <= 9 * SHARE / (SHARE - 1) + 1
    for task in others:
        task.cancel()


async def test_whoever_is_cancelled_takes_nothing_from_those_that_wait() -> None:
    bucket, served = TokenBucket(1, 1), Served()
    await bucket.take(Lane.ROUTINE)
    waiting = [asyncio.create_task(turn(bucket, Lane.ROUTINE, served)) for _ in range(100)]
    await idle()
    assert bucket.waiting == 100
    for task in waiting[:99]:
        task.cancel()
    await idle()
    assert bucket.waiting == 1
    await waiting[99]
    assert [at for at, _ in served] == pytest.approx([1.0])


async def test_a_turn_that_comes_to_somebody_who_is_cancelled_is_the_next_ones() -> None:
    bucket, served = TokenBucket(1, 1), Served()
    await bucket.take(Lane.ROUTINE)
    late = asyncio.create_task(turn(bucket, Lane.URGENT, served))
    await idle()
    bucket._tokens = 1.0
    bucket._serve()
    late.cancel()  # which has been given its turn, but has not heard of it
    await idle()
    assert late.cancelled()
    await turn(bucket, Lane.ROUTINE, served)
    assert served == [(0.0, Lane.ROUTINE)]


async def test_too_many_are_refused_and_those_that_gave_up_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MAX_WAITING", 10)
    bucket, served = TokenBucket(1, 1), Served()
    await bucket.take(Lane.ROUTINE)
    waiting = [asyncio.create_task(turn(bucket, Lane.ROUTINE, served)) for _ in range(10)]
    await idle()
    with pytest.raises(ThrottledError, match="wait already"):
        await bucket.take(Lane.URGENT)
    waiting[0].cancel()
    await idle()
    await bucket.take(Lane.URGENT)
    assert served == []
    for task in waiting:
        task.cancel()
    assert MAX_WAITING == 10_000


async def test_those_that_gave_up_are_not_kept() -> None:
    bucket = TokenBucket(1, 1)
    await bucket.take(Lane.ROUTINE)
    for _ in range(1000):
        task = asyncio.create_task(bucket.take(Lane.COSMETIC))
        await idle()
        task.cancel()
        await idle()
    assert not any(bucket._queues.values())


async def test_a_refusal_halves_the_rate_and_loses_what_was_saved_up() -> None:
    bucket, served = TokenBucket(10, 5), Served()
    bucket.throttled()
    assert bucket.rate == 5
    await turn(bucket, Lane.ROUTINE, served)
    assert served[0][0] == pytest.approx(0.2)


async def test_refusals_of_requests_that_were_under_way_together_are_one() -> None:
    bucket = TokenBucket(10, 5)
    for _ in range(5):
        bucket.throttled()
    assert bucket.rate == 5
    await asyncio.sleep(1)
    bucket.throttled()
    assert bucket.rate == 2.5


async def test_the_rate_neither_falls_without_end_nor_stays_low() -> None:
    bucket = TokenBucket(10, 5)
    for _ in range(50):
        bucket.throttled()
        await asyncio.sleep(1)
    assert bucket.rate == 10 * SLOWEST
    rates = []
    for _ in range(100):
        bucket.succeeded()
        rates.append(bucket.rate)
    assert all(before < after <= before + 0.51 for before, after in pairwise(rates[:19]))
    assert rates[-1] == 10


async def test_whoever_waits_is_served_sooner_once_the_rate_grows_again() -> None:
    bucket, served = TokenBucket(1, 1), Served()
    for _ in range(10):
        bucket.throttled()
        await asyncio.sleep(1)
    waiting = asyncio.create_task(turn(bucket, Lane.ROUTINE, served))
    began = asyncio.get_running_loop().time()
    await idle()
    for _ in range(20):
        bucket.succeeded()
    await waiting
    assert served[0][0] - began == pytest.approx(0.95)  # and not the 19 s that it would have been


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_bucket_that_never_gives_a_turn_is_none(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="never be a turn"):
        TokenBucket(rate, burst)


@given(st.integers(0, 2**32), st.floats(0.3, 50), st.integers(1, 20))
def test_no_span_of_time_sees_more_than_a_burst_and_the_rate(seed: int, rate: float, burst: int) -> None:
    """Whatever comes, and whoever gives up; and all who do not give up have their turn."""
    dice, served = random.Random(seed), Served()

    async def play() -> Counter[bool]:
        bucket, tasks = TokenBucket(rate, burst), []
        for _ in range(60):
            lane = dice.choice(list(Lane))
            tasks.append(asyncio.create_task(turn(bucket, lane, served)))
            if dice.random() < 0.2:
                dice.choice(tasks).cancel()
            await asyncio.sleep(dice.choice([0, 0, 0.01, 0.3]))
        await asyncio.wait(tasks)
        assert bucket.waiting == 0
        return Counter(task.cancelled() for task in tasks)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        outcome = runner.run(play())
    assert len(served) == outcome[False]
    for first, (start, _) in enumerate(served):
        for last, (end, _) in enumerate(served[first:], first):
            assert last - first + 1 <= burst + (end - start) * rate + 1e-3
