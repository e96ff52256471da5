"""An epoll of its own for the sockets of probes, and one heap of timers with a tick of a millisecond.

Probes are many, short and alike: a transport and a task each would cost as much as the exchange itself. So their
sockets share one epoll instance, which the event loop watches as a single readable file, and a whole batch of events
costs one turn of the loop. What has arrived is always seen before what is due: a response that waits in a socket's
buffer was in time, whatever kept this process from reading it.
"""

import asyncio
import heapq
import select
from collections.abc import Callable
from itertools import count
from time import monotonic
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)

TICK = 0.001
"""Seconds. Timers within a tick are due now: event loops round shorter waits to nothing and spin."""
STALL = 0.1
"""Seconds by which a tick must be late before that counts as time in which the process stood still, and not as work."""
BATCH = 512
"""Events or timers that are served before the loop's other work has its turn."""
BATCHES = 64
"""Batches of events that timers which are due wait for, at most."""

STREAM = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
"""Interest in all that happens to a connection, told once per change: no call to switch from writing to reading."""
DATAGRAM = select.EPOLLIN
READABLE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
WRITABLE = select.EPOLLOUT
FAILED = select.EPOLLERR | select.EPOLLHUP
ENDED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class Descriptor(Protocol):
    """What can be watched: a socket."""

    def fileno(self) -> int:
        """Its number."""

    def close(self) -> None:
        """Give the number back."""


class Handler(Protocol):
    """Who is told of events."""

    def ready(self, events: int) -> None:
        """These have happened; spurious ones are possible. Raises nothing."""


class Timer:
    """A call in the future."""

    __slots__ = ("call", "when")

    def __init__(self, when: float, call: Callable[[], object]) -> None:
        self.when = when
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Do not call."""
        self.call = None


class Reactor:
    """Events and timers on the running event loop. To be closed.

    Attributes:
        stood_still: seconds in which this process did not run although something was due: stopped, starved, or busy.
    """

    def __init__(self) -> None:
        self.stood_still = 0.0
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._retired: list[Descriptor] = []
        self._serving = False
        self._timers: list[tuple[float, int, Timer]] = []
        self._ticket = count()
        self._tick_at = float("inf")
        self._tick_handle: asyncio.Handle | None = None
        self._loop.add_reader(self._epoll.fileno(), self._poll)

    def close(self) -> None:
        """Stop watching; timers that are not due yet never come. What is still watched is its owner's to close."""
        if self._tick_handle is not None:
            self._tick_handle.cancel()
        self._timers.clear()
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def watch(self, descriptor: Descriptor, handler: Handler, events: int = STREAM) -> None:
        """Tell ``handler`` of ``events`` until the descriptor is retired."""
        number = descriptor.fileno()
        self._epoll.register(number, events)
        self._handlers[number] = handler

    def retire(self, descriptor: Descriptor) -> None:
        """Close the descriptor after the present batch: no event in it may find a successor of the same number."""
        self._handlers.pop(descriptor.fileno(), None)
        if self._serving:
            self._retired.append(descriptor)
        else:
            descriptor.close()

    def at(self, when: float, call: Callable[[], object]) -> Timer:
        """Call at monotonic time ``when``, give or take a tick."""
        timer = Timer(when, call)
        heapq.heappush(self._timers, (when, next(self._ticket), timer))
        if when < self._tick_at:
            self._arm()
        return timer

    def _arm(self) -> None:
        now = monotonic()
        tick_at = max(self._timers[0][0], now + TICK)
        if tick_at >= self._tick_at:
            return  # or a stream of calls that are due now would put the tick off for ever
        if self._tick_handle is not None:
            self._tick_handle.cancel()
        self._tick_at = tick_at
        self._tick_handle = self._loop.call_later(tick_at - now, self._tick)

    def _tick(self) -> None:
        if self._epoll.closed:
            return
        now = monotonic()
        late = now - self._tick_at
        if late > STALL:
            self.stood_still += late
        self._tick_handle, self._tick_at = None, float("inf")
        for _ in range(BATCHES):
            if self._poll() < BATCH:
                break
        due, timers, served = now + TICK, self._timers, 0
        while timers and timers[0][0] <= due and served < BATCH:
            call = heapq.heappop(timers)[2].call
            if call is not None:  # those that were cancelled take nobody's turn
                served += 1
                self._guarded(call)
        if timers:
            self._arm()

    def _poll(self) -> int:
        """Serve a batch of events; returns how many there were."""
        events = self._epoll.poll(0, BATCH)
        handlers, self._serving = self._handlers, True
        for number, mask in events:
            handler = handlers.get(number)
            if handler is not None:
                try:
                    handler.ready(mask)
                except Exception:  # edges are told once: one faulty handler must not cost the others theirs
                    log.exception("handler raised")
        self._serving = False
        for descriptor in self._retired:
            descriptor.close()
        self._retired.clear()
        return len(events)

    def _guarded(self, call: Callable[[], object]) -> None:
        try:
            call()
        except Exception:  # one faulty caller must not cost the others their timers
            log.exception("timer raised")
