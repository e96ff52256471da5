"""Packets to start from, and what may be done to them: for fuzzing."""

from collections.abc import Iterator
from random import Random

import dns.edns
import dns.message
import dns.opcode
import dns.tsig
import dns.tsigkeyring

from tests.nameserver.support import SERVICES, STATIC

TYPES = ("A", "AAAA", "NS", "SOA", "TXT", "MX", "CNAME", "DNAME", "DS", "ANY", "AXFR", "IXFR", "TYPE65280")
OPTIONS: tuple[dns.edns.Option, ...] = (
    dns.edns.ECSOption("198.51.100.0", 24),
    dns.edns.ECSOption("2001:db8::", 56),
    dns.edns.GenericOption(dns.edns.OptionType.NSID, b""),
    dns.edns.GenericOption(dns.edns.OptionType.COOKIE, bytes(range(8))),
    dns.edns.GenericOption(dns.edns.OptionType.COOKIE, bytes(range(24))),
    dns.edns.GenericOption(dns.edns.OptionType(11), b""),
    dns.edns.GenericOption(dns.edns.OptionType(65001), b"unknown"),
)
KEY = "c2VjcmV0"
"""the secret of xfr., which one of them is signed with"""
INTERESTING = (0, 1, 0x0C, 0x1F, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF)


def seeds() -> list[bytes]:
    """Well-formed packets of every kind that a server may be sent."""
    names = sorted(
        {record.name for record in STATIC} | {str(service.name) for service in SERVICES} | {"www.example.org."}
    )
    found = [dns.message.make_query(name, type_).to_wire() for name in names for type_ in TYPES]
    for index, option in enumerate(OPTIONS):
        query = dns.message.make_query("api.example.com.", "A", use_edns=0, options=[option, *OPTIONS[:index]])
        found.append(query.to_wire())
    found.append(dns.message.make_query("version.bind.", "TXT", "CH").to_wire())
    found.append(dns.message.make_query("example.com.", "SOA", use_edns=1).to_wire())
    for opcode in (dns.opcode.NOTIFY, dns.opcode.UPDATE, dns.opcode.STATUS):
        query = dns.message.make_query("example.com.", "SOA")
        query.set_opcode(opcode)
        found.append(query.to_wire())
    signed = dns.message.make_query("example.com.", "AXFR")
    signed.use_tsig(dns.tsigkeyring.from_text({"xfr.": KEY}), algorithm=dns.tsig.HMAC_SHA256)
    found.append(signed.to_wire())
    response = dns.message.make_response(dns.message.make_query("www.example.com.", "A"))
    return [*found, response.to_wire(), b"", b"\0", bytes(12)]


def mutated(random: Random, known: list[bytes]) -> Iterator[bytes]:
    """Packets without end, each made of one or two of ``known`` by a few changes."""
    while True:
        packet = bytearray(random.choice(known))
        for _ in range(random.choice((0, 1, 1, 2, 4))):
            _change(random, packet, known)
        yield bytes(packet[:4096])


def _change(random: Random, packet: bytearray, known: list[bytes]) -> None:
    at = random.randrange(len(packet) + 1)
    match random.randrange(7):
        case 0 if packet:
            packet[at % len(packet)] = random.randrange(256)
        case 1 if packet:
            packet[at % len(packet)] = random.choice(INTERESTING)
        case 2 if packet:
            packet[at % len(packet)] ^= 1 << random.randrange(8)
        case 3:
            del packet[at:]
        case 4:
            packet[at:at] = random.randbytes(random.choice((1, 2, 4, 16, 300)))
        case 5:
            del packet[at : at + random.randrange(1, 12)]
        case _:
            other = random.choice(known)
            packet[at:] = other[random.randrange(len(other) + 1) :]
