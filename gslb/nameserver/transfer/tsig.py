"""Transaction signatures (RFC 8945): is a request signed as it should be, and signing what is said to it.

The cryptography is dnspython's. Which keys there are, and who may do what with them, is not known here.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig
from dns.rdtypes.ANY.TSIG import TSIG

BADSIG, BADKEY, BADTIME = 16, 17, 18
FUDGE = 300
"""seconds that a clock may be off (RFC 8945, section 10)"""

_LEAST_MAC = 10
_HEADER_SIZE = 12
_COUNT = slice(10, 12)
_FIXED_SIZE = 10
"""bytes of a record between its name and its rdata"""


class MalformedSignatureError(Exception):
    """A TSIG record that is none (RFC 8945, section 5.2): FORMERR."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A request with a signature.

    Attributes:
        packet: the request without it.
        owner: the name of the key, as the request has it.
        key: what signs responses; None where they are not to be signed.
        rdata: the signature.
        error: what is wrong with it; 0 if nothing is.
    """

    packet: bytes
    owner: dns.name.Name
    key: dns.tsig.Key | None
    rdata: TSIG
    error: int = 0


def open_request(packet: bytes, at: int, keys: Mapping[dns.name.Name, dns.tsig.Key], now: float) -> Opened:
    """Look at the signature of ``packet``, a TSIG record that begins ``at``.

    Key, signature and time are looked at in this order (section 5.2).

    Raises:
        MalformedSignatureError: it is no TSIG record.
    """
    owner, rdata = _read(packet, at)
    bare = packet[: _COUNT.start] + (int.from_bytes(packet[_COUNT]) - 1).to_bytes(2) + packet[_HEADER_SIZE:at]
    key = keys.get(owner)
    if key is None or key.algorithm != rdata.algorithm:
        return Opened(bare, owner, None, rdata, BADKEY)
    full = dns.tsig.mac_sizes[key.algorithm]
    if not max(_LEAST_MAC, full // 2) <= len(rdata.mac) <= full:  # section 5.2.2.1
        raise MalformedSignatureError
    try:
        dns.tsig.validate(packet, key, owner, rdata, int(now), b"", at)  # type: ignore[no-untyped-call]  # dnspython
    except dns.tsig.BadSignature:  # a truncated one too: none are taken
        return Opened(bare, owner, None, rdata, BADSIG)
    except dns.tsig.BadTime:
        return Opened(bare, owner, key, rdata, BADTIME)
    except dns.exception.DNSException as error:  # an error in a request
        raise MalformedSignatureError from error
    return Opened(bare, owner, key, rdata)


def _read(packet: bytes, at: int) -> tuple[dns.name.Name, TSIG]:
    try:
        owner, size = dns.name.from_wire(packet, at)
        start = at + size + _FIXED_SIZE
        rdclass, ttl = int.from_bytes(packet[start - 8 : start - 6]), packet[start - 6 : start - 2]
        rdata = dns.rdata.from_wire(dns.rdataclass.ANY, dns.rdatatype.TSIG, packet, start, len(packet) - start)
    except (dns.exception.DNSException, ValueError) as error:
        raise MalformedSignatureError from error
    if rdclass != dns.rdataclass.ANY or any(ttl) or not isinstance(rdata, TSIG):
        raise MalformedSignatureError
    return owner, rdata


class Signature:
    """Signs the messages of one response, one after the other (section 5.3.1).

    Args:
        opened: the request.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._context: object = None
        request = opened.rdata
        self._other = int(time.time()).to_bytes(6) if opened.error == BADTIME else b""
        # Of a request whose time is wrong the client must be able to verify the response (section 5.2.3).
        self._time = request.time_signed if opened.error == BADTIME else None

    @property
    def room(self) -> int:
        """Bytes that a signature takes."""
        opened = self._opened
        algorithm = len(opened.rdata.algorithm.to_wire() or b"")
        mac = dns.tsig.mac_sizes[opened.key.algorithm] if opened.key else 0
        return len(opened.owner.to_wire() or b"") + _FIXED_SIZE + algorithm + 16 + mac + len(self._other)

    def sign(self, message: bytes) -> bytes:
        """``message`` with its signature; without a MAC where the request's own was not good."""
        rdata = self._rdata(int.from_bytes(message[:2]))
        if self._opened.key is not None:
            # All are signed as if more could follow, which changes nothing for the first.
            rdata, self._context = dns.tsig.sign(  # type: ignore[no-untyped-call]  # dnspython
                message, self._opened.key, rdata, rdata.time_signed, self._opened.rdata.mac, self._context, True
            )
        return _append(message, self._opened.owner, rdata)

    def _rdata(self, id_: int) -> TSIG:
        signed = int(time.time()) if self._time is None else self._time
        opened, kind = self._opened, (dns.rdataclass.ANY, dns.rdatatype.TSIG)
        return TSIG(  # type: ignore[no-untyped-call]  # dnspython
            *kind, opened.rdata.algorithm, signed, FUDGE, b"", id_, opened.error, self._other
        )


def _append(message: bytes, owner: dns.name.Name, rdata: TSIG) -> bytes:
    count = (int.from_bytes(message[_COUNT]) + 1).to_bytes(2)
    body = rdata.to_wire() or b""
    fixed = dns.rdatatype.TSIG.to_bytes(2) + dns.rdataclass.ANY.to_bytes(2) + bytes(4) + len(body).to_bytes(2)
    head, rest = message[: _COUNT.start] + count, message[_HEADER_SIZE:]
    return b"".join((head, rest, owner.to_wire() or b"", fixed, body))
