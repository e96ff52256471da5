"""Answers of services are counted by region: exactly, on every path, and over changes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import dns.message
import pytest

from gslb.model.steering import NoAnswer, Pick, Rule
from gslb.nameserver.responder import Responder
from gslb.nameserver.served import Served, counted
from gslb.nameserver.snapshot import Snapshot
from gslb.nameserver.table import Table, compile_table, lower
from gslb.nameserver.tally import Tally
from tests.nameserver.links import linked
from tests.nameserver.support import API, CLIENT, ZONES, group, parted, running, service
from tests.waiting import until

NAME = "api.example.com."


def table_of(steering: object, previous: Table | None = None) -> Table:
    return compile_table(Snapshot(1, ZONES, (steering,)), previous, Random(1))  # type: ignore[arg-type]


def counts(table: Table) -> dict[str, int]:
    (found,) = table.services.values()
    return found.served.counts()


def ask(responder: Responder, times: int, *, source: str = CLIENT) -> None:
    """As a listener does: from the ready answers where there is one."""
    packet = dns.message.make_query(NAME, "A").to_wire()
    for _ in range(times):
        assert responder.answer(packet, source, Tally("udp"))


@pytest.fixture
def responder() -> Responder:
    return Responder()


def test_by_region_as_weights_say_whether_ready_or_not(responder: Responder) -> None:
    table = table_of(API)
    responder.adopt(table)
    assert counts(table) == {}
    ask(responder, 1)
    assert sum(counts(table).values()) == 1
    ask(responder, 999)
    assert counts(table) == {"r0": 600, "r1": 400}


def test_over_tcp_too(responder: Responder) -> None:
    table = table_of(API)
    responder.adopt(table)
    packet = dns.message.make_query(NAME, "A").to_wire()
    for _ in range(10):
        responder.tcp(packet, CLIENT, Tally("tcp"))
    assert counts(table) == {"r0": 6, "r1": 4}


@pytest.mark.parametrize("no_answer", NoAnswer)
def test_what_is_withheld_or_answered_by_nobody_has_no_region(responder: Responder, no_answer: NoAnswer) -> None:
    rule = Rule(None, (group("istanbul", "192.0.2.1"),), no_answer=no_answer, withheld=64)
    table = table_of(parted(NAME, rule))
    responder.adopt(table)
    ask(responder, 4)  # ready from then on, and so in one order
    assert responder.ready.replies.turns
    before = counts(table)
    ask(responder, 256)
    assert {region: count - before.get(region, 0) for region, count in counts(table).items()} == {
        "istanbul": 192,
        "": 64,
    }
    nobody = table_of(service(NAME, no_answer=no_answer))
    responder.adopt(nobody)
    ask(responder, 5)
    assert counts(nobody) == {"": 5}


def test_of_clients_that_are_told_apart_each_counts_for_its_own(responder: Responder) -> None:
    groups = (group("istanbul", "192.0.2.1", "192.0.2.2"), group("ankara", "192.0.2.3"))
    table = table_of(parted(NAME, Rule(None, groups, pick=Pick.STICKY)))
    responder.adopt(table)
    for number in range(64):
        ask(responder, 3, source=f"198.51.{number}.7")
    assert counts(table).keys() == {"istanbul", "ankara"}
    assert sum(counts(table).values()) == 3 * 64


def test_counts_go_on_when_answers_change(responder: Responder) -> None:
    before = table_of(API)
    responder.adopt(before)
    ask(responder, 10)
    lowered = lower(before, frozenset({API.name}), Random(1))
    responder.adopt(lowered)
    ask(responder, 10)
    after = table_of(service(NAME, (1, ["203.0.113.9"])), lowered)
    responder.adopt(after)
    ask(responder, 10)
    found = counts(after)
    assert sum(found.values()) == 30
    assert found["r0"] > found["r1"]


def test_no_count_is_lost_between_threads() -> None:
    served = Served()
    items = counted(iter(lambda: "answer", ""), served.counter("istanbul"))

    def take(_: int) -> None:
        for _ in range(20_000):
            next(items)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(take, range(4)))
    assert served.counts() == {"istanbul": 80_000}


async def test_control_processes_are_told(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        for _ in range(10):
            server.ask(NAME)
        async with linked(server.socket) as link:
            await until(lambda: API.name in link.served)
            assert sum(link.served[API.name].values()) == 10
            assert link.served[API.name].keys() == {"r0", "r1"}
            assert "many.example.com." not in link.served
