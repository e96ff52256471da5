"""The files of the journal: appended to, begun anew by size and age, deleted whole when too old or too many.

A segment is named after the time it was begun; its modification time bounds the times of its entries. What is in a
segment is decided in journal_block.py.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from time import monotonic, time

_SUFFIX = ".journal"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the journal: ages in seconds, sizes in octets.

    Attributes:
        max_age: a segment whose newest entry is older is deleted.
        max_bytes: of all segments together; may be passed by one block for a moment.
        segment_age: a segment older than that gets no more entries.
        segment_bytes: a segment as large as that gets no more entries.
    """

    max_age: float = 24 * 3600.0
    max_bytes: int = 256 * 2**20
    segment_age: float = 3600.0
    segment_bytes: int = 16 * 2**20


class Segments:
    """The segments in ``folder``, of which the newest is written to. For one thread."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder, self._limits = folder, limits
        self._path: Path | None = None
        self._begun = 0.0
        self._file: FileIO | None = None

    def append(self, block: bytes) -> None:
        """Write ``block`` whole or not at all.

        Raises:
            OSError: it could not be written; the next call tries the file anew.
        """
        file = self._open()
        start = file.seek(0, 2)
        try:
            _write_all(file, block)
        except OSError:
            with suppress(OSError):  # then a torn block stays, which reading skips
                file.truncate(start)
            self.close()
            raise
        if start + len(block) >= self._limits.segment_bytes:
            self.close()
            self._path = None

    def _open(self) -> FileIO:
        if self._path is None or monotonic() - self._begun >= self._limits.segment_age:
            self.close()
            self._folder.mkdir(parents=True, exist_ok=True)
            self._path = self._folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}{_SUFFIX}"
            self._begun = monotonic()
        if self._file is None:
            self._file = FileIO(self._path, "a")
        return self._file

    def expire(self) -> int:
        """Delete the oldest segments until the rest is within the limits; the size of the rest.

        Raises:
            OSError: the folder cannot be used.
        """
        segments = list_segments(self._folder)
        sizes = {path: path.stat() for path in segments}
        total = sum(stat.st_size for stat in sizes.values())
        horizon = time() - self._limits.max_age
        for path in segments:
            if path == self._path or (sizes[path].st_mtime >= horizon and total <= self._limits.max_bytes):
                break
            path.unlink(missing_ok=True)
            total -= sizes[path].st_size
        return total

    def close(self) -> None:
        """Close the file that is written to."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _write_all(file: FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def list_segments(folder: Path) -> list[Path]:
    """The segments in ``folder``, oldest first."""
    return sorted(folder.glob(f"*{_SUFFIX}"))
