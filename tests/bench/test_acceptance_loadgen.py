"""The load generator sees what is wrong, loses no count, and asks as it promises."""

import os
import shutil
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from tests.bench.dns.load import Generator, Load, build
from tests.bench.dns.mixes import MIXES, NXDOMAIN, RATE, Mode, Query, write_queries
from tests.bench.impostor import HEADER, Impostor, Reply, impostor, option, question_end, respond, with_option

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc"),
    pytest.mark.skipif(os.geteuid() != 0, reason="large receive buffers take root"),
]

ECS, COOKIE = 8, 10
TYPES = {"A": 1, "AAAA": 28}
BADCOOKIE = 23
HERE, THERE = "192.0.2.1", "192.0.2.2"
EXISTING = Query("api.example.com", addresses=(HERE,))
MISSING = Query("nowhere.example.com", rcode=NXDOMAIN)
OF_A_SUBNET = Query("geo.example.com", addresses=(HERE,), subnet="10.1.2.0/24")
MOMENT = 0.05
STALL = 0.2
SERVER_COOKIE = bytes(range(16))


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    return Generator(build(tmp_path_factory.mktemp("loadgen")), max(os.sched_getaffinity(0)))


class Asking:
    """Runs the generator against an impostor."""

    def __init__(self, generator: Generator, folder: Path) -> None:
        self._generator, self._queries = generator, folder / "queries"

    def __call__(
        self, server: Impostor, *queries: Query, mode: Mode = Mode.CLOSED, seconds: float = MOMENT, number: int = 1
    ) -> Load:
        write_queries(self._queries, queries)
        return self._generator.run(mode, server.port, seconds, number, self._queries)


@pytest.fixture
def ask(generator: Generator, tmp_path: Path) -> Asking:
    return Asking(generator, tmp_path)


def swapped(packet: bytes) -> bytes:
    """The question in the other letter case."""
    end = question_end(packet)
    return packet[:HEADER] + packet[HEADER:end].swapcase() + packet[end:]


def subnet(packet: bytes, scope: int) -> bytes:
    data = option(packet, ECS)
    return with_option(ECS, data[:3] + bytes([scope]) + data[4:])


def cookie(packet: bytes, server: bytes = SERVER_COOKIE) -> bytes:
    return with_option(COOKIE, option(packet, COOKIE)[:8] + server)


RIGHT: Sequence[tuple[Query, Reply]] = (
    (EXISTING, lambda packet: respond(packet, HERE)),
    (MISSING, lambda packet: respond(packet, rcode=3)),
    (OF_A_SUBNET, lambda packet: respond(packet, HERE, options=subnet(packet, 24))),
    (Query("h.example.com", "AAAA", addresses=("::1", "::2")), lambda packet: respond(packet, "::2", type_=28)),
)


@pytest.mark.parametrize(("query", "reply"), RIGHT)
def test_right_replies_are_counted(ask: Asking, query: Query, reply: Reply) -> None:
    with impostor(reply) as server:
        load = ask(server, query)
    assert load.answered == load.sent == len(server.asked) > 0
    assert load.bad == 0


WRONG: dict[str, tuple[Query, Reply]] = {
    "another address": (EXISTING, lambda packet: respond(packet, THERE)),
    "another type": (EXISTING, lambda packet: respond(packet, HERE, type_=16)),
    "no answer": (EXISTING, respond),
    "an error": (EXISTING, lambda packet: respond(packet, HERE, rcode=2)),
    "an extended error": (EXISTING, lambda packet: respond(packet, HERE, rcode=16)),
    "a missing name that exists": (MISSING, respond),
    "an existing name that is missing": (EXISTING, lambda packet: respond(packet, rcode=3)),
    "another letter case": (EXISTING, lambda packet: respond(swapped(packet), HERE)),
    "a query": (EXISTING, lambda packet: respond(packet, HERE, flags=0x0400)),
    "truncated": (EXISTING, lambda packet: respond(packet, HERE, flags=0x8600)),
    "cut off": (EXISTING, lambda packet: respond(packet, HERE, edns=False)[:-1]),
    "no EDNS": (EXISTING, lambda packet: respond(packet, HERE, edns=False)),
    "no subnet": (OF_A_SUBNET, lambda packet: respond(packet, HERE)),
    "no scope": (OF_A_SUBNET, lambda packet: respond(packet, HERE, options=subnet(packet, 0))),
    "another subnet": (
        OF_A_SUBNET,
        lambda packet: respond(packet, HERE, options=with_option(ECS, bytes([0, 1, 24, 24, 10, 1, 3]))),
    ),
    "bad cookie without a cookie": (EXISTING, lambda packet: respond(packet, rcode=BADCOOKIE)),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_reply_is_seen(ask: Asking, what: str) -> None:
    query, reply = WRONG[what]
    with impostor(reply) as server:
        load = ask(server, query)
    assert load.wrong == load.sent > 0
    assert load.stray == load.lost == 0


def test_no_reply_is_a_loss_and_one_of_another_id_is_nobodys(ask: Asking) -> None:
    def mostly(packet: bytes) -> bytes | tuple[bytes, ...]:
        reply = respond(packet, HERE)
        match room(packet):
            case 0:
                return ()
            case 1:
                return bytes([reply[0] ^ 0x80]) + reply[1:]
            case _:
                return reply

    with impostor(mostly) as server:
        load = ask(server, EXISTING)
    rooms = Counter(room(packet) for packet, _ in server.asked)
    assert (load.lost, load.stray, load.wrong) == (rooms[0] + rooms[1], rooms[1], 0)
    assert rooms[0] > 0 < rooms[1]


def room(packet: bytes) -> int:
    """In which of 16 rooms of a socket a query waits."""
    return packet[1] % 16


def test_a_second_reply_is_nobodys(ask: Asking) -> None:
    with impostor(lambda packet: (respond(packet, HERE), respond(packet, HERE))) as server:
        load = ask(server, EXISTING)
    assert load.answered == load.sent
    assert load.stray > load.sent / 2  # of the last ones nobody is there to see the second


def test_a_flood_repeats_no_packet_and_half_of_its_names_exist(ask: Asking) -> None:
    queries = MIXES["flood"].queries(Random(1))
    told = {(query.name, TYPES[query.type]): query.addresses[0] for query in queries}

    def reply(packet: bytes) -> bytes:
        address = told.get(asked := question(packet))
        return respond(packet, address, type_=asked[1]) if address else respond(packet, rcode=3)

    with impostor(reply) as server:
        loads = [ask(server, *queries, mode=Mode.FLOOD, seconds=0.3, number=number) for number in (0, 1)]
    assert all(load.answered == load.sent > 0 for load in loads)
    packets = [packet[2:] for packet, _ in server.asked]
    assert len(set(packets)) == len(packets)
    existing = [question(packet) for packet, _ in server.asked if question(packet) in told]
    assert abs(2 * len(existing) - len(packets)) <= len(loads)
    assert len(set(existing)) > len(told) / 2


def question(packet: bytes) -> tuple[str, int]:
    """Name, in lower case, and type."""
    labels, at = [], HEADER
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode().lower())
        at += packet[at] + 1
    return ".".join(labels), packet[at + 2]


def test_clients_learn_the_servers_cookie_and_keep_to_an_address(ask: Asking) -> None:
    with impostor(lambda packet: respond(packet, HERE, options=cookie(packet))) as server:
        load = ask(server, EXISTING, mode=Mode.COOKIES, seconds=1.5)
    assert load.answered == load.sent > 5000
    seen: dict[bytes, set[str]] = {}
    for packet, source in server.asked:
        told = option(packet, COOKIE)
        assert told[8:] == (SERVER_COOKIE if told[:8] in seen else b"")
        seen.setdefault(told[:8], set()).add(source)
    assert len(seen) == 5000
    assert all(len(sources) == 1 for sources in seen.values())
    assert set(Counter(source for sources in seen.values() for source in sources).values()) == {125}


def test_a_newer_cookie_is_taken_over(ask: Asking) -> None:
    with impostor(
        lambda packet: respond(packet, HERE, options=cookie(packet, newer(option(packet, COOKIE))))
    ) as server:
        ask(server, EXISTING, mode=Mode.COOKIES, seconds=1.0)
    sent: Counter[bytes] = Counter()
    for packet, _ in server.asked:
        told = option(packet, COOKIE)
        assert told[8:] == (bytes([sent[told[:8]]]) * 8 if sent[told[:8]] else b"")
        sent[told[:8]] += 1


def newer(told: bytes) -> bytes:
    return bytes([told[8] + 1 if len(told) > 8 else 1]) * 8


def test_a_server_may_want_its_cookie_first_but_not_again(ask: Asking) -> None:
    def strict(packet: bytes) -> bytes:
        known = len(option(packet, COOKIE)) > 8
        return respond(packet, HERE if known else "", rcode=0 if known else BADCOOKIE, options=cookie(packet))

    with impostor(strict) as server:
        assert ask(server, EXISTING, mode=Mode.COOKIES).bad == 0
    with impostor(lambda packet: respond(packet, rcode=BADCOOKIE, options=cookie(packet))) as server:
        assert ask(server, EXISTING, mode=Mode.COOKIES, seconds=1.5).wrong > 0


@pytest.mark.parametrize("given", [b"", bytes(8) + SERVER_COOKIE])
def test_a_cookie_that_is_not_the_clients_is_wrong(ask: Asking, given: bytes) -> None:
    options = with_option(COOKIE, given) if given else b""
    with impostor(lambda packet: respond(packet, HERE, options=options)) as server:
        load = ask(server, EXISTING, mode=Mode.COOKIES)
    assert load.wrong == load.sent > 0


def test_a_pace_is_kept(ask: Asking) -> None:
    with impostor(lambda packet: respond(packet, HERE)) as server:
        load = ask(server, EXISTING, mode=Mode.PACED, seconds=0.25)
    assert load.sent == RATE / 4


def test_latency_counts_from_when_a_query_was_due(ask: Asking) -> None:
    """A server that stalls once is charged for all who had to wait."""
    stalled = threading.Event()

    def stall(packet: bytes) -> bytes:
        if not stalled.is_set():
            threading.Event().wait(STALL)
            stalled.set()
        return respond(packet, HERE)

    with impostor(stall) as server:
        load = ask(server, EXISTING, mode=Mode.PACED, seconds=STALL)
    assert load.answered == load.sent
    assert load.p50 > STALL * 1e6 / 4
