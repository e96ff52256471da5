"""Packets that are no plain queries."""

import struct
from collections.abc import Iterator

from tests.nameserver.differential.questions import DO, QR, RD, Question, opt

NAME = b"\x03www\x05alias\x04test\x00"
IN_A = b"\x00\x01\x00\x01"


def _packet(body: bytes, *, flags: int = RD, counts: tuple[int, int, int, int] = (1, 0, 0, 0)) -> bytes:
    return struct.pack(">5H", flags, *counts) + body


_RECORD = b"\x00" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes(4)
_ECS = b"\x00\x08\x00\x07\x00\x01\x18\x00\xc6\x33\x64"
_COOKIE = b"\x00\x0a\x00\x08" + bytes(range(8))

ODD = {
    "no question": _packet(b"", counts=(0, 0, 0, 0)),
    "no question but EDNS": _packet(opt(), counts=(0, 0, 0, 1)),
    "two questions": _packet((NAME + IN_A) * 2, counts=(2, 0, 0, 0)),
    "65535 questions": _packet(NAME + IN_A, counts=(65535, 0, 0, 0)),
    "two questions, one there": _packet(NAME + IN_A, counts=(2, 0, 0, 0)),
    "a question that is missing": _packet(b""),
    "a question cut off in its name": _packet(NAME[:6]),
    "a question cut off before its type": _packet(NAME),
    "a question cut off in its class": _packet(NAME + b"\x00\x01\x00"),
    "a byte after the end": _packet(NAME + IN_A + b"x"),
    "a record after the end": _packet(NAME + IN_A + _RECORD),
    "an OPT record after the end": _packet(NAME + IN_A + opt()),
    "bytes after the OPT record": _packet(NAME + IN_A + opt() + b"xyz", counts=(1, 0, 0, 1)),
    "an answer": _packet(NAME + IN_A + _RECORD, counts=(1, 1, 0, 0)),
    "an authority": _packet(NAME + IN_A + _RECORD, counts=(1, 0, 1, 0)),
    "an additional record": _packet(NAME + IN_A + _RECORD, counts=(1, 0, 0, 1)),
    "an additional record before the OPT record": _packet(NAME + IN_A + _RECORD + opt(), counts=(1, 0, 0, 2)),
    "an additional record after the OPT record": _packet(NAME + IN_A + opt() + _RECORD, counts=(1, 0, 0, 2)),
    "fewer answers than counted": _packet(NAME + IN_A, counts=(1, 1, 0, 0)),
    "fewer additional records than counted": _packet(NAME + IN_A, counts=(1, 0, 0, 1)),
    "two OPT records": _packet(NAME + IN_A + opt() * 2, counts=(1, 0, 0, 2)),
    "an OPT record in the answer section": _packet(NAME + IN_A + opt(), counts=(1, 1, 0, 0)),
    "an OPT record with a name": _packet(NAME + IN_A + b"\x01x" + opt(), counts=(1, 0, 0, 1)),
    "an OPT record cut off": _packet(NAME + IN_A + opt()[:-3], counts=(1, 0, 0, 1)),
    "an option cut off": _packet(NAME + IN_A + opt(options=b"\x00\x0a\x00\x08x"), counts=(1, 0, 0, 1)),
    "half an option": _packet(NAME + IN_A + opt(options=b"\x00\x0a"), counts=(1, 0, 0, 1)),
    "a client subnet": _packet(NAME + IN_A + opt(options=_ECS), counts=(1, 0, 0, 1)),
    "a cookie": _packet(NAME + IN_A + opt(options=_COOKIE), counts=(1, 0, 0, 1)),
    "NSID": _packet(NAME + IN_A + opt(options=b"\x00\x03\x00\x00"), counts=(1, 0, 0, 1)),
    "padding": _packet(NAME + IN_A + opt(options=b"\x00\x0c\x00\x04" + bytes(4)), counts=(1, 0, 0, 1)),
    "keepalive": _packet(NAME + IN_A + opt(options=b"\x00\x0b\x00\x00"), counts=(1, 0, 0, 1)),
    "EDNS version 255 and DO": _packet(NAME + IN_A + opt(version=255, flags=DO), counts=(1, 0, 0, 1)),
    "a pointer to itself": _packet(b"\xc0\x0c" + IN_A),
    "a pointer to the header": _packet(b"\x03www\xc0\x00" + IN_A),
    "a pointer backward": _packet(b"\x03www\xc0\x0c" + IN_A),
    "a pointer forward": _packet(b"\x03www\xc0\x16" + IN_A + NAME),
    "a pointer beyond the end": _packet(b"\x03www\xff\xff" + IN_A),
    "a label of an unknown kind": _packet(b"\x41" + b"x" * 65 + b"\x00" + IN_A),
    "a name of 256 bytes": _packet((b"\x3f" + b"x" * 63) * 3 + b"\x3e" + b"x" * 62 + b"\x00" + IN_A),
    "a name of 255 bytes": _packet((b"\x3f" + b"x" * 63) * 3 + b"\x3d" + b"x" * 61 + b"\x00" + IN_A),
    "a response": _packet(NAME + IN_A, flags=QR),
    "a response of another opcode": _packet(NAME + IN_A, flags=QR | 5 << 11),
    "a malformed response": _packet(b"", flags=QR),
    "an unknown class": _packet(NAME + b"\x00\x01\xff\x00"),
    "class NONE": _packet(NAME + b"\x00\x01\x00\xfe"),
    "class 0": _packet(NAME + b"\x00\x01\x00\x00"),
    "version.bind": _packet(b"\x07version\x04bind\x00\x00\x10\x00\x03"),
    "id.server": _packet(b"\x02id\x06server\x00\x00\x10\x00\x03"),
    "only a header with an rcode": _packet(b"", flags=RD | 3, counts=(0, 0, 0, 0)),
    "an rcode in the query": _packet(NAME + IN_A, flags=RD | 5),
}
OPCODES = (1, 2, 3, 4, 5, 6, 7, 14, 15)


def odd() -> Iterator[Question]:
    """Each odd packet over either transport."""
    packets = dict(ODD)
    for opcode in OPCODES:
        flags = opcode << 11 | RD
        packets[f"opcode {opcode}"] = _packet(NAME + IN_A, flags=flags)
        packets[f"opcode {opcode} with every flag"] = _packet(NAME + IN_A, flags=flags | 0x07F0)
        packets[f"opcode {opcode} with EDNS"] = _packet(NAME + IN_A + opt(), flags=flags, counts=(1, 0, 0, 1))
        packets[f"opcode {opcode} without a question"] = _packet(b"", flags=flags, counts=(0, 0, 0, 0))
    for about, packet in packets.items():
        for tcp in (False, True):
            yield Question(packet, f"{about} over {'TCP' if tcp else 'UDP'}", tcp=tcp, odd=True)
