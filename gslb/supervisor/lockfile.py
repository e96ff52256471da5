"""Which process is who: an exclusive flock on ``NAME.lock``, held for the whole life of the process that is NAME.

The kernel gives the lock back when the process ends, however it ends, so a file left behind means nothing by itself.
The content only names the holder. What to do about a holder is decided elsewhere.

The file is never removed: a lock on an unlinked file would exclude nobody.
"""

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from zlib import crc32

from gslb.errors import GslbError, StateError

_PATIENCE = 1.0  # seconds for a holder to write its name
_PAUSE = 0.005
_MOST = 1 << 20
_CHECK = "check"


class AlreadyRunningError(GslbError):
    """The lock is held by the live process ``pid``."""

    def __init__(self, path: Path, pid: int, command: tuple[str, ...]) -> None:
        self.path, self.pid, self.command = path, pid, command
        super().__init__(
            f"{path}: already running as process {pid} ({' '.join(command)})\n"
            f"    stop that one first (kill {pid}), or give this one a state of its own"
        )


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a lock.

    Attributes:
        pid: its process id.
        start_ticks: field 22 of /proc/PID/stat, clock ticks from boot to its start; tells it from a later process
            that was given the same pid.
        command: its command line, as it was started.
    """

    pid: int
    start_ticks: int
    command: tuple[str, ...]

    @property
    def alive(self) -> bool:
        """Whether this very process still exists."""
        return start_ticks(self.pid) == self.start_ticks


class LockFile:
    """A lock that is held, until ``release`` or the end of the process.

    The descriptor does not pass to programs this process starts. A plain fork does share it, and then keeps the lock
    taken for as long as the fork lives. So does a process that the descriptor was sent to: then the lock is that of
    both, without a moment between them in which it is free, and its content says which of them is meant.

    Attributes:
        path: of the file.
        descriptor: of the open file that has the lock.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self.descriptor = path, descriptor
        self._closed = False

    def name(self, command: Sequence[str]) -> None:
        """Say that the holder is this process, whose command line is ``command``.

        Raises:
            StateError: it cannot be written; what stood there still does.
        """
        try:
            _write(self.descriptor, command)
        except OSError as error:
            raise _unusable(self.path, error) from error

    def release(self) -> None:
        """Give the lock back. The name goes first, so that nobody is taken for the next holder.

        A name that is another process's, which shares the lock, stays.
        """
        if not self._closed:
            with contextlib.suppress(OSError):
                named = _parse(os.pread(self.descriptor, _MOST, 0))
                if named is None or named.pid == os.getpid():
                    os.ftruncate(self.descriptor, 0)
            self.leave()

    def leave(self) -> None:
        """Leave the lock, and the name in it, to the process that shares it."""
        if not self._closed:
            self._closed = True
            os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock_file(run_folder: Path, process: str) -> Path:
    """The lock that ``process`` holds for its whole life."""
    return run_folder / f"{process}.lock"


def hold_lock(path: Path, command: Sequence[str]) -> LockFile:
    """Take the lock at ``path`` for this process, whose command line is ``command`` (as a rule ``sys.orig_argv``).

    Raises:
        AlreadyRunningError: another process holds it.
        StateError: the file cannot be written, or its holder does not name itself.
    """
    descriptor = _open(path)
    try:
        _take(path, descriptor)
        _write(descriptor, command)
    except OSError as error:
        os.close(descriptor)
        raise _unusable(path, error) from error
    except BaseException:
        os.close(descriptor)
        raise
    return LockFile(path, descriptor)


def read_holder(path: Path) -> Holder | None:
    """The process that holds the lock at ``path``, or None where nobody does.

    Between taking the lock and writing its name a holder is nameless, or seems to be its predecessor; so this looks
    again, for up to a second, until lock and name belong to one live process.

    Raises:
        StateError: the file cannot be read, or its holder does not name itself.
    """
    try:
        with path.open("rb") as file:
            for _ in _attempts():
                if _lock(file.fileno(), fcntl.LOCK_SH):
                    return None
                holder = _parse(os.pread(file.fileno(), _MOST, 0))
                if holder is not None and holder.alive:
                    return holder
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from error
    raise _nameless(path)


def read_name(path: Path) -> Holder | None:
    """The process that is named in ``path``, whether it has the lock or not, as it stands there at this moment."""
    try:
        return _parse(path.read_bytes())
    except OSError:
        return None


def start_ticks(pid: int) -> int | None:
    """When process ``pid`` started, in clock ticks since boot; None where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # the second field, the program's name, may itself hold blanks and parentheses
    return int(stat.rpartition(")")[2].split()[19])


def _attempts() -> Iterator[None]:
    deadline = time.monotonic() + _PATIENCE
    yield
    while time.monotonic() < deadline:
        time.sleep(_PAUSE)
        yield


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error


def _take(path: Path, descriptor: int) -> None:
    for _ in _attempts():
        if _lock(descriptor, fcntl.LOCK_EX):
            return
        # nobody to be found: a reader's test was in the way for a moment
        if holder := read_holder(path):
            raise AlreadyRunningError(path, holder.pid, holder.command)
    raise _nameless(path)


def _lock(descriptor: int, kind: int) -> bool:
    """Whether the lock was free. Its owner is then this descriptor, until it is closed."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        return True
    return False


def _write(descriptor: int, command: Sequence[str]) -> None:
    """Replace what stands there by this process's name; where the disk is full it goes on to stand there.

    Blanks cover what was longer, so there is one write and no moment between two; a check tells a reader that comes in
    the middle of that.
    """
    pid = os.getpid()
    name = {
        "pid": pid,
        "start_ticks": start_ticks(pid),
        "command": list(command),
    }
    content = json.dumps(name | {_CHECK: _check(name)}).encode().ljust(os.fstat(descriptor).st_size)
    _make_room(descriptor, len(content))
    if os.pwrite(descriptor, content, 0) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _make_room(descriptor: int, size: int) -> None:
    """Have the disk refuse before anything is overwritten."""
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise
        # else this file system cannot say beforehand


def _check(name: Mapping[str, object]) -> int:
    return crc32(json.dumps(name).encode())


def _parse(content: bytes) -> Holder | None:
    """The holder that ``content`` names; None while it is not (wholly) written."""
    try:
        name = json.loads(content.rstrip(b"\0"))  # room that was made for a name
        if _CHECK in name and name.pop(_CHECK) != _check(name):
            return None
        return Holder(int(name["pid"]), int(name["start_ticks"]), tuple(name["command"]))
    except (ValueError, KeyError, TypeError):
        return None


def _unusable(path: Path, error: OSError) -> StateError:
    reason = f"cannot be used as a lock: {error.strerror}"
    return StateError(str(path), reason, f"make {path.parent} a folder that this user can write")


def _nameless(path: Path) -> StateError:
    reason = "locked by a process that does not name itself, perhaps a fork left by one that was killed"
    return StateError(str(path), reason, f"find that process with 'fuser {path}' and stop it")
