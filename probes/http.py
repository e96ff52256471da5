"""http: the endpoint answers a request with an expected status, and says in its health document that it serves.

Options:
    path        what to ask for; default ``/``
    method      ``GET`` or ``HEAD``; default ``GET``
    host        the Host header; default the endpoint as configured
    expect      statuses that pass, as ``"200"`` or ``"200-399"``; default ``["200-299"]``
    document    ``"gslb"`` reads the body as the health document of gslb's own gateway; default none

Each attempt is a new connection, as a new client's would be.
"""

import asyncio
import re
from dataclasses import dataclass
from time import perf_counter
from typing import Annotated, Literal, Self, cast

import httptools
import msgspec
from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from gslb.model.observation import Cause, HealthReport, Observation, ServingState
from gslb.model.options import Options
from probes.base import Target, cause_of, failure, socket_failure

MAX_BODY = 64 * 1024
USER_AGENT = "gslb"

_RANGE = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")
_FINAL = 200
"""lower statuses are interim (RFC 9110, section 15.2)"""
_FRAMING = (b"content-length", b"transfer-encoding")


@dataclass(frozen=True, slots=True)
class StatusRange:
    """Statuses from ``low`` to ``high``, both included."""

    low: int
    high: int

    def __contains__(self, status: int) -> bool:
        return self.low <= status <= self.high

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


def _read_range(value: object) -> StatusRange:
    match = _RANGE.fullmatch(str(value))
    if match is None or int(match[1]) > int(match[2] or match[1]):
        raise ValueError(f'{value!r} is not a status or a range of them; write it as "200" or "200-399"')
    return StatusRange(int(match[1]), int(match[2] or match[1]))


Statuses = Annotated[StatusRange, BeforeValidator(_read_range), PlainSerializer(str)]
Path = Annotated[str, Field(pattern=r"^/[!-~]*$")]
Host = Annotated[str, Field(pattern=r"^[!-~]+$")]


class Document(msgspec.Struct):
    """The health document of gslb's gateway, as far as probes read it; further keys are of no concern here."""

    schema: Literal[1]
    state: ServingState
    saturation: float = 0.0


class Http(Options):
    """Ask, and judge the answer."""

    path: Annotated[Path, Field(description="what to ask for")] = "/"
    method: Annotated[Literal["GET", "HEAD"], Field(description="method of the request")] = "GET"
    host: Annotated[Host | None, Field(description="Host header; default: the endpoint as configured")] = None
    expect: Annotated[list[Statuses], Field(min_length=1, description='statuses that pass, as "200" or "200-399"')] = [  # noqa: RUF012  pydantic copies it
        StatusRange(200, 299)
    ]
    document: Annotated[
        Literal["gslb"] | None, Field(description='"gslb" reads the body as the health document of gslb\'s own gateway')
    ] = None

    @model_validator(mode="after")
    def _a_document_has_a_body(self) -> Self:
        if self.document is not None and self.method == "HEAD":
            raise ValueError("a response to HEAD has no document; remove document, or use method GET")
        return self

    async def attempt(self, target: Target, timeout: float) -> Observation:  # noqa: ASYNC109  see Probe
        """Up when a response with an expected status (and document) arrives in time."""
        loop, started = asyncio.get_running_loop(), perf_counter()
        exchange = _Exchange(self._request(target), whole=self.document is not None)
        try:
            async with asyncio.timeout(timeout):
                await loop.create_connection(lambda: exchange, str(target.ip), target.port)
                fault = await exchange.done
        except TimeoutError:
            return failure(Cause.TIMEOUT, perf_counter() - started, exchange.silence())
        except OSError as error:
            return socket_failure(error, perf_counter() - started)
        finally:
            exchange.close()
        latency = perf_counter() - started
        return failure(fault.cause, latency, fault.detail) if fault else self._judge(exchange, latency)

    def _request(self, target: Target) -> bytes:
        lines = (
            f"{self.method} {self.path} HTTP/1.1",
            f"Host: {self.host or target.name}",
            f"User-Agent: {USER_AGENT}",
            "Accept: */*",
            "Connection: close",
        )
        return "\r\n".join((*lines, "", "")).encode("ascii")

    def _judge(self, exchange: "_Exchange", latency: float) -> Observation:
        detail = f"HTTP {exchange.status}"
        report, fault = _read_document(exchange.body) if self.document else (None, None)
        if not any(exchange.status in statuses for statuses in self.expect):
            state = f", health document says {report.state}" if report else ""
            return failure(Cause.STATUS, latency, detail + state)
        if fault is not None:
            return failure(Cause.BODY, latency, fault)
        if report is not None and report.state is ServingState.UNAVAILABLE:
            return failure(Cause.BODY, latency, f"{detail}, health document says {report.state}")
        return Observation(ok=True, latency=latency, detail=detail, report=report)


def _read_document(body: bytes) -> tuple[HealthReport | None, str | None]:
    """The report, or what is wrong with it."""
    try:
        document = msgspec.json.decode(body, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return None, f"health document: {error}"
    return HealthReport(document.state, max(0.0, document.saturation)), None


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why there is no response to judge."""

    cause: Cause
    detail: str


class _Exchange(asyncio.Protocol):
    """One request and its response; ``done`` is set at the head, or at the end of the body if ``whole``."""

    def __init__(self, request: bytes, *, whole: bool) -> None:
        self.done: asyncio.Future[_Fault | None] = asyncio.get_running_loop().create_future()
        self.status = 0
        self.body = b""
        self._framed = False
        self._request, self._whole = request, whole
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None

    def silence(self) -> str:
        """What was missing when time ran out."""
        if self._transport is None:
            return "no connection in time"
        return "no complete body in time" if self.status else "no response in time"

    def close(self) -> None:
        """Drop the connection without waiting for anything."""
        if self._transport is not None:
            self._transport.abort()
        self.done.cancel()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of asyncio's
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._finish(_Fault(Cause.PROTOCOL, f"not an HTTP response: {error}"))
        except httptools.HttpParserUpgrade:
            self._finish(_Fault(Cause.PROTOCOL, "switched to another protocol"))

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, OSError):
            self._finish(_Fault(cause_of(exc), exc.strerror or str(exc)))
        if self.status and not self._framed:
            self._finish(None)  # a body without length ends with the connection (RFC 9112, section 6.3)
        self._finish(_Fault(Cause.RESET, "closed before the response was complete"))

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: ARG002  the parser's signature
        self._framed = self._framed or name.lower() in _FRAMING

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= _FINAL:
            self.status = status
            if not self._whole:
                self._finish(None)

    def on_body(self, body: bytes) -> None:
        self.body += body
        if len(self.body) > MAX_BODY:
            self._finish(_Fault(Cause.BODY, f"body of more than {MAX_BODY} bytes"))

    def on_message_complete(self) -> None:
        if self.status:
            self._finish(None)

    def _finish(self, fault: _Fault | None) -> None:
        if not self.done.done():
            self.done.set_result(fault)
