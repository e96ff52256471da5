"""dns: up when the server answers the question as expected."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rrset
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from gslb.model.address import IP
from gslb.model.observation import Cause, Observation
from probes.answer import MAX_RECORDS, SHOWN, Expected, _line
from probes.base import Target
from probes.dns import Dns
from probes.net.network import Network
from probes.net.source import Source
from tests.nameserver.support import Server, running
from tests.probes.attempts import attempt, attempt_of, networking
from tests.probes.namespaces import PROHIBITED, ROUTER, UNREACHABLE, Namespace, host_behind_router
from tests.probes.servers import BRIEF, DEADLINE, open_files, refusing, silent
from tests.waiting import free_port, until

NAME = "www.example.com."
Message = dns.message.Message

# A real server: gslb's own.


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with running(tmp_path_factory.mktemp("nameserver")) as made:
        yield _target(made)


@pytest.fixture(scope="module")
def server6(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        with running(tmp_path_factory.mktemp("nameserver"), listen="::1") as made:
            yield _target(made)
        return
    pytest.skip("there is no IPv6 on loopback")


def _target(server: Server) -> Target:
    return Target(ip_address(server.host), server.port, f"{server.host}:{server.port}")


async def ask(target: Target, timeout: float = DEADLINE, **options: Any) -> Observation:  # noqa: ASYNC109  the probe's
    return await attempt(Dns.model_validate({"name": NAME, **options}), target, timeout)


async def given_up(target: Target, missing: str, **options: Any) -> Observation:
    """An attempt whose time is up as soon as ``missing`` is all that is missing."""
    with networking() as network:
        session = Dns.model_validate({"name": NAME, **options}).session(target, network)
        under_way = session.start(DEADLINE, _unexpected)
        await until(lambda: under_way._exchange.missing == missing)
        return under_way.expire()


def _unexpected(observation: Observation) -> None:
    raise AssertionError(observation)


either_transport = pytest.mark.parametrize("transport", ["udp", "tcp"])


@either_transport
async def test_an_answer_is_up_and_told(server: Target, transport: str) -> None:
    seen = await ask(server, transport=transport)
    assert (seen.ok, seen.cause) == (True, None)
    assert seen.detail in ("answer 192.0.2.80, 192.0.2.81", "answer 192.0.2.81, 192.0.2.80")
    assert 0 < seen.latency < DEADLINE


@either_transport
async def test_ipv6_is_as_good(server6: Target, transport: str) -> None:
    assert (await ask(server6, transport=transport)).ok


async def test_the_time_is_told_by_phases(server: Target) -> None:
    over_udp, over_tcp = await ask(server), await ask(server, transport="tcp")
    assert over_udp.timing is not None
    assert over_udp.timing.connect is None
    assert 0 < (over_udp.timing.first_byte or 0) <= over_udp.latency
    assert over_tcp.timing is not None
    assert 0 < (over_tcp.timing.connect or 0) < over_tcp.latency
    assert 0 < (over_tcp.timing.first_byte or 0) < over_tcp.latency


@pytest.mark.parametrize(
    ("options", "detail"),
    [
        pytest.param({"answers": ["192.0.2.80"]}, None, id="one of two is enough"),
        pytest.param({"answers": ["192.0.2.81", "192.0.2.80"]}, None, id="all"),
        pytest.param({"answers": ["192.0.2.80", "192.0.2.7"]}, " where 192.0.2.7 is expected", id="one is missing"),
        pytest.param({"qtype": "aaaa", "answers": ["2001:DB8:0::80"]}, None, id="however it is written"),
        pytest.param({"min_answers": 2}, None, id="just enough"),
        pytest.param({"min_answers": 3}, ", at least 3 expected", id="too few"),
        pytest.param({"qtype": "MX"}, "no MX record, at least 1 expected", id="NODATA"),
        pytest.param({"qtype": "MX", "min_answers": 0}, None, id="NODATA that is expected"),
        pytest.param({"qtype": "MX", "answers": ["10 a"]}, "no MX record where 10 a. is expected", id="none of any"),
        pytest.param({"name": "alias.example.com", "answers": ["192.0.2.80"]}, None, id="at the end of an alias"),
        pytest.param(
            {"name": "alias.example.com", "qtype": "CNAME", "answers": ["Www.Example.Com"]}, None, id="the alias itself"
        ),
        pytest.param({"name": "dangling.example.com"}, "NXDOMAIN", id="at the end of an alias is nothing"),
        pytest.param({"name": "nowhere.example.com"}, "NXDOMAIN", id="another rcode"),
        pytest.param({"name": "nowhere.example.com", "rcode": "NXDOMAIN"}, None, id="the rcode"),
        pytest.param({"name": "nowhere.example.com", "rcode": ["noerror", "nxdomain"]}, None, id="one of the rcodes"),
        pytest.param({"rcode": "NXDOMAIN"}, "NOERROR", id="a name that should not be"),
        pytest.param({"name": "www.example.org", "rcode": "REFUSED"}, None, id="a server that is right to refuse"),
        pytest.param({"name": "www.example.org"}, "REFUSED", id="a server that refuses"),
        pytest.param({"name": "down.example.com"}, "SERVFAIL", id="a server that fails"),
        pytest.param({"authoritative": True}, None, id="authoritative"),
    ],
)
@either_transport
async def test_an_answer_is_judged(server: Target, transport: str, options: dict[str, Any], detail: str | None) -> None:
    seen = await ask(server, transport=transport, **options)
    assert seen.cause is (None if detail is None else Cause.ANSWER)
    assert seen.ok is (detail is None)
    assert seen.detail.endswith(detail or "")


async def test_a_truncated_answer_is_asked_for_again_over_tcp(server: Target) -> None:
    seen = await ask(server, name="big.example.com", qtype="TXT")
    assert seen.ok
    assert len(seen.detail) == len("answer ") + SHOWN + len("...")
    assert seen.timing is not None
    assert seen.timing.connect is not None


async def test_attempts_at_the_same_time_leave_nothing_behind(server: Target) -> None:
    with networking() as network:
        before = open_files()
        for transport in ("udp", "tcp"):
            session = Dns.model_validate({"name": NAME, "transport": transport}).session(server, network)
            seen = await asyncio.gather(*(attempt_of(session, network, DEADLINE) for _ in range(10)))
            session.close()
            assert all(one.ok for one in seen)
        assert open_files() == before


# Servers that misbehave.


@dataclass
class Scripted:
    """A server that answers as it is told."""

    udp: Callable[[bytes], list[bytes]]
    tcp: Callable[[bytes], list[bytes]]
    queries: list[Message] = field(default_factory=list)
    target: Target = field(default_factory=lambda: Target(ip_address("127.0.0.1"), free_port(), "dns"))
    leave: bool = False
    """Whether a TCP connection ends after what is said."""


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, script: Scripted) -> None:
        self.script = script

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.script.queries.append(dns.message.from_wire(data))
        for packet in self.script.udp(data):
            self.transport.sendto(packet, addr)


@contextlib.asynccontextmanager
async def scripted(
    udp: Callable[[bytes], list[bytes]] = lambda _: [],
    tcp: Callable[[bytes], list[bytes]] = lambda _: [],
    *,
    leave: bool = False,
) -> AsyncIterator[Scripted]:
    script = Scripted(udp, tcp, leave=leave)
    address = str(script.target.ip), script.target.port

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            query = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            script.queries.append(dns.message.from_wire(query))
            for part in script.tcp(query):
                writer.write(part)
                await writer.drain()
            if not script.leave:
                await reader.read()
        writer.close()

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Datagrams(script), address)
    server = await asyncio.start_server(serve, *address)
    async with server:
        yield script
    transport.close()


def reply(query: bytes, *records: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR, flags: int = 0) -> Message:
    response = dns.message.make_response(dns.message.from_wire(query))
    response.set_rcode(rcode)
    response.flags |= flags
    for record in records:
        name, kind, rdata = record.split(" ", 2)
        response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, rdata))
    return response


def good(query: bytes) -> bytes:
    return reply(query, f"{NAME} A 192.0.2.1").to_wire()


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2) + message


@pytest.mark.parametrize("recursion", [False, True])
async def test_the_question_is_plain(recursion: bool) -> None:  # noqa: FBT001  a parameter of the test
    async with scripted(lambda query: [good(query)]) as server:
        assert (await ask(server.target, recursion=recursion)).ok
    (query,) = server.queries
    assert query.flags == (dns.flags.RD if recursion else 0)
    assert query.opcode() == dns.opcode.QUERY
    assert [line.to_text() for line in query.question] == [f"{NAME} IN A"]
    assert query.edns == -1
    assert not query.answer + query.authority + query.additional


async def test_every_query_has_an_id_of_its_own() -> None:
    async with scripted(lambda query: [good(query)]) as server:
        for _ in range(8):
            assert (await ask(server.target)).ok
    assert len({query.id for query in server.queries}) > 1


async def test_an_answer_that_is_not_authoritative_does_not_pass_for_one() -> None:
    async with scripted(lambda query: [good(query)]) as server:
        seen = await ask(server.target, authoritative=True)
    assert (seen.cause, seen.detail) == (Cause.ANSWER, "NOERROR, not authoritative")


def other_id(message: bytes) -> bytes:
    return bytes([message[0] ^ 1]) + message[1:]


@pytest.mark.parametrize(
    "stray",
    [
        pytest.param(lambda query: other_id(reply(query, rcode=dns.rcode.NXDOMAIN).to_wire()), id="another id"),
        pytest.param(lambda query: other_id(query[:2]) + b"garbage", id="garbage"),
        pytest.param(lambda query: query[:1], id="a single octet"),
    ],
)
async def test_packets_with_another_id_are_ignored(stray: Callable[[bytes], bytes]) -> None:
    async with scripted(lambda query: [stray(query), good(query)]) as server:
        assert (await ask(server.target)).ok
    async with scripted(lambda query: [stray(query)]) as server:
        seen = await given_up(server.target, "no answer in time, but one with another id")
    assert (seen.cause, seen.detail) == (Cause.TIMEOUT, "no answer in time, but one with another id")


async def test_packets_from_elsewhere_are_ignored() -> None:
    """The kernel drops them, as the socket is connected; so this has to ask for the client's address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as real, socket.socket(type=socket.SOCK_DGRAM) as stranger:
        real.bind(("127.0.0.1", 0))
        stranger.bind(("127.0.0.1", 0))
        real.setblocking(False)

        def answer() -> None:
            query, client = real.recvfrom(4096)
            stranger.sendto(reply(query, rcode=dns.rcode.NXDOMAIN).to_wire(), client)
            real.sendto(good(query), client)

        asyncio.get_running_loop().add_reader(real.fileno(), answer)
        seen = await ask(Target(ip_address("127.0.0.1"), real.getsockname()[1], "dns"))
        asyncio.get_running_loop().remove_reader(real.fileno())
    assert seen.ok


def of_another_question(query: bytes) -> bytes:
    other = dns.message.make_query("www.example.net", "A", id=int.from_bytes(query[:2]))
    return dns.message.make_response(other).to_wire()


def in_circles(query: bytes) -> bytes:
    return reply(query, f"{NAME} CNAME b.example.com.", f"b.example.com. CNAME {NAME}").to_wire()


def crowded(query: bytes) -> bytes:
    return query[:2] + b"\x80\0\0\1" + (MAX_RECORDS + 1).to_bytes(2) + bytes(4) + query[12:]


def notifying(query: bytes) -> bytes:
    return query[:2] + bytes([0x80 | dns.opcode.NOTIFY << 3]) + query[3:]


NO_RESPONSE, UNREADABLE = "not a response to this query", "unreadable answer: "


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        pytest.param(lambda query: query, NO_RESPONSE, id="an echo"),
        pytest.param(of_another_question, NO_RESPONSE, id="another question"),
        pytest.param(notifying, NO_RESPONSE, id="another opcode"),
        pytest.param(lambda query: query[:2], UNREADABLE, id="the id and no more"),
        pytest.param(lambda query: query[:2] + b"garbage all the way down", UNREADABLE, id="garbage"),
        pytest.param(lambda query: good(query) + b"?", UNREADABLE, id="something behind it"),
        pytest.param(in_circles, UNREADABLE, id="aliases of each other"),
        pytest.param(crowded, f"{UNREADABLE}more than {MAX_RECORDS} records", id="very many records"),
    ],
)
async def test_what_is_no_answer_is_a_protocol_error(answer: Callable[[bytes], bytes], detail: str) -> None:
    async with scripted(lambda query: [answer(query)], lambda query: [framed(answer(query))]) as server:
        over_udp, over_tcp = await ask(server.target), await ask(server.target, transport="tcp")
    assert (over_udp.cause, over_tcp.cause) == (Cause.PROTOCOL, Cause.PROTOCOL)
    assert over_udp.detail.startswith(detail)
    assert over_tcp.detail == over_udp.detail


async def test_an_error_without_the_question_is_an_answer() -> None:
    """As of servers that cannot read it, or do not care to (RFC 1035, section 4.1.1)."""
    async with scripted(lambda query: [query[:2] + b"\x80\5" + bytes(8)]) as server:
        seen = await ask(server.target)
    assert (seen.cause, seen.detail) == (Cause.ANSWER, "REFUSED")


async def test_another_id_over_tcp_is_a_protocol_error() -> None:
    async with scripted(tcp=lambda query: [framed(other_id(good(query)))]) as server:
        seen = await ask(server.target, transport="tcp")
    assert (seen.cause, seen.detail) == (Cause.PROTOCOL, NO_RESPONSE)


async def test_an_answer_over_tcp_may_come_in_any_pieces() -> None:
    def pieces(query: bytes) -> list[bytes]:
        return [bytes([octet]) for octet in framed(good(query))]

    async with scripted(tcp=pieces) as server:
        assert (await ask(server.target, transport="tcp")).ok


async def test_what_follows_an_answer_over_tcp_is_ignored() -> None:
    async with scripted(tcp=lambda query: [framed(good(query)) + b"more"]) as server:
        assert (await ask(server.target, transport="tcp")).ok


@pytest.mark.parametrize("said", [b"", b"\0", b"\0\x20half of it"])
async def test_a_connection_that_ends_before_the_answer_does_is_a_reset(said: bytes) -> None:
    async with scripted(tcp=lambda _: [said], leave=True) as server:
        seen = await ask(server.target, transport="tcp")
    assert (seen.cause, seen.detail) == (Cause.RESET, "closed before the answer was complete")


def cut_off(query: bytes) -> bytes:
    """Truncated in the middle of a record, as some servers do it."""
    return reply(query, f"{NAME} A 192.0.2.1", flags=dns.flags.TC).to_wire()[:-2]


async def test_a_truncated_answer_may_be_cut_anywhere() -> None:
    async with scripted(lambda query: [cut_off(query)], lambda query: [framed(good(query))]) as server:
        seen = await ask(server.target)
    assert seen.ok
    assert [query.id for query in server.queries] == [server.queries[0].id] * 2


AGAIN = "truncated over UDP, then over TCP: "


async def test_a_truncated_answer_without_tcp_is_a_failure() -> None:
    async with scripted(lambda query: [cut_off(query)], leave=True) as server:
        seen = await ask(server.target)
    assert (seen.cause, seen.detail) == (Cause.RESET, f"{AGAIN}closed before the answer was complete")


async def test_time_goes_on_while_it_is_asked_again() -> None:
    async with scripted(lambda query: [cut_off(query)]) as server:
        with networking() as network:
            under_way = Dns(name=NAME).session(server.target, network).start(DEADLINE, _unexpected)
            await until(lambda: len(server.queries) == 2)
            seen = under_way.expire()
    assert (seen.cause, seen.detail) == (Cause.TIMEOUT, f"{AGAIN}no answer in time")


class NoStreams(Source):
    """Has no descriptor left for a connection."""

    def socket(self, towards: IP, kind: socket.SocketKind, protocol: int = 0) -> socket.SocketType:
        if kind == socket.SOCK_STREAM:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return Source.socket(self, towards, kind, protocol)


async def test_a_prober_that_cannot_ask_again_blames_itself() -> None:
    async with scripted(lambda query: [cut_off(query)]) as server:
        with networking() as network:
            seen = await attempt(Dns(name=NAME), server.target, DEADLINE, Network(network.reactor, NoStreams()))
    assert (seen.cause, seen.detail) == (Cause.LOCAL, AGAIN + os.strerror(errno.EMFILE))


async def test_silence_is_a_time_out_that_says_what_was_missing() -> None:
    async with scripted() as server:
        assert (await ask(server.target, BRIEF)).detail == "no answer in time"
        over_tcp = await given_up(server.target, "no answer in time", transport="tcp")
        assert (over_tcp.cause, over_tcp.detail) == (Cause.TIMEOUT, "no answer in time")
        server.tcp = lambda _: [b"\0\x20half of it"]
        half = await given_up(server.target, "no complete answer in time", transport="tcp")
        assert (half.cause, half.detail) == (Cause.TIMEOUT, "no complete answer in time")
    with silent() as hole:
        alone = await ask(hole, BRIEF, transport="tcp")
        assert (alone.cause, alone.detail) == (Cause.TIMEOUT, "no connection in time")
        assert BRIEF * 0.9 <= alone.latency < DEADLINE


async def test_attempts_that_fail_or_expire_leave_nothing_behind() -> None:
    with networking() as network, silent() as hole, refusing() as closed:
        before = open_files()
        for transport in ("udp", "tcp"):
            probe = Dns.model_validate({"name": NAME, "transport": transport})
            assert (await attempt(probe, hole, BRIEF, network)).cause in (Cause.TIMEOUT, Cause.REFUSED)
            assert (await attempt(probe, closed, DEADLINE, network)).cause is Cause.REFUSED
        everybody = Target(ip_address("127.255.255.255"), 53, "a broadcast address")
        assert (await attempt(Dns(name=NAME), everybody, DEADLINE, network)).cause is Cause.LOCAL
        assert open_files() == before


@either_transport
async def test_a_closed_port_is_refused(transport: str) -> None:
    with refusing() as closed:
        seen = await ask(closed, transport=transport)
    assert (seen.ok, seen.cause) == (False, Cause.REFUSED)
    assert 0 < seen.latency < DEADLINE


@pytest.fixture(scope="module")
def host() -> Iterator[Namespace]:
    with host_behind_router() as made:
        yield made


@pytest.mark.parametrize("ip", [*UNREACHABLE, PROHIBITED[1]])
async def test_an_error_of_a_router_makes_it_unreachable_at_once(host: Namespace, ip: IP) -> None:
    with networking() as network:
        there = Network(network.reactor, Source(namespace=host.name))
        seen = await attempt(Dns(name=NAME), Target(ip, 53, "dns"), DEADLINE, there)
    assert (seen.ok, seen.cause) == (False, Cause.UNREACHABLE)


@pytest.mark.parametrize("ip", ROUTER)
async def test_a_closed_port_is_refused_through_a_vantage_point(host: Namespace, ip: IP) -> None:
    with networking() as network:
        there = Network(network.reactor, Source(namespace=host.name))
        seen = await attempt(Dns(name=NAME), Target(ip, 53, "dns"), DEADLINE, there)
    assert (seen.ok, seen.cause) == (False, Cause.REFUSED)


async def test_spurious_events_change_nothing() -> None:
    outcome: asyncio.Future[Observation] = asyncio.get_running_loop().create_future()
    async with scripted(lambda query: [good(query)]) as server:
        with networking() as network:
            under_way = Dns(name=NAME).session(server.target, network).start(DEADLINE, outcome.set_result)
            under_way._exchange.ready(0)  # type: ignore[attr-defined]
            async with asyncio.timeout(DEADLINE):
                assert (await outcome).ok


# Options, and whatever else a server may say.


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a..b"}, "'a..b' is not a DNS name"),
        ({"name": "x" * 64}, "is not a DNS name"),
        ({"name": NAME, "qtype": "AAA"}, "'AAA' is not a record type"),
        ({"name": NAME, "qtype": "TYPE65536"}, "is not a record type"),
        ({"name": NAME, "qtype": "AXFR"}, "'AXFR' stands for no RRset of its own"),
        ({"name": NAME, "qtype": "ANY"}, "'ANY' stands for no RRset"),
        ({"name": NAME, "qtype": "OPT"}, "'OPT' stands for no RRset"),
        ({"name": NAME, "qtype": "RRSIG"}, "'RRSIG' stands for no RRset"),
        ({"name": NAME, "transport": "tls"}, "transport"),
        ({"name": NAME, "rcode": "OK"}, "'OK' is not an rcode"),
        ({"name": NAME, "rcode": "4096"}, "'4096' is not an rcode"),
        ({"name": NAME, "rcode": "BADVERS"}, "never answers a query without EDNS"),
        ({"name": NAME, "rcode": []}, "rcode"),
        ({"name": NAME, "rcode": 3}, "rcode"),
        ({"name": NAME, "answers": ["192.0.2.256"]}, "'192.0.2.256' is no A record"),
        ({"name": NAME, "answers": ["192.0.2.1 192.0.2.2"]}, "is no A record"),
        ({"name": NAME, "answers": ["x"] * 101}, "answers"),
        ({"name": NAME, "min_answers": -1}, "min_answers"),
        ({"name": NAME, "rcode": "NXDOMAIN", "min_answers": 1}, "min_answers is demanded of NOERROR answers only"),
        ({"name": NAME, "rcode": "NXDOMAIN", "answers": ["192.0.2.1"]}, "answers is demanded of NOERROR answers only"),
        ({"name": NAME, "timeout": 3}, "timeout"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, object], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Dns.model_validate(options)


def test_options_are_read_as_they_are_written() -> None:
    once = Dns.model_validate({"name": "example.com", "qtype": "ns", "rcode": "nxdomain"})
    assert (once.name, once.qtype, once.rcode) == ("example.com.", "NS", ["NXDOMAIN"])
    assert Dns.model_validate(once.model_dump()) == once


KINDS = ["A", "TXT", "SOA", "SVCB", "LOC", "NAPTR", "URI", "CAA", "TYPE65280", "CNAME", "NSEC", "APL"]


@given(st.sampled_from(KINDS), st.binary(max_size=80), st.binary(max_size=20))
@example("TXT", b"\2\n\x1b", b"")
@example("URI", b"\0\1\0\1\xff\n", b"")
def test_whatever_comes_there_is_a_verdict_in_one_line(kind: str, rdata: bytes, behind: bytes) -> None:
    expected = Expected.of(Dns(name=NAME, qtype=kind))
    query = expected.query()
    wire = query.to_wire()
    record = b"\xc0\x0c" + wire[-4:] + bytes(4) + len(rdata).to_bytes(2) + rdata
    for answer in (wire[:2] + b"\x80\0\0\1\0\1" + bytes(4) + wire[12:] + record + behind, wire[:2] + rdata):
        verdict = expected.judge(query, answer)
        assert verdict.cause in (None, Cause.PROTOCOL, Cause.ANSWER)
        assert verdict.detail.isprintable()
        assert len(verdict.detail) < 2 * SHOWN


def test_a_detail_cannot_hold_control_characters() -> None:
    assert _line("a\n\x1b[2J") == r"'a\n\x1b[2J'"
