"""Response rate limiting: who gets how many responses, who is let through, and what comes in place of the others."""

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.nameserver.limiter import BURST, Limiter, Verdict
from gslb.nameserver.settings import RateLimit, Settings
from gslb.nameserver.transfer.access import Transfer
from tests.nameserver.support import SNAPSHOT, Server, rcode, running
from tests.nameserver.transfers import KEY, signed

COOKIE = dns.edns.OptionType.COOKIE
SECRET = "00" * 16


def judged(limiter: Limiter, source: str, times: int, now: float, *, answered: bool = True) -> Counter[Verdict]:
    return Counter(limiter.judge(source, now, answered=answered) for _ in range(times))


def test_a_network_has_its_rate_at_once_and_then_as_time_passes() -> None:
    limiter = Limiter(RateLimit(answers=10, others=2, slip=0))
    assert judged(limiter, "192.0.2.1", 100, 0.0) == {Verdict.SEND: 10, Verdict.DROP: 90}
    assert judged(limiter, "192.0.2.200", 100, 0.5)[Verdict.SEND] == 5
    assert judged(limiter, "192.0.2.1", 100, 50.0)[Verdict.SEND] == 10


def test_errors_have_a_rate_of_their_own() -> None:
    limiter = Limiter(RateLimit(answers=10, others=2, slip=0))
    assert judged(limiter, "192.0.2.1", 100, 0.0, answered=False)[Verdict.SEND] == 2
    assert judged(limiter, "192.0.2.1", 100, 0.0)[Verdict.SEND] == 10


def test_addresses_of_one_network_share_its_rate_and_others_do_not() -> None:
    limiter = Limiter(RateLimit(answers=10, others=2, slip=0))
    assert judged(limiter, "2001:db8:1:1::1", 100, 0.0)[Verdict.SEND] == 10
    assert judged(limiter, "2001:db8:1:7f::2", 100, 0.0)[Verdict.SEND] == 0
    assert judged(limiter, "2001:db8:1:100::2", 100, 0.0)[Verdict.SEND] == 10
    assert judged(limiter, "fe80::1%eth0", 100, 0.0)[Verdict.SEND] == 10


@pytest.mark.parametrize(("slip", "slipped"), [(0, 0), (1, 90), (2, 45), (3, 30)])
def test_each_so_many_th_of_the_others_slips(slip: int, slipped: int) -> None:
    limiter = Limiter(RateLimit(answers=10, others=2, slip=slip))
    assert judged(limiter, "192.0.2.1", 100, 0.0)[Verdict.SLIP] == slipped


def test_who_is_exempt_is_not_limited() -> None:
    limiter = Limiter(RateLimit(answers=1, others=1, exempt=("192.0.2.0/25", "2001:db8::/32")))
    for source in ("192.0.2.1", "2001:db8::7", "::ffff:192.0.2.1"):
        assert judged(limiter, source, 50, 0.0) == {Verdict.SEND: 50}
    assert judged(limiter, "192.0.2.200", 50, 1.0)[Verdict.SEND] <= 2


@given(
    st.lists(st.floats(0, 5), min_size=1, max_size=200).map(sorted),
    st.floats(0.5, 50),
)
def test_over_any_time_there_are_at_most_its_rate_and_the_burst(moments: list[float], rate: float) -> None:
    limiter = Limiter(RateLimit(answers=rate, others=1, slip=0))
    sent = [now for now in moments if limiter.judge("192.0.2.1", now, answered=True) is Verdict.SEND]
    for index, first in enumerate(sent):
        for count, last in enumerate(sent[index:], 1):
            assert count <= rate * (last - first + BURST) + 1 + 1e-6


@contextmanager
def limited(folder: Path, listen: str = "127.0.0.1", **limits: object) -> Iterator[Server]:
    limit = RateLimit(**({"answers": 5, "others": 5} | limits))  # type: ignore[arg-type]
    settings = Settings(cookie_secrets=(SECRET,), rate_limit=limit)
    with running(folder, listen=listen, host="127.0.0.1", snapshot=replace(SNAPSHOT, settings=settings)) as server:
        yield server


def flood(server: Server, packet: bytes, times: int, source: str = "127.0.0.1") -> list[bytes]:
    """The responses to so many of the same packet."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.connect((server.host, server.port))
        sock.settimeout(0.2)
        for _ in range(times):
            sock.send(packet)
        while True:
            try:
                found.append(sock.recv(65535))
            except TimeoutError:
                return found


def query(name: str = "api.example.com.", cookie: bytes = b"") -> dns.message.Message:
    options: list[dns.edns.Option] = [dns.edns.GenericOption(COOKIE, cookie)] if cookie else []
    return dns.message.make_query(name, "A", use_edns=0, options=options)


@pytest.mark.parametrize("name", ["api.example.com.", "www.example.com.", "nowhere.example.com.", "www.example.org."])
def test_of_a_flood_few_responses_come_back_and_the_others_are_short(tmp_path: Path, name: str) -> None:
    with limited(tmp_path) as server:
        packet = query(name).to_wire()
        found = flood(server, packet, 200)
        full = [one for one in found if not dns.message.from_wire(one).flags & dns.flags.TC]
        assert 3 <= len(full) <= 8  # the start has asked as well
        assert len(full) < len(found) <= 8 + 100
        assert all(len(one) <= len(packet) for one in found if one not in full)
        response = server.send(query(name), tcp=True)
        assert not response.flags & dns.flags.TC


def test_a_client_with_a_cookie_is_asked_for_that_of_the_server_and_let_through_with_it(tmp_path: Path) -> None:
    with limited(tmp_path) as server:
        found = [dns.message.from_wire(one) for one in flood(server, query(cookie=bytes(8)).to_wire(), 100)]
        bad = [one for one in found if rcode(one) == "BADCOOKIE"]
        assert bad
        cookie = next(one.to_wire() for one in bad[0].options if one.otype == COOKIE)
        assert isinstance(cookie, bytes)
        known = flood(server, query(cookie=cookie).to_wire(), 100)
        assert len(known) == 100
        assert {rcode(dns.message.from_wire(one)) for one in known} == {"NOERROR"}
        forged = flood(server, query(cookie=cookie).to_wire(), 100, source="127.0.0.2")
        assert any(rcode(dns.message.from_wire(one)) == "BADCOOKIE" for one in forged)


def test_behind_a_wildcard_address_responses_are_limited_too(tmp_path: Path) -> None:
    with limited(tmp_path, listen="0.0.0.0", slip=0) as server:
        flood(server, query().to_wire(), 3)  # until it is ready
        assert len(flood(server, query().to_wire(), 200)) <= 8


def test_who_has_signed_what_it_asks_is_let_through(tmp_path: Path) -> None:
    zones = tuple(replace(zone, transfer=Transfer(keys=(KEY,))) for zone in SNAPSHOT.zones)
    limit = RateLimit(answers=2, others=2, slip=1)
    snapshot = replace(SNAPSHOT, zones=zones, settings=Settings(rate_limit=limit))
    with running(tmp_path, snapshot=snapshot) as server:
        flood(server, query().to_wire(), 50)
        for _ in range(10):
            response = server.send(signed("example.com."))
            assert response.had_tsig
            assert not response.flags & dns.flags.TC
        unknown = signed("example.com.", key=replace(KEY, name="unknown."))
        found = flood(server, unknown.to_wire(), 50)
        assert sum(one[3] & 0xF == dns.rcode.NOTAUTH for one in found) <= 3


def test_others_are_answered_meanwhile(tmp_path: Path) -> None:
    with limited(tmp_path, slip=0) as server:
        flood(server, query().to_wire(), 200)
        for _ in range(3):
            assert rcode(server.send(query(), source="127.0.1.1")) == "NOERROR"
