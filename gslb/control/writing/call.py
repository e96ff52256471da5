"""One call of an account: bounded in time, and given up for something more urgent as long as that does no harm.

An account is a plug-in that may hang, and its requests wait for their turn. So the time limit counts only while the
call does not wait for a turn, and it is known whether anything was sent yet.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from gslb.errors import GslbError
from providers.base import Lane
from providers.throttle import TokenBucket

T = TypeVar("T")

GRACE = 0.25
"""Seconds that a call which was cancelled has to come to an end; after that nobody waits for it."""

_present: ContextVar["Call | None"] = ContextVar("call", default=None)


class DroppedError(GslbError):
    """The call was given up for something more urgent; it has changed nothing."""


class OverdueError(GslbError):
    """The call has not come to its end in time."""


class Call:
    """One call.

    Args:
        limit: seconds that it may take, from its beginning and again from each turn that it has.
        lane: how urgent it is.
        reads: it changes nothing, so it may be given up at any time.
        sent: called for each request that is sent for it.
    """

    def __init__(self, limit: float, lane: Lane, sent: Callable[[], object], *, reads: bool = True) -> None:
        self.lane = lane
        self._limit, self._count, self._reads = limit, sent, reads
        self._waiting = self._sent = 0
        self._unwanted = self._dropped = False
        self._timeout: asyncio.Timeout | None = None

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]], left: set[asyncio.Task[Any]]) -> T:
        """Do ``work``.

        Args:
            work: it.
            left: takes the task if it does not come to its end though it was cancelled.

        Raises:
            DroppedError: it was given up.
            OverdueError: it took too long.
        """
        task = asyncio.create_task(self._do(work))
        try:
            async with asyncio.timeout(self._limit) as self._timeout:
                await asyncio.wait({task})
        except TimeoutError:
            pass
        finally:
            self._timeout = None
            if not task.done():
                await _end(task, left)
        ended = task.done() and not task.cancelled()
        if self._dropped and not (ended and task.exception() is None):
            raise DroppedError
        if ended:
            return task.result()
        raise OverdueError(f"it has not come to its end within {self._limit:g} s")

    @property
    def can_be_dropped(self) -> bool:
        """Whether it does no harm to give it up: of one that writes nothing has been sent, and nothing is about to."""
        return self._reads or (self._waiting > 0 and not self._sent)

    def drop(self) -> None:
        """Give it up: at once if that does no harm, else as soon as it waits for its turn, if it has sent nothing."""
        self._unwanted = True
        self._give_up()

    def _give_up(self) -> None:
        if self._unwanted and self.can_be_dropped and self._timeout is not None and not self._timeout.expired():
            self._dropped = True
            self._timeout.reschedule(asyncio.get_running_loop().time())

    async def _do(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        _present.set(self)
        return await work()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """While it waits for its turn, no time limit counts."""
        self._waiting += 1
        self._allow(None)
        self._give_up()
        try:
            yield
            if self._dropped:
                raise DroppedError  # its turn came in that moment
            self._sent += 1
            self._count()
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._allow(self._limit)

    def _allow(self, seconds: float | None) -> None:
        if self._timeout is not None and not self._timeout.expired() and not self._dropped:
            self._timeout.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)


async def _end(task: asyncio.Task[Any], left: set[asyncio.Task[Any]]) -> None:
    """Cancel ``task``; it may be a plug-in's that does not care."""
    task.cancel()
    await asyncio.wait({task}, timeout=GRACE)
    if not task.done():
        left.add(task)
        task.add_done_callback(left.discard)
    task.add_done_callback(_hear)


def _hear(task: asyncio.Task[Any]) -> None:
    """Of what nobody waits for, an error is no news."""
    if not task.cancelled():
        task.exception()


class Turnstile:
    """The throttle that an account is given: the token bucket, which tells a call of its turns."""

    def __init__(self, bucket: TokenBucket) -> None:
        self._bucket = bucket

    async def take(self, lane: Lane) -> None:
        """See Throttle."""
        call = _present.get()
        if call is None:
            await self._bucket.take(lane)
            return
        with call.turn():
            await self._bucket.take(lane)

    def throttled(self) -> None:
        """See Throttle."""
        self._bucket.throttled()

    def succeeded(self) -> None:
        """See Throttle."""
        self._bucket.succeeded()
