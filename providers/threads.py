"""Blocking requests beside the event loop, each with a time by which its answer is wanted.

Each lane has a few threads of its own, so that nothing urgent stands behind requests that get no answer. Threads of
``concurrent.futures`` are waited for when a process ends. These are not: what hangs then is left alone.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, NoReturn, TypeVar

from providers.attempt import Attempt, LateError
from providers.base import (
    BusyError,
    Lane,
    OutcomeUnknownError,
    ProviderError,
    Throttle,
    ThrottledError,
    UnavailableError,
)

THREADS = 4
"""of a lane; they are started as they are needed"""

Answer = TypeVar("Answer")
Outcome = Callable[[], Answer]
"""Returns what some work has returned, or raises what it has raised."""


class _Job(Generic[Answer]):
    """What a thread is to do, and whoever waits for it."""

    def __init__(self, work: Callable[[Attempt], Answer], attempt: Attempt) -> None:
        self._loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[Outcome[Answer]] = self._loop.create_future()
        self.attempt, self._work = attempt, work

    def done(self) -> Outcome[Answer]:
        """Do it, in this thread; nothing, if nobody waits for it any more."""
        try:
            self.attempt.left()
            answer = self._work(self.attempt)
        except BaseException as error:  # noqa: BLE001  whoever waits is to have it, whatever it is
            return _raising(error)
        return lambda: answer

    def tell(self, outcome: Outcome[Answer]) -> None:
        """Tell whoever waits, from this thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self.end, outcome)

    def end(self, outcome: Outcome[Answer]) -> None:
        """Tell whoever waits, in the loop."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)


def _raising(error: BaseException) -> Outcome[NoReturn]:
    def outcome() -> NoReturn:
        raise error

    return outcome


class _Crew:
    """Threads of one lane. They are started when there is work for them, and stay."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._started = self._unfinished = 0

    def submit(self, job: _Job[Any]) -> None:
        """Have it done when its turn comes."""
        with self._lock:
            self._unfinished += 1
            new = self._started < min(THREADS, self._unfinished)
            self._started += new
        self._queue.put(job)
        if new:
            threading.Thread(target=self._serve, name=f"{self._name}-{self._started}", daemon=True).start()

    def dismiss(self) -> None:
        """Have the threads end once there is nothing to do."""
        for _ in range(self._started):
            self._queue.put(None)

    def _serve(self) -> None:
        while (job := self._queue.get()) is not None:
            outcome = job.done()
            with self._lock:
                self._unfinished -= 1
            job.tell(outcome)


class Threads:
    """Threads of an account.

    Args:
        name: of the threads, with that of their lane.
    """

    def __init__(self, name: str) -> None:
        self._crews = {lane: _Crew(f"{name}-{lane.name.lower()}") for lane in Lane}
        self._waiting: set[_Job[Any]] = set()
        self._closed = False

    async def run(self, work: Callable[[Attempt], Answer], lane: Lane, attempt: Attempt) -> Answer:
        """What ``work`` returns, or raises, for whoever makes the attempt.

        Raises:
            LateError: not in time, or these threads were closed meanwhile.
        """
        if self._closed:
            raise LateError("closed", sent=False)
        job = _Job(work, attempt)
        self._waiting.add(job)
        self._crews[lane].submit(job)
        try:
            await asyncio.wait((job.outcome,), timeout=attempt.limit)
        finally:
            attempt.give_up()
            self._waiting.discard(job)
        if not job.outcome.done():
            raise attempt.late()
        return job.outcome.result()()

    def close(self) -> None:
        """Let threads end when they have nothing to do. Whoever waits is told that there will be no answer."""
        self._closed = True
        for job in self._waiting:
            job.attempt.give_up()
            job.end(_raising(LateError("closed", sent=job.attempt.sent)))
        for crew in self._crews.values():
            crew.dismiss()


async def asked(
    throttle: Throttle, threads: Threads, lane: Lane, limit: float, work: Callable[[Attempt], Answer]
) -> Answer:
    """What ``work`` returns, once it is its turn; the throttle is told how that went.

    Args:
        throttle: lets requests through.
        threads: one of which is to do it.
        lane: how urgent it is.
        limit: longest to wait for the answer, in seconds, once it is its turn.
        work: sends one request.

    Raises:
        ProviderError: it was not taken.
        LateError: there is no answer in time.
    """
    await throttle.take(lane)
    attempt = Attempt(limit)
    try:
        answer = await threads.run(work, lane, attempt)
    except ProviderError as error:
        if _too_many(error):
            throttle.throttled()
        elif attempt.sent and not isinstance(error, UnavailableError | OutcomeUnknownError):
            throttle.succeeded()  # a refusal for another reason is an answer
        raise
    throttle.succeeded()
    return answer


def _too_many(error: ProviderError) -> bool:
    return isinstance(error, ThrottledError) and not isinstance(error, BusyError)
