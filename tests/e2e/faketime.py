"""Wall clocks that can be set, for the processes that run with them: libfaketime (Debian package faketime)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

LIBRARIES = ("faketime/libfaketimeMT.so.1",)
FOLDERS = (Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/local/lib"))


class FakeTime:
    """A wall clock that is shifted by a file's content; the monotonic clock stays as it is. Skips without the library.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        found = [
            lib for folder in FOLDERS for name in LIBRARIES for lib in (*folder.glob(name), *folder.glob(f"*/{name}"))
        ]
        if not found:
            pytest.skip("there is no libfaketime (Debian package faketime)")
        self._library = found[0]
        self.set(0)

    @property
    def environment(self) -> Mapping[str, str]:
        """For the processes that run with it."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: int) -> None:
        """So much before (negative) or after the true time; seen within a second or so."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}")
        fresh.replace(self._path)

    @staticmethod
    def shift(shown: str) -> float:
        """Seconds by which a time that was shown in ISO 8601 is ahead of the true one."""
        return (datetime.fromisoformat(shown) - datetime.now(UTC)).total_seconds()
