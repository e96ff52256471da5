"""icmp: the endpoint's address answers an echo request (ping). The endpoint's port is of no concern to it.

Options:
    size    octets of payload, at most 1472, which over IPv4 fills an Ethernet frame; default 32

The request goes out of an unprivileged ICMP socket, which Linux grants to the groups in the sysctl
``net.ipv4.ping_group_range`` (icmp(7); it holds for IPv6 as well). Where that leaves out gslb's group, a raw socket
does the same if gslb has the capability CAP_NET_RAW (raw(7)).

An ICMP error about the request itself (RFC 792, RFC 4443, section 3) ends the attempt as unreachable.
"""

import errno
import os
import secrets
import socket
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from time import monotonic
from typing import Annotated, ClassVar

from pydantic import Field

from gslb.model.address import IP
from gslb.model.observation import Cause, Observation, Timing
from gslb.model.options import Options
from probes.base import Done, Target, failure
from probes.net.network import Network
from probes.net.reactor import DATAGRAM, FAILED
from probes.net.source import Source

MAX_SIZE = 1472
MAX_PACKET = 2048
"""octets that are read: the longest reply with its IP header, and more than that is none of ours"""

_HEADER = struct.Struct("!BBHHH")
"""type, code, checksum, identifier, sequence number (RFC 792; RFC 4443, section 4.1)"""
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
"""struct sock_extended_err of linux/errqueue.h; the address of who reported it follows"""
_WORD = 0xFFFF


@dataclass(frozen=True, slots=True)
class _Version:
    """What differs between IPv4 and IPv6."""

    protocol: int
    request: int
    reply: int
    report_errors: tuple[int, int]
    """level and option of IP_RECVERR or IPV6_RECVERR"""
    replies_only: tuple[int, int, bytes]
    """socket option by which a raw socket gets replies and nothing else"""


def _only(kind: int, words: int) -> bytes:
    """A filter of ``words`` of 32 bits that lets one type through; a set bit blocks (raw(7), linux/icmpv6.h)."""
    return struct.pack(f"={words}I", *(~(kind // 32 == word and 1 << kind % 32) & 0xFFFFFFFF for word in range(words)))


_V4 = _Version(
    protocol=socket.IPPROTO_ICMP,
    request=8,
    reply=0,
    report_errors=(socket.IPPROTO_IP, 11),
    replies_only=(255, 1, _only(0, words=1)),  # ICMP_FILTER, at level SOL_RAW
)
_V6 = _Version(
    protocol=socket.IPPROTO_ICMPV6,
    request=128,
    reply=129,
    report_errors=(socket.IPPROTO_IPV6, 25),
    replies_only=(socket.IPPROTO_ICMPV6, 1, _only(129, words=8)),  # ICMP6_FILTER (RFC 3542, section 3.2)
)
_VERSIONS = {4: _V4, 6: _V6}


class Icmp(Options):
    """Ping the endpoint's address; its port is of no concern."""

    by_tcp: ClassVar[bool] = False

    size: Annotated[int, Field(ge=0, le=MAX_SIZE, description="octets of payload")] = 32

    def session(self, target: Target, network: Network) -> "_Session":
        """See Probe."""
        return _Session(self.size, target.ip, network)


def _open(source: Source, ip: IP) -> socket.SocketType:
    """A datagram socket for ICMP, or a raw one.

    Raises:
        OSError: neither is granted; says what would have to be changed.
    """
    version = _VERSIONS[ip.version]
    try:
        return source.socket(ip, socket.SOCK_DGRAM, version.protocol)
    except PermissionError as error:
        if error.errno == errno.EPERM and source.namespace is not None:
            raise  # the namespace must not be entered; the kernel refuses a group with EACCES
    try:
        made = source.socket(ip, socket.SOCK_RAW, version.protocol)
    except PermissionError as error:
        raise PermissionError(error.errno, _refusal()) from None
    made.setsockopt(*version.replies_only)
    return made


def _refusal() -> str:
    return (
        f"may not ping: group {os.getegid()} is not in the sysctl net.ipv4.ping_group_range, "
        "and the capability CAP_NET_RAW is missing"
    )


class _Session:
    """Nothing is kept between attempts."""

    def __init__(self, size: int, ip: IP, network: Network) -> None:
        self._size, self._ip, self._network = size, ip, network

    def start(self, timeout: float, done: Done) -> "_Attempt":  # noqa: ARG002  the port's signature
        """See Session."""
        return _Attempt(self._size, self._ip, self._network, done)

    def close(self) -> None:
        """See Session."""


class _Attempt:
    """One echo request, on a socket of its own."""

    __slots__ = ("_done", "_payload", "_raw", "_reactor", "_request", "_resent", "_socket", "_started", "_version")

    def __init__(self, size: int, ip: IP, network: Network, done: Done) -> None:
        self._started = monotonic()
        self._version, self._reactor, self._done = _VERSIONS[ip.version], network.reactor, done
        self._payload, self._resent = secrets.token_bytes(size), False
        self._socket = made = _open(network.source, ip)
        self._raw = made.type == socket.SOCK_RAW
        try:
            made.setsockopt(*self._version.report_errors, 1)
            made.connect((str(ip), 0))
            # The kernel puts the "port" of a datagram socket into its requests as the identifier, whatever they say.
            identifier = secrets.randbits(16) if self._raw else made.getsockname()[1]
            self._request = self._packet(identifier, secrets.randbits(16))
            made.send(self._request)
        except OSError:
            made.close()
            raise
        network.reactor.watch(made, self, DATAGRAM)

    def expire(self) -> Observation:
        """See Attempt."""
        return self._failed(Cause.TIMEOUT, "no reply in time")

    def ready(self, events: int) -> None:
        """Take one error or one packet; those that wait are told of again."""
        if events & FAILED:
            self._read_error()
        else:
            self._read_packet()

    def _packet(self, identifier: int, sequence: int) -> bytes:
        packet = _HEADER.pack(self._version.request, 0, 0, identifier, sequence) + self._payload
        if self._version is _V6:
            return packet  # the kernel knows the addresses that its checksum covers (RFC 3542, section 3.1)
        return _HEADER.pack(self._version.request, 0, _checksum(packet), identifier, sequence) + self._payload

    def _read_packet(self) -> None:
        try:
            packet = self._socket.recv(MAX_PACKET)
        except OSError:
            return  # nothing there after all, or an error has come by now: it waits to be told of
        if self._raw and self._version is _V4:
            packet = packet[4 * (packet[0] & 0x0F) :]  # the IP header has its length in words (RFC 791, section 3.1)
        if packet[:1] == bytes((self._version.reply,)) and packet[4:] == self._request[4:]:
            latency = self._retire()
            self._done(Observation(ok=True, latency=latency, timing=Timing(first_byte=latency)))

    def _read_error(self) -> None:
        """A raw socket also gets the errors about others' requests to the same address; those are of no concern."""
        try:
            quoted, [(_, _, error)], _, _ = self._socket.recvmsg(MAX_PACKET, MAX_PACKET, socket.MSG_ERRQUEUE)
        except BlockingIOError:
            self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # clears what nobody can say the subject of
            return
        if quoted[:1] != self._request[:1] or quoted[4:8] != self._request[4:8]:
            return
        number: int = _EXTENDED_ERROR.unpack_from(error)[0]
        if number == errno.EMSGSIZE and not self._resent:
            # The path takes shorter packets only. Now the kernel knows, and sends fragments.
            self._resent = True
            with suppress(OSError):
                self._socket.send(self._request)
        else:
            reporter = _address(error[_EXTENDED_ERROR.size :])
            self._done(self._failed(Cause.UNREACHABLE, f"{os.strerror(number)}, says {reporter}"))

    def _failed(self, cause: Cause, detail: str) -> Observation:
        return failure(cause, self._retire(), detail)

    def _retire(self) -> float:
        """Free the socket; the seconds since the start."""
        self._reactor.retire(self._socket)
        return monotonic() - self._started


def _address(record: bytes) -> IP:
    """The address in a struct sockaddr_in or sockaddr_in6."""
    family = int.from_bytes(record[:2], sys.byteorder)
    return IPv4Address(record[4:8]) if family == socket.AF_INET else IPv6Address(record[8:24])


def _checksum(packet: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    even = packet + bytes(len(packet) % 2)
    total: int = sum(struct.unpack(f"!{len(even) // 2}H", even))
    while total > _WORD:
        total = (total >> 16) + (total & _WORD)
    return total ^ _WORD
