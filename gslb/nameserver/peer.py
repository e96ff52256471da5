"""Two processes on a Unix socket: who the other one is, and open files that go from one to the other (unix(7))."""

import contextlib
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Sequence
from typing import Self

MAX_DESCRIPTORS = 200
"""in one message; the kernel takes 253 (SCM_MAX_FD)"""

_CREDENTIALS = struct.Struct("3i")


class Peer:
    """The process that is connected, or listens, at the other end of ``sock``.

    Raises:
        PermissionError: it is another user's.
        ProcessLookupError: it has ended.
    """

    def __init__(self, sock: socket.socket) -> None:
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        self.pid: int
        self.pid, uid, _ = _CREDENTIALS.unpack(credentials)
        if uid != os.geteuid():
            raise PermissionError(f"process {self.pid} is of another user ({uid})")
        self._pidfd = os.pidfd_open(self.pid)

    def has_ended(self, within: float) -> bool:
        """Whether it has ended, or does within so many seconds."""
        polled = select.poll()
        polled.register(self._pidfd, select.POLLIN)
        return bool(polled.poll(within * 1000))

    def kill(self, within: float = 5.0) -> bool:
        """End it at once; whether it has ended within so many seconds."""
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        return self.has_ended(within)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._pidfd)


def send_descriptors(sock: socket.socket, data: bytes, descriptors: Sequence[int], within: float = 5.0) -> None:
    """Send ``data`` with ``descriptors``, and a further octet for each ``MAX_DESCRIPTORS`` beyond the first ones.

    What does not fit into the buffer of the socket waits there for the other end to read.

    Raises:
        OSError: the other end is gone, or does not read within so many seconds.
    """
    deadline = time.monotonic() + within
    parts = [descriptors[start : start + MAX_DESCRIPTORS] for start in range(0, len(descriptors), MAX_DESCRIPTORS)]
    for content, part in zip([data, *([b"\0"] * (len(parts) - 1))], parts or [()], strict=True):
        _await_room(sock, deadline)
        sent = socket.send_fds(sock, [content], part)
        while sent < len(content):
            _await_room(sock, deadline)
            sent += sock.send(memoryview(content)[sent:], socket.MSG_DONTWAIT)


def _await_room(sock: socket.socket, deadline: float) -> None:
    polled = select.poll()
    polled.register(sock, select.POLLOUT)
    if not polled.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError("the other end does not read")


def extra_octets(descriptors: int) -> int:
    """The octets that follow the data where so many descriptors are sent."""
    return max(0, (descriptors - 1) // MAX_DESCRIPTORS)
