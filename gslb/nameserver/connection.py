"""One connection over TCP: messages out of a stream of bytes, and replies into one (RFC 1035, section 4.2.2; RFC 7766).

Who may connect, and who has to go, is decided in ``tcp``.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol, cast

import structlog

from gslb.nameserver.wire import HEADER_SIZE

log = structlog.get_logger(__name__)

READ = 2**16
"""bytes that are read at a time"""

BATCH = 32
"""replies in one turn; then it is somebody else's"""

FLUSH = 2**13
"""bytes of replies that are enough for one turn"""

KERNEL_BUFFER = 2**16
"""bytes the kernel is asked to hold for each direction of a connection; it takes twice as much, for its own needs"""

_LAST_READS = 1 + 2 * KERNEL_BUFFER // READ
_LENGTH_SIZE = 2
_SEVERAL = 2


class Host(Protocol):
    """What a connection needs to know of who has taken it in.

    Attributes:
        buffer: ``READ`` bytes to read into, shared by all connections: nothing is left in there.
    """

    buffer: memoryview

    def stream(self, packet: bytes, source: str) -> Iterator[bytes]:
        """The replies to a message, made as they are asked for; none if it is not worth any."""
        ...

    def later(self, connection: "Connection") -> None:
        """Have it ``go_on`` when it is its turn again."""
        ...

    def heard(self, connection: "Connection") -> None:
        """It has sent a whole message, or read what has been written."""
        ...

    def lost(self, connection: "Connection") -> None:
        """It has ended."""
        ...


_READ_CALLBACK = "_read_ready_cb"
"""a method of its own that each transport of CPython's asyncio holds, to the end and beyond: with it gone a transport
is freed when it ends, and not when the garbage collector comes by, which for thousands a second is too late"""


class Connection(asyncio.BufferedProtocol):
    """Answers in order. Reading rests while the client does not read, and while it has sent more than its turn allows.

    So there are at most one whole message and ``READ`` bytes in, and one reply and ``FLUSH`` bytes out.

    Args:
        host: who has taken it in.
        sock: the accepted socket.
        source: the client's address.
        queries: messages to answer at most.

    Attributes:
        since: when it was heard last, in seconds of the event loop's clock. Kept by the host.
    """

    __slots__ = (
        "_blocked",
        "_due",
        "_ended",
        "_eof",
        "_finished",
        "_host",
        "_left",
        "_parts",
        "_replies",
        "_sock",
        "_source",
        "_transport",
        "_unread",
        "since",
    )

    def __init__(self, host: Host, sock: socket.socket, source: str, queries: int) -> None:
        self.since = 0.0
        self._host, self._sock, self._source, self._left = host, sock, source, queries
        self._transport: asyncio.Transport | None = None
        self._unread = bytearray()
        self._replies: Iterator[bytes] = iter(())
        self._parts = 0
        self._blocked = self._due = self._eof = self._finished = self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio: it can be read from."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)
        if self._ended:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  why does not matter
        """Of asyncio: it is over."""
        self._ended = True
        self._replies = iter(())
        transport, self._transport = self._transport, None
        if hasattr(transport, _READ_CALLBACK):
            setattr(transport, _READ_CALLBACK, None)
        self._host.lost(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  it is always READ bytes
        """Of asyncio: where to read into."""
        return self._host.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Of asyncio: this many bytes have been read. After the last message they are not looked at."""
        if not self._finished:
            self._unread += self._host.buffer[:nbytes]
            self._work()

    def eof_received(self) -> bool:
        """Of asyncio: the client sends no more. It gets what it has asked for."""
        self._eof = True
        self._work()
        return True

    def pause_writing(self) -> None:
        """Of asyncio: the client does not read."""
        self._blocked = True

    def resume_writing(self) -> None:
        """Of asyncio: the client has read."""
        self._blocked = False
        self._schedule()

    def go_on(self) -> None:
        """Do what it has been put off for."""
        self._due = False
        self._work()

    def finish(self) -> None:
        """Answer what the client has sent so far, then close."""
        if self._transport is None:
            self._ended = True
            return
        self._read_last()
        self._eof = True
        self._transport.pause_reading()
        self._schedule()

    def finish_transfer(self) -> bool:
        """Close after the message that is being answered, if that has several replies, as transfers have; whether so.

        What it says is what was so when it was asked for, however long it takes.
        """
        if self._parts < _SEVERAL or self._transport is None:
            return False
        self._left = 0
        return True

    def close(self) -> None:
        """Close at once.

        What the kernel has read is read, and answered if that is soon done: unread bytes would turn FIN into RST, which
        may take answers with it that are under way.
        """
        self._ended = True
        if self._transport is None:
            return
        self._read_last()
        if self._blocked:
            self._transport.abort()  # it does not read what it is told; the kernel still sends FIN
        else:
            self._transport.close()

    def _read_last(self) -> None:
        with suppress(OSError):  # nothing there, or nobody
            for _ in range(_LAST_READS):
                nbytes = self._sock.recv_into(self._host.buffer)
                if not nbytes:
                    return
                if not self._blocked and not self._due:
                    self.buffer_updated(nbytes)

    def _schedule(self) -> None:
        if not self._due:
            self._due = True
            self._host.later(self)

    def _work(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing() or self._blocked:
            return
        replies = bytearray()
        try:
            more = self._gather(replies)
        except ConnectionAbortedError as error:
            log.info("answer over TCP given up", client=self._source, reason=str(error))
            transport.abort()
            return
        except Exception:
            log.exception("fault in answering over TCP")
            transport.abort()
            return
        if replies:
            transport.write(replies)
        self._then(transport, more)

    def _gather(self, replies: bytearray) -> bool:
        """Append what is to be sent next; whether there may be more."""
        for _ in range(BATCH):
            reply = self._next()
            if reply is None:
                return False
            replies += len(reply).to_bytes(_LENGTH_SIZE)
            replies += reply
            if len(replies) >= FLUSH:
                break
        return True

    def _next(self) -> bytes | None:
        """The next reply; None if there is none for now, or none any more."""
        reply = next(self._replies, None)
        if reply is None and (packet := self._take()) is not None:
            self._replies, self._parts = self._host.stream(packet, self._source), 0
            reply = next(self._replies, None)
            self._finished = reply is None
        if reply is not None:
            self._parts += 1
            self._host.heard(self)
        return reply

    def _take(self) -> bytes | None:
        """The next whole message. There is none after the last one, nor after a length without sense."""
        if not self._left:
            self._finished = True
        if self._finished or len(self._unread) < _LENGTH_SIZE:
            return None
        end = _LENGTH_SIZE + int.from_bytes(self._unread[:_LENGTH_SIZE])
        if end < _LENGTH_SIZE + HEADER_SIZE:
            self._finished = True
            return None
        if len(self._unread) < end:
            return None
        packet = bytes(self._unread[_LENGTH_SIZE:end])
        del self._unread[:end]
        self._left -= 1
        return packet

    def _then(self, transport: asyncio.Transport, more: bool) -> None:  # noqa: FBT001  an answer, no switch
        if self._blocked:
            transport.pause_reading()
        elif more:
            transport.pause_reading()
            self._schedule()
        elif self._eof:
            transport.close()
        elif self._finished:
            self._say_goodbye(transport)
        else:
            transport.resume_reading()

    def _say_goodbye(self, transport: asyncio.Transport) -> None:
        """FIN. The client has the idle time to see it, and to leave without RST although it goes on sending."""
        self._unread.clear()
        try:
            transport.write_eof()
        except OSError:
            transport.abort()
        else:
            transport.resume_reading()
