"""dns: a DNS server answers a question as expected.

Options:
    name            the name asked for; required
    qtype           the type asked for, any mnemonic that stands for records; default ``A``
    transport       ``udp`` or ``tcp``; default ``udp``
    rcode           one rcode that passes, or a list of them; default ``NOERROR``
    answers         records that must all be in the answer, as in a zone file; default none
    min_answers     how many records there must be at least; default 1
    recursion       whether to ask for recursion (RD); default false
    authoritative   whether the answer must be authoritative (AA); default false

The question is a plain one (RFC 1035, section 4) without EDNS, which every server understands. A truncated answer over
UDP is asked for again over TCP within the same attempt (RFC 7766, section 5). A query over UDP is sent once: a lost
packet is a failed attempt, and what confirms a failure is the next attempt.

``answers`` and ``min_answers`` speak of the records of the type that was asked for, at the end of the CNAME chain if
there is one. They are demanded of a NOERROR answer only; other rcodes that pass need no records. So ``min_answers = 0``
lets NODATA pass.
"""

import socket
from time import monotonic
from typing import Annotated, Literal, Protocol

import dns.flags
from pydantic import Field

from gslb.model.observation import Cause, Observation, Timing
from probes.answer import Expected, Question
from probes.base import Done, Target, error_failure, failure
from probes.net.network import Network
from probes.net.reactor import DATAGRAM

MAX_UDP = 4096
"""octets of a UDP answer; without EDNS 512 are allowed (RFC 1035, section 2.3.4), and not everybody knows"""

_RECVERR = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}
"""IP_RECVERR, IPV6_RECVERR (ip(7), ipv6(7)): soft ICMP errors are told as well, such as "no route to host\""""

_PREFIX = 2
"""octets that a message's length takes"""


class Dns(Question):
    """Ask a DNS server, and judge the answer."""

    transport: Annotated[
        Literal["udp", "tcp"], Field(description="how to ask; a truncated answer over udp is asked for again over tcp")
    ] = "udp"

    @property
    def by_tcp(self) -> bool:
        """Whether it connects to the endpoint, so that a tripwire makes sense."""
        return self.transport == "tcp"

    def session(self, target: Target, network: Network) -> "_Session":
        """See Probe."""
        return _Session(Expected.of(self), self.transport, target, network)


class _Session:
    """Nothing is kept between attempts."""

    def __init__(self, expected: Expected, transport: str, target: Target, network: Network) -> None:
        self._expected, self._transport, self._target, self._network = expected, transport, target, network

    def start(self, timeout: float, done: Done) -> "_Attempt":  # noqa: ARG002  the port's signature
        """See Session."""
        return _Attempt(self._expected, self._transport, self._target, self._network, done)

    def close(self) -> None:
        """See Session."""


class _Exchange(Protocol):
    """A query and its answer over one transport."""

    missing: str
    """what has not come so far"""

    def timing(self) -> Timing:
        """Where the time went."""

    def close(self) -> None:
        """Free the socket."""


class _Attempt:
    """One query, and the same once more over TCP if the answer is truncated."""

    __slots__ = ("_done", "_exchange", "_expected", "_network", "_query", "_started", "_target", "_told", "_wire")

    def __init__(self, expected: Expected, transport: str, target: Target, network: Network, done: Done) -> None:
        self._expected, self._target, self._network, self._done = expected, target, network, done
        self._started, self._told = monotonic(), ""
        self._query = expected.query()
        self._wire = self._query.to_wire()
        self._exchange: _Exchange = (_Udp if transport == "udp" else _Tcp)(self._wire, target, network, self)

    def expire(self) -> Observation:
        """See Attempt."""
        return self._end(Cause.TIMEOUT, self._exchange.missing)

    def answered(self, wire: bytes) -> None:
        """Judge it, and be done."""
        verdict = self._expected.judge(self._query, wire)
        self._done(self._end(verdict.cause, verdict.detail))

    def truncated(self) -> None:
        """Ask again over TCP."""
        self._exchange.close()
        self._told = "truncated over UDP, then over TCP: "
        try:
            self._exchange = _Tcp(self._wire, self._target, self._network, self)
        except OSError as error:
            self.failed(error)

    def failed(self, error: Exception, cause: Cause | None = None) -> None:
        """No answer will come."""
        told = error_failure(error, 0.0)
        self._done(self._end(cause or told.cause, told.detail))

    def _end(self, cause: Cause | None, detail: str) -> Observation:
        self._exchange.close()
        latency, timing = monotonic() - self._started, self._exchange.timing()
        if cause is None:
            return Observation(ok=True, latency=latency, detail=detail, timing=timing)
        return failure(cause, latency, self._told + detail, timing)


class _Udp:
    """Over a connected socket of its own: its port is random, and the kernel sorts out other senders."""

    __slots__ = ("_asked", "_attempt", "_first_byte", "_id", "_reactor", "_socket", "missing")

    def __init__(self, wire: bytes, target: Target, network: Network, attempt: _Attempt) -> None:
        self._id, self._reactor, self._attempt = wire[:2], network.reactor, attempt
        self._asked = monotonic()
        self._first_byte: float | None = None
        self.missing = "no answer in time"
        self._socket = made = network.source.socket(target.ip, socket.SOCK_DGRAM)
        try:
            made.setsockopt(*_RECVERR[target.ip.version], 1)
            made.connect((str(target.ip), target.port))
            made.send(wire)
        except OSError:
            made.close()
            raise
        network.reactor.watch(made, self, DATAGRAM)

    def timing(self) -> Timing:
        """See _Exchange."""
        return Timing(first_byte=self._first_byte)

    def close(self) -> None:
        """See _Exchange."""
        self._reactor.retire(self._socket)

    def ready(self, events: int) -> None:  # noqa: ARG002  recv tells all
        """Take one packet or one error; those that wait are told of again."""
        try:
            wire = self._socket.recv(MAX_UDP)
        except BlockingIOError:
            return
        except PermissionError as error:
            self._attempt.failed(error, Cause.UNREACHABLE)  # a firewall's ICMP error, no lack of our permissions
        except OSError as error:
            self._attempt.failed(error)
        else:
            self._receive(wire)

    def _receive(self, wire: bytes) -> None:
        if wire[:2] != self._id:
            self.missing = "no answer in time, but one with another id"
            return
        self._first_byte = monotonic() - self._asked
        flags = int.from_bytes(wire[2:4])
        if flags & dns.flags.QR and flags & dns.flags.TC:
            self._attempt.truncated()
        else:
            self._attempt.answered(wire)


class _Tcp:
    """Over a connection of its own; each message has its length in two octets before it (RFC 1035, section 4.2.2)."""

    __slots__ = ("_answer", "_asked", "_attempt", "_connection", "_first_byte", "_query", "missing")

    def __init__(self, wire: bytes, target: Target, network: Network, attempt: _Attempt) -> None:
        self._query, self._attempt = len(wire).to_bytes(2) + wire, attempt
        self._answer, self._asked = bytearray(), 0.0
        self._first_byte: float | None = None
        self.missing = "no connection in time"
        self._connection = network.connect(target.ip, target.port, self)

    def timing(self) -> Timing:
        """See _Exchange."""
        return Timing(connect=self._connection.connect_time, first_byte=self._first_byte)

    def close(self) -> None:
        """See _Exchange."""
        self._connection.abort()

    def connected(self) -> None:
        """See User."""
        self.missing, self._asked = "no answer in time", monotonic()
        self._connection.write(self._query)

    def received(self, data: bytes) -> None:
        """See User."""
        if self._first_byte is None:
            self.missing, self._first_byte = "no complete answer in time", monotonic() - self._asked
        self._answer += data
        end = _PREFIX + int.from_bytes(self._answer[:_PREFIX])
        if len(self._answer) >= end:
            self._attempt.answered(bytes(self._answer[_PREFIX:end]))

    def lost(self, error: Exception | None) -> None:
        """See User."""
        if error is None:
            self._attempt.failed(ConnectionResetError("closed before the answer was complete"), Cause.RESET)
        else:
            self._attempt.failed(error)
