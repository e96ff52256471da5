"""How a process takes the place of another one of its name, which goes on answering meanwhile; see ``handover``.

Plain and blocking: this process does nothing else yet. Every wait has an end. If the other one ends in between, this
process goes on alone with what it has got.
"""

import contextlib
import os
import socket
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import structlog

from gslb.errors import GslbError, StateError
from gslb.model.names import ServiceName
from gslb.nameserver.peer import MAX_DESCRIPTORS, Peer, extra_octets
from gslb.nameserver.protocol import (
    LENGTH,
    MAX_REPORT,
    Handover,
    Hello,
    Leave,
    Left,
    Order,
    ProtocolError,
    Report,
    Taken,
    TakeOver,
    decode_report,
    frame,
)
from gslb.nameserver.snapshot import Snapshot, Version, decode
from gslb.supervisor.lockfile import LockFile, read_holder

log = structlog.get_logger(__name__)

ANSWERING = 20.0
"""seconds the other process has to hand over what it has; it may be compiling what it was sent last"""

LEAVING = 5.0
"""seconds it has to leave what it has handed over; then it is killed, since it must not answer any more"""

PAUSE = 0.05
"""seconds between two attempts to reach it"""

_LATE = "it does not answer in time"
_Message = TypeVar("_Message")


class SuccessionError(GslbError):
    """The place of another process cannot be taken: it does not answer, or does not know how to hand it over."""


@dataclass(slots=True)
class Succession:
    """What was handed over, and the way back to who did so.

    Attributes:
        lock: of the name, shared with the predecessor.
        sockets: in the order in which they were handed over.
        snapshot: in force there, if it is another one than was asked about.
        saved: whether that in force is on disk.
        lowered: services whose TTL is lowered.
        shared: those of ``sockets`` that others have for good.
    """

    lock: LockFile
    sockets: tuple[socket.socket, ...]
    snapshot: Snapshot | None
    saved: bool
    lowered: tuple[ServiceName, ...]
    shared: frozenset[socket.socket]
    _line: "_Line"
    _kept: frozenset[int] = field(default_factory=frozenset)

    @property
    def predecessor(self) -> int:
        """Its process id."""
        return self._line.peer.pid

    def keep(self, wanted: Collection[socket.socket]) -> None:
        """Only these of the sockets are wanted; the others stay the predecessor's, which answers what waits in them."""
        self._kept = frozenset(number for number, sock in enumerate(self.sockets) if sock in wanted)
        for number, sock in enumerate(self.sockets):
            if number not in self._kept:
                sock.close()

    def displace(self) -> None:
        """Have the predecessor read no more from what is kept. It is answered here already."""
        try:
            self._line.send(Leave(tuple(sorted(self._kept))))
            self._line.expect(Left, LEAVING)
        except (OSError, EOFError, ProtocolError) as error:
            self._end(error)

    def take(self, command: Iterable[str]) -> None:
        """Be who the name means, from now on; then wait until the predecessor gives no answers any more."""
        self.lock.name(tuple(command))
        try:
            self._line.send(Taken())
            self._line.drain(LEAVING)
        except (OSError, EOFError, ProtocolError) as error:
            self._end(error)
        finally:
            self._line.close()

    def _end(self, error: Exception) -> None:
        """One that is left would answer from what is no longer so."""
        peer = self._line.peer
        if not (isinstance(error, EOFError | ConnectionError) and peer.has_ended(LEAVING)):
            log.warning("predecessor does not leave, and is killed", pid=peer.pid, reason=str(error) or repr(error))
            peer.kill()


def succeed(path: Path, lock: Path, version: Version | None) -> Succession:
    """Have the process that listens at ``path`` hand over what it has.

    Args:
        path: its control socket.
        lock: the lock of its name.
        version: of the snapshot that was compiled here; None: there is none.

    Raises:
        SuccessionError: it does not; it goes on, if it lives.
        SnapshotError: what it answers from cannot be read here; it goes on.
    """
    deadline = time.monotonic() + ANSWERING
    with contextlib.ExitStack() as stack:
        try:
            line = _reach(path, lock, deadline)
            stack.callback(line.close)
            line.send(TakeOver(version.publisher, version.generation) if version else TakeOver())
            handover = line.expect(Handover, deadline - time.monotonic())
            descriptors = line.descriptors(1 + len(handover.sockets) + handover.snapshot, deadline)
        except (OSError, EOFError, ProtocolError) as error:
            reason = str(error) or type(error).__name__
            raise SuccessionError(f"{path}: the process there does not hand over its place: {reason}") from error
        taken = LockFile(lock, descriptors[0])
        stack.callback(taken.leave)
        sockets = tuple(
            stack.enter_context(socket.socket(fileno=it)) for it in descriptors[1 : 1 + len(handover.sockets)]
        )
        snapshot = _read(descriptors[-1]) if handover.snapshot else None
        stack.pop_all()
        shared = frozenset(sock for number, sock in enumerate(sockets) if number in handover.shared)
        return Succession(taken, sockets, snapshot, handover.saved, handover.lowered, shared, line)


def _reach(path: Path, lock: Path, deadline: float) -> "_Line":
    """Connect, and again while somebody else is just taking the place: that one is to be succeeded then."""
    while True:
        try:
            line = _Line(path, deadline)
        except (OSError, EOFError):
            if time.monotonic() + PAUSE > deadline or _nobody_has(lock):
                raise
            time.sleep(PAUSE)
        else:
            return line


def _nobody_has(lock: Path) -> bool:
    try:
        return read_holder(lock) is None
    except StateError:  # it does not name itself just now
        return False


def _read(descriptor: int) -> Snapshot:
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        return decode(file.read())


class _Line:
    """A connection to the predecessor, which says Hello first."""

    def __init__(self, path: Path, deadline: float) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._data, self._descriptors = bytearray(), list[int]()
        self.peer: Peer
        with contextlib.ExitStack() as stack:
            stack.callback(self._sock.close)
            self._sock.settimeout(_left(deadline))
            self._sock.connect(os.fspath(path))
            self.peer = stack.enter_context(Peer(self._sock))
            self.expect(Hello, _left(deadline))
            stack.pop_all()

    def send(self, message: Order) -> None:
        self._sock.settimeout(LEAVING)
        self._sock.sendall(frame(message))

    def expect(self, kind: type[_Message], within: float) -> _Message:
        """The next report of this kind; those of other kinds are passed over."""
        deadline = time.monotonic() + within
        while not isinstance(report := self._report(deadline), kind):
            pass
        return report

    def descriptors(self, count: int, deadline: float) -> list[int]:
        """Those that came with what was read so far, and the octets behind it."""
        self._fill(extra_octets(count), deadline)
        del self._data[: extra_octets(count)]
        if len(self._descriptors) != count:
            for descriptor in self._descriptors:
                os.close(descriptor)
            raise ProtocolError(f"{len(self._descriptors)} descriptors instead of {count}")
        return self._descriptors

    def drain(self, within: float) -> None:
        """Wait until the other end closes."""
        deadline = time.monotonic() + within
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                self._report(deadline)

    def close(self) -> None:
        self._sock.close()
        self.peer.__exit__()

    def _report(self, deadline: float) -> Report:
        self._fill(LENGTH.size, deadline)
        (length,) = LENGTH.unpack(self._data[: LENGTH.size])
        if length > MAX_REPORT:
            raise ProtocolError(f"a frame of {length} bytes")
        end = LENGTH.size + length
        self._fill(end, deadline)
        body = bytes(self._data[LENGTH.size : end])
        del self._data[:end]
        return decode_report(body)

    def _fill(self, size: int, deadline: float) -> None:
        while len(self._data) < size:
            # What has come counts, however long this process was kept from looking.
            self._sock.settimeout(max(0.0, deadline - time.monotonic()))
            missing = size - len(self._data)
            try:
                data, descriptors, _, _ = socket.recv_fds(self._sock, missing, MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                raise TimeoutError(_LATE) from None
            self._descriptors += descriptors
            if not data:
                raise EOFError("it has closed the connection")
            self._data += data


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError(_LATE)
    return left
