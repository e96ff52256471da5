"""What a nameserver process answers with: its listeners, over UDP and TCP, together; how they stop, rest and go on."""

import asyncio
import contextlib
import select
import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address

from gslb.nameserver.limits import TcpLimits
from gslb.nameserver.listen import Sockets
from gslb.nameserver.responder import Responder
from gslb.nameserver.tcp import TcpListener
from gslb.nameserver.udp import UdpListener

EMPTYING = 1.0
"""seconds for what waits in sockets to be answered before they are closed"""

_LOOK = 0.002
_DISCARD = 9


class Answering:
    """The listeners of one process.

    Args:
        sockets: to answer. They stay open.
        responder: what answers.
        limits: of TCP connections.
        died: called by a thread that ends unasked.
        batched: packets are taken in batches.

    Attributes:
        tallies: what has been answered.
        tcp: connections.
    """

    def __init__(
        self, sockets: Sockets, responder: Responder, limits: TcpLimits, died: Callable[[], None], *, batched: bool
    ) -> None:
        self.tcp = TcpListener(responder, limits)
        self.tallies = [self.tcp.tally]
        self._sockets, self._responder, self._died, self._batched = sockets, responder, died, batched
        self._udp: dict[socket.socket, UdpListener] = {}

    @property
    def overflowed(self) -> int:
        """Packets that came while the buffer of their UDP socket was full."""
        return sum(listener.overflowed for listener in tuple(self._udp.values()))

    def start(self) -> None:
        """Begin to answer."""
        self._read(self._sockets.udp)
        self.tcp.start(self._sockets.tcp)

    async def rest(self, sockets: Iterable[socket.socket]) -> None:
        """Read nothing any more from these, and answer what was read; what is not stays in them."""
        resting = frozenset(sockets)
        self.tcp.rest(resting.intersection(self._sockets.tcp))
        await self._stop_udp(resting.intersection(self._udp))

    def go_on(self) -> None:
        """Read again from all of them."""
        self._read(sock for sock in self._sockets.udp if sock not in self._udp)
        self.tcp.go_on()

    async def finish(self, own: Iterable[socket.socket]) -> None:
        """Give no more answers, but to what waits in the sockets that are this process's ``own``: nobody else would.

        Only transfers go on after that.
        """
        emptied = frozenset(own)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.tcp.finish(emptied.intersection(self._sockets.tcp)))
            group.create_task(self._finish_udp(emptied.intersection(self._udp)))

    async def stop(self, patience: float = 0.0) -> None:
        """Close all connections; transfers have so many seconds more."""
        await self.tcp.stop(patience)

    async def _finish_udp(self, emptied: frozenset[socket.socket]) -> None:
        for sock in emptied:
            _close_to_new(sock)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EMPTYING):
                for sock in emptied:
                    while _has_more(sock):  # noqa: ASYNC110  a thread reads it, and does not tell
                        await asyncio.sleep(_LOOK)
        await self._stop_udp(frozenset(self._udp))

    async def _stop_udp(self, sockets: frozenset[socket.socket]) -> None:
        listeners = [self._udp.pop(sock) for sock in sockets]
        for listener in listeners:
            listener.halt()
        for listener in listeners:  # each takes a while to notice
            await asyncio.to_thread(listener.stop)

    def _read(self, sockets: Iterable[socket.socket]) -> None:
        for sock in sockets:
            listener = UdpListener(sock, self._responder, self._died, batched=self._batched)
            self._udp[sock] = listener
            self.tallies.append(listener.tally)
            listener.start()


def _close_to_new(sock: socket.socket) -> None:
    """Let no further packet into a bound socket; those that wait in it stay.

    One that is connected takes packets of its peer alone. The kernel gives the others to whoever shares the address.
    """
    host, _, *scope = sock.getsockname()
    if ip_address(host).is_unspecified:
        host = "::1" if sock.family == socket.AF_INET6 else "127.0.0.1"
    with contextlib.suppress(OSError):
        sock.connect((host, _DISCARD, *scope))


def _has_more(sock: socket.socket) -> bool:
    polled = select.poll()
    polled.register(sock, select.POLLIN)
    return bool(polled.poll(0))
