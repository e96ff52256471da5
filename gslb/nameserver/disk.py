"""The snapshot on disk: written atomically and with a checksum, the one before it kept beside it.

A file is one line, ``gslb-snapshot FORM SHA256``, and the snapshot as JSON.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from io import BufferedReader
from pathlib import Path

import structlog

from gslb.errors import SnapshotError
from gslb.files import sync_folder, write_new
from gslb.nameserver.polite import let_go, politely
from gslb.nameserver.snapshot import Snapshot, Version, decode, encode
from gslb.supervisor.lockfile import start_ticks

log = structlog.get_logger(__name__)

FORM = 2
GATHER = 0.1
"""seconds until what is offered is written: a change seldom comes alone, and the next is to be compiled first"""

RETRY = 5.0
"""seconds until a write that failed is tried again"""

_AT_ONCE = 1.0
"""seconds within which several nameservers keep the same snapshot"""

_MAGIC = "gslb-snapshot"
_BLOCK = 2**14
_LONGEST = 128
"""bytes in the longest first line"""


def previous(path: Path) -> Path:
    """Where the snapshot before the newest is kept."""
    return path.with_name(path.name + ".previous")


def read(path: Path) -> Snapshot:
    """The snapshot in ``path``.

    Raises:
        SnapshotError: it is damaged or of another form.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        _check(file, path)
        file.readline(_LONGEST)
        return decode(file.read())


def newest(path: Path) -> Iterator[tuple[Path, Snapshot]]:
    """What a nameserver whose file is ``path`` can start from, best first, each with the file it is in.

    That is what it has kept itself, but for one whose name was not in use for a while: what others have kept that are
    at work is newer then. A damaged file is passed over, and said to be so.
    """
    own = [found for candidate in (path, previous(path)) if (found := _usable(candidate))]
    others = sorted(((_written(it), it) for it in path.parent.glob("*.snapshot") if it != path), reverse=True)
    for written, other in others[:1]:
        if own and written <= _written(path) + _AT_ONCE:
            continue
        found = _usable(other)
        if found and not (own and _follows(own[0][1], found[1])):
            own.insert(0, found)
    yield from own


def _usable(path: Path) -> tuple[Path, Snapshot] | None:
    try:
        return path, read(path)
    except FileNotFoundError:
        return None
    except (SnapshotError, OSError) as error:
        log.error("snapshot unusable", path=str(path), reason=str(error))  # noqa: TRY400  no trace needed
        return None


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _follows(one: Snapshot, other: Snapshot) -> bool:
    """Whether it is known to be as new: clocks may have been set back."""
    return one.publisher == other.publisher and one.generation >= other.generation


def write(path: Path, snapshot: Snapshot) -> None:
    """Make ``snapshot`` the newest in ``path``. What was there is kept if it is whole.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    body, digest = list[bytes](), hashlib.sha256()
    for part in politely(encode(snapshot)):
        body.append(part)
        digest.update(part)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    head = f"{_MAGIC} {FORM} {digest.hexdigest()}\n".encode()
    _clear(path)
    new = write_new(path, politely((head, *body)), suffix=f".{os.getpid()}.new")
    if _is_whole(path):
        path.replace(previous(path))
    new.replace(path)
    sync_folder(path.parent)


def _clear(path: Path) -> None:
    """Take away what processes have begun that are no more. One that has given its place away may still write."""
    for left in path.parent.glob(f"{path.name}.*.new"):
        pid = left.name.removeprefix(f"{path.name}.").removesuffix(".new")
        if pid.isdigit() and start_ticks(int(pid)) is None:
            left.unlink(missing_ok=True)


class Saver:
    """A thread that writes the newest snapshot offered, one at a time, so that a burst of changes costs few writes.

    Args:
        path: where to.
        told: called whenever one was written, in that thread.

    Attributes:
        failed: the newest snapshot could not be written.
        saved: which snapshot a restart begins from; None while there is none.
    """

    def __init__(self, path: Path, told: Callable[[], None] = lambda: None) -> None:
        self.failed = False
        self.saved: Version | None = None
        self._path, self._told = path, told
        self._waiting: Snapshot | None = None
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="saver", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def found(self, snapshot: Snapshot) -> None:
        """``snapshot`` is what was read from disk."""
        self.saved = snapshot.version

    def offer(self, snapshot: Snapshot) -> None:
        """Write ``snapshot`` soon, unless a newer one is offered before. Returns at once."""
        with self._changed:
            self._waiting = snapshot
            self._changed.notify()

    def stop(self) -> None:
        """Write what is still waiting, once, and end."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._waiting is None and not self._stopping:
                    self._changed.wait()
                self._changed.wait_for(lambda: self._stopping, GATHER)
                snapshot, self._waiting = self._waiting, None
            if snapshot is None:
                return
            if not self._save(snapshot):
                self._await_retry(snapshot)
            services = list(snapshot.services)
            del snapshot  # maybe nobody else knows of it any more
            let_go(services)

    def _save(self, snapshot: Snapshot) -> bool:
        try:
            write(self._path, snapshot)
        except OSError as error:
            if not self.failed:
                log.error("snapshot not saved", path=str(self._path), reason=str(error))  # noqa: TRY400  no trace needed
            self.failed = True
            return False
        if self.failed:
            log.info("snapshot saved again", path=str(self._path))
        self.failed, self.saved = False, snapshot.version
        self._told()
        return True

    def _await_retry(self, snapshot: Snapshot) -> None:
        """Wait a while, or for a newer snapshot, then have it written."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._stopping, RETRY)
            if self._waiting is None and not self._stopping:
                self._waiting = snapshot


def _check(file: BufferedReader, path: Path) -> None:
    """Raise SnapshotError unless ``file`` is what was written to ``path``; goes back to its beginning."""
    head = file.readline(_LONGEST)
    match head.removesuffix(b"\n").decode("ascii", "replace").split(" "):
        case [magic, form, digest] if magic == _MAGIC and form == str(FORM):
            found = hashlib.sha256()
            for block in politely(iter(partial(file.read, _BLOCK), b"")):
                found.update(block)
            if digest != found.hexdigest():
                raise SnapshotError(f"{path} is damaged: its checksum does not match")
            file.seek(0)
        case [magic, form, *_] if magic == _MAGIC:
            raise SnapshotError(f"{path} has form {form}; this version reads form {FORM}")
        case _:
            raise SnapshotError(f"{path} is not a snapshot")


def _is_whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            _check(file, path)
    except (SnapshotError, OSError):
        return False
    return True
