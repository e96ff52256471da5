"""AXFR and IXFR (RFC 5936, 1995) against a real process, dig and kdig."""

import asyncio
import base64
import contextlib
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.xfr
import dns.zone
import pytest

from gslb.nameserver.content import content
from gslb.nameserver.limits import DEFAULT
from gslb.nameserver.responder import Responder
from gslb.nameserver.rrset import make_rrset
from gslb.nameserver.table import Table, compile_table
from gslb.nameserver.tally import Tally
from gslb.nameserver.tcp import TcpListener, open_tcp
from gslb.nameserver.transfer import outgoing
from gslb.nameserver.transfer.access import TsigKey, make_key
from gslb.nameserver.transfer.outgoing import MAX_PER_CLIENT
from gslb.nameserver.transfer.stream import OversizedRecordError, messages
from gslb.nameserver.wire import Rcode, parse
from tests.nameserver.secondaries import Record, expected, plain
from tests.nameserver.support import CLIENT, OTHER, Server, rcode, running
from tests.nameserver.transfers import (
    BULK,
    COM,
    KEY,
    KEYS,
    NET,
    SECRET,
    SERIAL,
    SNAPSHOT,
    SUB,
    connected,
    put,
    signed,
    take,
)
from tests.waiting import eventually, until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("nameserver"), snapshot=SNAPSHOT) as started:
        yield started


@pytest.fixture
def table() -> Table:
    return compile_table(SNAPSHOT, None, Random(1))


def transferred(server: Server, origin: str, key: TsigKey | None = None) -> set[Record]:
    """All records of a transfer, the SOA once."""
    zone = dns.zone.Zone(origin)
    query = signed(origin, "AXFR", key) if key else dns.message.make_query(origin, "AXFR")
    dns.query.inbound_xfr(server.host, zone, query, port=server.port, lifetime=10)
    return plain(zone)


def wanted(origin: str) -> set[Record]:
    return expected(content(SNAPSHOT, origin))


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_zone_is_transferred_to_who_signs(server: Server, key: TsigKey) -> None:
    assert transferred(server, COM, key) == wanted(COM)


def test_a_large_zone_comes_in_several_messages_each_of_them_signed(server: Server) -> None:
    query = signed(NET, "AXFR")
    with connected(server) as sock:
        put(sock, query.to_wire())
        raw = [take(sock)]
        while len(raw) < 2 or b"hostmaster" not in raw[-1]:
            raw.append(take(sock))
    context, seen = None, 0
    for wire in raw:
        message = dns.message.from_wire(
            wire, keyring=make_key(KEY), request_mac=query.mac, multi=True, tsig_ctx=context, one_rr_per_rrset=True
        )
        context, seen = message.tsig_ctx, seen + len(message.answer)
        assert message.had_tsig
        assert message.flags & dns.flags.AA
    assert seen == len(BULK) + len(OTHER) + 1
    assert max(map(len, raw)) > 60_000
    assert sum(map(len, raw)) < 40 * len(BULK)  # names are compressed
    assert transferred(server, NET, KEY) == wanted(NET)


def test_an_address_may_be_enough(server: Server) -> None:
    assert transferred(server, SUB) == wanted(SUB)


@pytest.mark.parametrize("type_", ["AXFR", "IXFR"])
@pytest.mark.parametrize(
    ("origin", "key", "expected"),
    [
        ("example.org.", None, "REFUSED"),  # nobody may
        (COM, None, "REFUSED"),
        (NET, None, "REFUSED"),  # the address is right, but a key is needed as well
        (NET, KEYS["hmac-sha512"], "REFUSED"),  # a key, but of another zone
        ("example.edu.", None, "NOTAUTH"),
        ("www.example.com.", KEY, "NOTAUTH"),
    ],
)
def test_a_transfer_without_permission_is_refused(
    server: Server, origin: str, key: TsigKey | None, expected: str, type_: str
) -> None:
    query = signed(origin, type_, key) if key else dns.message.make_query(origin, type_)
    response = server.send(query, tcp=True)
    assert (rcode(response), response.answer, response.had_tsig) == (expected, [], key is not None)


def answering(table: Table) -> Responder:
    responder = Responder()
    responder.adopt(table)
    return responder


def begun(responder: Responder, source: str = CLIENT) -> Iterator[bytes]:
    """A transfer of which the first message is taken."""
    found = responder.stream(signed(NET, "AXFR").to_wire(), source, Tally("tcp"))
    assert next(found)
    return found


def first(responder: Responder, source: str = CLIENT) -> str:
    """The rcode of the first message of a transfer, of which no more is taken."""
    query = signed(NET, "AXFR")
    message = next(responder.stream(query.to_wire(), source, Tally("tcp")))
    return rcode(dns.message.from_wire(message, keyring=make_key(KEY), request_mac=query.mac, multi=True))


def test_an_address_that_is_not_allowed_is_refused_even_with_the_key(table: Table) -> None:
    responder = answering(table)
    assert (first(responder, "198.51.100.1"), first(responder)) == ("REFUSED", "NOERROR")


def test_over_udp_axfr_is_refused_and_ixfr_is_the_soa_alone(server: Server) -> None:
    assert rcode(server.send(dns.message.make_query(SUB, "AXFR"))) == "REFUSED"
    assert rcode(server.send(signed(COM, "AXFR"))) == "REFUSED"
    response = server.send(signed(COM, "IXFR"))
    assert [(r.name.to_text(), r[0].serial) for r in response.answer] == [(COM, SERIAL)]
    assert rcode(server.send(dns.message.make_query(COM, "IXFR"))) == "REFUSED"
    assert rcode(server.send(dns.message.make_query("example.edu.", "IXFR"))) == "NOTAUTH"


def ixfr(origin: str, serial: int) -> dns.message.Message:
    query, _ = dns.xfr.make_query(_at(origin, serial), serial)
    query.use_tsig(make_key(KEY))
    return query


def _at(origin: str, serial: int) -> dns.zone.Zone:
    soa = f"@ 60 SOA ns1.example.com. hostmaster.example.com. {serial} 1 1 1 1\n@ 60 NS ns1.example.com."
    return dns.zone.from_text(soa, origin)


@pytest.mark.parametrize("held", [SERIAL, SERIAL + 1])
def test_ixfr_is_the_soa_alone_for_who_has_the_serial_or_a_later_one(server: Server, held: int) -> None:
    response = server.send(ixfr(COM, held), tcp=True)
    assert [(r.rdtype, r[0].serial) for r in response.answer] == [(dns.rdatatype.SOA, SERIAL)]


def test_ixfr_is_all_of_the_zone_for_who_has_an_earlier_one(server: Server) -> None:
    zone = _at(COM, SERIAL - 1)
    dns.query.inbound_xfr(server.host, zone, ixfr(COM, SERIAL - 1), port=server.port, lifetime=10)
    assert zone.get_rdataset("www", "A") is not None
    soa = zone.get_soa()
    assert soa.serial == SERIAL


def test_ixfr_that_does_not_say_what_it_has_is_malformed(server: Server) -> None:
    query = signed(COM, "IXFR")
    assert rcode(server.send(query, tcp=True)) == "FORMERR"


def test_a_query_on_the_same_connection_is_answered_after_a_transfer_and_nothing_is_lost(server: Server) -> None:
    with connected(server) as sock:
        for query in (signed(NET, "AXFR", id=1), dns.message.make_query("www.example.com.", "A", id=2)):
            put(sock, query.to_wire())
        seen: list[int] = []
        while 2 not in seen:
            seen.append(int.from_bytes(take(sock)[:2]))
    assert seen.count(1) > 1


def test_a_transfer_goes_on_from_the_table_that_it_began_with(table: Table) -> None:
    responder = answering(table)
    found = responder.stream(signed(NET, "AXFR").to_wire(), CLIENT, Tally("tcp"))
    message = next(found)
    responder.adopt(compile_table(replace(SNAPSHOT, serials={NET: SERIAL + 1}), table, Random(1)))
    assert b"".join((message, *found)).count(struct.pack(">I", SERIAL)) == 2
    assert responder.transfers.outcomes == {"done": 1}


def test_transfers_at_the_same_time_are_bounded_and_one_that_ends_makes_room(table: Table) -> None:
    responder = answering(table)
    under_way = [begun(responder) for _ in range(MAX_PER_CLIENT)]
    assert (first(responder), first(responder, "192.0.2.3")) == ("SERVFAIL", "NOERROR")
    del under_way[0]  # as when a connection is lost
    assert first(responder) == "NOERROR"
    assert responder.transfers.outcomes == {"busy": 1, "aborted": 3}


def test_all_clients_together_are_bounded_too(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "MAX_TRANSFERS", 3)
    responder = answering(table)
    under_way = [begun(responder, f"192.0.2.{i}") for i in range(3)]
    assert first(responder, "192.0.2.9") == "SERVFAIL"
    assert list(under_way.pop())
    assert first(responder, "192.0.2.9") == "NOERROR"


def test_a_transfer_that_takes_too_long_ends(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "MAX_SECONDS", -1.0)
    responder = answering(table)
    with pytest.raises(ConnectionAbortedError):
        next(begun(responder))
    assert responder.transfers.outcomes == {"aborted": 1}


def test_a_secondary_that_does_not_read_is_dropped_and_its_place_is_free_again(server: Server) -> None:
    query = signed(NET, "AXFR").to_wire()
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_PER_CLIENT + 1):
            sock = stack.enter_context(connected(server))
            put(sock, query)
    eventually(lambda: _may_transfer(server))


async def test_a_secondary_that_stops_reading_is_given_up_after_a_while(table: Table) -> None:
    responder = answering(table)
    listener = TcpListener(responder, replace(DEFAULT, idle=0.2))
    with open_tcp(socket.AF_INET, "127.0.0.1", 0, reuse_port=False) as listening, socket.socket() as sock:
        listener.start([listening])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, listening.getsockname())
        packet = signed(NET, "AXFR").to_wire()
        await loop.sock_sendall(sock, len(packet).to_bytes(2) + packet)
        await until(lambda: responder.transfers.outcomes == {"aborted": 1})
        await listener.stop()


def _may_transfer(server: Server) -> bool:
    with contextlib.suppress(dns.exception.DNSException, OSError):
        return bool(transferred(server, NET, KEY))
    return False


def test_a_record_that_fits_in_no_message_ends_the_transfer() -> None:
    query = parse(dns.message.make_query(COM, "AXFR").to_wire())
    assert query is not None
    with pytest.raises(OversizedRecordError):
        list(messages(b"\0\1", query, [(query.name, make_rrset(65280, 1, [bytes(65_530)]))], 0))


def test_what_says_that_it_asks_for_a_transfer_in_other_words_is_no_transfer(table: Table) -> None:
    """The type and class of AXFR in a name, an update, and a message without end."""
    responder, tally = answering(table), Tally("tcp")
    label = dns.name.Name([b"\x00\xfc\x00\x01", b"example", b"com", b""])
    queries = [
        dns.message.make_query(label, "A").to_wire(),
        dns.message.make_query("example.com.", "AXFR", flags=0x2800).to_wire(),
        dns.message.make_query("example.com.", "AXFR").to_wire() + b"x",
    ]
    codes = [next(responder.stream(query, CLIENT, tally))[3] & 0xF for query in queries]
    assert codes == [Rcode.NXDOMAIN, Rcode.NOTIMP, Rcode.FORMERR]
    assert not responder.transfers.outcomes


def test_a_transfer_is_one_response_among_those_that_are_counted(table: Table) -> None:
    responder, tally = answering(table), Tally("tcp")
    assert len(list(responder.stream(signed(NET, "AXFR").to_wire(), CLIENT, tally))) > 1
    assert sum(tally.responses) == tally.responses[0] == 1


def test_serials_of_the_snapshot_are_in_every_soa(server: Server) -> None:
    assert server.ask(COM, "SOA").answer[0][0].serial == SERIAL
    assert server.ask("nowhere.example.com.").authority[0][0].serial == SERIAL
    assert server.ask("empty.example.com.").authority[0][0].serial == SERIAL
    assert server.ask("www.example.com.", "MX").authority[0][0].serial == SERIAL
    assert server.ask(SUB, "SOA").answer[0][0].serial == 1  # it has none of its own


def tool(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name} (package {package})")
    return found


@pytest.mark.parametrize(
    ("name", "package", "options"),
    [("dig", "bind9-dnsutils", ["+time=5", "+tries=1"]), ("kdig", "knot-dnsutils", ["+time=5", "+retry=0"])],
)
def test_dig_and_kdig_transfer_with_the_key(server: Server, name: str, package: str, options: list[str]) -> None:
    def ask(secret: str, type_: str) -> str:
        command = [tool(name, package), f"@{server.host}", "-p", str(server.port), COM, type_, *options]
        key = f"hmac-sha256:{KEY.name.removesuffix('.')}:{secret}"
        return subprocess.run([*command, "-y", key], capture_output=True, text=True, timeout=20, check=False).stdout

    right, wrong = ask(SECRET, "axfr"), ask(base64.b64encode(b"z" * 32).decode(), "axfr")
    records = [line.split()[:4] for line in right.splitlines() if line and not line.startswith(";")]
    assert len([r for r in records if r[3] != "TSIG"]) == len(wanted(COM)) + 1
    assert "203.0.113.1" in right
    assert "203.0.113.1" not in wrong
    assert str(SERIAL) in ask(SECRET, f"ixfr={SERIAL}")


def test_snapshot_files_are_for_this_user_only(server: Server) -> None:
    assert server.snapshot.stat().st_mode & 0o777 == 0o600
    assert SECRET in server.snapshot.read_text()
    assert SECRET not in repr(SNAPSHOT)


@pytest.mark.parametrize("type_", ["AXFR", "SOA"])
def test_a_secondary_that_asks_is_told_for_how_long_it_may_answer(server: Server, type_: str) -> None:
    """RFC 7314."""
    options: list[dns.edns.Option] = [dns.edns.GenericOption(dns.edns.OptionType(9), b"")]
    query = dns.message.make_query(SUB, type_, use_edns=0, options=options)
    with connected(server) as sock:
        put(sock, query.to_wire())
        first = dns.message.from_wire(take(sock))
    assert [option.to_wire() for option in first.options] == [(86400).to_bytes(4)]
