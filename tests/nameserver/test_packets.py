"""Packets that are not plain queries, and what they get over UDP (RFC 1035, 6891, 8906)."""

import struct

import dns.flags
import dns.message
import dns.opcode
import dns.rdatatype
import pytest

from tests.nameserver.support import Server, authoritative, rcode, values

NAME = b"\x03www\x07example\x03com\x00"
IN_A = b"\x00\x01\x00\x01"


def packet(
    question: bytes, *, flags: int = 0, counts: tuple[int, int, int, int] = (1, 0, 0, 0), rest: bytes = b""
) -> bytes:
    return struct.pack(">HHHHHH", 0x1234, flags, *counts) + question + rest


def opt(
    *, version: int = 0, payload: int = 1232, options: bytes = b"", name: bytes = b"\x00", length: int | None = None
) -> bytes:
    size = len(options) if length is None else length
    return name + struct.pack(">HHBBHH", 41, payload, 0, version, 0, size) + options


ONE_OPT = (1, 0, 0, 1)
FORMERR = {
    "no question": packet(b"", counts=(0, 0, 0, 0)),
    "two questions": packet((NAME + IN_A) * 2, counts=(2, 0, 0, 0)),
    "a question that is cut off": packet(NAME + b"\x00\x01"),
    "a question that is missing": packet(b""),
    "a pointer to itself": packet(b"\xc0\x0c" + IN_A),
    "a pointer forward": packet(b"\x03www\xc0\x16" + IN_A + NAME),
    "a label of an unknown kind": packet(b"\x41" + b"x" * 65 + b"\x00" + IN_A),
    "a name of 256 bytes": packet((b"\x3f" + b"x" * 63) * 3 + b"\x3e" + b"x" * 62 + b"\x00" + IN_A),
    "bytes after the end": packet(NAME + IN_A, rest=b"x"),
    "fewer records than counted": packet(NAME + IN_A, counts=(1, 1, 0, 0)),
    "two OPT records": packet(NAME + IN_A, counts=(1, 0, 0, 2), rest=opt() * 2),
    "an OPT record in the answer section": packet(NAME + IN_A, counts=(1, 1, 0, 0), rest=opt()),
    "an OPT record with a name": packet(NAME + IN_A, counts=ONE_OPT, rest=opt(name=b"\x01x\x00")),
    "an option that is cut off": packet(NAME + IN_A, counts=ONE_OPT, rest=opt(options=b"\x00\x0a\x00\x08x")),
    "half an option": packet(NAME + IN_A, counts=ONE_OPT, rest=opt(options=b"\x00\x0a\x00")),
    "an OPT record that is cut off": packet(NAME + IN_A, counts=ONE_OPT, rest=opt(length=9)),
}


@pytest.mark.parametrize("sent", FORMERR.values(), ids=FORMERR)
def test_a_malformed_query_is_formerr(server: Server, sent: bytes) -> None:
    reply = server.exchange(sent)
    assert reply is not None
    assert reply[:2] == sent[:2]
    assert reply[3] & 0xF == 1
    assert struct.unpack_from(">HH", reply, 6) == (0, 0)


def test_a_name_of_255_bytes_is_a_name(server: Server) -> None:
    reply = server.exchange(packet((b"\x3f" + b"x" * 63) * 3 + b"\x3d" + b"x" * 61 + b"\x00" + IN_A))
    assert reply is not None
    assert reply[3] & 0xF == 5


@pytest.mark.parametrize("sent", [b"", b"x", packet(b"")[:11], packet(NAME + IN_A, flags=0x8000)])
def test_responses_and_scraps_are_not_answered(server: Server, sent: bytes) -> None:
    assert server.exchange(sent, timeout=0.05) is None
    assert values(server.ask("www.example.com."))


@pytest.mark.parametrize("opcode", [1, 2, 4, 5, 6, 15])
def test_other_opcodes_are_not_implemented(server: Server, opcode: int) -> None:
    question = server.exchange(packet(NAME + IN_A, flags=opcode << 11 | 0x07F0))
    assert question == packet(NAME + IN_A, flags=0x8000 | opcode << 11 | 0x0100 | 4)
    bare = server.exchange(packet(b"", flags=opcode << 11, counts=(0, 0, 0, 0)))
    assert bare == packet(b"", flags=0x8000 | opcode << 11 | 4, counts=(0, 0, 0, 0))


@pytest.mark.parametrize("rdclass", ["CH", "HS", "NONE"])
def test_other_classes_are_refused(server: Server, rdclass: str) -> None:
    assert rcode(server.ask("version.bind.", "TXT", rdclass=rdclass)) == "REFUSED"


def test_class_any_is_answered_without_authority(server: Server) -> None:
    response = server.ask("www.example.com.", rdclass="ANY")
    assert rcode(response) == "NOERROR"
    assert not authoritative(response)
    assert response.answer[0].rdclass == dns.rdataclass.IN


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("type_", ["AXFR", "IXFR"])
def test_transfers_are_refused_unless_they_are_allowed(server: Server, type_: str, *, tcp: bool) -> None:
    response = server.send(dns.message.make_query("example.com.", type_), tcp=tcp)
    assert (rcode(response), response.answer) == ("REFUSED", [])


def test_edns_is_answered_only_when_asked(server: Server) -> None:
    assert server.ask("www.example.com.").edns == -1
    response = server.ask("www.example.com.", use_edns=0, payload=4096, want_dnssec=True)
    assert (response.edns, response.payload, response.ednsflags) == (0, 1232, dns.flags.DO)


def test_a_fault_is_told_with_edns_where_the_query_has_it(server: Server) -> None:
    """RFC 6891, section 6.1.1."""
    for sent in (
        packet(b"", counts=(0, 0, 0, 1), rest=opt()),
        packet(NAME + IN_A, counts=(1, 0, 0, 2), rest=opt() * 2),
    ):
        reply = server.exchange(sent)
        assert reply is not None
        response = dns.message.from_wire(reply)
        assert (rcode(response), response.edns) == ("FORMERR", 0)


def test_an_unknown_edns_version_is_badvers(server: Server) -> None:
    reply = server.exchange(packet(NAME + IN_A, counts=ONE_OPT, rest=opt(version=1, options=b"?")))
    assert reply is not None
    response = dns.message.from_wire(reply)
    assert (rcode(response), response.edns, response.answer) == ("BADVERS", 0, [])


def test_unknown_edns_options_and_flags_are_ignored(server: Server) -> None:
    rest = b"\x00" + struct.pack(">HHBBHH", 41, 1232, 0, 0, 0x7FFF, 6) + b"\xff\x00\x00\x02hi"
    reply = server.exchange(packet(NAME + IN_A, counts=ONE_OPT, rest=rest))
    assert reply is not None
    response = dns.message.from_wire(reply)
    assert (rcode(response), response.ednsflags, response.options) == ("NOERROR", 0, ())


@pytest.mark.parametrize("name", ["wWw.eXample.COM.", "www.EXAMPLE.com."])
def test_the_letter_case_of_the_question_comes_back(server: Server, name: str) -> None:
    for _ in range(3):  # the later ones from the ready answers
        response = server.ask(name)
        assert response.question[0].name.labels == dns.name.from_text(name).labels
        assert response.answer[0].name.labels == dns.name.from_text(name).labels


def test_flags_are_ours_but_rd(server: Server) -> None:
    for flags in (0, dns.flags.RD, dns.flags.RD | dns.flags.CD | dns.flags.AD | dns.flags.RA | 0x0040):
        reply = server.exchange(packet(NAME + IN_A, flags=flags))
        assert reply is not None
        assert struct.unpack_from(">H", reply, 2)[0] == dns.flags.QR | dns.flags.AA | flags & dns.flags.RD


def test_what_does_not_fit_over_udp_is_truncated_and_whole_over_tcp(server: Server) -> None:
    query = dns.message.make_query("big.example.com.", "TXT", use_edns=0, payload=4096)
    for _ in range(3):
        short = server.send(query)
        assert short.flags & dns.flags.TC
        assert (short.answer, short.edns) == ([], 0)
    whole = server.send(query, tcp=True)
    assert not whole.flags & dns.flags.TC
    assert len(values(whole, "TXT")) == 1


def test_the_client_says_how_much_fits(server: Server) -> None:
    plain = dns.message.make_query("many.example.com.", "A")
    assert server.send(plain).flags & dns.flags.TC
    assert server.ask("many.example.com.", use_edns=0, payload=100).flags & dns.flags.TC  # less than 512 is 512
    assert len(values(server.send(plain, tcp=True))) == 80
