"""The parser and builder against dnspython, and against garbage."""

from random import Random

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.nameserver.responder import Responder
from gslb.nameserver.rrset import make_rrset
from gslb.nameserver.table import compile_table
from gslb.nameserver.tally import Tally
from gslb.nameserver.wire import MAX_TCP, Rcode, Reply, build, parse
from tests.nameserver.support import CLIENT, SNAPSHOT, STATIC, rcode

labels = st.binary(min_size=1, max_size=20)
names = st.lists(labels, max_size=8).map(lambda parts: dns.name.Name([*parts, b""]))
known = st.sampled_from(sorted({record.name for record in STATIC})).map(dns.name.from_text)
types = st.sampled_from([1, 2, 5, 6, 15, 16, 28, 39, 43, 255, 65280])


@st.composite
def questions(draw: st.DrawFn) -> dns.message.Message:
    query = dns.message.make_query(
        draw(names | known), dns.rdatatype.RdataType(draw(types)), id=draw(st.integers(0, 65535))
    )
    query.flags = draw(st.sampled_from([0, dns.flags.RD, dns.flags.RD | dns.flags.CD | dns.flags.AD, dns.flags.TC]))
    if draw(st.booleans()):
        subnet = dns.edns.ECSOption("198.51.100.128", draw(st.sampled_from([0, 8, 25, 32])))
        options: list[dns.edns.Option] = [subnet] if draw(st.booleans()) else []
        query.use_edns(0, draw(st.sampled_from([0, dns.flags.DO])), draw(st.integers(0, 65535)), options=options)
    return query


@pytest.fixture(scope="module")
def responder() -> Responder:
    responder = Responder()
    responder.adopt(compile_table(SNAPSHOT, None, Random(1)))
    return responder


@given(questions())
def test_a_query_is_read_as_dnspython_wrote_it(message: dns.message.Message) -> None:
    packet = message.to_wire()
    query = parse(packet)
    assert query is not None
    assert (query.fault, query.flags) == (None, message.flags)
    assert query.name == message.question[0].name.to_digestable()
    assert (query.type, query.rdclass) == (message.question[0].rdtype, message.question[0].rdclass)
    assert packet[12 : 12 + len(query.question)] == query.question
    if message.edns < 0:
        assert query.edns is None
    else:
        assert query.edns is not None
        assert (query.edns.payload, query.edns.version) == (message.payload, 0)
        assert query.edns.dnssec_ok == bool(message.ednsflags & dns.flags.DO)


@given(questions())
def test_a_response_is_one_that_dnspython_takes_for_its_query(
    responder: Responder, message: dns.message.Message
) -> None:
    packet = responder.answer(message.to_wire(), CLIENT, Tally("udp"))
    assert packet is not None
    response = dns.message.from_wire(packet)
    assert message.is_response(response)
    assert response.question[0].name.labels == message.question[0].name.labels  # with the letter case asked for
    assert response.flags & (dns.flags.RD | dns.flags.RA) == message.flags & dns.flags.RD
    assert (response.edns, response.ednsflags) == (message.edns, message.ednsflags)
    told = tuple(option for option in response.options if option.otype != dns.edns.OptionType.EDE)
    assert told == message.options  # no answer here depends on the client
    assert len(packet) <= (512 if message.edns < 0 else max(512, min(1232, message.payload)))


@given(st.binary(max_size=80))
def test_garbage_never_raises_and_is_never_answered_if_it_is_a_response(responder: Responder, packet: bytes) -> None:
    check_harmless(responder, packet)


@given(questions(), st.data())
def test_a_mutated_query_never_raises_and_is_never_answered_if_it_is_a_response(
    responder: Responder, message: dns.message.Message, data: st.DataObject
) -> None:
    packet = bytearray(message.to_wire())
    for _ in range(data.draw(st.integers(1, 4))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(packet)))
    check_harmless(responder, bytes(packet))
    check_harmless(responder, bytes(packet[:cut]))


def check_harmless(responder: Responder, packet: bytes) -> None:
    tally = Tally("udp")
    reply = responder.answer(packet, CLIENT, tally)
    if len(packet) < 12 or packet[2] & 0x80:
        assert reply is None
        assert tally.dropped == 1
    else:
        assert reply is not None
        assert reply[:2] == packet[:2]
        assert len(reply) <= 1232
        response = dns.message.from_wire(reply, question_only=False)
        assert response.flags & dns.flags.QR
        assert not tally.responses[Rcode.SERVFAIL] or rcode(response) == "SERVFAIL"
        known_cause = "down.example.com." in [question.name.to_text().lower() for question in response.question]
        assert known_cause or not tally.responses[Rcode.SERVFAIL]  # the handler's own cry for help


def test_a_response_that_does_not_fit_is_truncated_to_its_question() -> None:
    message = dns.message.make_query("www.example.com.", "A", use_edns=0)
    query = parse(message.to_wire())
    assert query is not None
    table = compile_table(SNAPSHOT, None, Random(1))
    rrset = table.zones[query.name[4:]].nodes[query.name].rrsets[1]
    reply = Reply(Rcode.NOERROR, authoritative=True, answer=((query.name, rrset),))
    whole = message.to_wire()[:2] + build(query, reply, 1232)
    assert len(dns.message.from_wire(whole).answer[0]) == 2
    short = message.to_wire()[:2] + build(query, reply, len(whole) - 1)
    response = dns.message.from_wire(short)
    assert response.flags & dns.flags.TC
    assert (response.answer, response.authority, response.edns) == ([], [], 0)


def test_a_fault_of_our_own_is_a_servfail_and_not_the_end() -> None:
    broken = Responder()
    broken.ready.table = "not a table"  # type: ignore[assignment]
    packet = dns.message.make_query("www.example.com.", "A").to_wire()
    tally = Tally("udp")
    reply = broken.answer(packet, CLIENT, tally)
    assert reply is not None
    assert rcode(dns.message.from_wire(reply)) == "SERVFAIL"
    assert tally.responses[Rcode.SERVFAIL] == 1


def test_without_a_snapshot_everything_well_formed_is_servfail() -> None:
    packet = dns.message.make_query("www.example.com.", "A").to_wire()
    reply = Responder().answer(packet, CLIENT, Tally("udp"))
    assert reply is not None
    assert rcode(dns.message.from_wire(reply)) == "SERVFAIL"


owners = st.lists(labels, min_size=1, max_size=4).map(lambda parts: dns.name.Name([*parts, b"example", b""]))
texts = st.binary(min_size=1, max_size=255).map(lambda text: bytes([len(text)]) + text)


@given(
    owners,
    st.lists(st.tuples(owners, st.lists(texts, min_size=1, max_size=4)), max_size=8),
    st.just(0) | st.integers(58, 64),
)
def test_owners_that_are_compressed_are_read_as_they_were(
    asked: dns.name.Name, parts: list[tuple[dns.name.Name, list[bytes]]], before: int
) -> None:
    """Pointers reach 16 KiB: what is farther into a message is written again."""
    query = parse(dns.message.make_query(asked, "TXT").to_wire())
    assert query is not None
    filler = (query.name, make_rrset(16, 60, [b"\xf9" + bytes([i]) * 249 for i in range(before)]))
    answer = (filler, *((name.to_digestable(), make_rrset(16, 60, rdatas)) for name, rdatas in parts))
    packet = bytes(2) + build(query, Reply(Rcode.NOERROR, answer=answer if before else answer[1:]), MAX_TCP)
    response = dns.message.from_wire(packet, one_rr_per_rrset=True)
    assert [(rrset.name.to_digestable(), rrset[0].to_wire()) for rrset in response.answer] == [
        (name, body[10:]) for name, rrset in answer for body in rrset.bodies
    ]
