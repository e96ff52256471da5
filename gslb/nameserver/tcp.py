"""Answering over TCP (RFC 7766, RFC 9210): who may connect, and who has to go. ``connection`` is about one of them.

Whoever comes is let in. Where there is no room, somebody else makes it, who has been idle for long or is one of many of
the same client. So those who only sit there keep nobody out.
"""

import asyncio
import errno
import os
import socket
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

import structlog

from gslb.nameserver.clients import packed
from gslb.nameserver.connection import KERNEL_BUFFER, READ, Connection
from gslb.nameserver.crowd import Crowd
from gslb.nameserver.limits import DEFAULT, TcpLimits
from gslb.nameserver.protocol import TcpStats
from gslb.nameserver.responder import Responder
from gslb.nameserver.tally import Tally

log = structlog.get_logger(__name__)

BACKLOG = 1024
"""connections that wait to be accepted; the kernel may allow fewer (net.core.somaxconn)"""

ACCEPTS = 16
"""connections accepted in one turn; then it is somebody else's"""

TURNS = 4
"""turns given in a row to connections that have more to do; then it is that of new queries"""

GRACE = 1.0
"""seconds for answers to go out when the nameserver stops"""

_SWEEPS = 40
"""looks for idle ones in the idle time; four in the shortest"""
_SWEPT = 100
"""connections closed in one turn"""
_RETRY = 0.1
"""seconds without accepting where that has failed"""
_QUIET = 10.0
"""seconds between two reports of that"""
_STARVED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def open_tcp(family: socket.AddressFamily, host: str, port: int, *, reuse_port: bool) -> socket.socket:
    """A listening socket.

    Raises:
        OSError: it cannot be bound.
    """
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=reuse_port)
    except OSError as error:  # its text has the address, which our messages tell already
        raise OSError(error.errno, os.strerror(error.errno or 0)) from None


def client_of(source: str) -> bytes:
    """Whose connection it is: an IPv4 address, or an IPv6 network of 64 bits, which is what one host may have."""
    return packed(source)[:8]  # of the former there are no more than 4


class TcpListener:
    """Answers connections of any number of listening sockets, in the thread of the event loop.

    Args:
        responder: what answers.
        limits: bounds.

    Attributes:
        tally: what has been answered.
        buffer: what connections read into.
    """

    def __init__(self, responder: Responder, limits: TcpLimits = DEFAULT) -> None:
        self.tally = Tally("tcp")
        self.buffer = memoryview(bytearray(READ))
        self._responder, self._limits = responder, limits
        self._crowd: Crowd[Connection] = Crowd()
        self._sockets: tuple[socket.socket, ...] = ()
        self._resting: frozenset[socket.socket] = frozenset()
        self._waiting: deque[Connection] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        self._accepted = self._refused = self._closed_for_room = self._closed_for_idling = 0
        self._stopping, self._turning, self._reported = False, False, 0.0

    @property
    def idle(self) -> float:
        """Seconds that connections may idle just now."""
        return self._limits.idle_with(len(self._crowd))

    @property
    def stats(self) -> TcpStats:
        """What has become of connections so far."""
        return TcpStats(len(self._crowd), self._accepted, self._refused, self._closed_for_room, self._closed_for_idling)

    def start(self, sockets: Iterable[socket.socket]) -> None:
        """Begin to answer; whose the sockets are closes them, after ``stop``."""
        self._sockets = tuple(sockets)
        for sock in self._sockets:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit all of these
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BUFFER)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)
            self._listen(sock)
        self._keep(asyncio.create_task(self._sweep()))

    def rest(self, sockets: Iterable[socket.socket]) -> None:
        """Accept nothing from these ``sockets``: another process does."""
        self._resting = frozenset(sockets)
        for sock in self._resting:
            asyncio.get_running_loop().remove_reader(sock)

    def go_on(self) -> None:
        """Accept again."""
        resting, self._resting = self._resting, frozenset()
        for sock in resting:
            self._listen(sock)

    async def finish(self, own: Iterable[socket.socket] = ()) -> None:
        """Accept what waits in the sockets that are ``own``, answer what has been read, and read no more.

        Nothing is left then but transfers.
        """
        self._stopping = True
        for sock in self._sockets:
            asyncio.get_running_loop().remove_reader(sock)
        for sock in own:
            self._accept_last(sock)
        for connection in self._crowd.members():
            connection.finish()
        await self._emptied(GRACE)
        self._cut_off([it for it in self._crowd.members() if not it.finish_transfer()])

    async def stop(self, patience: float = 0.0) -> None:
        """Close all connections once they have been answered; transfers have so many seconds more."""
        if not self._stopping:
            await self.finish()
        await self._emptied(patience)
        self._cut_off(list(self._crowd.members()))
        for task in self._tasks:
            task.cancel()
        await asyncio.sleep(0)  # in which transports close their sockets

    async def _emptied(self, patience: float) -> None:
        """Wait so many seconds for the last connection to end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._crowd:
                    self._empty.clear()
                    await self._empty.wait()

    @staticmethod
    def _cut_off(connections: Sequence[Connection]) -> None:
        if connections:
            log.info("connections cut off", connections=len(connections))
        for connection in connections:
            connection.close()

    def _accept_last(self, listening: socket.socket) -> None:
        with suppress(OSError):
            for _ in range(BACKLOG):
                sock, address = listening.accept()
                self._take_in(sock, address[0])

    def stream(self, packet: bytes, source: str) -> Iterator[bytes]:
        """Of ``connection.Host``: the replies to a message."""
        return self._responder.stream(packet, source, self.tally)

    def later(self, connection: Connection) -> None:
        """Of ``connection.Host``: it has more to do."""
        self._waiting.append(connection)
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._give_turns)

    def heard(self, connection: Connection) -> None:
        """Of ``connection.Host``: its idle time starts anew."""
        connection.since = asyncio.get_running_loop().time()
        self._crowd.touch(connection)

    def lost(self, connection: Connection) -> None:
        """Of ``connection.Host``: it has ended."""
        self._crowd.leave(connection)
        if not self._crowd:
            self._empty.set()

    def _give_turns(self) -> None:
        try:
            for _ in range(min(TURNS, len(self._waiting))):
                self._waiting.popleft().go_on()
        finally:
            self._turning = bool(self._waiting)
            if self._turning:
                asyncio.get_running_loop().call_soon(self._give_turns)

    def _listen(self, sock: socket.socket) -> None:
        if not self._stopping and sock not in self._resting:
            asyncio.get_running_loop().add_reader(sock, self._accept, sock)

    def _accept(self, listening: socket.socket) -> None:
        for number in range(ACCEPTS):
            try:
                sock, address = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if not number:  # else maybe nobody waits: without a descriptor to give, the kernel does not look
                    self._rest(listening, error)
                return
            self._take_in(sock, address[0])

    def _take_in(self, sock: socket.socket, source: str) -> None:
        client, loop = client_of(source), asyncio.get_running_loop()
        self._make_room(client, loop.time())
        self._accepted += 1
        connection = Connection(self, sock, source, self._limits.queries)
        connection.since = loop.time()
        self._crowd.enter(connection, client)
        self._keep(loop.create_task(self._connect(sock, connection)))

    async def _connect(self, sock: socket.socket, connection: Connection) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, sock)
        except OSError:  # it has ended before it began
            sock.close()
            self.lost(connection)

    def _make_room(self, client: bytes, now: float) -> None:
        victim = None
        if self._crowd.count(client) >= self._limits.per_client:
            victim = self._crowd.longest_idle_of(client)
        elif len(self._crowd) >= self._limits.connections:
            victim = self._most_dispensable(now)
        if victim is not None:
            self._closed_for_room += 1
            self._close(victim)

    def _most_dispensable(self, now: float) -> Connection | None:
        """The longest idle one, or that of a client that has most: who has more idle seconds times connections.

        So neither does a flood of single ones cost a busy resolver its few, nor does it help to keep many busy.
        """
        candidates = filter(None, (self._crowd.longest_idle(), self._crowd.longest_idle_of_largest()))
        return max(candidates, key=lambda it: (now - it.since) * self._crowd.siblings(it), default=None)

    def _close(self, connection: Connection) -> None:
        self._crowd.leave(connection)
        connection.close()

    def _rest(self, listening: socket.socket, error: OSError) -> None:
        """Accept none for a while: the event loop would do nothing but try. They wait in the kernel."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening)
        loop.call_later(_RETRY, self._listen, listening)
        self._refused += 1
        if error.errno in _STARVED:
            self._give_back()
        if not self._reported or loop.time() - self._reported >= _QUIET:
            self._reported = loop.time()
            log.warning("connections wait to be accepted", reason=error.strerror, open=len(self._crowd))

    def _give_back(self) -> None:
        """Some descriptors, and some memory of the kernel, for those who wait."""
        for _ in range(min(ACCEPTS, 1 + len(self._crowd) // 4)):
            if (oldest := self._crowd.longest_idle()) is not None:
                self._closed_for_room += 1
                self._close(oldest)

    def _overdue(self, now: float) -> Connection | None:
        oldest = self._crowd.longest_idle()
        return oldest if oldest is not None and now - oldest.since >= self.idle else None

    async def _sweep(self) -> None:
        """Close who idles: sends no whole message, or does not read."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._limits.idle / _SWEEPS)
            closed = 0
            while (oldest := self._overdue(loop.time())) is not None:
                self._closed_for_idling += 1
                self._close(oldest)
                closed += 1
                if closed % _SWEPT == 0:
                    await asyncio.sleep(0)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
