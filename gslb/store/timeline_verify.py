"""Whether a timeline is as it was written: no entry changed, missing, inserted or moved, and its end still there.

What was removed lawfully has an entry that says so. An unfinished last line that the head does not know of is what a
crash leaves, or a line that is being written.
"""

from dataclasses import dataclass
from pathlib import Path

from gslb.store.timeline_files import HEAD, contents, first_of, list_segments, read_head, split
from gslb.store.timeline_line import ORIGIN, Damaged, Head, Link, Removed, decode_line, unfinished


@dataclass(frozen=True, slots=True)
class Verified:
    """The chain holds.

    Attributes:
        first: sequence number of its first entry; those before are removed.
        head: its last entry.
        torn: an unfinished line follows.
    """

    first: int
    head: Head
    torn: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """The chain does not hold.

    Attributes:
        file: name of the file in the folder.
        line: in that file; 0: the file as a whole.
        sequence: number of the first entry that is not as it was written.
        what: what is wrong with it.
    """

    file: str
    line: int
    sequence: int
    what: str


class _BrokenError(Exception):
    def __init__(self, broken: Broken) -> None:
        self.broken = broken
        super().__init__()


def verify(folder: Path, anchor: Head | None = None) -> Verified | Broken:
    """Check the timeline in ``folder``, which may be written to meanwhile.

    Args:
        folder: of the timeline.
        anchor: an entry that is known to have been in it, and must still be.

    Raises:
        OSError: it cannot be read.
    """
    while True:
        oldest = list_segments(folder)[:1]
        try:
            return _verify(folder, anchor)
        except _BrokenError as error:
            if list_segments(folder)[:1] == oldest:
                return error.broken
        # else segments were removed before their turn came


def _verify(folder: Path, anchor: Head | None) -> Verified:
    try:
        head = read_head(folder)  # before the lines, since it never leads
    except ValueError as error:
        raise _broken(HEAD, 0, 0, str(error)) from None
    walk = _Walk(tuple(filter(None, (head, anchor))))
    torn = False
    for path, data in contents(folder):
        if torn:
            raise _broken(walk.file, walk.line, walk.due, "is cut off")
        lines, rest = split(data)
        walk.begin(path)
        for line in lines:
            walk.step(line)
        torn = bool(rest)
        if torn:
            walk.end(rest, head or ORIGIN)
    return walk.result(head, torn=torn)


class _Walk:
    """Goes through the chain from its first entry to the last, and raises where it does not hold."""

    def __init__(self, known: tuple[Head, ...]) -> None:
        self._known = known
        self._first, self._before = 0, ORIGIN
        self._start, self._start_file = ORIGIN, HEAD
        self._removed = ORIGIN
        self.file, self.line = HEAD, 0

    @property
    def due(self) -> int:
        """The sequence number that comes next."""
        return self._before.sequence + 1

    def begin(self, path: Path) -> None:
        """Go on with a segment."""
        self.file, self.line = path.name, 1
        if not self._first:
            self._first, self._start_file = first_of(path), path.name
            self._before = Head(self._first - 1, ORIGIN.hash)
        elif first_of(path) != self.due:
            raise self._broken(f"is missing: this file begins with entry {first_of(path)}")

    def step(self, line: bytes) -> None:
        """Go on with a line."""
        try:
            link = decode_line(line)
        except ValueError as error:
            raise self._broken(str(error)) from None
        self._check(link)
        for known in self._known:
            if known.sequence == link.sequence and known.hash != link.hash:
                raise self._broken(f"is another one than {known.hash[:12]}…, which is known to have stood here")
        if isinstance(link.item, Removed) and link.item.through >= self._first - 1:
            self._removed = Head(link.item.through, link.item.through_hash)
        if isinstance(link.item, Damaged):
            raise self._broken(f"was written by a start that found damage: {link.item.what}")
        self._before = Head(link.sequence, link.hash)
        self.line += 1

    def _check(self, link: Link) -> None:
        if link.sequence != self.due:
            raise self._broken(f"is missing: entry {link.sequence} stands here")
        if link.sequence == self._first and link.sequence > 1:
            self._before = Head(link.sequence - 1, link.previous)  # held against what says that those are removed
        if link.previous != self._before.hash:
            raise self._broken("does not follow from the entry before")
        if link.sequence == self._first:
            self._start = self._before

    def end(self, rest: bytes, head: Head) -> None:
        """``rest`` follows the last line feed of a segment."""
        if not unfinished(rest) or self.due <= head.sequence:
            raise self._broken("is cut off, or does not end in a line feed")

    def result(self, head: Head | None, *, torn: bool) -> Verified:
        """What is found after the last line."""
        if head is None and self._first:
            raise _broken(HEAD, 0, self._before.sequence, "is missing")
        for known in self._known:
            if known.sequence > self._before.sequence:
                raise self._broken(f"is missing, and so is what followed, up to entry {known.sequence}")
        self._check_removed()
        return Verified(self._first or 1, self._before, torn)

    def _check_removed(self) -> None:
        if self._first <= 1:
            return
        last = self._first - 1
        if self._removed.sequence < last:
            raise _broken(self._start_file, 1, last, "is missing, and no entry says that it was removed")
        if self._removed.sequence == last and self._removed.hash != self._start.hash:
            raise _broken(self._start_file, 1, last, "is not the one that was removed")

    def _broken(self, what: str) -> _BrokenError:
        return _broken(self.file, self.line, self.due, what)


def _broken(file: str, line: int, sequence: int, what: str) -> _BrokenError:
    return _BrokenError(Broken(file, line, sequence, what))
