"""Opens the state database and brings it up to date. What is written and read is in writes.py and reads.py."""

from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import SQLAlchemyError

from gslb.errors import StateError
from gslb.store import sqlite
from gslb.store.migrate import HEAD, UnknownRevisionError, migrate, stored_revision


class Database:
    """The state database in ``file``. Connections may be used from several threads, each by one at a time."""

    def __init__(self, file: Path) -> None:
        self.file, self._file = file, str(file)
        self._identity: tuple[int, int] | None = None
        url = URL.create("sqlite", database=self._file)
        self._engine = create_engine(url, connect_args={"timeout": sqlite.BUSY_TIMEOUT})
        sqlite.prepare_engine(self._engine)
        self._writing = self._engine.execution_options(writes=True)

    def prepare(self) -> None:
        """Bring the tables up to date.

        Raises:
            StateError: what is there cannot be used by this version, or at all.
            SQLAlchemyError: not now: locked, disk full.
        """
        sqlite.check_place(self._file)
        try:
            if not self._is_current():
                with self.write() as connection:
                    migrate(connection)
        except UnknownRevisionError as error:
            remedy = "upgrade gslb or point node.state elsewhere"
            raise StateError(self._file, f"was written by a newer gslb (revision {error})", remedy) from None
        except SQLAlchemyError as error:
            refusal = sqlite.refusal(self._file, error)
            if refusal:
                raise refusal from error
            raise
        self._identity = self._find()

    @property
    def replaced(self) -> bool:
        """Whether the file that was made ready is not what its name leads to now: it was removed or exchanged."""
        return self._identity is not None and self._identity != self._find()

    def _find(self) -> tuple[int, int] | None:
        try:
            found = self.file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _is_current(self) -> bool:
        with self.read() as connection:
            return stored_revision(connection) == HEAD

    def read(self) -> AbstractContextManager[Connection]:
        """A connection with a consistent view, which no writer holds up."""
        return self._engine.begin()

    def write(self) -> AbstractContextManager[Connection]:
        """A connection in a transaction that writes; committed at the end of the block."""
        return self._writing.begin()

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._engine.dispose()
