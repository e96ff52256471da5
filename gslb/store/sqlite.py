"""All that is particular to SQLite: settings of a connection, locking, and what its refusals mean.

WAL keeps readers and the writer out of each other's way; synchronous=NORMAL may lose the last moments in a power cut
(not in a crash of the process), and never the file.
"""

import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError

from gslb.errors import StateError

BUSY_TIMEOUT = 1.0
"""Seconds to wait for a lock held by another process."""

_NOT_OURS = {
    sqlite3.SQLITE_NOTADB: ("is not a state database", "move the file away, or point node.state elsewhere"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "restore it from a backup, or move it away to start afresh"),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "make the file and its folder writable, or point node.state elsewhere",
    ),
    sqlite3.SQLITE_READONLY: ("is read-only", "make the file and its folder writable, or point node.state elsewhere"),
    sqlite3.SQLITE_PERM: ("may not be used", "make the file and its folder writable, or point node.state elsewhere"),
}


def prepare_engine(engine: Engine) -> None:
    """Give each connection its settings, and begin transactions explicitly, tables made by a migration included."""
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL").close()
    connection.execute("PRAGMA synchronous=NORMAL").close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def check_place(file: str) -> None:
    """Refuse a place where a state file cannot be.

    Raises:
        StateError: the folder is missing, or folder or file may not be written.
    """
    folder = Path(file).absolute().parent
    if not folder.is_dir():
        raise StateError(file, f"the folder {folder} does not exist", f"make it: mkdir -p {folder}")
    if not os.access(folder, os.W_OK | os.X_OK) or (Path(file).exists() and not os.access(file, os.R_OK | os.W_OK)):
        raise StateError(file, *_NOT_OURS[sqlite3.SQLITE_CANTOPEN])


def refusal(file: str, error: SQLAlchemyError) -> StateError | None:
    """What ``error`` means at start: the file cannot be used; or None where it may pass (locked, full disk)."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    return StateError(file, *_NOT_OURS[primary]) if primary in _NOT_OURS else None
