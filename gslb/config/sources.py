"""The files that a configuration is made of: on disk, or the copy of what was last accepted.

A control process that comes back while the file on disk has faults goes on with the copy.
"""

import errno
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from gslb.files import replace_file

ACCEPTED = "accepted.json"
PROPOSED = "proposed.json"
"""what processes are being replaced for; the other one is in force until they are"""


class Sources:
    """Reads files, and remembers what it has read.

    Args:
        kept: texts by path, to be read instead of the files; None: the files themselves.
    """

    def __init__(self, kept: Mapping[str, str] | None = None) -> None:
        self._kept = kept
        self.texts: dict[str, str] = {}

    def are(self, texts: Mapping[str, str]) -> bool:
        """Whether the copies are ``texts``, which may be named by other paths: relative ones, say."""
        return self._kept is not None and sorted(self._kept.values()) == sorted(texts.values())

    def read(self, path: Path) -> str:
        """The text of the file at ``path``.

        Raises:
            OSError: it cannot be read.
            ValueError: it is not UTF-8, or its path cannot be one.
        """
        if self._kept is None:
            text = path.read_text(encoding="utf-8")
        elif str(path) in self._kept:
            text = self._kept[str(path)]
        else:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        self.texts[str(path)] = text
        return text


def keep_accepted(run_folder: Path, texts: Mapping[str, str], name: str = ACCEPTED) -> None:
    """Keep ``texts`` as what was last accepted, in place of what was kept before under this ``name``.

    Raises:
        OSError: the folder cannot be written; what was kept before still is.
    """
    replace_file(run_folder / name, msgspec.json.encode(texts))


def read_accepted(run_folder: Path, name: str = ACCEPTED) -> Sources | None:
    """What was last accepted under this ``name``; None where nothing was, or it cannot be read."""
    try:
        return Sources(msgspec.json.decode((run_folder / name).read_bytes(), type=dict[str, str]))
    except (OSError, ValueError, msgspec.DecodeError):
        return None
