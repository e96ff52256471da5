"""How many TCP connections there may be, and how long they may idle (RFC 7766, section 6.2; RFC 9210, section 4)."""

from dataclasses import dataclass, replace

EASE, PRESSURE = 0.5, 0.75
"""how full it is up to when the whole idle time is in force, and from when the shortest"""

SHORTEST = 0.1
"""of the idle time, under pressure"""


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """Bounds of the connections of one process.

    Attributes:
        connections: open at the same time. An idle one costs about 3 KiB, the greediest 450 KiB, more than half of
            them in the kernel.
        per_client: of them with one client, an IPv4 address or an IPv6 network of 64 bits. A resolver needs a few; a
            hundred leave room for those who share an address.
        idle: seconds in which a client has to send a whole message, or to read what it has asked for. Resolvers that
            keep connections come back within seconds, and lose a round trip if they come later.
        queries: answered on one connection. Then it is closed, so that clients spread anew over processes. Of ten
            thousand round trips, one more is not felt.
    """

    connections: int = 1000
    per_client: int = 100
    idle: float = 10.0
    queries: int = 10_000

    def idle_with(self, connections: int) -> float:
        """Seconds that each of so many may idle: the more there are, the less (RFC 7766, section 6.2.3)."""
        fullness = connections / self.connections
        pressure = min(max((fullness - EASE) / (PRESSURE - EASE), 0.0), 1.0)
        return self.idle * (1 - pressure * (1 - SHORTEST))

    def within(self, descriptors: int) -> "TcpLimits":
        """The same, with no more connections than there are descriptors for, but one at least."""
        return replace(self, connections=max(1, min(self.connections, descriptors)))


DEFAULT = TcpLimits()
