"""Questions about zones, as packets: names in them, above, beside and below, in every way that a client may ask."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

import dns.name
import dns.rdatatype
import dns.zone

IN, CSNET, CH, ANY = 1, 2, 3, 255
TYPES = (
    "A",
    "AAAA",
    "NS",
    "CNAME",
    "SOA",
    "MX",
    "TXT",
    "SRV",
    "DS",
    "DNAME",
    "CAA",
    "HTTPS",
    "ANY",
    "RRSIG",
    "TYPE65280",
)
RARE = ("AXFR", "SVCB", "PTR", "NAPTR", "SSHFP", "TYPE65281", "DNSKEY", "NSEC", "OPT", "MAILB")
QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010
OPCODE = 0x7800
FLAGS = (0, RD, RD | AD, CD, RD | AD | CD, Z | RA, AA | TC)
DO = 0x8000


@dataclass(frozen=True, slots=True)
class Question:
    """A packet without its id, and how it is sent.

    Attributes:
        packet: as sent, after the id.
        about: what it asks, for people.
        type: what it asks for; 0 for odd packets.
        rdclass: likewise.
        tcp: by which transport.
        odd: it is no plain query; the connection may not survive it.
    """

    packet: bytes
    about: str
    type: int = 0
    rdclass: int = IN
    tcp: bool = False
    odd: bool = False


def opt(payload: int = 1232, *, version: int = 0, flags: int = 0, options: bytes = b"") -> bytes:
    """An OPT record (RFC 6891, section 6.1.2)."""
    return b"\x00" + struct.pack(">HHBBHH", 41, payload, 0, version, flags, len(options)) + options


EDNS = (
    b"",
    b"",
    opt(),
    opt(4096),
    opt(512),
    opt(0),
    opt(65535, flags=DO),
    opt(1400, flags=DO),
    opt(1232, flags=0x7FFF),
    opt(1232, version=1),
    opt(1232, version=1, options=b"\xff\x00\x00\x02hi"),
    opt(1232, options=b"\xff\x00\x00\x02hi"),
    opt(4096, flags=DO, options=b"\xff\x01\x00\x00\xff\x02\x00\x01x"),
)


def question(name: dns.name.Name, type_: int, rdclass: int = IN, flags: int = 0, edns: bytes = b"") -> bytes:
    """A query without its id."""
    head = struct.pack(">5H", flags, 1, 0, 0, 1 if edns else 0)
    return (
        head
        + b"".join(bytes([len(label)]) + label for label in name.labels)
        + struct.pack(">HH", type_, rdclass)
        + edns
    )


def names_about(text: str, origin: str) -> list[dns.name.Name]:
    """Names in the zone of a master file, and those above, beside and below them, each once, in order."""
    zone = dns.zone.from_text(text, origin, relativize=False, check_origin=False)
    apex = dns.name.from_text(origin)
    owners = sorted(name for name in zone)
    found = [name for owner in owners for name in (owner, *_above(owner, apex), *_around(owner, apex))]
    found += [_joined(apex, *labels) for labels in (("nowhere",), ("*",), ("x", "nowhere"), ("*", "x"))]
    found += [dns.name.from_text("outside.invalid."), dns.name.root, apex.parent()]
    return list(dict.fromkeys(name for name in found if name))


def _above(name: dns.name.Name, apex: dns.name.Name) -> Iterator[dns.name.Name]:
    while name != apex:
        name = name.parent()
        yield name


def _around(name: dns.name.Name, apex: dns.name.Name) -> Iterator[dns.name.Name]:
    try:
        yield _joined(name, "x")
        yield _joined(name, "*")
        yield _joined(name, "a", "b")
        if name != apex:
            yield _joined(name.parent(), "zz")
    except dns.name.NameTooLong:
        return


def _joined(name: dns.name.Name, *labels: str) -> dns.name.Name:
    return dns.name.Name([*(label.encode() for label in labels), *name.labels])


def every(names: Iterable[dns.name.Name]) -> Iterator[Question]:
    """Each name with each type, plainly."""
    kinds = [(type_, dns.rdatatype.from_text(type_)) for type_ in TYPES]
    for name in names:
        for type_, number in kinds:
            yield Question(question(name, number), f"{name} {type_}", number)


def existing(text: str, origin: str) -> Iterator[Question]:
    """All RRsets of a master file."""
    zone = dns.zone.from_text(text, origin, relativize=False, check_origin=False)
    for name, rdataset in zone.iterate_rdatasets():
        about = f"{name} {dns.rdatatype.to_text(rdataset.rdtype)}"
        yield Question(question(name, rdataset.rdtype), about, rdataset.rdtype)


def chosen(names: list[dns.name.Name], random: Random, count: int) -> Iterator[Question]:
    """``count`` questions of every kind by chance. Transfers are asked for over UDP only, where there are none."""
    for _ in range(count):
        name = _cased(random.choice(names), random)
        type_ = random.choice(TYPES if random.random() < 0.9 else RARE)
        number = dns.rdatatype.from_text(type_)
        rdclass = random.choices((IN, CH, ANY, CSNET), (90, 2, 4, 1))[0]
        flags, edns, tcp = random.choice(FLAGS), random.choice(EDNS), random.random() < 0.25 and type_ != "AXFR"
        shown = f"{name} {type_} class {rdclass} flags {flags:#06x} edns {edns.hex()} over {'TCP' if tcp else 'UDP'}"
        yield Question(question(name, number, rdclass, flags, edns), shown, number, rdclass, tcp)


def _cased(name: dns.name.Name, random: Random) -> dns.name.Name:
    way = random.choice((bytes.lower, bytes.upper, bytes.swapcase, None))
    if way:
        return dns.name.Name([way(label) for label in name.labels])
    return dns.name.Name([bytes(random.choice((c, *bytes([c]).swapcase())) for c in label) for label in name.labels])
