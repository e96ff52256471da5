"""Where the demo keeps its files: one folder per user, so that every terminal of that user finds it."""

import os
import stat
import tempfile
from pathlib import Path

from gslb.errors import StateError

SOCKET = "demo.sock"
"""Where a running demo takes what is to be broken and healed."""


def demo_folder() -> Path:
    """The demo's folder, which may not exist."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(base) / f"gslb-demo-{os.getuid()}"


def found_demo_folder() -> Path | None:
    """The demo's folder where it exists and is this user's own: what lies in another's could be a trap."""
    folder = demo_folder()
    try:
        return folder if _is_private(folder) else None
    except OSError:
        return None


def _is_private(folder: Path) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def make_demo_folder() -> Path:
    """The demo's folder, made where missing.

    Raises:
        StateError: it cannot be made, or belongs to somebody else, who could then run programs as this user.
    """
    folder = demo_folder()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        private = _is_private(folder)
    except OSError as error:
        raise StateError(
            str(folder), f"cannot be made: {error.strerror}", "set XDG_RUNTIME_DIR to a folder of yours"
        ) from None
    if not private:
        raise StateError(str(folder), "is not a private folder of this user", "remove it, or set XDG_RUNTIME_DIR")
    return folder
