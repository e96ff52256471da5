"""Opens the state database and brings it up to date. What is written and read is in writes.py and reads.py."""

from contextlib import AbstractContextManager

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from gslb.errors import StateError
from gslb.store import sqlite
from gslb.store.migrate import HEAD, UnknownRevisionError, migrate, stored_revision


class Database:
    """The state database. Connections may be used from several threads, each by one at a time.

    Args:
        url: ``sqlite:///relative.db``, ``sqlite:////absolute.db``.

    Raises:
        StateError: ``url`` cannot be understood, or names a database there is no driver for.
    """

    def __init__(self, url: str) -> None:
        self._engine, self.place = _engine(url)
        self._writing = self._engine.execution_options(writes=True)

    def prepare(self) -> None:
        """Bring the tables up to date.

        Raises:
            StateError: what is there cannot be used by this version, or at all.
            SQLAlchemyError: not now: locked, disk full.
        """
        if self._is_sqlite:
            sqlite.check_place(self.place)
        try:
            if not self._is_current():
                with self.write() as connection:
                    migrate(connection)
        except UnknownRevisionError as error:
            remedy = "upgrade gslb or point node.state elsewhere"
            raise StateError(self.place, f"was written by a newer gslb (revision {error})", remedy) from None
        except SQLAlchemyError as error:
            refusal = sqlite.refusal(self.place, error)
            if refusal:
                raise refusal from error
            raise

    def _is_current(self) -> bool:
        with self.read() as connection:
            return stored_revision(connection) == HEAD

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    def read(self) -> AbstractContextManager[Connection]:
        """A connection with a consistent view, which no writer holds up."""
        return self._engine.begin()

    def write(self) -> AbstractContextManager[Connection]:
        """A connection in a transaction that writes; committed at the end of the block."""
        return self._writing.begin()

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._engine.dispose()


def _engine(url: str) -> tuple[Engine, str]:
    """An engine for ``url``, and how to call the place in messages: never with a password."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed), parsed.render_as_string(hide_password=True)
        engine = create_engine(parsed, connect_args={"timeout": sqlite.BUSY_TIMEOUT})
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise _unusable(f"cannot be used: {error}") from None
    if parsed.database in (None, "", ":memory:"):
        raise _unusable("names no file")
    sqlite.prepare_engine(engine)
    return engine, str(parsed.database)


def _unusable(reason: str) -> StateError:
    return StateError("node.state", reason, 'write it as in state = "sqlite:///gslb.db"')
