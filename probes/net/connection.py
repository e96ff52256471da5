"""One TCP connection of a probe, from connect to its end."""

import errno
import os
import socket
from time import monotonic
from typing import Protocol

import structlog

from gslb.errors import GslbError
from gslb.model.address import IP, text_of
from probes.net.reactor import ENDED, FAILED, READABLE, WRITABLE, Reactor
from probes.net.source import Source

log = structlog.get_logger(__name__)

CHUNK = 65536
READS = 16
"""Chunks that are read from one connection before the others, and the timers, have their turn."""
_WAS_ESTABLISHED = {errno.ECONNRESET, errno.EPIPE}
"""Errors of connections that have been established; one that never was is refused (tcp(7))."""
_RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"
"""struct linger {1, 0}: close with a reset, so that thousands of probes leave no sockets in TIME-WAIT behind"""


_PROHIBITED = (errno.EACCES, errno.EPERM)


class BrokenError(GslbError):
    """A probe has a bug: it raised where it must not."""


class User(Protocol):
    """Who makes use of a connection. After ``lost`` or ``abort`` nothing more comes."""

    def connected(self) -> None:
        """It is established and can be written to."""

    def received(self, data: bytes) -> None:
        """Octets have come, at least one."""

    def lost(self, error: Exception | None) -> None:
        """It has ended: the other side closed it in order (None) or not, or it never came about."""


class Stream(Protocol):
    """What can be done with a connection, be it plain or TLS."""

    @property
    def connect_time(self) -> float | None:
        """Seconds until TCP was established; None before that."""

    @property
    def tls_time(self) -> float | None:
        """Seconds that the TLS handshake took; None before its end, and without TLS."""

    @property
    def open(self) -> bool:
        """Neither lost nor aborted."""

    user: User
    """Who is told; another one may take over between two exchanges."""

    def write(self, data: bytes) -> None:
        """Send; what the kernel does not take yet is kept and sent later."""

    def abort(self) -> None:
        """End it now, with a reset."""


class Connection:
    """A plain TCP connection.

    Attributes:
        connect_time: seconds from the call of connect(2) until it was established; None before that.
        open: neither lost nor aborted.
        user: who is told; another one may take over between two exchanges.

    Raises:
        OSError: it cannot even be tried.
    """

    __slots__ = ("_error", "_reactor", "_socket", "_started", "_unsent", "connect_time", "open", "user")

    def __init__(self, reactor: Reactor, source: Source, ip: IP, port: int, user: User) -> None:
        self.connect_time: float | None = None
        self._reactor, self.user = reactor, user
        self._unsent, self.open = b"", True
        self._error: Exception | None = None
        self._socket = made = source.socket(ip, socket.SOCK_STREAM)
        self._started = monotonic()
        try:
            self._begin(ip, port)
        except OSError:
            made.close()
            raise

    @property
    def tls_time(self) -> None:
        """See Stream."""
        return

    def write(self, data: bytes) -> None:
        """See Stream."""
        if not self.open:
            return
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.fail(error)
            return
        self._unsent = data[sent:]

    def fail(self, error: Exception) -> None:
        """End it with ``error``: told as an event, never from within the user's own call, after what has come in."""
        self._error = self._error or error
        self._reactor.at(0.0, lambda: self._end(self._error))

    def abort(self) -> None:
        """See Stream."""
        if self.open:
            self.open = False
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._reactor.retire(self._socket)

    def ready(self, events: int) -> None:
        """Events of the socket."""
        try:
            if self.connect_time is None and not self._connect(events):
                return
            if self._unsent and events & WRITABLE:
                unsent, self._unsent = self._unsent, b""
                self.write(unsent)
            if events & READABLE:
                self._read(ended=bool(events & ENDED))
        except Exception as error:
            log.exception("probe raised")
            self._end(BrokenError(f"probe raised {error!r}"))

    def _begin(self, ip: IP, port: int) -> None:
        number = self._socket.connect_ex((text_of(ip), port))
        if number not in (0, errno.EINPROGRESS):
            raise OSError(number, os.strerror(number))
        self._reactor.watch(self._socket, self)

    def _connect(self, events: int) -> bool:
        """Whether the connection is established and still wanted."""
        if events & FAILED:
            number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number in _PROHIBITED:
                number = errno.EHOSTUNREACH  # a firewall on the way says so, and not this machine (RFC 4443, 3.1)
            if number in _WAS_ESTABLISHED:
                self._error = OSError(number, os.strerror(number))  # the whole story comes as one event
            elif number:
                self._end(OSError(number, os.strerror(number)))
                return False
        if not events & WRITABLE:
            return False
        self.connect_time = monotonic() - self._started
        self.user.connected()
        return self.open

    def _read(self, *, ended: bool) -> None:
        for _ in range(READS):
            try:
                data = self._socket.recv(CHUNK)
            except BlockingIOError:
                return
            except OSError as error:
                self._end(error)
                return
            if not data:
                self._end(self._error)
                return
            self.user.received(data)
            if not self.open or (len(data) < CHUNK and not ended):
                return  # gone, or the buffer is empty (epoll(7), question 9): no need to ask
        self._reactor.at(0.0, lambda: self._go_on(ended=ended))

    def _go_on(self, *, ended: bool) -> None:
        """Read what was left: its edge has been told already."""
        if self.open:
            self.ready(READABLE if ended else READABLE & ~ENDED)

    def _end(self, error: Exception | None) -> None:
        if self.open:
            self.abort()
            self.user.lost(error)
