"""What waits, on disk, so that a restart loses none of it: one file for each channel in a folder of their own."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import structlog

from gslb.control.notify.waiting import Kept
from gslb.files import replace_file
from gslb.store.status import Status

log = structlog.get_logger(__name__)

_DECODER = msgspec.json.Decoder(Kept)
_SUFFIX = ".json"


class Spool:
    """The files in ``folder``, which is nobody else's. Nothing here raises."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._status = Status("waiting notifications cannot be saved", "waiting notifications are saved again")

    def read(self, name: str) -> Kept:
        """What was written last of a channel; nothing where that cannot be read."""
        file = self._file(name)
        try:
            return _DECODER.decode(file.read_bytes())
        except FileNotFoundError:
            return Kept()
        except (OSError, ValueError, msgspec.DecodeError) as error:
            log.error("waiting notifications cannot be read", file=str(file), reason=str(error))  # noqa: TRY400  no trace needed
            return Kept()

    def write(self, channels: Mapping[str, Kept]) -> bool:
        """Make ``channels`` what is kept of each of them; an empty one has no file. False: try again."""
        faults = [fault for name, kept in channels.items() if (fault := self._fault(name, kept)) is not None]
        if faults:
            self._status.failed(faults[0])
        else:
            self._status.worked()
        return not faults

    def _fault(self, name: str, kept: Kept) -> Exception | None:
        """Write one channel; what kept it from being written. The others must not suffer for it."""
        try:
            self._write(name, kept)
        except Exception as error:  # noqa: BLE001  whatever it is, it is no reason to stop
            return error
        return None

    def others(self, names: Mapping[str, object]) -> dict[str, Kept]:
        """Channels that have files and are none of ``names``, with nothing to be kept of them."""
        return {file.stem: Kept() for file in self._folder.glob(f"*{_SUFFIX}") if file.stem not in names}

    def _write(self, name: str, kept: Kept) -> None:
        file = self._file(name)
        if kept == Kept():
            file.unlink(missing_ok=True)
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(file, msgspec.json.encode(kept))

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}{_SUFFIX}"
