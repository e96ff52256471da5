"""grpc: the endpoint says over the gRPC health checking protocol that it serves.

Options:
    service     name of the service to ask for; default empty, which stands for the server as a whole
    authority   the ``:authority`` of the request; default the endpoint as configured
    tls         whom to trust and what to present, see TlsOptions; default none: HTTP/2 in clear text, with prior
                knowledge (RFC 9113, section 3.3)

Each attempt is one call of ``grpc.health.v1.Health/Check`` on a new connection. Its two messages are so small that they
are encoded and decoded here, as Protocol Buffers say:

    HealthCheckRequest     string service = 1;
    HealthCheckResponse    ServingStatus status = 1;   (UNKNOWN = 0, SERVING = 1, NOT_SERVING = 2, SERVICE_UNKNOWN = 3)
"""

import struct
from collections.abc import Mapping
from enum import IntEnum
from time import monotonic
from typing import Annotated
from urllib.parse import unquote

from pydantic import Field

from gslb.errors import GslbError
from gslb.model.observation import Cause, Observation, Timing
from gslb.model.options import Options
from probes.base import Done, Host, Target, error_failure, failure, without_port
from probes.net.connection import Stream
from probes.net.http2 import ALPN, Call, Fields, Http2Error
from probes.net.network import Network
from probes.net.secure import SecureConnection
from probes.net.trust import Ticket, TlsOptions, trust_of

PATH = "/grpc.health.v1.Health/Check"
SHOWN = 200
"""characters of a server's words that are told"""

Status = IntEnum(
    "Status",
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED "
    "RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS "
    "UNAUTHENTICATED",
    start=0,
)
Serving = IntEnum("Serving", "UNKNOWN SERVING NOT_SERVING SERVICE_UNKNOWN", start=0)
_HINTS: Mapping[int, str] = {
    Status.NOT_FOUND: " (the server does not know the service)",
    Status.UNIMPLEMENTED: " (the server has no health service)",
}
_CONTENT_TYPES = {"application/grpc", "application/grpc+proto"}
_PREFIX = struct.Struct("!BI")
"""before a message: whether it is compressed, and its length"""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""wire types of Protocol Buffers"""
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_LONGEST = 10
"""octets of a number"""

Service = Annotated[str, Field(max_length=255)]


class Grpc(Options):
    """Call the health service, and judge what it says."""

    service: Annotated[Service, Field(description="name of the service; empty: the server as a whole")] = ""
    authority: Annotated[Host | None, Field(description=":authority; default: the endpoint as configured")] = None
    tls: Annotated[TlsOptions | None, Field(description="whom to trust and what to present; default: clear text")] = (
        None
    )

    def session(self, target: Target, network: Network) -> "_Session":
        """See Probe."""
        return _Session(self, target, network)


class AnswerError(GslbError):
    """What has come is no answer, or one that does not pass. ``cause`` and text are those of the failed attempt."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class _Session:
    """Keeps the TLS session."""

    def __init__(self, probe: Grpc, target: Target, network: Network) -> None:
        self._target, self._network = target, network
        authority, tls = probe.authority or target.name, probe.tls
        self.headers = (
            (":method", "POST"),
            (":scheme", "https" if tls else "http"),
            (":path", PATH),
            (":authority", authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "gslb"),
        )
        self.body = _framed(_encode_request(probe.service))
        self.ticket = Ticket(tls.resume if tls else 0.0)
        self._trust = trust_of(tls, (ALPN,)) if tls else None
        self._name = (tls.name if tls else None) or without_port(authority)

    def start(self, timeout: float, done: Done) -> "_Attempt":  # noqa: ARG002  the port's signature
        """See Session."""
        return _Attempt(self, done)

    def close(self) -> None:
        """See Session."""

    def connect(self, user: "_Attempt") -> Stream:
        """A new connection, plain or TLS."""
        ip, port = self._target.ip, self._target.port
        if self._trust is None:
            return self._network.connect(ip, port, user)
        context = self._trust.context()
        return self._network.secure(ip, port, user, context, self._name, self.ticket.session(context))


class _Attempt:
    """One connection with one call."""

    __slots__ = ("_call", "_done", "_session", "_started", "_stream")

    def __init__(self, session: _Session, done: Done) -> None:
        self._session, self._done, self._started = session, done, monotonic()
        self._call: Call | None = None
        self._stream = session.connect(self)

    def expire(self) -> Observation:
        """See Attempt."""
        self._stream.abort()
        return failure(Cause.TIMEOUT, self._elapsed(), self._missing(), self._timing())

    def connected(self) -> None:
        """See User."""
        if isinstance(self._stream, SecureConnection) and self._stream.protocol != ALPN:
            self._fail(Cause.PROTOCOL, "the server does not agree on HTTP/2 (ALPN)")
            return
        self._call = Call(self._session.headers, self._session.body)
        self._stream.write(self._call.outgoing())

    def received(self, data: bytes) -> None:
        """See User."""
        call = self._call
        assert call is not None  # noqa: S101  begun by connected()
        try:
            call.receive(data)
            self._advance(call)
        except Http2Error as error:
            self._fail(Cause.PROTOCOL, _harmless(str(error)))
        except AnswerError as error:
            self._fail(error.cause, _harmless(str(error)))

    def lost(self, error: Exception | None) -> None:
        """See User."""
        if error is None:
            self._fail(Cause.RESET, "closed before the response was complete")
        elif "no application protocol" in str(
            error
        ):  # an alert that Python 3.11 has no name for (RFC 7301, section 3.2)
            self._fail(Cause.PROTOCOL, "the server does not agree on HTTP/2 (ALPN)")
        else:
            self._done(error_failure(error, self._elapsed(), self._timing()))

    def _advance(self, call: Call) -> None:
        if call.head:
            _check_head(call.head)
        if call.ended:
            _check_answer(call)
            self._succeed()
        elif octets := call.outgoing():
            self._stream.write(octets)

    def _succeed(self) -> None:
        if isinstance(self._stream, SecureConnection):
            self._session.ticket.keep(self._stream)
        self._stream.abort()
        self._done(Observation(ok=True, latency=self._elapsed(), detail=Serving.SERVING.name, timing=self._timing()))

    def _fail(self, cause: Cause, detail: str) -> None:
        self._stream.abort()
        self._done(failure(cause, self._elapsed(), detail, self._timing()))

    def _missing(self) -> str:
        if self._call is not None:
            return self._call.missing()
        return "no connection in time" if self._stream.connect_time is None else "no TLS handshake in time"

    def _timing(self) -> Timing:
        stream, call = self._stream, self._call
        return Timing(stream.connect_time, stream.tls_time, call.first_byte if call else None)

    def _elapsed(self) -> float:
        return monotonic() - self._started


def _check_head(head: Fields) -> None:
    """Whether this is the beginning of a response of gRPC."""
    if head[":status"] != "200":
        raise AnswerError(Cause.STATUS, f"HTTP {head[':status']}")
    kind = head.get("content-type")
    if kind is None or kind.partition(";")[0].strip().lower() not in _CONTENT_TYPES:
        raise AnswerError(Cause.PROTOCOL, f"content type {kind or 'missing'}, not application/grpc")


def _check_answer(call: Call) -> None:
    """Whether the complete response says that the call went well, and the message in it that the service does."""
    fields = call.trailers
    if fields is None:
        fields = {} if call.body else call.head  # a head alone has the fields of the trailers ("Trailers-Only")
    _check_status(fields.get("grpc-status"), fields.get("grpc-message", ""))
    number = _decode_response(_unframed(call.body))
    if number != Serving.SERVING:
        raise AnswerError(Cause.STATUS, _name(Serving, number) or f"serving status {number}")


def _check_status(status: str | None, message: str) -> None:
    if status is None:
        raise AnswerError(Cause.PROTOCOL, "no grpc-status")
    if not (status.isascii() and status.isdecimal() and len(status) <= _LONGEST):
        raise AnswerError(Cause.PROTOCOL, f"grpc-status {status}")
    number = int(status)
    if number == Status.OK:
        return
    words = f"gRPC status {number} {_name(Status, number)}".rstrip()
    said = f": {unquote(message)[:SHOWN]}" if message else ""
    raise AnswerError(Cause.STATUS, words + said + _HINTS.get(number, ""))


def _name(kind: type[IntEnum], number: int) -> str:
    """Empty where it has none."""
    return next((member.name for member in kind if member == number), "")


def _framed(message: bytes) -> bytes:
    return _PREFIX.pack(0, len(message)) + message


def _unframed(body: bytes) -> bytes:
    """The one message in ``body``."""
    if len(body) < _PREFIX.size:
        raise AnswerError(Cause.PROTOCOL, "message is cut off" if body else "no message")
    compressed, length = _PREFIX.unpack_from(body)
    if compressed:
        raise AnswerError(Cause.PROTOCOL, "message is compressed, which was not asked for")
    if length != len(body) - _PREFIX.size:
        raise AnswerError(Cause.PROTOCOL, f"message of {len(body) - _PREFIX.size} octets is said to have {length}")
    return body[_PREFIX.size :]


def _encode_request(service: str) -> bytes:
    """A HealthCheckRequest; a field that has its default is left out."""
    name = service.encode()
    return bytes([1 << 3 | _BYTES]) + _encode_varint(len(name)) + name if name else b""


def _encode_varint(number: int) -> bytes:
    if number < 0x80:  # noqa: PLR2004  seven bits an octet
        return bytes([number])
    return bytes([number & 0x7F | 0x80]) + _encode_varint(number >> 7)


def _decode_response(message: bytes) -> int:
    """The status in a HealthCheckResponse. The last one counts, and fields that nobody knows are skipped."""
    status = at = 0
    while at < len(message):
        tag, at = _decode_varint(message, at)
        field, kind = divmod(tag, 8)
        if kind in _FIXED:
            at += _FIXED[kind]
        elif kind in (_VARINT, _BYTES):
            value, at = _decode_varint(message, at)
            at += value if kind == _BYTES else 0
            status = value if (field, kind) == (1, _VARINT) else status
        else:
            raise AnswerError(Cause.PROTOCOL, "message is no HealthCheckResponse")
    if at > len(message):
        raise AnswerError(Cause.PROTOCOL, "message is no HealthCheckResponse")
    return status


def _decode_varint(message: bytes, at: int) -> tuple[int, int]:
    """The number there, and the place after it."""
    number = 0
    for count, octet in enumerate(message[at : at + _LONGEST]):
        number |= (octet & 0x7F) << 7 * count
        if octet < 0x80:  # noqa: PLR2004  the bit that says that more follow
            return number, at + count + 1
    raise AnswerError(Cause.PROTOCOL, "message is no HealthCheckResponse")


def _harmless(text: str) -> str:
    """One line that can be shown on a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: 2 * SHOWN])
