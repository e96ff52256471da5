"""Where a timeline goes on after a start: behind what is there, whatever that has come to.

found                                                     what is done
nothing                                                   begins with entry 1
an unfinished last line that the head does not know of    cut off, as a crash leaves it; noted as torn
everything else that is not right                         nothing is touched, so that verification goes on finding it:
                                                          the chain goes on in a new segment; noted as damaged
"""

import os
from dataclasses import dataclass
from pathlib import Path

from gslb.files import sync_folder
from gslb.store.timeline_files import HEAD, first_of, list_segments, read_head, split, write_head
from gslb.store.timeline_line import ORIGIN, Damaged, Head, Link, Torn, decode_line, unfinished


@dataclass(frozen=True, slots=True)
class Tail:
    """Where the chain goes on.

    Attributes:
        head: the entry that the next one follows.
        segment: the file to go on with; None: a new one.
        size: of that file in octets.
        notes: what is to be written down first.
    """

    head: Head
    segment: Path | None = None
    size: int = 0
    notes: tuple[Torn | Damaged, ...] = ()


def find_tail(folder: Path) -> Tail:
    """Where the timeline in ``folder``, which is made where missing, goes on; torn lines are cut off.

    Raises:
        OSError: the folder cannot be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        head = read_head(folder)
    except ValueError as error:
        return _damaged(folder, ORIGIN, f"{HEAD} {error}")
    segments = list_segments(folder)
    if head is None and not segments:
        write_head(folder, ORIGIN)  # before any line: it never lags so far as to be missing
        sync_folder(folder)
        return Tail(ORIGIN)
    if head is None:
        return _damaged(folder, ORIGIN, f"{HEAD} is missing")
    return _behind(folder, segments, head)


def _behind(folder: Path, segments: list[Path], head: Head, cut: int = 0) -> Tail:
    """The tail behind the last line of ``segments``; ``cut`` octets were cut off behind that already."""
    if not segments:
        return _notes(Tail(head), cut) if head == ORIGIN else _damaged(folder, head, f"no segment has {_entry(head)}")
    last = segments[-1]
    data = last.read_bytes()
    lines, rest = split(data)
    if rest and not (unfinished(rest) and first_of(last) + len(lines) > head.sequence):
        return _damaged(folder, head, f"the last line of {last.name} is cut off")
    if not lines and first_of(last) > head.sequence:
        last.unlink()  # begun when the crash came
        return _behind(folder, segments[:-1], head, cut + len(rest))
    try:
        link = decode_line(lines[-1])
    except (IndexError, ValueError):
        return _damaged(folder, head, f"the last line of {last.name} is damaged")
    if link.sequence < head.sequence or (link.sequence == head.sequence and link.hash != head.hash):
        return _damaged(folder, head, f"{last.name} does not end with {_entry(head)}")
    return _cut_off(last, link, len(data) - len(rest), cut + len(rest))


def _cut_off(segment: Path, link: Link, size: int, cut: int) -> Tail:
    os.truncate(segment, size)
    return _notes(Tail(Head(link.sequence, link.hash), segment, size), cut)


def _notes(tail: Tail, cut: int) -> Tail:
    return Tail(tail.head, tail.segment, tail.size, (Torn(cut),)) if cut else tail


def _damaged(folder: Path, head: Head, what: str) -> Tail:
    """A tail behind everything that is there or is said to have been there."""
    segments = list_segments(folder)
    if not segments:
        return Tail(head, notes=(Damaged(what),))
    lines, _ = split(segments[-1].read_bytes())
    last = first_of(segments[-1]) + max(0, len(lines) - 1)
    newest = max(head, _last_link(lines), key=lambda found: found.sequence)
    return Tail(Head(max(newest.sequence, last), newest.hash), notes=(Damaged(what),))


def _last_link(lines: list[bytes]) -> Head:
    try:
        link = decode_line(lines[-1])
    except (IndexError, ValueError):
        return ORIGIN
    return Head(link.sequence, link.hash)


def _entry(head: Head) -> str:
    return f"entry {head.sequence}, {head.hash[:12]}…, which was the last one"
