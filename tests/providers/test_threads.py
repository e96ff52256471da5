"""Threads for requests that block, and what a throttle is told about them."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from providers.attempt import Attempt, LateError
from providers.base import (
    AuthFailedError,
    BusyError,
    CasConflictError,
    Lane,
    NotOwnedError,
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    ThrottledError,
    UnavailableError,
)
from providers.threads import THREADS, Threads, asked
from tests.providers.route53.support import Turns
from tests.waiting import until

LONG = 60.0


@pytest.fixture
def threads() -> Iterator[Threads]:
    running = Threads("few")
    yield running
    running.close()


def names() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("few-"))


async def test_threads_are_no_more_than_there_is_work_for() -> None:
    threads, gate = Threads("few"), threading.Event()
    try:
        for number in range(3):
            assert await threads.run(lambda _, number=number: number, Lane.URGENT, Attempt(LONG)) == number  # type: ignore[misc]
        assert names() == ["few-urgent-1"]
        work = [threads.run(lambda _: gate.wait(), Lane.URGENT, Attempt(LONG)) for _ in range(3 * THREADS)]
        waiting = [asyncio.create_task(each) for each in work]
        await until(lambda: len(names()) == THREADS)
        gate.set()
        assert await asyncio.gather(*waiting) == [True] * len(waiting)
        assert len(names()) == THREADS
    finally:
        threads.close()
    await until(lambda: not names())


async def test_what_work_raises_is_raised_where_it_is_waited_for(threads: Threads) -> None:
    def late(_: Attempt) -> None:
        raise TimeoutError("of its own")

    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda _: 1 // 0, Lane.ROUTINE, Attempt(LONG))
    with pytest.raises(TimeoutError, match="of its own"):
        await threads.run(late, Lane.ROUTINE, Attempt(LONG))
    with pytest.raises(RuntimeError, match="StopIteration"):  # which a future cannot hold, nor a coroutine raise
        await threads.run(lambda _: next(iter(())), Lane.ROUTINE, Attempt(LONG))
    assert await threads.run(lambda _: 7, Lane.ROUTINE, Attempt(LONG)) == 7


@pytest.mark.parametrize("sent", [True, False])
async def test_it_is_known_of_what_is_late_whether_it_was_sent(threads: Threads, *, sent: bool) -> None:
    gate, lost = threading.Event(), list[LateError]()

    def work(attempt: Attempt) -> None:
        if sent:
            assert 0 < attempt.begin() <= attempt.limit
        gate.wait()
        try:
            attempt.begin()
        except LateError as error:
            lost.append(error)

    with pytest.raises(LateError, match=r"no answer within 0\.05 s" if sent else r"not sent within 0\.05 s") as told:
        await threads.run(work, Lane.ROUTINE, Attempt(0.05))
    assert told.value.sent is sent
    gate.set()
    await until(lambda: lost)  # what was given up is not sent any more
    assert lost[0].sent is sent


async def test_what_nobody_waits_for_any_more_is_not_begun(threads: Threads) -> None:
    gate, begun = threading.Event(), list[Attempt]()
    busy = [asyncio.create_task(threads.run(lambda _: gate.wait(), Lane.ROUTINE, Attempt(LONG))) for _ in range(4)]
    await until(lambda: len(names()) == THREADS)
    with pytest.raises(LateError, match="not sent"):
        await threads.run(begun.append, Lane.ROUTINE, Attempt(0.05))
    gate.set()
    await asyncio.gather(*busy)
    assert await threads.run(lambda _: 7, Lane.ROUTINE, Attempt(LONG)) == 7
    assert begun == []


def test_a_lock_that_others_have_is_waited_for_no_longer_than_there_is_time() -> None:
    lock = threading.Lock()
    with Attempt(LONG).holding(lock):
        assert lock.locked()
        with pytest.raises(LateError, match="not sent"), Attempt(0.05).holding(lock):
            pytest.fail("it has no lock")
    assert not lock.locked()


def test_a_request_that_is_late_is_told_by_what_it_may_have_done() -> None:
    sent, kept = LateError("no answer", sent=True), LateError("not sent", sent=False)
    assert isinstance(sent.told("x", "wait", writes=True), OutcomeUnknownError)
    for error in (sent.told("x", "wait", writes=False), *(kept.told("x", "wait", writes=it) for it in (True, False))):
        assert isinstance(error, UnavailableError)
    assert sent.told("x", "wait", writes=True).remedy == sent.told("x", "wait", writes=False).remedy == "wait"
    assert "earlier requests" in kept.told("x", "wait", writes=True).remedy


@pytest.mark.parametrize(
    ("error", "sent", "told"),
    [
        (None, True, (1, 0)),
        (ThrottledError("x"), True, (0, 1)),
        (BusyError("x"), True, (1, 0)),
        (CasConflictError("x"), True, (1, 0)),
        (NotOwnedError("x"), True, (1, 0)),
        (RejectedError("x"), True, (1, 0)),
        (RejectedError("it never left"), False, (0, 0)),
        (AuthFailedError("x"), True, (1, 0)),
        (AuthFailedError("no credentials"), False, (0, 0)),
        (UnavailableError("x"), True, (0, 0)),
        (OutcomeUnknownError("x"), True, (0, 0)),
        (LateError("x", sent=True), True, (0, 0)),
    ],
)
async def test_a_throttle_is_told_of_answers_and_of_refusals_as_too_many(
    threads: Threads, error: ProviderError | LateError | None, told: tuple[int, int], *, sent: bool
) -> None:
    def work(attempt: Attempt) -> int:
        if sent:
            attempt.begin()
        if error is not None:
            raise error
        return 7

    turns = Turns()
    assert await _outcome(lambda: asked(turns, threads, Lane.FOLLOWING, LONG, work)) == (error or 7)
    assert turns.taken == [Lane.FOLLOWING]
    assert (turns.welcome, turns.refused) == told


async def _outcome(request: Callable[[], object]) -> object:
    try:
        return await request()  # type: ignore[misc]
    except (ProviderError, LateError) as error:
        return error
