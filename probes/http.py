"""http and https: the endpoint answers a request as expected.

Options:
    path        what to ask for; default ``/``
    method      method of the request; default ``GET``
    host        the Host header; default the endpoint as configured
    headers     further headers
    body        body of the request, as for GraphQL
    keep_alive  go on with the connection of the attempt before; default false, a new one each time, as a new client has
    redirects   how many redirects to follow; default 0, so that a redirect is judged by its status
    expect, contains, matches, fields, document
                what passes; see Expectation
    tls         (https only) whom to trust and what to present; see TlsOptions

A redirect that keeps to the name of the endpoint keeps to its address; any other name is looked up. Headers that hold
credentials go to no other scheme, name or port. With ``keep_alive`` a request is sent once more, on a new connection,
where the server has given the kept one up without an answer (RFC 9112, section 9.3.1), whatever its method.
"""

import asyncio
from functools import cached_property
from time import monotonic
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gslb.model.address import IP
from gslb.model.observation import Cause, Observation, Timing
from gslb.model.options import CONFIDENTIAL
from probes.base import Done, Host, Target, error_failure, failure, without_port
from probes.net.connection import Stream
from probes.net.guard import bare
from probes.net.http1 import Head, Kept, Response, ResponseError
from probes.net.keep import Keeper
from probes.net.network import Network
from probes.net.secure import SecureConnection
from probes.net.trust import Ticket, TlsOptions, Trust, trust_of
from probes.redirect import FOLLOWED, Request, redirected
from probes.response import Expectation, Verdict

USER_AGENT = "gslb"
UNTIMED = Timing()
_OURS = {"host", "connection", "content-length", "transfer-encoding", "upgrade", "expect", "te"}
_REQUEST_TIMEOUT = 408

Path = Annotated[str, Field(pattern=r"^/[!-~]*$")]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
HeaderValue = Annotated[str, Field(pattern=r"^[ -~]*$", max_length=8192)]


class Http(Expectation):
    """Ask, and judge the answer."""

    path: Annotated[Path, Field(description="what to ask for")] = "/"
    method: Annotated[
        Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], Field(description="method of the request")
    ] = "GET"
    host: Annotated[Host | None, Field(description="Host header; default: the endpoint as configured")] = None
    headers: Annotated[
        dict[HeaderName, HeaderValue],
        CONFIDENTIAL,
        Field(max_length=50, repr=False, description="further headers"),
    ] = {}  # noqa: RUF012  pydantic copies it
    body: Annotated[str, CONFIDENTIAL, Field(max_length=65536, repr=False, description="body of the request")] = ""
    keep_alive: Annotated[bool, Field(description="go on with the connection of the attempt before")] = False
    redirects: Annotated[int, Field(ge=0, le=10, description="how many redirects to follow")] = 0

    @model_validator(mode="after")
    def _request_makes_sense(self) -> Self:
        if self.reads_body and self.method == "HEAD":
            raise ValueError("a response to HEAD has no body; remove what is expected of it, or use method GET")
        if self.body and self.method in ("GET", "HEAD"):
            raise ValueError(f"a {self.method} request has no body; remove body, or use method POST")
        for name in self.headers:
            if name.lower() in _OURS:
                raise ValueError(f"header {name} is made by gslb itself; remove it (host sets the Host header)")
        return self

    def session(self, target: Target, network: Network) -> "_Session":
        """See Probe."""
        return _Session(self, target, network, None)

    def request(self, target: Target, *, secure: bool) -> Request:
        """What is asked first."""
        headers = {"Host": self.host or target.name, "User-Agent": USER_AGENT, "Accept": "*/*"}
        if self.body:
            headers["Content-Type"] = "application/json"
        given = {name.lower() for name in self.headers}
        headers = {name: value for name, value in headers.items() if name.lower() not in given} | self.headers
        if not self.keep_alive:
            headers["Connection"] = "close"
        return Request(self.method, secure, target.ip, target.port, self.path, headers, self.body.encode())


class Https(Http):
    """The same over TLS."""

    tls: Annotated[TlsOptions, Field(description="whom to trust and what to present")] = TlsOptions()

    def session(self, target: Target, network: Network) -> "_Session":
        """See Probe."""
        return _Session(self, target, network, self.tls)


class _Session:
    """Keeps one idle connection, where asked to, and the TLS session."""

    def __init__(self, probe: Http, target: Target, network: Network, tls: TlsOptions | None) -> None:
        self.probe, self.network = probe, network
        self.request = probe.request(target, secure=tls is not None)
        self.octets = self.request.encode()
        self.near = bare(target.ip).is_loopback
        self._reads_body = probe.reads_body
        self._kind = _kind_of(probe)
        self._verdicts: dict[int, Verdict] = {}
        self.tls = tls or TlsOptions()
        host = probe.host or target.name
        self.name = self.tls.name or without_port(host)
        self.ticket = Ticket(self.tls.resume)
        self.keeper = Keeper(network.allowance)

    @cached_property
    def trust(self) -> Trust:
        """Made with the first use: only redirects lead from http to TLS."""
        return trust_of(self.tls)

    def response(self, *, head_only: bool) -> Response:
        """What takes a response, as far as it is of concern."""
        return self._kind(whole=self._reads_body, head_only=head_only)

    def judge(self, response: Response) -> Verdict:
        """What a response amounts to; thousands a second say the same by their status alone."""
        if self._reads_body:
            return self.probe.judge(response)
        known = self._verdicts.get(response.status)
        if known is None:
            known = self._verdicts[response.status] = self.probe.judge(response)
        return known

    def start(self, timeout: float, done: Done) -> "_Attempt":  # noqa: ARG002  the port's signature
        """See Session."""
        return _Attempt(self, done)

    def close(self) -> None:
        """See Session."""
        self.keeper.close()


def _kind_of(probe: Http) -> type[Response]:
    """What takes its responses: no more of them than is of concern."""
    if probe.reads_body or probe.redirects or probe.method == "HEAD":
        return Response  # to HEAD the parser would expect a body where there is none
    return Kept if probe.keep_alive else Head


class _Attempt:
    """One request and its response; with redirects, several of them."""

    __slots__ = (
        "_done",
        "_looking_up",
        "_octets",
        "_redirects",
        "_request",
        "_response",
        "_reused",
        "_sent",
        "_session",
        "_started",
        "_stream",
        "_timing",
    )

    def __init__(self, session: _Session, done: Done) -> None:
        self._session, self._started = session, monotonic()
        self._done: Done | None = done
        self._redirects = session.probe.redirects
        self._timing, self._sent = UNTIMED, 0.0
        self._looking_up: asyncio.Task[None] | None = None
        self._response: Response | None = None
        self._request, self._octets = session.request, session.octets
        kept = session.keeper.take() if session.probe.keep_alive else None
        self._reused = kept is not None
        if kept is not None:
            self._stream, self._response = kept
            self._stream.user = self
            self._response.renew()
            self._ask()
        else:
            self._stream = self._connect(session.name)

    def expire(self) -> Observation:
        """See Attempt."""
        self._done = None
        self._stream.abort()
        if self._looking_up is not None:
            self._looking_up.cancel()
        self._time_connection()
        return failure(Cause.TIMEOUT, self._elapsed(), self._missing(), self._timing)

    def connected(self) -> None:
        """See User."""
        self._time_connection()
        self._response = self._session.response(head_only=self._request.method == "HEAD")
        self._ask()

    def _ask(self) -> None:
        self._sent = monotonic()
        self._stream.write(self._octets)

    def received(self, data: bytes) -> None:
        """See User."""
        response = self._response
        assert response is not None  # noqa: S101  made by connected()
        if self._timing.first_byte is None:
            self._timing = Timing(self._timing.connect, self._timing.tls, monotonic() - self._sent)
        try:
            response.feed(data)
        except ResponseError as error:
            self._fail(error.cause, str(error))
        else:
            self._advance(response)

    def lost(self, error: Exception | None) -> None:
        """See User."""
        if self._done is None:
            return
        if self._reused and self._timing.first_byte is None:
            self._again()
        elif error is not None:
            self._time_connection()
            self._finish(error_failure(error, self._elapsed(), self._timing))
        else:
            self._end_of_stream()

    def _end_of_stream(self) -> None:
        if self._response is None:
            self._time_connection()
            self._fail(Cause.RESET, "closed before a request could be sent")
            return
        try:
            self._response.end()
        except ResponseError as error:
            self._fail(error.cause, str(error))
        else:
            self._advance(self._response)

    def _advance(self, response: Response) -> None:
        if self._done is not None:
            if self._reused and response.status == _REQUEST_TIMEOUT:
                self._again()
                return
            if self._redirects and response.location and response.status in FOLLOWED:
                self._follow(response)
                return
            if response.judgeable:
                self._judge(response)
        if self._done is None:
            self._leave(response)

    def _judge(self, response: Response) -> None:
        verdict = self._session.judge(response)
        latency = self._elapsed()
        ok = verdict.cause is None
        self._finish(Observation(ok, latency, verdict.cause, verdict.detail, verdict.report, self._timing))

    def _leave(self, response: Response) -> None:
        """The verdict is there: keep the connection, read it empty first, or drop it."""
        session, stream = self._session, self._stream
        if self._request is not session.request:
            stream.abort()  # redirected: neither connection nor TLS session are those of the target
            return
        if session.ticket.lifetime and isinstance(stream, SecureConnection):
            session.ticket.keep(stream)
        if session.probe.keep_alive and stream.open:
            if response.reusable:
                session.keeper.keep(stream, response)
                return
            if response.pending:
                session.keeper.finish(stream)
                return
        stream.abort()

    def _follow(self, response: Response) -> None:
        self._stream.abort()
        self._redirects -= 1
        try:
            self._request = redirected(self._request, response.status, response.location)
        except ResponseError as error:
            self._fail(error.cause, str(error))
            return
        self._octets, self._response, self._reused = self._request.encode(), None, False
        self._timing = UNTIMED
        if isinstance(self._request.host, str):
            self._looking_up = asyncio.create_task(self._look_up(self._request.host))
        else:
            self._redirect_to(self._request.host)

    async def _look_up(self, host: str) -> None:
        try:
            ip = await self._session.network.lookup(host)
        except OSError:
            ip = None
        if ip is None:
            self._fail(Cause.RESOLVE, f"redirected to {host}, which has no address")
        else:
            self._redirect_to(ip)

    def _redirect_to(self, ip: IP) -> None:
        refusal = self._session.network.refusal(ip)
        if refusal is None and bare(ip).is_loopback and not self._session.near:
            refusal = "this machine's own address"
        if refusal is not None:
            self._fail(Cause.FORBIDDEN, f"redirected to {ip}: {refusal}")
        else:
            self._request = self._request.at(ip)
            self._reconnect(without_port(self._request.headers["Host"]))

    def _again(self) -> None:
        """The server has given an idle connection up just as it was used again (RFC 9112, section 9.3.1)."""
        self._stream.abort()
        self._reused, self._response, self._timing = False, None, UNTIMED
        self._reconnect(self._session.name)

    def _reconnect(self, name: str) -> None:
        try:
            self._stream = self._connect(name)
        except OSError as error:
            self._finish(error_failure(error, self._elapsed(), self._timing))

    def _connect(self, name: str) -> Stream:
        request, network = self._request, self._session.network
        assert not isinstance(request.host, str)  # noqa: S101  looked up
        if not request.secure:
            return network.connect(request.host, request.port, self)
        context = self._session.trust.context()
        first = request is self._session.request
        session = self._session.ticket.session(context) if first else None
        return network.secure(request.host, request.port, self, context, name, session)

    def _fail(self, cause: Cause, detail: str) -> None:
        self._stream.abort()
        self._finish(failure(cause, self._elapsed(), detail, self._timing))

    def _finish(self, observation: Observation) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(observation)

    def _time_connection(self) -> None:
        """How long the connection took so far; another one than that of the attempt before has no say in this."""
        if self._response is None and not self._reused:
            self._timing = Timing(self._stream.connect_time, self._stream.tls_time)

    def _missing(self) -> str:
        if isinstance(self._request.host, str):
            return f"no address of {self._request.host} in time"
        if self._response is None:
            return "no connection in time" if self._stream.connect_time is None else "no TLS handshake in time"
        return "no complete body in time" if self._response.status else "no response in time"

    def _elapsed(self) -> float:
        return monotonic() - self._started
