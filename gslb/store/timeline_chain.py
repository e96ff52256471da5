"""Writes the files of a timeline: lines whole or not at all, a new segment when one is full, the head after the lines.

For one thread. Everything here may raise OSError; the next call then goes on where this one was.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from gslb.files import sync_folder
from gslb.store.timeline_files import begun, first_of, list_segments, segment_file, write_head
from gslb.store.timeline_line import ORIGIN, Head, Item, Removed, decode_line, encode_lines
from gslb.store.timeline_tail import Tail


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the timeline on disk, in octets.

    Attributes:
        max_bytes: of all segments together; the oldest are removed beyond it.
        segment_bytes: a segment as large as that gets no more entries.
    """

    max_bytes: int = 256 * 2**20
    segment_bytes: int = 4 * 2**20


class Chain:
    """The chain of entries in ``folder`` that goes on behind ``tail``. ``close`` it."""

    def __init__(self, folder: Path, tail: Tail, limits: Limits) -> None:
        self._folder, self._limits = folder, limits
        self._path, self._size = tail.segment, tail.size
        self._file: FileIO | None = None
        self._untidy = False
        self._head_saved = False
        self.head = tail.head
        """The last entry that is on disk."""

    def append(self, items: Iterable[Item], written_utc: datetime) -> None:
        """Write entries that say ``items``, all or none.

        Raises:
            ValueError: one of them cannot be stored.
        """
        lines, head = encode_lines(items, self.head, written_utc)
        file = self._open()
        self._untidy = True
        _write_all(file, lines)
        os.fsync(file.fileno())
        self._untidy, self._head_saved = False, False
        self._size += len(lines)
        self.head = head

    def _open(self) -> FileIO:
        """The segment to write to: not the last one when that is full, or when somebody has laid hands on it."""
        if self._file is not None and self._untidy:
            self._file.truncate(self._size)
            self._untidy = False
        if self._path is None or self._size >= self._limits.segment_bytes or not self._as_left(self._path):
            self._begin()
        if self._file is None:
            self._file = FileIO(self._path or "", "a")
        return self._file

    def _begin(self) -> None:
        self.close()
        self._path, self._size = None, 0
        path = segment_file(self._folder, self.head.sequence + 1)
        self._folder.mkdir(parents=True, exist_ok=True)
        path.touch()
        sync_folder(self._folder)
        self._path = path

    def _as_left(self, path: Path) -> bool:
        try:
            found = path.stat()
        except FileNotFoundError:
            return False
        same = self._file is None or os.path.samestat(found, os.fstat(self._file.fileno()))
        return same and found.st_size == self._size

    def save_head(self) -> None:
        """Have the head file name the last entry."""
        if not self._head_saved:
            write_head(self._folder, self.head)
            self._head_saved = True

    def remove_before(self, horizon_utc: datetime | None) -> int:
        """Remove the oldest segments: those with entries from before ``horizon_utc`` only, and what is too much.

        An entry says so before they go. The last segment stays in any case.

        Returns:
            The size of the rest in octets.
        """
        segments = list_segments(self._folder)
        sizes = [path.stat().st_size for path in segments]
        doomed, total = 0, sum(sizes)
        for size, following in zip(sizes, segments[1:], strict=False):
            old = horizon_utc is not None and begun(following) <= horizon_utc
            if not old and total <= self._limits.max_bytes:
                break
            doomed, total = doomed + 1, total - size
        if doomed:
            last = _last_before(segments[doomed])
            self.append([Removed(last.sequence, last.hash)], datetime.now(UTC))
            self.save_head()
            for path in segments[:doomed]:
                path.unlink(missing_ok=True)
            sync_folder(self._folder)
        return total

    def close(self) -> None:
        """Close the segment that is written to."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _last_before(segment: Path) -> Head:
    """The entry that the first one of ``segment`` follows; where that is damaged, its hash is not known."""
    with segment.open("rb") as file:
        try:
            link = decode_line(file.readline())
        except ValueError:
            return Head(first_of(segment) - 1, ORIGIN.hash)
    return Head(link.sequence - 1, link.previous)


def _write_all(file: FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
