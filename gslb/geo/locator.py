"""Locates clients by the databases in use, and takes new ones into use while others are asked."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock

import structlog

from gslb.geo.database import Database, DatabaseError, Stamp, open_database, stamp_of
from gslb.geo.record import merge, read_record
from gslb.model.address import IP
from gslb.model.location import Location

log = structlog.get_logger(__name__)

REMEMBERED = 16_384
"""Addresses whose location is remembered; the one that was asked for longest ago is forgotten."""


@dataclass(frozen=True, slots=True)
class Located:
    """Where an address is.

    Attributes:
        location: what the databases say, put together.
        prefix: bits of the address for which they say so: all addresses that share them have this location. It may
            be stated as the scope of a DNS answer (RFC 7871, section 7.2.1).
    """

    location: Location
    prefix: int


class Locator:
    """Where clients are, by the database files at ``paths``, the first of them before the others.

    A file that cannot be used says nothing until it can; a warning in the log says why. Any thread may locate at any
    time, without waiting for a refresh.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._files = tuple(_File(path) for path in paths)
        self._refreshing = Lock()
        self._locate = _locating(())
        self.refresh()

    def locate(self, address: IP) -> Located:
        """Where ``address`` is; of unknown location with all that no database knows, and with damaged records."""
        return self._locate(address)

    def refresh(self) -> bool:
        """Take files that have changed into use; whether any was.

        It reads them whole, so it belongs into a thread that nobody waits for. One that cannot be used, or has
        vanished, leaves the former in use.
        """
        with self._refreshing:
            changed = [file.refresh() for file in self._files]
            if any(changed):
                self._locate = _locating(tuple(file.database for file in self._files if file.database is not None))
            return any(changed)


def _locating(databases: tuple[Database, ...]) -> Callable[[IP], Located]:
    """A function of its own for each set of databases: what it remembers, and they themselves, go with it."""

    @lru_cache(maxsize=REMEMBERED)
    def locate(address: IP) -> Located:
        return locate_in(databases, address)

    return locate


def locate_in(databases: Iterable[Database], address: IP) -> Located:
    """Where ``address`` is by these databases."""
    found = [database.find(address) for database in databases]
    location = merge([read_record(record) for record, _ in found])
    return Located(location, max((prefix for _, prefix in found), default=0))


class _File:
    """One of the files, and the database that was last read from it."""

    def __init__(self, path: Path) -> None:
        self.database: Database | None = None
        self._path = path
        self._seen: Stamp | None = None
        self._fault = ""

    def refresh(self) -> bool:
        """Take the file into use if it is another one than was last looked at; whether it was."""
        stamp = self._stamp()
        if stamp is not None and stamp == self._seen:
            return False
        self._seen = stamp
        if self.database is not None and stamp == self.database.stamp:  # it was away for a time
            self._fault = ""
            return False
        try:
            self.database = open_database(self._path)
        except DatabaseError as error:
            self._refused(error)
            return False
        self._fault = ""
        built = datetime.fromtimestamp(self.database.built, UTC).date().isoformat()
        log.info("geo database in use", path=str(self._path), type=self.database.type, built=built)
        return True

    def _stamp(self) -> Stamp | None:
        try:
            return stamp_of(self._path.stat())
        except (OSError, ValueError):
            return None

    def _refused(self, error: DatabaseError) -> None:
        """Say why the file is not used, once for each reason."""
        if error.reason != self._fault:
            self._fault = error.reason
            kept = self.database is not None
            log.warning(
                "geo database not used",
                path=str(self._path),
                reason=error.reason,
                remedy=error.remedy,
                former_kept=kept,
            )
