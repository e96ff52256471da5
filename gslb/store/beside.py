"""Reads the state database beside whoever has it open: nothing of it is made, migrated or changed."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from sqlalchemy import Connection, create_engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from gslb.errors import StateError
from gslb.store import rows, sqlite
from gslb.store.migrate import stored_revision
from gslb.store.values import LastSteering

REMEDY = "run this as the daemon's user, and with the version of gslb that has written it"


def last_steerings(file: Path) -> tuple[LastSteering, ...]:
    """What each service was last told to answer, as far as that can be read; nothing, where there is no database.

    Raises:
        StateError: it cannot be read.
    """
    engine = create_engine("sqlite://", creator=lambda: _connection(file), poolclass=NullPool)
    try:
        if not file.exists():
            return ()
        with engine.connect() as connection:
            return tuple(_steerings(connection))
    except OSError as error:
        raise StateError(str(file), f"cannot be read: {error.strerror}", REMEDY) from None
    except SQLAlchemyError as error:
        raise StateError(str(file), f"cannot be read: {getattr(error, 'orig', None) or error}", REMEDY) from None


def _steerings(connection: Connection) -> Iterator[LastSteering]:
    if stored_revision(connection) is not None:
        table = rows.STATES[LastSteering]
        for row in connection.execute(select(table).order_by(*table.primary_key)).mappings():
            with suppress(ValueError, msgspec.MsgspecError):  # of another form: as good as not there
                yield rows.value_of(LastSteering, row)


def _connection(file: Path) -> sqlite3.Connection:
    """A connection that leaves no files behind.

    A reader of a database in WAL mode makes the files beside it where they are missing, which they are after it was
    closed: then nobody else can be writing.
    """
    log = file.with_name(f"{file.name}-wal")
    mode = "mode=ro" if log.exists() else "immutable=1"
    return sqlite3.connect(f"{file.absolute().as_uri()}?{mode}", uri=True, timeout=sqlite.BUSY_TIMEOUT)
