"""The form of the timeline on disk: one JSON object a line, each with the hash of the one before and its own.

    {"sequence":7,"written_utc":"…","kind":"transition","record":{…},"previous":"…","hash":"…"}

The hash of an entry is SHA-256, in lower-case hexadecimal digits, of the same object without its last member: of the
line's octets up to the comma before ``"hash"``, and a closing brace. So every octet of a line counts: those before by
the hash, and those from that comma on because there is only one way to write them. No files here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from gslb.model.incident import Lost
from gslb.model.record import (
    AnswerRecord,
    DecisionRecord,
    DoubtRecord,
    EscalationRecord,
    ExposureRecord,
    HistoryRecord,
    OrderRecord,
    ProviderRecord,
    PublicationRecord,
    RecoveryRecord,
    TransitionRecord,
)


@dataclass(frozen=True, slots=True)
class Torn:
    """A start found the last line unfinished, as a crash leaves it, and cut off that many octets."""

    octets: int


@dataclass(frozen=True, slots=True)
class Removed:
    """Entries up to ``through``, whose hash is given, are removed, because they are too old or too many."""

    through: int
    through_hash: str
    """not ``hash``, which marks the end of a line and nothing else"""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A start found what no crash leaves: ``what``, in one line."""

    what: str


Item = HistoryRecord | Lost | Torn | Removed | Damaged
"""What an entry can say: what has happened, or something about the timeline itself."""

KINDS: Mapping[str, type[Item]] = {
    "transition": TransitionRecord,
    "decision": DecisionRecord,
    "publication": PublicationRecord,
    "answer": AnswerRecord,
    "exposure": ExposureRecord,
    "recovery": RecoveryRecord,
    "order": OrderRecord,
    "doubt": DoubtRecord,
    "escalation": EscalationRecord,
    "provider": ProviderRecord,
    "lost": Lost,
    "torn": Torn,
    "removed": Removed,
    "damaged": Damaged,
}


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a chain: its sequence number and its hash."""

    sequence: int
    hash: str


ORIGIN = Head(0, "0" * 64)
"""What the first entry follows."""


@dataclass(frozen=True, slots=True)
class Link:
    """One entry as it stands in the file.

    Attributes:
        sequence: counts from 1.
        written_utc: when it was written down.
        item: what it says; None where that is of a kind or form that this version does not know.
        previous: hash of the entry before.
        hash: its own.
    """

    sequence: int
    written_utc: datetime
    item: Item | None
    previous: str
    hash: str


class _Body(msgspec.Struct, frozen=True):
    """An entry without its hash, in the order of the line."""

    sequence: int
    written_utc: datetime
    kind: str
    record: Any
    previous: str


class _RawBody(_Body, frozen=True):
    record: msgspec.Raw


NAMES = {kind: name for name, kind in KINDS.items()}
_HASH = b',"hash":"'
_END = re.compile(_HASH + rb'([0-9a-f]{64})"\}')
_END_SIZE = len(_HASH) + 64 + len('"}\n')
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_RawBody)
_decoders: Mapping[str, msgspec.json.Decoder[Any]] = {name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()}


def encode_line(item: Item, before: Head, written_utc: datetime) -> tuple[bytes, Head]:
    """The line that says ``item`` after ``before``, and the head with it.

    Raises:
        ValueError: it cannot be stored: a text is not Unicode, its time has no zone, or its kind has no name.
    """
    at_utc = getattr(item, "at_utc", written_utc)
    if at_utc.tzinfo is None:
        raise ValueError(f"{at_utc} has no time zone")
    try:
        body = _encoder.encode(_Body(before.sequence + 1, written_utc, NAMES[type(item)], item, before.hash))
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"{error} cannot be encoded") from error
    own = sha256(body).hexdigest()
    return body[:-1] + _HASH + own.encode() + b'"}\n', Head(before.sequence + 1, own)


def decode_line(line: bytes) -> Link:
    """The entry in ``line``, which ends in a line feed.

    Raises:
        ValueError: it is changed, or no entry at all.
    """
    found = _END.fullmatch(line[-_END_SIZE:-1])
    if found is None or line[-1:] != b"\n":
        raise ValueError("is no entry: it does not end in a hash and a line feed")
    body, own = line[:-_END_SIZE] + b"}", found[1].decode()
    if sha256(body).hexdigest() != own:
        raise ValueError("is changed: its content and its hash do not belong together")
    try:
        read = _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise ValueError(f"is no entry: {error}") from None
    return Link(read.sequence, read.written_utc, _item(read.kind, read.record), read.previous, own)


def unfinished(rest: bytes) -> bool:
    """Whether what follows the last line feed can be the beginning of a line, whose end a crash has prevented."""
    found = _END.search(rest)
    return found is None or found.end() == len(rest)


def encode_lines(items: Iterable[Item], head: Head, written_utc: datetime) -> tuple[bytes, Head]:
    """The lines of several items; raises as ``encode_line`` does."""
    lines = []
    for item in items:
        line, head = encode_line(item, head, written_utc)
        lines.append(line)
    return b"".join(lines), head


def _item(kind: str, record: msgspec.Raw) -> Item | None:
    try:
        item: Item = _decoders[kind].decode(record)
    except (KeyError, ValueError, msgspec.MsgspecError):
        return None
    return item
