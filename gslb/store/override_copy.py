"""The overrides in force in a file of their own beside the state database, which may be locked, full or behind.

To forget what people have ordered would put traffic where they have taken it away, so this file is written before an
order is acknowledged, and it is believed before the database is. A copy that is out of date and cannot be replaced, on
a full disk say, is removed as soon as the database knows better.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import structlog

from gslb.files import replace_file, sync_folder
from gslb.model.drain import Drain, Phase
from gslb.model.override import Kind
from gslb.model.record import OverrideRecord
from gslb.store import rows
from gslb.store.status import Status

log = structlog.get_logger(__name__)

_ENTRIES = msgspec.json.Decoder(list[msgspec.Raw])
_ENTRY = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Copied:
    """What the copy has: ``items`` are all overrides in force, in order, where it is ``complete``."""

    items: tuple[OverrideRecord, ...]
    complete: bool


class OverrideCopy:
    """The copy in ``file``; nothing here raises."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._written: tuple[OverrideRecord, ...] | None = None
        self._stale = False
        self._status = Status("copy of the overrides cannot be written", "copy of the overrides is written again")

    @property
    def failing(self) -> bool:
        """What was to be written last is not on disk."""
        return self._status.failing

    def write(self, items: Iterable[OverrideRecord]) -> bool:
        """Make ``items`` the copy, whole or not at all; whether it survives a crash of the machine.

        Nothing is done where only the moment of saving is new.
        """
        found = tuple(items)
        lasting = tuple(replace(item, saved_utc=item.created_utc, saved_at=0.0) for item in found)
        if lasting == self._written:
            return True
        self._written, self._stale = None, True
        try:
            replace_file(self._file, msgspec.json.encode(list(_encoded(found))))
        except OSError as error:
            self._status.failed(error)
            return False
        self._written, self._stale = lasting, False
        self._status.worked()
        return True

    def remove_stale(self) -> None:
        """Remove a copy that could not be replaced, so that no restart believes it before the database."""
        if not self._stale:
            return
        try:
            self._file.unlink(missing_ok=True)
            self._stale = False
            sync_folder(self._file.parent)
        except OSError as error:
            log.error("outdated copy of the overrides cannot be removed", file=str(self._file), reason=str(error))  # noqa: TRY400  no trace needed

    def read(self) -> Copied:
        """What was written last, by this process or an earlier one; not complete where nothing was, or it is damaged.

        An entry that cannot be read costs itself only.
        """
        try:
            entries = _ENTRIES.decode(self._file.read_bytes())
        except FileNotFoundError:
            return Copied((), complete=False)
        except (OSError, msgspec.DecodeError) as error:
            log.error("copy of the overrides cannot be read", file=str(self._file), reason=str(error))  # noqa: TRY400  no trace needed
            return Copied((), complete=False)
        items = tuple(self._decoded(entries))
        return Copied(items, complete=len(items) == len(entries))

    def _decoded(self, entries: Iterable[msgspec.Raw]) -> Iterator[OverrideRecord]:
        for entry in entries:
            try:
                yield _order(_ENTRY.decode(entry))
            except (ValueError, msgspec.MsgspecError) as error:
                content, file = bytes(entry).decode(errors="replace"), str(self._file)
                log.error("order in the copy cannot be read", file=file, order=content, reason=str(error))  # noqa: TRY400  likewise


def _order(entry: dict[str, Any]) -> OverrideRecord:
    """The order in ``entry``. One without a kind was written when there was one kind only, and drains took no time."""
    if "kind" not in entry:
        drained = {"kind": Kind.DRAIN, "drain": Drain(Phase.DRAINED, since=0.0), "saved_utc": entry.get("created_utc")}
        entry = {"value": None, "service": None, "saved_at": 0.0} | drained | entry
    order = msgspec.convert(entry, OverrideRecord)
    rows.row_of(order)  # refuses times without zone
    return order


def _encoded(items: Iterable[OverrideRecord]) -> Iterator[msgspec.Raw]:
    """The entries of ``items`` without those that could not be read back."""
    for item in items:
        try:
            rows.row_of(item)
            yield msgspec.Raw(msgspec.json.encode(item))
        except ValueError as error:
            log.error("order cannot be copied, left out", order=repr(item), reason=str(error))  # noqa: TRY400  no trace needed
