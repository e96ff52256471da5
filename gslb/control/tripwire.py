"""A connection that is held open for no other purpose than to notice its end.

The kernel of a gateway whose process dies closes or resets it at once, long before the next probe would come. It proves
nothing by itself: servers close what is idle. So its end only makes the check look at once.
"""

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from gslb.model.address import IP
from probes.net.network import Network

if TYPE_CHECKING:
    from probes.net.connection import Connection

PAUSE = 1.0
"""Seconds between two openings, at least."""
LONGEST_PAUSE = 60.0
"""Seconds; the pause doubles up to this with a server that does not leave the connection open for so long."""


class Tripwire:
    """Holds a connection to one target, and says when it ends.

    Args:
        network: to reach the target through.
        tripped: called when an established connection has ended by the other side.
    """

    def __init__(self, network: Network, tripped: Callable[[], None]) -> None:
        self._network, self._tripped = network, tripped
        self._connection: Connection | None = None
        self._pause, self._opened = PAUSE, float("-inf")

    def hold(self, ip: IP, port: int) -> None:
        """The target has just answered: open the connection if it is not, and not too often."""
        now = monotonic()
        if self._connection is not None or now - self._opened < self._pause or not self._network.allowance.take():
            return
        self._opened = now
        try:
            self._connection = self._network.connect(ip, port, self)
        except OSError:
            self._network.allowance.give()  # the checks say why

    def release(self) -> None:
        """Close it; what comes after is a new life of the target, with a pause as short as at first."""
        self._pause = PAUSE
        if self._connection is not None:
            self._connection.abort()
            self._connection = None
            self._network.allowance.give()

    def connected(self) -> None:
        """See User."""

    def received(self, data: bytes) -> None:
        """See User: a server that speaks first; of no interest."""

    def lost(self, error: Exception | None) -> None:  # noqa: ARG002  either way it is gone
        """See User."""
        connection, self._connection = self._connection, None
        self._network.allowance.give()
        lasted = monotonic() - self._opened
        self._pause = PAUSE if lasted >= LONGEST_PAUSE else min(2 * self._pause, LONGEST_PAUSE)
        if connection is not None and connection.connect_time is not None:
            self._tripped()
