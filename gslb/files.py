"""Files that are written whole or not at all, whatever happens meanwhile."""

import os
from collections.abc import Iterable
from pathlib import Path


def replace_file(path: Path, *parts: bytes) -> None:
    """Make ``parts``, one after the other, what ``path`` has, on disk by the time this returns; for its owner alone.

    Raises:
        OSError: that failed; what was there still is, or all of the new.
    """
    write_new(path, parts).replace(path)
    sync_folder(path.parent)


def write_new(path: Path, parts: Iterable[bytes], mode: int = 0o600, suffix: str = ".new") -> Path:
    """A file beside ``path`` with ``parts`` on disk, ready to take its place."""
    fresh = path.with_name(f"{path.name}{suffix}")
    fresh.unlink(missing_ok=True)  # an earlier one might be open to others
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    return fresh


def of_worker(path: Path, worker: str) -> Path:
    """``path`` with the name of a process in it, which writes a file of its own."""
    return path.with_name(f"{path.stem}-{worker}{path.suffix}")


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
