"""EDNS beside the client subnet: identity, cookies, keepalive and extended errors, and questions about the server."""

import asyncio
import signal
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdataclass
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.nameserver import disk
from gslb.nameserver.clients import packed
from gslb.nameserver.cookies import MAX_AGE, MAX_AHEAD, RENEWED, Cookies
from gslb.nameserver.edns import Edns, InfoCode, option, read_edns
from gslb.nameserver.settings import Settings
from tests.nameserver.links import linked
from tests.nameserver.support import SNAPSHOT, Server, rcode, running, values
from tests.waiting import eventually

SECRET = "e5e973e5a6b2a43f48e7dc849e37bfcf"
CLIENT = bytes.fromhex("2464c4abcf10c957")
EXPIRE = dns.edns.OptionType(9)
NSID, COOKIE, KEEPALIVE = dns.edns.OptionType.NSID, dns.edns.OptionType.COOKIE, dns.edns.OptionType(11)
IDENTITY = "istanbul-1"
SETTINGS = Settings(identity=IDENTITY, version="gslb 1", cookie_secrets=(SECRET,), explain=("127.0.0.0/30",))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("edns"), snapshot=replace(SNAPSHOT, settings=SETTINGS)) as made:
        yield made


def ask(
    server: Server, *options: tuple[dns.edns.OptionType, bytes], name: str = "www.example.com.", tcp: bool = False
) -> dns.message.Message:
    query = dns.message.make_query(
        name, "A", use_edns=0, options=[dns.edns.GenericOption(code, value) for code, value in options]
    )
    return server.send(query, tcp=tcp)


def told(response: dns.message.Message) -> dict[int, bytes]:
    return {int(one.otype): one.to_wire() or b"" for one in response.options}


def errors(response: dns.message.Message) -> list[InfoCode]:
    return [InfoCode(code) for one in response.options if isinstance(one, dns.edns.EDEOption) for code in [one.code]]


# NSID, and what is said of the server itself


def test_who_asks_is_told_who_answers_and_nobody_else_is(server: Server) -> None:
    assert told(ask(server, (NSID, b""))) == {NSID: IDENTITY.encode()}
    assert told(ask(server)) == {}


def test_it_is_told_by_ready_answers_as_well(server: Server) -> None:
    for _ in range(4):
        assert told(ask(server, (NSID, b""), name="api.example.com."))[NSID] == IDENTITY.encode()


@pytest.mark.parametrize(
    ("name", "text"),
    [("version.bind", "gslb 1"), ("VERSION.server", "gslb 1"), ("id.server", IDENTITY), ("hostname.bind", IDENTITY)],
)
def test_the_chaos_class_tells_of_the_server(server: Server, name: str, text: str) -> None:
    response = server.send(dns.message.make_query(name, "TXT", "CH"))
    (rrset,) = response.answer
    assert (rrset.rdclass, rrset.ttl, rrset[0].to_text()) == (dns.rdataclass.CHAOS, 0, f'"{text}"')


@pytest.mark.parametrize("name", ["www.example.com", "authors.bind", "bind"])
def test_other_names_of_the_chaos_class_are_refused(server: Server, name: str) -> None:
    assert rcode(server.send(dns.message.make_query(name, "TXT", "CH"))) == "REFUSED"


def test_by_default_nothing_is_told(tmp_path: Path) -> None:
    with running(tmp_path) as plain:
        assert told(ask(plain, (NSID, b""), (COOKIE, CLIENT))) == {}
        for name in ("version.bind", "id.server"):
            assert rcode(plain.send(dns.message.make_query(name, "TXT", "CH"))) == "REFUSED"


# Cookies


@pytest.mark.parametrize(
    ("secret", "client", "source", "at", "cookie"),
    [
        (SECRET, CLIENT, "198.51.100.100", 1559731985, "010000005cf79f111f8130c3eee29480"),
        (
            "dd3bdf9344b678b185a6f5cb60fca715",
            bytes.fromhex("22681ab97d52c298"),
            "2001:db8:220:1:59de:d0f4:8769:82b8",
            1559741817,
            "010000005cf7c57926556bd0934c72f8",
        ),
    ],
    ids=["IPv4", "IPv6"],
)
def test_cookies_are_those_of_rfc_9018(secret: str, client: bytes, source: str, at: int, cookie: str) -> None:
    """Appendices A.1 and A.4."""
    assert Cookies(bytes.fromhex(secret)).renew(client, packed(source), at) == client + bytes.fromhex(cookie)


def test_an_old_cookie_is_renewed_and_a_young_one_is_not() -> None:
    """Appendix A.2."""
    old, new = (
        CLIENT + bytes.fromhex(it) for it in ("010000005cf79f111f8130c3eee29480", "010000005cf7a871d4a564a1442aca77")
    )
    cookies, host = Cookies(bytes.fromhex(SECRET)), packed("198.51.100.100")
    assert cookies.renew(old, host, 1559731985 + RENEWED) == old
    assert cookies.renew(old, host, 1559734385) == new
    assert cookies.renew(new, host, 1559734385 + 60) == new
    assert cookies.renew(new, packed("203.0.113.203"), 1559734385 + 60) != new


OLD, NEW = bytes(16), bytes(range(16))
HOST = packed("192.0.2.1")


@given(
    st.binary(min_size=8, max_size=8),
    st.ip_addresses().map(lambda address: address.packed),
    st.integers(0, 2**32 - 1),
    st.integers(-MAX_AHEAD, MAX_AGE),
)
def test_a_cookie_is_good_for_who_got_it_and_for_a_while(client: bytes, host: bytes, made: int, age: int) -> None:
    cookie = Cookies(OLD).renew(client, host, made)
    for cookies in (Cookies(OLD), Cookies(NEW, OLD)):
        assert cookies.is_good(cookie, host, made + age)
    assert not Cookies(NEW).is_good(cookie, host, made + age)
    assert not Cookies(OLD).is_good(cookie, HOST if host != HOST else bytes(16), made + age)
    assert not Cookies(OLD).is_good(cookie, host, made + MAX_AGE + 1)
    assert not Cookies(OLD).is_good(cookie, host, made - MAX_AHEAD - 1)


@given(st.integers(0, 23), st.integers(0, 255))
def test_a_cookie_with_another_octet_is_not_good(at: int, octet: int) -> None:
    cookie = bytearray(Cookies(OLD).renew(CLIENT, HOST, 1000.0))
    if cookie[at] != octet:
        cookie[at] = octet
        assert not Cookies(OLD).is_good(bytes(cookie), HOST, 1000.0)


def test_a_client_with_a_cookie_gets_that_of_the_server_and_nobody_else_does(server: Server) -> None:
    for name in ("www.example.com.", "api.example.com.", "www.example.org.", "nowhere.example.com."):
        cookie = told(ask(server, (COOKIE, CLIENT), name=name))[COOKIE]
        assert Cookies(bytes.fromhex(SECRET)).is_good(cookie, packed("127.0.0.1"), time.time())
        assert told(ask(server, (COOKIE, cookie), name=name))[COOKIE][:8] == CLIENT
        assert COOKIE not in told(ask(server, name=name))


def test_a_cookie_is_never_that_of_another_client(server: Server) -> None:
    """Packets with the same octets come from different addresses."""
    query = dns.message.make_query(
        "api.example.com.", "A", use_edns=0, options=[dns.edns.GenericOption(COOKIE, CLIENT)]
    )
    for _ in range(4):
        for source in ("127.0.0.1", "127.0.0.2"):
            cookie = told(server.send(query, source=source))[COOKIE]
            assert Cookies(bytes.fromhex(SECRET)).is_good(cookie, packed(source), time.time())


@pytest.mark.parametrize("size", [0, 7, 9, 15, 41])
def test_a_cookie_of_the_wrong_size_is_formerr(server: Server, size: int) -> None:
    assert rcode(ask(server, (COOKIE, bytes(size)))) == "FORMERR"


def test_a_cookie_may_be_asked_for_without_a_question(server: Server) -> None:
    query = dns.message.make_query(".", "A", use_edns=0, options=[dns.edns.GenericOption(COOKIE, CLIENT)])
    query.question = []
    answer = server.exchange(query.to_wire())
    assert answer is not None
    response = dns.message.from_wire(answer)
    assert (rcode(response), response.question) == ("NOERROR", [])
    assert told(response)[COOKIE][:8] == CLIENT
    without = server.exchange(struct.pack(">6H", 5, 0, 0, 0, 0, 0))
    assert without is not None
    assert rcode(dns.message.from_wire(without)) == "FORMERR"


def test_of_two_cookies_the_first_counts(server: Server) -> None:
    assert told(ask(server, (COOKIE, CLIENT), (COOKIE, bytes(8))))[COOKIE][:8] == CLIENT


# Keepalive


def test_how_long_a_connection_may_idle_is_told_over_tcp_and_not_over_udp(server: Server) -> None:
    (seconds,) = struct.unpack(">H", told(ask(server, (KEEPALIVE, b""), tcp=True))[KEEPALIVE])
    assert 0 < seconds <= 100
    assert KEEPALIVE not in told(ask(server, tcp=True))
    assert KEEPALIVE not in told(ask(server, (KEEPALIVE, b"")))


# Expire (RFC 7314)


@pytest.mark.parametrize(("type_", "told_"), [("SOA", (86400).to_bytes(4)), ("NS", None)])
def test_a_secondary_that_asks_is_told_for_how_long_it_may_answer(
    server: Server, type_: str, told_: bytes | None
) -> None:
    options: list[dns.edns.Option] = [dns.edns.GenericOption(EXPIRE, b"")]
    for _ in range(3):
        query = dns.message.make_query("example.com.", type_, use_edns=0, options=options)
        assert told(server.send(query)).get(EXPIRE) == told_
    assert EXPIRE not in told(server.send(dns.message.make_query("example.com.", "SOA", use_edns=0)))


# Extended errors


@pytest.mark.parametrize(
    ("name", "rcode_", "error"),
    [
        ("www.example.org.", "REFUSED", InfoCode.NOT_AUTHORITATIVE),
        ("down.example.com.", "SERVFAIL", InfoCode.OTHER),
        ("empty.example.com.", "NOERROR", InfoCode.OTHER),
    ],
)
def test_responses_say_why_they_are_as_they_are(server: Server, name: str, rcode_: str, error: InfoCode) -> None:
    for _ in range(3):
        response = ask(server, name=name)
        assert (rcode(response), errors(response)) == (rcode_, [error])


def test_an_answer_has_no_error(server: Server) -> None:
    for name in ("www.example.com.", "api.example.com.", "nowhere.example.com."):
        assert errors(ask(server, name=name)) == []


def test_without_a_snapshot_it_is_not_ready(tmp_path: Path) -> None:
    with running(tmp_path, snapshot=None) as server:
        response = ask(server)
        assert (rcode(response), errors(response)) == ("SERVFAIL", [InfoCode.NOT_READY])


def test_another_opcode_is_not_supported(server: Server) -> None:
    query = dns.message.make_query("www.example.com.", "A", use_edns=0)
    query.set_opcode(dns.opcode.STATUS)
    answer = server.exchange(query.to_wire())
    assert answer is not None
    assert errors(dns.message.from_wire(answer)) == [InfoCode.NOT_SUPPORTED]


# Reading options


@given(st.lists(st.tuples(st.integers(0, 20), st.binary(max_size=12)), max_size=5), st.binary(max_size=3))
def test_options_are_read_or_refused_whole(options: list[tuple[int, bytes]], rest: bytes) -> None:
    data = b"".join(option(code, value) for code, value in options)
    codes = {code for code, _ in options}
    edns, well_formed = read_edns(1232, 0, data)
    if well_formed:
        assert edns.nsid is (NSID in codes)
        assert bool(edns.cookie) is (COOKIE in codes)
    else:
        assert codes & {dns.edns.OptionType.ECS, COOKIE}
    if rest and well_formed and len(rest) != 4:
        assert not read_edns(1232, 0, data + rest)[1]


def test_options_of_another_version_are_not_known() -> None:
    assert read_edns(1232, 1 << 16, b"\xff") == (Edns(1232, 1, dnssec_ok=False), True)


# Explanations


def test_listed_clients_are_told_what_a_service_says_to_them_and_why(server: Server) -> None:
    lines = values(server.ask("_explain.api.example.com.", "TXT"), "TXT")
    text = "\n".join(lines)
    assert "service=api.example.com. generation=7 ttl=30" in text
    assert "client=127.0.0.1/32" in text
    assert "rule=1/1 for=everyone pick=weighted" in text
    assert "region=r0 weight=60 203.0.113.1" in text
    assert "region=r1 weight=40 203.0.113.2" in text


def test_it_follows_aliases_and_says_so_of_nobody(server: Server) -> None:
    alias = values(server.ask("_explain.to-api.example.com.", "TXT"), "TXT")
    assert any("service=api.example.com." in line for line in alias)
    nobody = values(server.ask("_explain.down.example.com.", "TXT"), "TXT")
    assert any("nobody, which is told as servfail" in line for line in nobody)


def test_it_knows_services_with_wildcards(server: Server) -> None:
    lines = values(server.ask("_explain.shop.any.example.com.", "TXT"), "TXT")
    assert any("service=*.any.example.com." in line for line in lines)


def test_for_others_and_for_other_names_there_is_no_such_thing(server: Server) -> None:
    query = dns.message.make_query("_explain.api.example.com.", "TXT")
    assert rcode(server.send(query, source="127.0.0.9")) == "NXDOMAIN"
    assert rcode(server.ask("_explain.www.example.com.", "TXT")) == "NXDOMAIN"
    assert rcode(server.ask("_explain.api.example.com.", "A")) == "NXDOMAIN"
    assert rcode(server.ask("_explain.api.example.org.", "TXT")) == "REFUSED"


# Staleness


async def test_answers_of_services_are_stale_once_control_has_been_away_for_long(tmp_path: Path) -> None:
    settings = Settings(stale_after=0.5)
    snapshot = replace(SNAPSHOT, settings=settings)
    with running(tmp_path, snapshot=snapshot) as server:

        def stale(name: str = "api.example.com.") -> bool:
            return errors(ask(server, name=name)) == [InfoCode.STALE_ANSWER]

        for _ in range(3):  # until it is ready
            ask(server, name="api.example.com.")
        await asyncio.to_thread(eventually, stale)
        assert not await asyncio.to_thread(stale, "www.example.com.")
        assert values(await asyncio.to_thread(ask, server, name="api.example.com."))
        async with linked(server.socket):
            await asyncio.to_thread(eventually, lambda: not stale())
        await asyncio.to_thread(eventually, stale)


# A change of settings


def test_settings_come_with_a_snapshot(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert told(ask(server, (NSID, b""))) == {}
        disk.write(server.snapshot, replace(SNAPSHOT, generation=8, settings=SETTINGS))
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: told(ask(server, (NSID, b""))))
        assert told(ask(server, (NSID, b"")))[NSID] == IDENTITY.encode()
