"""How often a service answers what."""

from collections import Counter
from math import sqrt
from random import Random

import dns.message
import pytest

from gslb.model.distribution import distribution
from gslb.model.steering import RecordType, Steering
from gslb.nameserver.responder import Responder
from gslb.nameserver.snapshot import Snapshot
from gslb.nameserver.table import compile_table
from gslb.nameserver.tally import Tally
from tests.nameserver.support import API, CLIENT, SERVICES, ZONES, Server, service, values


def test_two_thousand_queries_split_sixty_to_forty(server: Server) -> None:
    asked = 2000
    first = sum(values(server.ask("api.example.com."))[0] == "203.0.113.1" for _ in range(asked))
    assert abs(first - 0.6 * asked) < 4 * sqrt(asked * 0.6 * 0.4)


@pytest.mark.parametrize("steering", SERVICES[:3], ids=lambda steering: str(steering.name))
def test_cycles_of_answers_have_exactly_the_odds(steering: Steering) -> None:
    responder = Responder()
    responder.adopt(compile_table(Snapshot(1, ZONES, SERVICES), None, Random(1)))
    expected = {value: share * 100 for value, share in distribution(steering, RecordType.A).items()}
    assert Counter(value for _ in range(100) for value in ask_anew(responder, steering.name)) == expected
    for _ in range(3):
        ask(responder, steering.name)
    assert responder.ready.replies.turns
    assert Counter(value for _ in range(100) for value in ask(responder, steering.name)) == expected


def ask_anew(responder: Responder, name: str) -> list[str]:
    """Over TCP, where no answers are kept ready."""
    reply = responder.tcp(dns.message.make_query(name, "A", id=1).to_wire(), CLIENT, Tally("tcp"))
    assert reply is not None
    return values(dns.message.from_wire(reply))


def ask(responder: Responder, name: str) -> list[str]:
    packet = dns.message.make_query(name, "A", id=1).to_wire()
    reply = responder.answer(packet, CLIENT, Tally("udp"))
    assert reply is not None
    return values(dns.message.from_wire(reply))


def test_fresh_packets_do_not_all_begin_with_the_heaviest_group() -> None:
    """Each letter case has a ready answer of its own; each begins somewhere else."""
    responder = Responder()
    responder.adopt(compile_table(Snapshot(1, ZONES, (API,)), None, Random(1)))
    name = "api.example.com."
    firsts: Counter[str] = Counter()
    for mask in range(2**9):
        spelled = "".join(c.upper() if mask >> i & 1 else c for i, c in enumerate(name[:9])) + name[9:]
        for _ in range(3):
            ask(responder, spelled)
        firsts[ask(responder, spelled)[0]] += 1
    asked = firsts.total()
    assert abs(firsts["203.0.113.1"] - 0.6 * asked) < 4 * sqrt(asked * 0.6 * 0.4)


def test_ready_answers_are_for_what_exists_and_comes_again() -> None:
    responder = Responder()
    responder.adopt(compile_table(Snapshot(1, ZONES, SERVICES), None, Random(1)))
    replies = responder.ready.replies.turns
    ask(responder, "www.example.com.")
    assert not replies
    for _ in range(2):
        ask(responder, "www.example.com.")
    assert len(replies) == 1
    for name in ("many.example.com.", "alias-of.child.example.com."):
        for _ in range(4):
            ask(responder, name)
    assert len(replies) == 1
    for name in ("nowhere.example.com.", "x.wild.example.com.", "www.example.org.", "down.example.com."):
        for _ in range(4):
            ask(responder, name)
    assert len(replies) == 5


def test_a_change_leaves_no_ready_answer_behind() -> None:
    responder = Responder()
    old = compile_table(Snapshot(1, ZONES, (API,)), None, Random(1))
    responder.adopt(old)
    for _ in range(4):
        assert ask(responder, "api.example.com.")[0] != "203.0.113.9"
    moved = service("api.example.com.", (1, ["203.0.113.9"]))
    responder.adopt(compile_table(Snapshot(2, ZONES, (moved,)), old, Random(1)))
    assert ask(responder, "api.example.com.") == ["203.0.113.9"]


def test_what_a_change_does_not_concern_is_taken_over() -> None:
    responder = Responder()
    old = compile_table(Snapshot(1, ZONES, SERVICES), None, Random(1))
    responder.adopt(old)
    names = ("api.example.com.", "www.example.com.", "to-api.example.com.", "pool.example.com.")
    for name in names:
        ask(responder, name)
        ask(responder, name)
    moved = service("api.example.com.", (1, ["203.0.113.9"]))
    serials = {"example.com.": 9}
    responder.adopt(compile_table(Snapshot(2, ZONES, (moved, *SERVICES[1:]), serials=serials), old, Random(1)))
    keys = {name: bytes(2) + dns.message.make_query(name, "A", id=1).to_wire()[2:] for name in names}
    known = {name for name in names if responder.ready.respond(keys[name], str.encode, "")}
    assert known == {"www.example.com.", "pool.example.com."}
    assert ask(responder, "to-api.example.com.") == ["203.0.113.9"]
    assert ask(responder, "pool.example.com.")[0].startswith("203.0.113.1")


def test_a_flood_of_spellings_stays_within_the_budget() -> None:
    responder = Responder()
    responder.adopt(compile_table(Snapshot(1, ZONES, SERVICES), None, Random(1)))
    packet = bytearray(dns.message.make_query("many.example.com.", "A").to_wire())
    tally = Tally("udp")
    for number in range(3000):
        packet[-4:-2] = number.to_bytes(2)  # any type at a name that exists
        for _ in range(4):
            responder.answer(bytes(packet), CLIENT, tally)
    assert 1000 < len(responder.ready.replies.turns) <= 3000
