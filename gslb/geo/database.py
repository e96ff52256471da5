"""One database file: read into memory, tried, and asked what it says of an address.

The memory is a copy that nobody else has, so that a file which is overwritten or cut short while it is in use harms
nothing. Only the reader in C is used: the one in Python takes more than ten times as long.
"""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import BinaryIO

import maxminddb

from gslb.errors import GslbError
from gslb.geo import trial
from gslb.geo.record import read_record, tellable
from gslb.geo.trial import BROKEN, open_copy, records
from gslb.model.address import IP
from gslb.model.area import AreaKind
from gslb.model.chain import Geography

Stamp = tuple[int, int, int, int]
"""Device, inode, size and time of the last change in nanoseconds: another one is another file."""

_PLACES = frozenset({AreaKind.COUNTRY, AreaKind.CONTINENT, AreaKind.UNKNOWN})
_CITY = Geography(_PLACES | {AreaKind.SUBDIVISION}, coordinates=True)
_SYSTEM = Geography(frozenset({AreaKind.ASN}))
_BY_TYPE = {
    f"{product}-{name}": geography
    for product in ("GeoIP2", "GeoLite2")
    for name, geography in {"City": _CITY, "Country": Geography(_PLACES), "ASN": _SYSTEM, "ISP": _SYSTEM}.items()
}
_GZIP = b"\x1f\x8b"
_RENAME = "put a new one in place by renaming it, which replaces the file at once"
_AGAIN = f"download it again; {_RENAME}"
_BLOCK = 1 << 20
_LONGEST = 60.0
"""Seconds that a trial may take; that of a large file takes about one."""


class DatabaseError(GslbError):
    """A database file cannot be used. ``reason`` goes on where the file is named."""

    def __init__(self, path: Path, reason: str, remedy: str) -> None:
        self.path, self.reason, self.remedy = path, reason, remedy
        super().__init__(f"{path} {reason}\n    {remedy}")


@dataclass(frozen=True, slots=True)
class Database:
    """A database in memory. It may be asked by several threads at once, and is freed when nobody has it any more.

    Attributes:
        path: the file it was read from.
        stamp: of that file.
        type: as its maker calls it: ``GeoLite2-City``.
        built: Unix time at which it was made.
        version: of the addresses it knows: 4, or 6 for both.
        reader: of the copy in memory.
    """

    path: Path
    stamp: Stamp
    type: str
    built: int
    version: int
    reader: maxminddb.Reader

    def find(self, address: IP) -> tuple[object, int]:
        """The record of the smallest network with ``address``, None where there is none, and its prefix length.

        The length is in bits of the address's own family; without a record it is that of the network around the
        address of which nothing is known. A damaged record is none, and holds for the address alone.
        """
        if address.version > self.version:
            return None, 0
        try:
            return self.reader.get_with_prefix_len(address)
        except BROKEN:
            return None, address.max_prefixlen

    def tells(self) -> Geography:
        """What can be told of clients by it: by its type where that is well known, else by a sample of its records."""
        known = _BY_TYPE.get(self.type)
        return known if known is not None else tellable(map(read_record, records(self.reader)))


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp of a file."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def geography(databases: Iterable[Database]) -> Geography:
    """What can be told of clients by all of ``databases`` together."""
    return together(database.tells() for database in databases)


def together(told: Iterable[Geography]) -> Geography:
    """What can be told where each of these can be."""
    found = tuple(told)
    kinds = frozenset().union(*(each.kinds for each in found))
    return Geography(kinds, coordinates=any(each.coordinates for each in found))


def open_database(path: Path) -> Database:
    """Read the file at ``path`` into memory and try it.

    Raises:
        DatabaseError: it cannot be read, or is no whole database.
    """
    _check_reader(path)
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # a pipe would be waited for
            return _open(path, file)
    except FileNotFoundError:
        raise DatabaseError(path, "does not exist", "download it there, or correct the path") from None
    except OSError as error:
        raise DatabaseError(path, f"cannot be read: {error.strerror}", "check its path and permissions") from None
    except ValueError as error:
        raise DatabaseError(path, f"cannot be read: {error}", "correct the path") from None


def _open(path: Path, file: BinaryIO) -> Database:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise DatabaseError(path, "is no regular file", "name the database file itself")
    with os.fdopen(os.memfd_create("gslb-geo"), "w+b") as copy:
        shutil.copyfileobj(file, copy, _BLOCK)
        if stamp_of(os.fstat(file.fileno())) != stamp_of(status):
            raise DatabaseError(path, "is being written to", _RENAME)
        copy.seek(0)
        if copy.read(len(_GZIP)) == _GZIP:
            raise DatabaseError(path, "is compressed", "unpack it, with gunzip or tar -xzf")
        _try(path, copy.fileno())
        reader = open_copy(copy.fileno())
    metadata = reader.metadata()
    return Database(path, stamp_of(status), metadata.database_type, metadata.build_epoch, metadata.ip_version, reader)


def _try(path: Path, descriptor: int) -> None:
    """Open the copy and read a part of it, spread over all of it, where a crash does no harm.

    Raises:
        DatabaseError: it is no database, or damaged.
    """
    command = [sys.executable, "-I", trial.__file__, str(descriptor)]
    try:
        tried = subprocess.run(  # noqa: S603  it is our own
            command,
            pass_fds=[descriptor],
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
            timeout=_LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DatabaseError(path, f"is damaged: reading a part of it takes over {_LONGEST:g} s", _AGAIN) from None
    except OSError as error:
        remedy = "see what keeps this user from starting processes"
        raise DatabaseError(path, f"cannot be tried: {error}", remedy) from None
    match tried.returncode:
        case 0:
            return
        case trial.NO_DATABASE:
            reason = "is no MaxMind database, or not all of one"
        case trial.DAMAGED:
            reason = f"is damaged: {tried.stdout.decode(errors='replace').strip()}"
        case code:
            reason = f"is damaged: its reader ends with {code}"
    raise DatabaseError(path, reason, _AGAIN)


def _check_reader(path: Path) -> None:
    try:
        import_module("maxminddb.extension")
    except ImportError:
        remedy = "install maxminddb from a wheel, or with a C compiler and the headers of Python at hand"
        raise DatabaseError(path, "cannot be read: maxminddb lacks its reader in C", remedy) from None
