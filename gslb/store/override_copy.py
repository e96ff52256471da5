"""The overrides in force in a file of their own beside the state database, which may be locked, full or behind.

To forget what people have ordered would put traffic where they have taken it away, so this file is written before an
order is acknowledged, and it is believed before the database is.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
import structlog

from gslb.model.record import OverrideRecord
from gslb.store.status import Status

log = structlog.get_logger(__name__)

_DECODER = msgspec.json.Decoder(tuple[OverrideRecord, ...])


class OverrideCopy:
    """The copy in ``file``; nothing here raises."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._written: bytes | None = None
        self._status = Status("copy of the overrides cannot be written", "copy of the overrides is written again")

    def write(self, items: Iterable[OverrideRecord]) -> None:
        """Make ``items`` the copy, whole or not at all."""
        content = msgspec.json.encode(tuple(items))
        if content == self._written:
            return
        try:
            fresh = self._file.with_name(f"{self._file.name}.new")
            with fresh.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._file)
        except OSError as error:
            self._status.failed(error)
            return
        self._written = content
        self._status.worked()

    def read(self) -> tuple[OverrideRecord, ...] | None:
        """What was written last, by this process or an earlier one; None where nothing was, or it cannot be read."""
        try:
            return _DECODER.decode(self._file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, msgspec.DecodeError) as error:
            log.error("copy of the overrides cannot be read", file=str(self._file), reason=str(error))  # noqa: TRY400  no trace needed
            return None
