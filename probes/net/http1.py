"""HTTP/1.1 as a prober speaks it: a request as octets, and a response as it comes in (RFC 9112)."""

from collections.abc import Mapping
from typing import ClassVar

import httptools

from gslb.errors import GslbError
from gslb.model.observation import Cause

MAX_BODY = 64 * 1024
MAX_HEAD = 64 * 1024
MAX_RESPONSE = MAX_HEAD + 8 * MAX_BODY
"""Octets with all framing: a body in chunks of one octet is six times as long on the wire."""
KNOWN = 256
"""Responses that are known by their octets alone, at most."""
MAX_KNOWN = 2048
"""Octets of the longest of them."""

_FINAL = 200
"""lower statuses are interim (RFC 9110, section 15.2)"""
_PERSISTENT = "1.1"
_VERSIONS = ("", "1.0", _PERSISTENT)
"""what the parser lets through beside these is not for us; none before the head is complete"""


class ResponseError(GslbError):
    """There is no response to judge. ``cause`` and text are those of the failed attempt."""

    def __init__(self, cause: Cause, detail: str) -> None:
        self.cause = cause
        super().__init__(detail)


def encode_request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A request; Content-Length is added where there is a body, or the method calls for one."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


class Response:
    """A response, fed with octets.

    Attributes:
        status: 0 until the head of the final response is complete.
        location: the Location header, where there is one.
        body: its first MAX_BODY octets.
        truncated: it has more than those.
        complete: all of it is here.
        judgeable: there is enough of it to be judged.
    """

    __slots__ = (
        "_framed",
        "_head_only",
        "_last",
        "_parser",
        "_received",
        "_version",
        "_whole",
        "body",
        "complete",
        "judgeable",
        "location",
        "status",
        "truncated",
    )

    def __init__(self, *, whole: bool, head_only: bool) -> None:
        """Wait for a response.

        Args:
            whole: it cannot be judged without its body.
            head_only: it answers HEAD, so there is no body whatever its headers say.
        """
        self._whole, self._head_only = whole and not head_only, head_only
        self._parser = httptools.HttpResponseParser(self)
        self.renew()

    def renew(self) -> None:
        """Wait for the next one, on a connection that is ``reusable``."""
        self.status, self.location, self.body = 0, b"", b""
        self.complete = self.judgeable = self.truncated = False
        self._framed, self._received, self._version = False, 0, ""
        self._last = False
        if self._head_only:
            # The parser is waiting for the body that the headers may have told of.
            self._parser = httptools.HttpResponseParser(self)

    @property
    def reusable(self) -> bool:
        """Whether the connection can serve another request: HTTP/1.1, not to be closed, and nothing has followed."""
        return self.complete and not self._last and self._version == _PERSISTENT

    @property
    def pending(self) -> bool:
        """Whether what is still to come can make the connection reusable."""
        spoilt = self.complete or self.truncated or self._last
        return self._framed and not spoilt and self._version == _PERSISTENT

    def feed(self, data: bytes) -> None:
        """Take octets.

        Raises:
            ResponseError: it is no response of HTTP/1.
        """
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._break("switched to another protocol")
        except httptools.HttpParserError as error:
            self._break(f"not an HTTP response: {error}")
        if self._version not in _VERSIONS:
            raise ResponseError(Cause.PROTOCOL, f"not an HTTP response: version {self._version}")
        if not self.status and self._received > MAX_HEAD:
            raise ResponseError(Cause.PROTOCOL, f"head of more than {MAX_HEAD} octets")
        if self._received > MAX_RESPONSE and not self.complete:
            self.truncated = True
            self._break(f"response of more than {MAX_RESPONSE} octets")

    def _break(self, detail: str) -> None:
        """What breaks the protocol after enough has been seen only costs the connection."""
        self._last = True
        if not self.judgeable:
            raise ResponseError(Cause.PROTOCOL, detail)

    def end(self) -> None:
        """The connection has ended.

        Raises:
            ResponseError: too early.
        """
        if self.status and not self._framed:
            self.judgeable = True  # a body without length ends with the connection (RFC 9112, section 6.3)
        elif not self.judgeable:
            raise ResponseError(Cause.RESET, "closed before the response was complete")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        if self.status:
            return  # a trailer: too late to change how the response is read (RFC 9110, section 6.5.1)
        match name.lower():
            case b"content-length":
                self._framed = True
            case b"transfer-encoding":
                self._framed = value.lower().endswith(b"chunked")  # any other is read to the end (RFC 9112, 6.3)
            case b"connection":
                self._last = self._last or b"close" in value.lower()
            case b"location":
                self.location = value

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        status = self._parser.get_status_code()
        if self.status:
            self._last = True  # a second response, which nobody has asked for
            return
        if status < _FINAL:
            self.location, self._framed, self._last = b"", False, False
            return
        self.status, self._version = status, self._parser.get_http_version()
        self.judgeable = not self._whole
        self.complete = self._head_only

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        if self.complete:
            self._last = True  # a body where there is none, or of a second response
            return
        room = MAX_BODY - len(self.body)
        if len(data) > room:
            self.judgeable = self.truncated = True
        self.body += data[: max(0, room)]

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self.status:
            self.judgeable = self.complete = True


class Kept(Response):
    """A response of which the status is all that matters, and whether the connection can be kept after it.

    Instead of telling of each header, the parser says what they amount to once the head is complete. Responses to
    probes are alike to the octet, apart from a Date that a thousand of them share: those are not parsed again.
    """

    __slots__ = ()

    on_header = None  # type: ignore[assignment]  # as the parser wants it
    _known: ClassVar[dict[bytes, int]] = {}
    """statuses of whole responses after which the parser is where it was before them, by their octets"""

    def feed(self, data: bytes) -> None:
        """See Response."""
        first = not self._received
        if first and (status := self._known.get(data)):
            self.status, self._version, self._received = status, _PERSISTENT, len(data)
            self.judgeable = self.complete = True
            return
        super().feed(data)
        if first and self.reusable and len(data) <= MAX_KNOWN:
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[data] = self.status

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        known = self.status
        super().on_headers_complete()
        if self.status and not known:
            self._framed = bool(self._parser.should_keep_alive())
            self._last = not self._framed


class Head(Response):
    """A response of which the status is all that matters: the parser does not tell of the rest."""

    __slots__ = ()

    on_header = None  # type: ignore[assignment]  # as the parser wants it
    on_body = None  # type: ignore[assignment]
    on_message_complete = None  # type: ignore[assignment]
