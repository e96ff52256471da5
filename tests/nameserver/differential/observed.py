"""What a nameserver says to a packet, taken apart with dnspython and made comparable."""

import itertools
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import dns.message
import dns.name
import dns.rdata

from tests.nameserver.differential.questions import OPCODE, Question, question
from tests.nameserver.differential.references import LOCAL

BATCH = 32
"""questions under way at once"""
PATIENCE = 10.0
"""seconds after which a nameserver that says nothing at all has failed"""

_LAST = 0xFFFF
"""id of the question after a batch, which every nameserver answers: what has not been answered by then will not be"""
_SENTINEL = struct.pack(">H", _LAST) + question(dns.name.from_text("alias.test."), 6)

Record = tuple[str, int, int, int, bytes]
"""Owner in lower case, class, type, TTL, and rdata in canonical form (RFC 4034, section 6.2)."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A response. The sections are sorted; what is in them twice is there twice.

    Attributes:
        flags: the header's second 16 bits, without the rcode.
        rcode: with the upper bits of the OPT record.
        question: as sent, letter case included.
        edns: version, flags and payload; None without an OPT record. Options are each server's own.
        size: bytes of the message.
    """

    flags: int
    rcode: int
    question: tuple[tuple[tuple[bytes, ...], int, int], ...]
    answer: tuple[Record, ...]
    authority: tuple[Record, ...]
    additional: tuple[Record, ...]
    edns: tuple[int, int, int] | None
    size: int


def observe(packet: bytes) -> Observed:
    """``packet`` taken apart. Raises what dnspython raises for one that is malformed."""
    (flags,) = struct.unpack_from(">H", packet, 2)
    as_query = (
        packet[:2] + struct.pack(">H", flags & ~OPCODE) + packet[4:]
    )  # dnspython has sections of its own for updates
    message = dns.message.from_wire(as_query, one_rr_per_rrset=True)
    asked, answer, authority, additional = message.sections
    edns = None
    if message.edns >= 0:
        edns = message.edns, message.ednsflags & 0xFFFF, message.payload
    return Observed(
        flags & 0xFFF0,
        message.rcode(),
        tuple((rrset.name.labels, rrset.rdtype, rrset.rdclass) for rrset in asked),
        _records(answer),
        _records(authority),
        _records(additional),
        edns,
        len(packet),
    )


def _records(section: Sequence[dns.rrset.RRset]) -> tuple[Record, ...]:
    return tuple(
        sorted(
            (rrset.name.to_text().lower(), rrset.rdclass, rrset.rdtype, rrset.ttl, rdata.to_digestable())
            for rrset in section
            for rdata in rrset
        )
    )


class Client:
    """Asks one nameserver, on a port of loopback."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, questions: Sequence[Question]) -> list[bytes | None]:
        """The responses in the order of the questions; None for what gets none."""
        found: dict[int, bytes] = {}
        for batch in _batches(questions):
            packets = [questions[index].packet for index in batch]
            replies = self._over_tcp(packets) if questions[batch[0]].tcp else self._over_udp(packets)
            found.update((batch[at], reply) for at, reply in replies)
        return [found.get(index) for index in range(len(questions))]

    def _over_udp(self, packets: list[bytes]) -> Iterator[tuple[int, bytes]]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE)
            sock.connect((LOCAL, self._port))
            for index, packet in enumerate(packets):
                sock.send(struct.pack(">H", index) + packet)
            sock.send(_SENTINEL)
            while _id(packet := sock.recv(65535)) != _LAST:
                yield _id(packet), packet

    def _over_tcp(self, packets: list[bytes]) -> Iterator[tuple[int, bytes]]:
        """What has been read when the connection ends is all there is."""
        with socket.create_connection((LOCAL, self._port), PATIENCE) as sock, sock.makefile("rb") as file:
            sent = [struct.pack(">H", index) + packet for index, packet in enumerate(packets)]
            sock.sendall(b"".join(struct.pack(">H", len(packet)) + packet for packet in (*sent, _SENTINEL)))
            with suppress(ConnectionError):
                while (packet := file.read(int.from_bytes(file.read(2)))) and _id(packet) != _LAST:
                    yield _id(packet), packet


def _batches(questions: Sequence[Question]) -> Iterator[list[int]]:
    """Indices of questions that go together: over UDP, or over one connection. Odd packets may end theirs."""
    for tcp, odd in itertools.product((False, True), repeat=2):
        which = [index for index, asked in enumerate(questions) if (asked.tcp, asked.odd) == (tcp, odd)]
        size = 1 if odd else BATCH
        yield from (which[start : start + size] for start in range(0, len(which), size))


def _id(packet: bytes) -> int:
    return int.from_bytes(packet[:2])
