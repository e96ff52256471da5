"""The folder of a timeline: its segments and its head. What is in a line is decided in timeline_line.py.

A segment is named after the sequence number of its first entry, and only the last one is written to. The head file
says what the last entry is: it is written after the lines, so it may lag behind them, and never leads.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gslb.files import write_new
from gslb.store.timeline_line import ORIGIN, Head, decode_line

HEAD = "head.json"
_SUFFIX = ".jsonl"
_DIGITS = 16


def segment_file(folder: Path, first: int) -> Path:
    """The segment that begins with the entry ``first``."""
    return folder / f"{first:0{_DIGITS}}{_SUFFIX}"


def first_of(segment: Path) -> int:
    """The sequence number that a segment begins with."""
    return int(segment.stem)


def list_segments(folder: Path) -> list[Path]:
    """The segments in ``folder``, oldest first."""
    return sorted(path for path in folder.glob(f"{'[0-9]' * _DIGITS}{_SUFFIX}") if path.is_file())


def contents(folder: Path, begin: Path | None = None) -> Iterator[tuple[Path, bytes]]:
    """The octets of every segment that is there by now, oldest first.

    Segments that are removed meanwhile are passed over, and what is begun meanwhile is left out: so all but the last
    one are as they will stay.

    Args:
        folder: of the timeline.
        begin: the first segment that is wanted; None: the oldest.

    Raises:
        OSError: a segment cannot be read.
    """
    for path in list_segments(folder):
        if begin is None or path.name >= begin.name:
            with suppress(FileNotFoundError):
                yield path, path.read_bytes()


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """The lines in ``data``, each with its line feed, and what follows the last line feed."""
    *lines, rest = data.split(b"\n")
    return [line + b"\n" for line in lines], rest


def begun(segment: Path) -> datetime:
    """When ``segment`` was begun: the time of its first entry; where that is damaged, when it was changed last.

    Raises:
        OSError: it cannot be read.
    """
    with segment.open("rb") as file:
        try:
            return decode_line(file.readline()).written_utc
        except ValueError:
            return datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)


def newest_before(segments: Iterable[Path], moment_utc: datetime) -> Path | None:
    """The newest segment that was begun before ``moment_utc``, so that older ones have nothing from then on."""
    found = None
    for path in segments:
        try:
            if begun(path) >= moment_utc:
                break
        except FileNotFoundError:  # removed meanwhile
            continue
        found = path
    return found


def read_head(folder: Path) -> Head | None:
    """What the head file says; None where there is none.

    Raises:
        ValueError: it is not as ``write_head`` writes it.
        OSError: it cannot be read.
    """
    try:
        data = (folder / HEAD).read_bytes()
    except FileNotFoundError:
        return None
    try:
        head = msgspec.json.decode(data, type=Head)
    except msgspec.MsgspecError as error:
        raise ValueError(f"is no head: {error}") from None
    if _encode_head(head) != data or len(head.hash) != len(ORIGIN.hash):
        raise ValueError("is changed: nothing writes it in this way")
    return head


def write_head(folder: Path, head: Head) -> None:
    """Make the head file say ``head``, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_new(folder / HEAD, (_encode_head(head),)).replace(folder / HEAD)


def _encode_head(head: Head) -> bytes:
    return msgspec.json.encode(head) + b"\n"
