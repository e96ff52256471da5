"""The reactor: timers in order and never early, events before timers, and nobody's fault is another's."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import pytest
from structlog.testing import capture_logs

from probes.net import reactor as module
from probes.net.reactor import BATCH, DATAGRAM, STALL, TICK, Reactor
from tests.waiting import until


@pytest.fixture(name="reactor")
async def _reactor() -> AsyncIterator[Reactor]:
    made = Reactor()
    yield made
    made.close()


class Reader:
    """Takes what comes and says so."""

    def __init__(self, sock: socket.socket, then: Callable[[], object] = lambda: None) -> None:
        self.sock, self.then = sock, then
        self.events = 0

    def ready(self, events: int) -> None:
        self.events += 1
        self.sock.recv(65536)
        self.then()


@contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


async def test_timers_are_called_in_order_and_never_early_by_more_than_a_tick(reactor: Reactor) -> None:
    called: list[tuple[float, float]] = []
    start = monotonic()
    for delay in (0.03, 0.0, 0.01, 0.02, 0.0101, -1.0):
        when = start + delay
        reactor.at(when, lambda when=when: called.append((when, monotonic())))  # type: ignore[misc]
    await until(lambda: len(called) == 6)
    assert called == sorted(called)
    assert all(at >= when - TICK for when, at in called)


async def test_timers_of_one_time_are_called_in_the_order_in_which_they_were_made(reactor: Reactor) -> None:
    called: list[int] = []
    when = monotonic() + 0.01
    for number in range(50):
        reactor.at(when, lambda number=number: called.append(number))  # type: ignore[misc]
    await until(lambda: len(called) == 50)
    assert called == list(range(50))


async def test_a_timer_that_is_made_later_and_due_earlier_comes_earlier(reactor: Reactor) -> None:
    called: list[str] = []
    reactor.at(monotonic() + 60, lambda: called.append("late"))
    reactor.at(monotonic() + 0.01, lambda: called.append("early"))
    await until(lambda: called)
    assert called == ["early"]


async def test_a_cancelled_timer_is_not_called(reactor: Reactor) -> None:
    called: list[str] = []
    cancelled = reactor.at(monotonic() + 0.005, lambda: called.append("cancelled"))
    by_a_timer = reactor.at(monotonic() + 0.01, lambda: called.append("cancelled as well"))
    reactor.at(monotonic() + 0.006, by_a_timer.cancel)
    reactor.at(monotonic() + 0.02, lambda: called.append("done"))
    cancelled.cancel()
    await until(lambda: called)
    assert called == ["done"]


async def test_a_stream_of_timers_that_are_due_now_puts_none_of_them_off(reactor: Reactor) -> None:
    called: list[int] = []
    made = 0
    give_up = monotonic() + 5.0
    while not called and monotonic() < give_up:
        reactor.at(0.0, lambda: called.append(1))
        made += 1
        await asyncio.sleep(0)
    assert called, f"none of {made}"


async def test_many_timers_that_are_due_do_not_starve_events(reactor: Reactor) -> None:
    order: list[str] = []
    with pair() as (ours, theirs):
        reader = Reader(ours, lambda: order.append("event"))
        reactor.watch(ours, reader)
        theirs.send(b"x")
        reactor.at(0.0, lambda: theirs.send(b"x"))  # in the first batch, to be seen before the last
        for _ in range(3 * BATCH):
            reactor.at(0.0, lambda: order.append("timer"))
        await until(lambda: order.count("timer") == 3 * BATCH)
    assert order[0] == "event"
    assert "event" in order[1 : -BATCH // 2]


async def test_what_has_arrived_is_seen_before_what_is_due(reactor: Reactor) -> None:
    order: list[str] = []
    with pair() as (ours, theirs):
        reactor.watch(ours, Reader(ours, lambda: order.append("event")))
        reactor.at(monotonic() + 0.01, lambda: order.append("timer"))
        time.sleep(0.05)  # noqa: ASYNC251  the process stands still; meanwhile both become due
        theirs.send(b"x")
        await until(lambda: len(order) == 2)
    assert order == ["event", "timer"]


async def test_more_events_than_a_batch_are_all_seen_before_what_is_due(reactor: Reactor) -> None:
    order: list[str] = []
    pairs = [socket.socketpair() for _ in range(BATCH + 100)]
    for ours, theirs in pairs:
        ours.setblocking(False)
        reactor.watch(ours, Reader(ours, lambda: order.append("event")))
        theirs.send(b"x")
    reactor.at(0.0, lambda: order.append("timer"))
    reactor._tick_at = 0.0  # as after a long stall
    reactor._tick()
    assert order == ["event"] * len(pairs) + ["timer"]
    for ours, theirs in pairs:
        reactor.retire(ours)
        theirs.close()


async def test_time_in_which_the_process_stood_still_is_counted(reactor: Reactor) -> None:
    called: list[int] = []
    reactor.at(monotonic() + 0.01, lambda: called.append(1))
    before = monotonic()
    time.sleep(0.2)  # noqa: ASYNC251  that is the matter
    blocked = monotonic() - before
    await until(lambda: called)
    assert 0.2 - 0.01 - STALL <= reactor.stood_still <= monotonic() - before
    assert blocked >= 0.2


async def test_time_in_which_nothing_was_due_is_not_counted(reactor: Reactor) -> None:
    called: list[int] = []
    reactor.at(monotonic() + 0.2, lambda: called.append(1))
    time.sleep(0.1)  # noqa: ASYNC251  shorter than until the timer
    counted = reactor.stood_still
    await until(lambda: called)
    assert counted == 0.0


async def test_a_number_that_is_given_back_never_leads_to_its_successor(reactor: Reactor) -> None:
    """Both have events in one batch; the first to be served retires the other and opens a socket."""
    seen: list[socket.socket] = []
    successors: list[socket.socket] = []
    watched: dict[socket.socket, socket.socket] = {}

    class Swap:
        def __init__(self, own: socket.socket) -> None:
            self.own = own

        def ready(self, events: int) -> None:
            seen.append(self.own)
            for other in [sock for sock in watched if sock is not self.own]:
                number = other.fileno()
                reactor.retire(other)
                successor = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                assert successor.fileno() != number, "the number is free within the batch"
                reactor.watch(successor, Swap(successor), DATAGRAM)
                successors.append(successor)
            watched.clear()

    with pair() as (one, to_one), pair() as (two, to_two):
        for sock in (one, two):
            watched[sock] = sock
            reactor.watch(sock, Swap(sock))
        to_one.send(b"x")
        to_two.send(b"x")
        await until(lambda: seen)
        await asyncio.sleep(0)
        assert len(seen) == 1
        assert [sock.fileno() for sock in (one, two)].count(-1) == 1
        for successor in successors:
            reactor.retire(successor)
            assert successor.fileno() == -1


async def test_a_handler_that_raises_costs_no_other_its_event(reactor: Reactor) -> None:
    def boom() -> None:
        raise RuntimeError("boom")

    with pair() as (ours, theirs), pair() as (one, to_one), pair() as (two, to_two), capture_logs() as logs:
        readers = [Reader(one), Reader(two)]
        reactor.watch(one, readers[0])
        reactor.watch(ours, Reader(ours, boom))
        reactor.watch(two, readers[1])
        for sock in (to_one, theirs, to_two):
            sock.send(b"x")
        await until(lambda: all(reader.events for reader in readers) and logs)
        reactor.retire(one)
        assert one.fileno() == -1, "not held back for a batch that is over"
    assert [entry["event"] for entry in logs] == ["handler raised"]


async def test_a_timer_that_raises_costs_no_other_its_call(reactor: Reactor) -> None:
    called: list[int] = []

    def boom() -> None:
        raise RuntimeError("boom")

    with capture_logs() as logs:
        reactor.at(0.0, boom)
        reactor.at(0.0, lambda: called.append(1))
        await until(lambda: called)
    assert [entry["event"] for entry in logs] == ["timer raised"]


async def test_a_closed_reactor_calls_nobody() -> None:
    called: list[int] = []
    reactor = Reactor()
    with pair() as (ours, theirs):
        reactor.watch(ours, Reader(ours, lambda: called.append(1)))
        reactor.at(0.0, lambda: called.append(2))
        reactor.close()
        reactor.at(0.0, lambda: called.append(3))
        theirs.send(b"x")
        later: list[int] = []
        asyncio.get_running_loop().call_later(0.02, later.append, 1)
        await until(lambda: later)
        reactor.retire(ours)
        assert ours.fileno() == -1
    assert called == []


async def test_a_timer_that_is_made_after_the_end_never_comes() -> None:
    called: list[int] = []
    reactor = Reactor()
    reactor.close()
    reactor.at(0.0, lambda: called.append(1))
    later: list[int] = []
    asyncio.get_running_loop().call_later(0.02, later.append, 1)
    await until(lambda: later)
    assert called == []


async def test_timers_wait_for_so_many_batches_of_events_and_no_more(
    reactor: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCHES", 1)
    order: list[str] = []
    pairs = [socket.socketpair() for _ in range(BATCH + 1)]
    for ours, theirs in pairs:
        ours.setblocking(False)
        reactor.watch(ours, Reader(ours, lambda: order.append("event")))
        theirs.send(b"x")
    reactor.at(0.0, lambda: order.append("timer"))
    reactor._tick()
    assert order == ["event"] * BATCH + ["timer"]
    await until(lambda: len(order) == len(pairs) + 1)
    for ours, theirs in pairs:
        reactor.retire(ours)
        theirs.close()


async def test_cancelled_timers_take_nobodys_turn(reactor: Reactor) -> None:
    now, called = monotonic(), asyncio.Event()
    for _ in range(3 * BATCH):
        reactor.at(now, lambda: None).cancel()
    reactor.at(now, called.set)
    turns = 0
    while not called.is_set():
        turns += 1
        await asyncio.sleep(TICK)
    assert turns <= 3
