"""One request and its response over an HTTP/2 connection of its own (RFC 9113), apart from the transport below it."""

import struct
from collections.abc import Iterable
from time import monotonic

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings

from gslb.errors import GslbError

ALPN = "h2"
MAX_OCTETS = 64 * 1024
"""of everything that a server sends, whatever frames it is in"""
MAX_FRAMES = 1000
"""likewise: each costs time, however small it is"""

_STREAM = 1
"""the first stream of a client (section 5.1.1), and the only one here"""
_HEADER, _TYPE, _MAX_PAYLOAD = 9, 3, 16384
"""size of a frame's header, where its type is, and the size of its payload unless settled otherwise (section 4)"""
_SETTINGS, _GOAWAY = 4, 7
"""types of frames (section 6)"""

Fields = dict[str, str]


class Http2Error(GslbError):
    """What comes is not HTTP/2, or the server breaks off, or it is too much."""


class Call:
    """One request, and its response as it comes in.

    Frames are handed to h2 one by one. Otherwise the outcome would depend on how TCP cuts the stream: h2 forgets what
    came before a frame that it finds broken.

    Attributes:
        head: fields of the response, ``:status`` among them; empty before they have come.
        body: octets of the response so far.
        trailers: fields after the body; None where there are none.
        ended: the response is complete.
        first_byte: seconds from the request to the beginning of the response; None before that.
    """

    __slots__ = ("_frames", "_http2", "_octets", "_pending", "_sent", "body", "ended", "first_byte", "head", "trailers")

    def __init__(self, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Begin a request with these fields and this body of at most 16 KiB."""
        self.head: Fields = {}
        self.trailers: Fields | None = None
        self.first_byte: float | None = None
        self.body, self.ended = b"", False
        self._pending, self._octets, self._frames = bytearray(), 0, 0
        self._http2 = _client()
        self._http2.send_headers(_STREAM, headers)
        self._http2.send_data(_STREAM, body, end_stream=True)
        self._sent = monotonic()

    def outgoing(self) -> bytes:
        """What is to be sent now: the request at first, later what the protocol itself has to say."""
        return self._http2.data_to_send()

    def missing(self) -> str:
        """What has not come yet."""
        if not self._frames:
            return "no HTTP/2 settings in time"
        return "no complete response in time" if self.head else "no response in time"

    def receive(self, data: bytes) -> None:
        """Take in what the server sends.

        Raises:
            Http2Error: see there.
        """
        self._octets += len(data)
        if self._octets > MAX_OCTETS:
            raise Http2Error(f"more than {MAX_OCTETS} octets")
        self._pending += data
        while not self.ended and (frame := self._next_frame()):
            if not _is_farewell(frame):
                self._take(frame)

    def _next_frame(self) -> bytes:
        """A whole frame (section 4.1), or nothing."""
        pending = self._pending
        if len(pending) <= _TYPE:
            return b""
        end = _HEADER + int.from_bytes(pending[:_TYPE], "big")
        self._check(end - _HEADER, pending[_TYPE])
        if len(pending) < end:
            return b""
        frame = bytes(pending[:end])
        del pending[:end]
        self._frames += 1
        return frame

    def _check(self, size: int, kind: int) -> None:
        """A server begins with its settings (section 3.4)."""
        if not self._frames and (kind != _SETTINGS or size > _MAX_PAYLOAD):
            raise Http2Error("HTTP/1 instead of HTTP/2" if self._pending.startswith(b"HTTP") else "not HTTP/2")
        if size > _MAX_PAYLOAD:
            raise Http2Error(f"frame of {size} octets")
        if self._frames == MAX_FRAMES:
            raise Http2Error(f"more than {MAX_FRAMES} frames")

    def _take(self, frame: bytes) -> None:
        try:
            events = self._http2.receive_data(frame)
        except H2Error as error:
            raise Http2Error(f"HTTP/2: {error}") from error
        for event in events:
            self._on(event)

    def _on(self, event: Event) -> None:
        match event:
            case ResponseReceived():
                self.first_byte = monotonic() - self._sent
                self.head = _fields(event.headers)
            case DataReceived():
                self._http2.acknowledge_received_data(event.flow_controlled_length, _STREAM)
                self.body += event.data
            case TrailersReceived():
                self.trailers = _fields(event.headers)
            case StreamEnded():
                self.ended = True
            case StreamReset():
                raise Http2Error(f"the server reset the request (RST_STREAM, {_name(event.error_code)})")
            case ConnectionTerminated():
                raise Http2Error(f"the server ends the connection (GOAWAY, {_name(event.error_code)})")


def _client() -> H2Connection:
    """A client's side of a connection, with what it says first ready to be sent."""
    http2 = H2Connection(H2Configuration(client_side=True))
    http2.local_settings = Settings(
        client=True, initial_values={SettingCodes.ENABLE_PUSH: 0, SettingCodes.MAX_HEADER_LIST_SIZE: _MAX_PAYLOAD}
    )
    http2.initiate_connection()
    return http2


def _is_farewell(frame: bytes) -> bool:
    """A GOAWAY without error that lets our request finish (section 6.8): servers that are being drained send it.

    h2 would take nothing of the response after it.
    """
    if frame[_TYPE] != _GOAWAY or len(frame) < _HEADER + 8:
        return False
    last, code = struct.unpack_from("!II", frame, _HEADER)
    return bool(code == ErrorCodes.NO_ERROR and last & 0x7FFFFFFF >= _STREAM)


def _fields(headers: Iterable[tuple[bytes | str, bytes | str]]) -> Fields:
    return {_text(name): _text(value) for name, value in headers}


def _text(octets: bytes | str) -> str:
    return octets if isinstance(octets, str) else octets.decode("utf-8", "replace")


def _name(code: int | None) -> str:
    return code.name if isinstance(code, ErrorCodes) else f"error {code}"
