"""tls: the endpoint completes a TLS handshake with a certificate that is valid, and will be for some time.

Options:
    tls         whom to trust and what to present; see TlsOptions
    min_valid   how long the certificate must still be valid; default ``0s``

In TLS 1.3 a client has finished its handshake before the server has seen its certificate (RFC 8446, section 4.4.2), so
a server that wants another one than ``tls`` presents passes here; https sees its refusal.
"""

from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Annotated

from cryptography import x509
from pydantic import Field

from gslb.model.observation import Cause, Observation, Timing
from gslb.model.options import Duration, Options
from probes.base import Done, Target, error_failure, failure
from probes.net.network import Network
from probes.net.secure import SecureConnection
from probes.net.trust import Ticket, TlsOptions, trust_of

TICKET_WAIT = 0.2
"""Seconds that a connection is kept after the handshake, where its session is to be resumed."""


class Tls(Options):
    """Connect, shake hands, look at the certificate."""

    tls: Annotated[TlsOptions, Field(description="whom to trust and what to present")] = TlsOptions()
    min_valid: Annotated[Duration, Field(description="how long the certificate must still be valid")] = 0.0

    def session(self, target: Target, network: Network) -> "_Session":
        """See Probe."""
        return _Session(self, target, network)


class _Session:
    """Keeps the TLS session, and until when the certificate that it stands for is valid."""

    def __init__(self, probe: Tls, target: Target, network: Network) -> None:
        self.probe, self.target, self.network = probe, target, network
        self.trust, self.ticket = trust_of(probe.tls), Ticket(probe.tls.resume)
        self._waiting: set[SecureConnection] = set()

    def start(self, timeout: float, done: Done) -> "_Attempt":  # noqa: ARG002  the port's signature
        """See Session."""
        return _Attempt(self, done)

    def close(self) -> None:
        """See Session."""
        for connection in self._waiting:
            connection.abort()
        self._waiting.clear()

    def end(self, connection: SecureConnection) -> None:
        """End a connection; where its session is to be resumed, once that has come."""
        if not self.ticket.lifetime:
            connection.abort()
            return
        # The ticket of TLS 1.3 comes a round trip after the handshake (RFC 8446, section 4.6.1).
        self._waiting.add(connection)
        self.network.reactor.at(monotonic() + TICKET_WAIT, lambda: self._take_ticket(connection))

    def _take_ticket(self, connection: SecureConnection) -> None:
        self._waiting.discard(connection)
        self.ticket.keep(connection)
        connection.abort()


class _Attempt:
    """One handshake."""

    __slots__ = ("_connection", "_decided", "_done", "_session", "_started")

    def __init__(self, session: _Session, done: Done) -> None:
        self._session, self._done, self._started = session, done, monotonic()
        self._decided = False
        context, target = session.trust.context(), session.target
        self._connection = session.network.secure(
            target.ip,
            target.port,
            self,
            context,
            session.probe.tls.name or target.host,
            session.ticket.session(context),
        )

    def expire(self) -> Observation:
        """See Attempt."""
        self._connection.abort()
        missing = "no connection in time" if self._connection.connect_time is None else "no TLS handshake in time"
        return failure(Cause.TIMEOUT, self._elapsed(), missing, self._timing())

    def connected(self) -> None:
        """See User."""
        observation = self._judge(self._connection.certificate)
        self._decided = True
        self._session.end(self._connection)
        self._done(observation)

    def received(self, data: bytes) -> None:
        """See User: a server that speaks first; of no interest."""

    def lost(self, error: Exception | None) -> None:
        """See User."""
        if self._decided:
            return
        if error is None:
            self._done(failure(Cause.RESET, self._elapsed(), "closed during the TLS handshake", self._timing()))
        else:
            self._done(error_failure(error, self._elapsed(), self._timing()))

    def _judge(self, certificate: bytes | None) -> Observation:
        """A resumed session has kept the certificate, so it is judged by the clock each time."""
        if certificate is None:
            return failure(Cause.CERTIFICATE, self._elapsed(), "the server has no certificate", self._timing())
        try:
            until = _expiry(certificate)
        except ValueError as error:
            return failure(Cause.CERTIFICATE, self._elapsed(), f"certificate: {error}", self._timing())
        detail = f"certificate is valid until {until:%Y-%m-%d %H:%M} UTC"
        if until - datetime.now(UTC) < timedelta(seconds=self._session.probe.min_valid):
            return failure(Cause.CERTIFICATE, self._elapsed(), detail, self._timing())
        return Observation(ok=True, latency=self._elapsed(), detail=detail, timing=self._timing())

    def _timing(self) -> Timing:
        return Timing(self._connection.connect_time, self._connection.tls_time)

    def _elapsed(self) -> float:
        return monotonic() - self._started


def _expiry(certificate: bytes) -> datetime:
    """Until when a certificate in DER is valid, in UTC.

    Raises:
        ValueError: it is no certificate.
    """
    return x509.load_der_x509_certificate(certificate).not_valid_after_utc
