"""EDNS (RFC 6891): what the OPT record of a query says, and the options of a response."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from gslb.nameserver.subnet import ECS, Subnet, read_subnet

NSID, EXPIRE, COOKIE, KEEPALIVE, EDE = 3, 9, 10, 11, 15
"""numbers of options (RFC 5001, 7314, 7873, 7828, 8914)"""

DO = 0x8000
CLIENT_COOKIE = 8
"""bytes in a client cookie (RFC 7873, section 4)"""
SERVER_COOKIE = range(8, 33)
"""bytes that a server cookie may have"""

_HEAD = struct.Struct(">HH")
_SHORT = struct.Struct(">H")
_TENTH = 10
_LONGEST = 0xFFFF


class InfoCode(IntEnum):
    """Why a response is as it is (RFC 8914, section 4)."""

    OTHER = 0
    STALE_ANSWER = 3
    NOT_READY = 14
    FILTERED = 17
    PROHIBITED = 18
    NOT_AUTHORITATIVE = 20
    NOT_SUPPORTED = 21


@dataclass(frozen=True, slots=True)
class ExtendedError:
    """An extended error: its code, and words for people."""

    code: InfoCode
    text: str = ""

    @property
    def option(self) -> bytes:
        """The option as sent."""
        return option(EDE, _SHORT.pack(self.code) + self.text.encode())


PROHIBITED = ExtendedError(InfoCode.PROHIBITED)
"""what is asked for is not for this client"""


@dataclass(frozen=True, slots=True)
class Edns:
    """What matters of a client's OPT record.

    Attributes:
        payload: bytes that the client takes over UDP.
        version: of EDNS; the options of another one than 0 are not known.
        dnssec_ok: the DO bit (RFC 3225).
        subnet: None where the client tells of none.
        cookie: of the client, and behind it that of the server if the client knows one; empty where there is none.
        nsid: the client asks who answers.
        keepalive: the client asks for how long it may keep a connection.
        expire: the client, a secondary, asks for how long it may answer.
    """

    payload: int
    version: int
    dnssec_ok: bool
    subnet: Subnet | None = None
    cookie: bytes = b""
    nsid: bool = False
    keepalive: bool = False
    expire: bool = False


def read_edns(payload: int, ttl: int, data: bytes) -> tuple[Edns, bool]:
    """The OPT record with these fields, and whether its options are well-formed.

    Two subnets are not: whom the response would be for could not be told (RFC 7871, section 7.1). Of several cookies
    the first counts (RFC 7873, section 5.2).
    """
    version, dnssec_ok = ttl >> 16 & 0xFF, bool(ttl & DO)
    plain = Edns(payload, version, dnssec_ok)
    if version or not data:
        return plain, True
    subnet: Subnet | None = None
    cookie, asked = b"", set()
    for code, value in _options(data):
        if code == ECS:
            subnet = None if subnet else read_subnet(value)
            if subnet is None:
                return plain, False
        elif code == COOKIE and not cookie:
            if len(value) != CLIENT_COOKIE and len(value) - CLIENT_COOKIE not in SERVER_COOKIE:
                return plain, False
            cookie = value
        elif code == _CUT_OFF:
            return plain, False
        else:
            asked.add(code)
    found = Edns(payload, version, dnssec_ok, subnet, cookie, NSID in asked, KEEPALIVE in asked, EXPIRE in asked)
    return found, True


_CUT_OFF = -1


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Codes and values; the last one has the code ``_CUT_OFF`` where ``data`` ends too early."""
    at = 0
    while at < len(data):
        if at + _HEAD.size > len(data):
            yield _CUT_OFF, b""
            return
        code, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size + length
        if at > len(data):
            yield _CUT_OFF, b""
            return
        yield code, data[at - length : at]


def option(code: int, value: bytes) -> bytes:
    """An option as sent."""
    return _HEAD.pack(code, len(value)) + value


def expire(soa: bytes) -> bytes:
    """The option that tells a secondary the expiry time of a zone (RFC 7314), whose SOA record ends in these octets."""
    return option(EXPIRE, soa[-8:-4])


def keepalive(seconds: float) -> bytes:
    """The option that says for how long a connection may idle (RFC 7828, section 3.1), in tenths of a second."""
    return option(KEEPALIVE, _SHORT.pack(min(_LONGEST, int(seconds * _TENTH))))
