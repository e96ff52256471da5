"""Names and RRsets in wire form, made from presentation form (RFC 1035, sections 3.1 and 3.2)."""

import re
import socket
import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import cast

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import msgspec

from gslb.errors import SnapshotError

A, NS, CNAME, SOA, HINFO, MX, TXT, AAAA = 1, 2, 5, 6, 13, 15, 16, 28
SRV, DNAME, OPT, DS, SVCB, HTTPS = 33, 39, 41, 43, 64, 65
TSIG, IXFR, AXFR, ANY = 250, 251, 252, 255
IN = 1

ROOT = b"\x00"
WILDCARD = b"\x01*"
"""the label that makes an owner a wildcard (RFC 4592, section 2.1.1)"""

MAX_TTL = 2**31 - 1
"""seconds (RFC 2181, section 8)"""

_ADDRESSES = {"A": (A, socket.AF_INET), "AAAA": (AAAA, socket.AF_INET6)}
_FIXED = struct.Struct(">HHIH")
_PLAIN = re.compile(r"(?:[a-z0-9_*-]{1,63}\.)+")
_LONGEST = 254
"""characters in the longest name that has nothing to be unescaped"""
_LENGTHS = [length.to_bytes() for length in range(64)]


class RRset(msgspec.Struct, frozen=True, gc=False):
    """Records of one type and TTL.

    ``bodies`` are the records as sent, each without its owner name: type, class, TTL, length, rdata.
    """

    type: int
    bodies: tuple[bytes, ...]


Owned = tuple[bytes, RRset]
"""An RRset and its owner name, in wire form and lower case."""


def make_rrset(type_: int, ttl: int, rdatas: Iterable[bytes]) -> RRset:
    """An RRset of ``rdatas`` in wire form, duplicates left out (RFC 2181, section 5).

    Raises:
        SnapshotError: the TTL is out of range.
    """
    if not 0 <= ttl <= MAX_TTL:
        raise SnapshotError(f"TTL {ttl} is not within 0..{MAX_TTL}")
    unique = dict.fromkeys(rdatas)
    return RRset(type_, tuple([_FIXED.pack(type_, IN, ttl, len(rdata)) + rdata for rdata in unique]))


def wire_name(text: str) -> bytes:
    """An absolute name in wire form and lower case.

    Raises:
        SnapshotError: ``text`` is not a name.
    """
    if len(text) > _LONGEST or not _PLAIN.fullmatch(text):
        return _parsed_name(text)
    return b"".join([_LENGTHS[len(label)] + label for label in text.encode().split(b".")])


@lru_cache(maxsize=4096)
def _parsed_name(text: str) -> bytes:
    try:
        return dns.name.from_text(text).to_digestable()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise SnapshotError(f"{text!r} is not a name: {error}") from error


def wire_rdata(type_: str, text: str) -> tuple[int, bytes]:
    """Type number and wire form of ``text``.

    Raises:
        SnapshotError: the type is unknown, or ``text`` is not rdata of that type.
    """
    try:
        if type_ in _ADDRESSES:
            number, family = _ADDRESSES[type_]
            return number, socket.inet_pton(family, text)
        kind = dns.rdatatype.from_text(type_)
        rdata = dns.rdata.from_text(dns.rdataclass.IN, kind, text, relativize=False)
        return int(kind), cast("bytes", rdata.to_wire())
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise SnapshotError(f"{text!r} is not {type_} rdata: {error}") from error


def text_strings(text: str) -> bytes:
    """The rdata of a TXT record: strings of at most 255 bytes (RFC 1035, section 3.3.14)."""
    data = text.encode()
    parts = [data[start : start + 255] for start in range(0, len(data), 255)] or [b""]
    return b"".join(len(part).to_bytes() + part for part in parts)


def parent(name: bytes) -> bytes:
    """What ``name``, which is not the root, is directly below; both in wire form."""
    return name[name[0] + 1 :]


def ancestors(name: bytes) -> list[bytes]:
    """``name``, its parent, and so on to the root, all in wire form."""
    found = [name]
    while name[0]:
        name = parent(name)
        found.append(name)
    return found
