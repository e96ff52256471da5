"""A listener while what it answers from is exchanged under its hands, and while nobody asks it."""

import contextlib
import gc
import socket
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import dns.message
import pytest

from gslb.nameserver.batch import pin
from gslb.nameserver.parts import as_they_are
from gslb.nameserver.responder import Responder
from gslb.nameserver.settings import DEFAULTS, RateLimit
from gslb.nameserver.snapshot import Snapshot
from gslb.nameserver.table import Table, compile_table
from gslb.nameserver.tally import Tally
from gslb.nameserver.udp import UdpListener, open_udp
from tests.nameserver.support import SNAPSHOT
from tests.waiting import eventually

BOUNDLESS = replace(SNAPSHOT, generation=8, settings=type(DEFAULTS)(rate_limit=RateLimit(1e9, 1e9)))
SECONDS = 1.0


def table_of(snapshot: Snapshot = SNAPSHOT) -> Table:
    return compile_table(snapshot, None, Random(1))


@pytest.fixture
def impatient() -> Iterator[None]:
    """Threads take the interpreter from each other in the midst of a batch."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@contextlib.contextmanager
def listening(responder: Responder, *, batched: bool) -> Iterator[tuple[str, int]]:
    with open_udp(socket.AF_INET, "127.0.0.1", 0, reuse_port=False) as sock:
        listener = UdpListener(sock, responder, lambda: None, batched=batched)
        listener.start()
        try:
            yield sock.getsockname()
        finally:
            listener.stop()


@pytest.mark.parametrize("batched", [True, False], ids=["batches", "plain"])
def test_limits_that_come_and_go_leave_every_answer_whole(impatient: None, *, batched: bool) -> None:
    """Ready replies are of another form where each response is looked at."""
    responder = Responder(pin=pin if batched else as_they_are)
    tables = table_of(), table_of(BOUNDLESS)
    responder.adopt(tables[0])
    query = dns.message.make_query("www.example.com.", "A", use_edns=0).to_wire()[2:]
    expected = responder.answer(bytes(2) + query, "127.0.0.1", Tally("udp"))
    ended = threading.Event()

    def exchange() -> None:
        turn = 0
        while not ended.is_set():
            turn += 1
            responder.adopt(tables[turn % 2])
            time.sleep(0.002)

    exchanging = threading.Thread(target=exchange)
    with listening(responder, batched=batched) as address, socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect(address)
        exchanging.start()
        try:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                for number in range(50):
                    sock.send(number.to_bytes(2) + query)
                assert expected is not None
                assert {sock.recv(4096)[2:] for _ in range(50)} == {expected[2:]}
        finally:
            ended.set()
            exchanging.join()


@pytest.mark.parametrize("batched", [True, False], ids=["batches", "plain"])
def test_a_listener_that_nobody_asks_keeps_no_table_of_the_past(*, batched: bool) -> None:
    responder = Responder(pin=pin if batched else as_they_are)
    table: Table | None = table_of()
    assert table is not None
    responder.adopt(table)
    watched, table = weakref.ref(table), None
    with listening(responder, batched=batched) as address, socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect(address)
        sock.send(dns.message.make_query("www.example.com.", "A").to_wire())
        sock.recv(4096)
        for generation in (8, 9, 10):
            responder.adopt(table_of(replace(SNAPSHOT, generation=generation)))
            responder.reclaimer.reclaim()

        def is_gone() -> bool:
            gc.collect()
            return watched() is None

        eventually(is_gone)
