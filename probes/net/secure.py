"""TLS on top of a Connection."""

import ssl
from time import monotonic

from gslb.model.address import IP
from probes.net.connection import CHUNK, Connection, User
from probes.net.reactor import Reactor
from probes.net.source import Source


class SecureConnection:
    """A TLS connection; as User of the plain one below it, it has the user's methods too.

    Attributes:
        connect_time: seconds until the TCP connection was established; None before that.
        tls_time: seconds that the handshake took; None before its end.
        context: what it trusts and presents.

    Raises:
        OSError: it cannot even be tried.
    """

    __slots__ = (
        "_incoming",
        "_name",
        "_outgoing",
        "_plain",
        "_session",
        "_started",
        "_tls",
        "context",
        "tls_time",
        "user",
    )

    def __init__(
        self,
        reactor: Reactor,
        source: Source,
        ip: IP,
        port: int,
        user: User,
        context: ssl.SSLContext,
        name: str,
        session: ssl.SSLSession | None = None,
    ) -> None:
        """Connect.

        Args:
            reactor: tells of events.
            source: makes the socket.
            ip: to connect to.
            port: likewise.
            user: of the decrypted stream.
            context: what to trust and to present.
            name: for SNI (RFC 6066, section 3: without the dot at its end), and to be found in the certificate where
                the context verifies. An address is no name for SNI, so it is not sent.
            session: to be resumed.
        """
        self.tls_time: float | None = None
        self.user, self.context, self._session = user, context, session
        self._name = name.removesuffix(".")
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._started = 0.0
        self._plain = Connection(reactor, source, ip, port, self)

    @property
    def connect_time(self) -> float | None:
        """See Stream."""
        return self._plain.connect_time

    @property
    def open(self) -> bool:
        """See Stream."""
        return self._plain.open

    @property
    def session(self) -> ssl.SSLSession | None:
        """To be resumed by a later connection; in TLS 1.3 it comes after the handshake (RFC 8446, section 4.6.1)."""
        return self._tls.session if self._tls else None

    @property
    def resumed(self) -> bool:
        """The server has resumed the session, so it has shown no certificate."""
        return bool(self._tls and self._tls.session_reused)

    @property
    def protocol(self) -> str | None:
        """The application protocol that was agreed on (ALPN, RFC 7301)."""
        return self._tls.selected_alpn_protocol() if self._tls else None

    @property
    def certificate(self) -> bytes | None:
        """The server's certificate in DER, whether it was verified or not."""
        return self._tls.getpeercert(binary_form=True) if self._tls else None

    def write(self, data: bytes) -> None:
        """See Stream."""
        if self._tls is None or not self._plain.open:
            return
        try:
            while data:
                data = data[self._tls.write(data) :]
        except ssl.SSLError as error:
            self._plain.fail(error)  # before the end of the handshake, or of another one that the server asks for
        self._flush()

    def abort(self) -> None:
        """See Stream."""
        self._plain.abort()

    def connected(self) -> None:
        """TCP is there: begin the handshake."""
        self._started = monotonic()
        self._tls = self.context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=self._name, session=self._session
        )
        self._advance()

    def received(self, data: bytes) -> None:
        """Encrypted octets."""
        self._incoming.write(data)
        self._advance()

    def lost(self, error: Exception | None) -> None:
        """TCP has ended."""
        self.user.lost(error)

    def _advance(self) -> None:
        try:
            if self.tls_time is None:
                self._handshake()
            if self.tls_time is not None:
                self._read()
        except ssl.SSLError as error:
            if self._plain.open:
                self._flush()  # the alert tells the server why
                self._plain.abort()
                self.user.lost(error)

    def _handshake(self) -> None:
        assert self._tls is not None  # noqa: S101  begun by connected()
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        self._flush()
        self.tls_time = monotonic() - self._started
        self.user.connected()

    def _read(self) -> None:
        assert self._tls is not None  # noqa: S101  begun by connected()
        while self._plain.open:
            try:
                data = self._tls.read(CHUNK)
            except ssl.SSLWantReadError:
                self._flush()  # what the protocol itself has to say, a key update for example
                return
            if not data:
                self._plain.abort()
                self.user.lost(None)
                return
            self.user.received(data)

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._plain.write(self._outgoing.read())
