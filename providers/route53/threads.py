"""Blocking calls beside the event loop, each with a time by which its answer is wanted.

Threads of ``concurrent.futures`` are waited for when a process ends. These are not: what hangs then is left alone.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

Answer = TypeVar("Answer")


class UnansweredError(Exception):
    """There is no answer in time, or nobody waits for it any more. ``begun``: the call was made, and may still be."""

    def __init__(self, reason: str, *, begun: bool) -> None:
        self.begun = begun
        super().__init__(reason)


class _Job(Generic[Answer]):
    """One call, and whoever waits for it."""

    def __init__(self, call: Callable[[], Answer]) -> None:
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Answer] = self._loop.create_future()
        self._call, self._lock = call, threading.Lock()
        self._begun = self._withdrawn = False

    def withdraw(self) -> bool:
        """Have it not begun any more; whether it had begun."""
        with self._lock:
            self._withdrawn = True
            return self._begun

    def run(self) -> None:
        """Make the call, in this thread."""
        with self._lock:
            if self._withdrawn:
                return
            self._begun = True
        try:
            answer = self._call()
        except BaseException as error:  # noqa: BLE001  whoever waits is to have it, whatever it is
            self._tell(partial(self.future.set_exception, error))
        else:
            self._tell(partial(self.future.set_result, answer))

    def _tell(self, how: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(lambda: None if self.future.done() else how())


class Threads:
    """At most so many calls at once. Threads are started when there is a call for them, and stay.

    Args:
        most: threads.
        name: of the threads.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._queue: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._waiting: set[_Job[Any]] = set()
        self._lock = threading.Lock()
        self._started = self._unfinished = 0
        self._closed = False

    async def run(self, call: Callable[[], Answer], limit: float) -> Answer:
        """What ``call`` returns, or raises.

        Raises:
            UnansweredError: not within ``limit`` seconds, or these threads were closed meanwhile.
        """
        if self._closed:
            raise UnansweredError("closed", begun=False)
        job = _Job(call)
        self._waiting.add(job)
        self._submit(job)
        try:
            async with asyncio.timeout(limit):
                return await job.future
        except TimeoutError:
            if job.future.done() and not job.future.cancelled():
                raise  # of the call itself
            raise UnansweredError(f"no answer within {limit:g} s", begun=job.withdraw()) from None
        finally:
            job.withdraw()
            self._waiting.discard(job)

    def close(self) -> None:
        """Let threads end when they have nothing to do. Whoever waits is told that there will be no answer."""
        self._closed = True
        for job in list(self._waiting):
            if not job.future.done():
                job.future.set_exception(UnansweredError("closed", begun=job.withdraw()))
        for _ in range(self._started):
            self._queue.put(None)

    def _submit(self, job: _Job[Any]) -> None:
        with self._lock:
            self._unfinished += 1
            new = self._started < min(self._most, self._unfinished)
            self._started += new
        self._queue.put(job)
        if new:
            threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            job.run()
            with self._lock:
                self._unfinished -= 1
