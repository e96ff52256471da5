"""What a probe reaches the world through: one vantage point, and what it may reach from there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ssl import SSLContext, SSLSession

from gslb.model.address import IP, IPNetwork
from probes.net.allowance import Allowance
from probes.net.connection import Connection, User
from probes.net.guard import refusal
from probes.net.reactor import Reactor
from probes.net.secure import SecureConnection
from probes.net.source import DIRECT, Source

Lookup = Callable[[str], Awaitable[IP | None]]


async def no_lookup(_: str) -> None:
    """Nothing has an address."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A vantage point's way to the world.

    Attributes:
        reactor: tells of events and of time.
        source: makes sockets.
        allowed: networks that may be probed although they are link-local or hold metadata.
        allowance: of connections that are kept open for their own sake.
        lookup: resolves a host name without blocking; None where it has no address.
    """

    reactor: Reactor
    source: Source = DIRECT
    allowed: tuple[IPNetwork, ...] = ()
    lookup: Lookup = no_lookup
    allowance: Allowance = field(default_factory=lambda: Allowance(1000))

    def refusal(self, ip: IP) -> str | None:
        """Why ``ip`` must not be probed; None if it may."""
        return refusal(ip, self.allowed)

    def connect(self, ip: IP, port: int, user: User) -> Connection:
        """A TCP connection to be; the outcome is told to ``user``.

        Raises:
            OSError: it cannot even be tried.
        """
        return Connection(self.reactor, self.source, ip, port, user)

    def secure(
        self, ip: IP, port: int, user: User, context: SSLContext, name: str, session: SSLSession | None = None
    ) -> SecureConnection:
        """A TLS connection to be, with ``name`` for SNI and in the certificate, resuming ``session``.

        Raises:
            OSError: it cannot even be tried.
        """
        return SecureConnection(self.reactor, self.source, ip, port, user, context, name, session)
