"""DNS messages on the wire: a query taken apart, a reply put together (RFC 1035, section 4; RFC 6891).

By hand, for speed and so that every fault of a packet has its one place. What a name answers is not known here.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from gslb.nameserver.edns import DO, Edns, ExtendedError, expire, read_edns
from gslb.nameserver.rrset import IN, OPT, SOA, TSIG, Owned
from gslb.nameserver.sections import Sections

QR, AA, TC, RD = 0x8000, 0x0400, 0x0200, 0x0100
OPCODE = 0x7800

HEADER_SIZE, ID_SIZE = 12, 2
MAX_NAME = 255
MAX_LABEL = 63
PLAIN_UDP = 512
"""bytes a client without EDNS takes over UDP (RFC 1035, section 4.2.1)"""
MAX_UDP = 1232
"""bytes sent at most over UDP, to stay clear of fragments"""
MAX_TCP = 65535

_POINTER = 0xC0
_HEADER = struct.Struct(">HHHHH")
_PAIR = struct.Struct(">HH")
_FIXED = struct.Struct(">HHIH")
_OPT = struct.Struct(">BHHIH")


class Rcode(IntEnum):
    """Response codes (RFC 1035, section 4.1.1; RFC 2136, section 2.2; RFC 6891, 7873 and 8945)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    NOTAUTH = 9
    BADVERS = 16
    BADCOOKIE = 23


@dataclass(frozen=True, slots=True)
class Query:
    """A query taken apart.

    Attributes:
        flags: the second 16 bits of the header.
        question: the question section as it came; empty where it cannot be read.
        name: the queried name in wire form and lower case.
        fault: the rcode that already follows from the packet itself; None if it can be answered.
        tsig: where its signature begins, the last of its records; None if it has none (RFC 8945, section 5.1).
    """

    flags: int
    question: bytes
    name: bytes
    type: int
    rdclass: int
    edns: Edns | None
    fault: Rcode | None
    tsig: int | None = None

    @property
    def udp_limit(self) -> int:
        """Bytes that a reply over UDP may have."""
        return PLAIN_UDP if self.edns is None else min(max(self.edns.payload, PLAIN_UDP), MAX_UDP)


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say, before it is put on the wire.

    Attributes:
        rcode: how it went.
        authoritative: AA.
        answer: the section of that name.
        authority: likewise.
        additional: what has to be in that section.
        optional: what may be left out of it, from the end.
        error: says more about it, to those who speak EDNS.
    """

    rcode: Rcode
    authoritative: bool = False
    answer: tuple[Owned, ...] = ()
    authority: tuple[Owned, ...] = ()
    additional: tuple[Owned, ...] = ()
    optional: tuple[Owned, ...] = ()
    error: ExtendedError | None = None


def parse(packet: bytes) -> Query | None:
    """Take ``packet`` apart; None if it deserves no response: too short, or a response itself (RFC 8906, section 8)."""
    if len(packet) < HEADER_SIZE:
        return None
    flags, questions, *records = _HEADER.unpack_from(packet, 2)
    if flags & QR:
        return None
    if not questions and not flags & OPCODE:
        return _without_question(packet, flags, records)
    end = _question_end(packet) if questions == 1 else None
    if end is None:
        edns = None if questions else _read_records(packet, HEADER_SIZE, records)[0]
        return Query(flags, b"", b"", 0, 0, edns, Rcode.NOTIMP if flags & OPCODE else Rcode.FORMERR)
    type_, rdclass = _PAIR.unpack_from(packet, end - 4)
    edns, tsig, well_formed = _read_records(packet, end, records)
    fault, question = _fault(flags, edns, well_formed=well_formed), packet[HEADER_SIZE:end]
    return Query(flags, question, question[:-4].lower(), type_, rdclass, edns, fault, tsig)


def _without_question(packet: bytes, flags: int, records: list[int]) -> Query:
    """Who asks nothing may yet want a cookie (RFC 7873, section 5.4)."""
    edns, tsig, well_formed = _read_records(packet, HEADER_SIZE, records)
    fault = _fault(flags, edns, well_formed=well_formed)
    if fault is None:
        fault = Rcode.NOERROR if edns and edns.cookie else Rcode.FORMERR
    return Query(flags, b"", b"", 0, 0, edns, fault, tsig)


def build(query: Query, reply: Reply, limit: int, options: bytes = b"") -> bytes:
    """The response to ``query`` without its id, the first two bytes.

    ``options`` go into the OPT record, which is the last one, if the query has one. Where the response would pass
    ``limit`` bytes it does without what is optional; if that is not enough its sections are left empty and TC is set
    (RFC 2181, section 9).
    """
    flags = QR | query.flags & (OPCODE | RD) | reply.rcode & 0xF
    if reply.authoritative and query.rdclass == IN:  # no answer is for every class (RFC 1035, section 6.2)
        flags |= AA
    opt = opt_record(query.edns, reply.rcode, options + expiry(query.edns, reply.answer)) if query.edns else b""
    sections = Sections(query.name, HEADER_SIZE, HEADER_SIZE + len(query.question))
    counts = [sections.add(part) for part in (reply.answer, reply.authority, reply.additional)]
    room = limit - len(opt)
    if sections.size > room:
        flags |= TC
        counts, body = [0, 0, 0], b""
    else:
        counts[2] += sections.add(reply.optional, room)
        body = sections.body
    answers, authorities, additionals = counts
    header = _HEADER.pack(flags, 1 if query.question else 0, answers, authorities, additionals + bool(opt))
    return b"".join((header, query.question, body, opt))


def server_failure(packet: bytes) -> bytes:
    """SERVFAIL with nothing but a header, for a packet that had a whole one; without its id."""
    (flags,) = struct.unpack_from(">H", packet, 2)
    return _HEADER.pack(QR | flags & (OPCODE | RD) | Rcode.SERVFAIL, 0, 0, 0, 0)


def _question_end(packet: bytes) -> int | None:
    """Where the question ends; None if it cannot be read: it runs over the end, is too long, or has a pointer."""
    at = HEADER_SIZE
    size = len(packet)
    while at < size and (length := packet[at]):
        if length > MAX_LABEL:
            return None
        at += length + 1
    end = at + 5
    return end if end <= size and at + 1 - HEADER_SIZE <= MAX_NAME else None


def _name_end(packet: bytes, at: int) -> int | None:
    """Where the name of a record ends, which may be compressed."""
    while at < len(packet):
        length = packet[at]
        if length == 0:
            return at + 1
        if length >= _POINTER:
            return at + 2
        if length > MAX_LABEL:
            return None
        at += length + 1
    return None


def _read_records(packet: bytes, at: int, counts: list[int]) -> tuple[Edns | None, int | None, bool]:
    """Walk the records after the question: the OPT record, where the TSIG record is, and whether all is well-formed."""
    edns = tsig = None
    additional, end_of_all = counts[0] + counts[1], sum(counts)
    for index in range(end_of_all):
        fixed = _name_end(packet, at)
        if fixed is None or fixed + _FIXED.size > len(packet):
            return edns, None, False
        type_, payload, ttl, length = _FIXED.unpack_from(packet, fixed)
        end = fixed + _FIXED.size + length
        if end > len(packet):
            return edns, None, False
        if type_ == TSIG:
            if index < additional or index < end_of_all - 1:
                return edns, None, False
            tsig = at
        if type_ == OPT:
            if edns or index < additional or packet[at]:
                return edns, None, False
            edns, well_formed = read_edns(payload, ttl, packet[end - length : end])
            if not well_formed:
                return edns, None, False
        at = end
    well_formed = at == len(packet)
    return edns, tsig if well_formed else None, well_formed


def _fault(flags: int, edns: Edns | None, *, well_formed: bool) -> Rcode | None:
    if flags & OPCODE:
        return Rcode.NOTIMP
    if not well_formed:
        return Rcode.FORMERR
    return Rcode.BADVERS if edns and edns.version else None


def expiry(edns: Edns | None, answer: Iterable[Owned]) -> bytes:
    """The option for a secondary that asks for it, and is answered with a SOA record (RFC 7314)."""
    if edns is None or not edns.expire:
        return b""
    soa = next((rrset for _, rrset in answer if rrset.type == SOA), None)
    return expire(soa.bodies[0]) if soa else b""


def opt_record(edns: Edns, rcode: Rcode, options: bytes) -> bytes:
    """Our OPT record: version 0, and the client's DO bit (RFC 6891, section 6.1; RFC 3225, section 3)."""
    return _OPT.pack(0, OPT, MAX_UDP, rcode >> 4 << 24 | (DO if edns.dnssec_ok else 0), len(options)) + options
