"""Tries a database in a process of its own, ``python -I trial.py FD``: the reader in C crashes on some damaged files.

It exits with 0 where the file can be used, else with one of the codes here, or it is killed by a signal.
"""

import os
import resource
import sys
from collections import deque
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

import maxminddb

NO_DATABASE, DAMAGED = 3, 4
BROKEN = (maxminddb.InvalidDatabaseError, ValueError)
"""What the reader raises for a damaged record; ValueError where text in it is not UTF-8."""

_FAMILIES: tuple[tuple[type[IPv4Address | IPv6Address], int, int], ...] = ((IPv4Address, 4, 32), (IPv6Address, 6, 128))
_PARTS, _STEPS = 256, 64
"""So many parts of the address space are looked into, at up to so many networks of each."""


def open_copy(descriptor: int) -> maxminddb.Reader:
    """The reader of the file that is open as ``descriptor``, which may be closed then.

    Raises:
        InvalidDatabaseError: it is no database, or not all of one.
    """
    return maxminddb.open_database(f"/proc/self/fd/{descriptor}", maxminddb.MODE_MMAP_EXT)


def records(reader: maxminddb.Reader) -> Iterator[object]:
    """Records of the first networks of each of many parts of the address space; all of them in a small file.

    By look-ups: the reader's own iteration writes beyond its memory where the tree of a damaged file has a loop.
    """
    known = reader.metadata().ip_version
    for family, version, bits in _FAMILIES:
        if version > known:
            continue
        width = (1 << bits) // _PARTS
        for start in range(0, 1 << bits, width):
            at = start
            for _ in range(_STEPS):
                record, prefix = reader.get_with_prefix_len(family(at))
                yield record
                at = (at | ((1 << bits - prefix) - 1)) + 1
                if at >= start + width:
                    break


def main() -> int:
    """Try the file that is open as the descriptor named by the only argument."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(10)
    try:
        reader = open_copy(int(sys.argv[1]))
        reader.metadata()
    except (*BROKEN, TypeError):  # TypeError: metadata of another form
        return NO_DATABASE
    try:
        deque(records(reader), maxlen=0)
    except BROKEN as error:
        print(error)  # noqa: T201  for who has started it
        return DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(main())
