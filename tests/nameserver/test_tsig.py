"""TSIG (RFC 8945): signed queries of any kind, and what is said to a signature that is not good."""

import base64
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.tsig
import pytest
from dns.rdtypes.ANY.TSIG import TSIG

from gslb.nameserver.responder import Responder
from gslb.nameserver.table import compile_table
from gslb.nameserver.tally import Tally
from gslb.nameserver.transfer.access import TsigKey, make_key
from tests.nameserver.support import CLIENT, SERVICES, Server, rcode, running, soa_ttl, values
from tests.nameserver.transfers import COM, KEY, KEYS, SECRET, SNAPSHOT, exchanged, signed


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("nameserver"), snapshot=SNAPSHOT) as started:
        yield started


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize(("name", "type_", "expected"), [("api.example.com.", "A", 1), ("www.example.com.", "A", 2)])
def test_any_query_may_be_signed_and_so_is_its_response(
    server: Server, *, tcp: bool, name: str, type_: str, expected: int
) -> None:
    for _ in range(3):  # it is never kept ready: dnspython checks each signature
        response = server.send(signed(name, type_), tcp=tcp)
        assert (len(values(response)), response.had_tsig) == (expected, True)
    assert soa_ttl(server.send(signed("nowhere.example.com."), tcp=tcp)) == 60
    assert server.send(signed("example.edu."), tcp=tcp).rcode() == dns.rcode.REFUSED


def test_edns_and_a_signature_go_together(server: Server) -> None:
    response = server.send(signed("www.example.com.", "A", use_edns=True))
    assert (response.edns, response.had_tsig, len(response.additional)) == (0, True, 0)


def test_a_signature_that_does_not_fit_truncates_the_answer_and_stays(server: Server) -> None:
    query = signed("big.example.com.", "TXT", use_edns=False)
    response = server.send(query)
    assert (bool(response.flags & dns.flags.TC), response.answer, response.had_tsig) == (True, [], True)
    for size in (512, 700, 1232):  # of which the last is too small for the signature alone
        nearly = server.send(signed("big.example.com.", "TXT", use_edns=True, payload=size))
        assert (bool(nearly.flags & dns.flags.TC), nearly.edns, nearly.had_tsig) == (True, 0, True)
    pool = [r for r in SERVICES if r.name == "many.example.com."]
    assert len(pool) == 1
    nearly = signed("a.b.c.example.com.", "A", KEYS["hmac-sha512"], use_edns=True, payload=512)
    assert not server.send(nearly).flags & dns.flags.TC


def raw(server: Server, query: dns.message.Message, *, tcp: bool) -> dns.message.Message:
    """The response, its signature not looked at."""
    return dns.message.from_wire(exchanged(server, query.to_wire(), tcp=tcp), keyring=False)


def tsig(response: dns.message.Message) -> TSIG:
    assert response.tsig is not None
    rdata = response.tsig[0]
    assert isinstance(rdata, TSIG)
    return rdata


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("type_", ["SOA", "AXFR", "IXFR"])
def test_an_unknown_key_or_a_wrong_secret_is_told_apart_without_a_signature(
    server: Server, type_: str, *, tcp: bool
) -> None:
    other = base64.b64encode(b"x" * 32).decode()
    unknown = raw(server, signed(COM, type_, TsigKey("nobody.", "hmac-sha256", SECRET)), tcp=tcp)
    other_algorithm = raw(server, signed(COM, type_, replace(KEY, algorithm="hmac-sha384")), tcp=tcp)
    wrong = raw(server, signed(COM, type_, replace(KEY, secret=other)), tcp=tcp)
    found = [(rcode(r), tsig(r).error, tsig(r).mac, len(r.answer)) for r in (unknown, other_algorithm, wrong)]
    assert found == [("NOTAUTH", 17, b"", 0), ("NOTAUTH", 17, b"", 0), ("NOTAUTH", 16, b"", 0)]


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("off", [-1000, 1000])
def test_a_wrong_time_is_told_with_the_right_one_and_signed(
    server: Server, monkeypatch: pytest.MonkeyPatch, off: int, *, tcp: bool
) -> None:
    now = time.time()
    query = signed(COM)
    with monkeypatch.context() as patched:
        patched.setattr("dns.renderer.time", _Clock(now + off))
        patched.setattr("dns.message.time", _Clock(now + off), raising=False)
        packet = query.to_wire()
    response = exchanged(server, packet, tcp=tcp)
    found = tsig(dns.message.from_wire(response, keyring=False))
    assert (found.error, found.time_signed) == (18, int(now + off))
    assert abs(int.from_bytes(found.other) - now) < 60
    with pytest.raises(dns.tsig.PeerBadTime):  # whose signature is right
        dns.message.from_wire(response, keyring=make_key(KEY), request_mac=query.mac)
    assert found.mac


class _Clock:
    def __init__(self, now: float) -> None:
        self._now = now

    def time(self) -> float:
        return self._now


def test_who_does_not_know_the_secret_gets_nothing_signed_whatever_the_time(server: Server) -> None:
    query = signed(COM, key=replace(KEY, secret=base64.b64encode(b"y" * 32).decode()))
    packet = bytearray(query.to_wire())
    at = packet.rindex(b"hmac-sha256\x00") + 12
    packet[at + 4] ^= 0x7F  # the time
    found = tsig(dns.message.from_wire(exchanged(server, bytes(packet), tcp=False), keyring=False))
    assert (found.error, found.mac) == (16, b"")


@pytest.mark.parametrize("size", [0, 9, 15, 33])
def test_a_mac_of_an_impossible_length_is_malformed(size: int) -> None:
    query = signed("www.example.com.", "A")
    query.to_wire()
    packet = _with_tsig("www.example.com.", tsig(query).replace(mac=bytes(size)))
    responder = Responder()
    responder.adopt(compile_table(SNAPSHOT, None, Random(1)))
    answer = responder.answer(packet, CLIENT, Tally("udp"))
    assert answer is not None
    assert rcode(dns.message.from_wire(answer)) == "FORMERR"


def _with_tsig(name: str, rdata: dns.rdata.Rdata, *, owner: str = KEY.name, rdclass: int = 255, ttl: int = 0) -> bytes:
    bare = dns.message.make_query(name, "A").to_wire()
    body = rdata.to_wire() or b""
    record = (dns.name.from_text(owner).to_wire() or b"") + struct.pack(">HHIH", 250, rdclass, ttl, len(body)) + body
    return bare[:10] + struct.pack(">H", 1) + bare[12:] + record


def test_a_signature_that_is_not_the_last_record_or_no_tsig_record_is_malformed(server: Server) -> None:
    query = signed("www.example.com.", "A")
    query.to_wire()
    rdata = tsig(query)
    twice = _with_tsig("www.example.com.", rdata)
    record = twice[twice.index(dns.name.from_text(KEY.name).to_wire() or b"?", 30) :]
    packets = [
        twice[:10] + struct.pack(">H", 2) + twice[12:] + record,
        _with_tsig("www.example.com.", rdata, rdclass=1),
        _with_tsig("www.example.com.", rdata, ttl=1),
        _with_tsig("www.example.com.", rdata.replace(error=16)),
        twice[:-1],
        twice[:6] + struct.pack(">HHH", 1, 0, 0) + twice[12:],
    ]
    for packet in packets:
        answer = server.exchange(packet)
        assert answer is not None
        assert rcode(dns.message.from_wire(answer, keyring=False)) == "FORMERR"
