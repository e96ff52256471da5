"""The form of the journal on disk: blocks that stand alone, so that damage costs the blocks it hits and no other.

    magic (4 octets) | length of the payload (4) | CRC-32 of the payload (4) | payload: zlib over msgpack

No files here.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from gslb.model.observation import ProbeResult
from gslb.model.record import OrderRecord


@dataclass(frozen=True, slots=True)
class ResultEntry:
    """A raw probe result. ``at_utc`` is the wall clock's view of ``result.at``."""

    at_utc: datetime
    result: ProbeResult


JournalEntry = ResultEntry | OrderRecord


class _Item(msgspec.Struct, array_like=True):
    """Either kind of entry; dataclasses carry no tag to tell them apart by."""

    result: ResultEntry | None = None
    order: OrderRecord | None = None


_MAGIC = b"GJ1\n"
_HEADER = struct.Struct(">4sII")
_FASTEST = 1
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[_Item])


def encode_block(entries: Iterable[JournalEntry]) -> bytes:
    """One block of ``entries``.

    Raises:
        ValueError: a text is not Unicode.
    """
    payload = zlib.compress(_encoder.encode([_item(entry) for entry in entries]), _FASTEST)
    return _HEADER.pack(_MAGIC, len(payload), zlib.crc32(payload)) + payload


def decode_blocks(data: bytes) -> Iterator[JournalEntry]:
    """The entries of every whole block in ``data``, in order; what lies between whole blocks is skipped."""
    position = data.find(_MAGIC)
    while position >= 0:
        payload = _payload(data, position)
        if payload is None:
            position = data.find(_MAGIC, position + 1)
            continue
        yield from _entries(payload)
        position = data.find(_MAGIC, position + _HEADER.size + len(payload))


def _payload(data: bytes, position: int) -> bytes | None:
    """The payload of the block at ``position``, or None where it is torn or damaged."""
    if len(data) - position < _HEADER.size:
        return None
    _, length, crc = _HEADER.unpack_from(data, position)
    start = position + _HEADER.size
    payload = data[start : start + length]
    return payload if len(payload) == length and zlib.crc32(payload) == crc else None


def _entries(payload: bytes) -> Iterator[JournalEntry]:
    try:
        items = _decoder.decode(zlib.decompress(payload))
    except (zlib.error, msgspec.MsgspecError):  # whole, but of a form this version does not know
        return
    for item in items:
        entry = item.result or item.order
        if entry is not None:
            yield entry


def _item(entry: JournalEntry) -> _Item:
    return _Item(result=entry) if isinstance(entry, ResultEntry) else _Item(order=entry)
