"""Reads model values from the state database. Merging with what is not yet written is done in store.py.

A row that cannot be read (an older or damaged form) is left out and said so: one bad row must not stop a restart.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

import msgspec
import structlog
from sqlalchemy import Connection, RowMapping, Table, func, select

from gslb.model.record import HistoryRecord
from gslb.store import rows
from gslb.store.tables import LeaseRow, table_of

log = structlog.get_logger(__name__)
T = TypeVar("T")

MAX_ROWS = 100_000
"""Most rows of a state table that are read."""


def read_history(connection: Connection, since_utc: datetime, limit: int) -> dict[int, HistoryRecord]:
    """Records at or after ``since_utc`` by identity: of each kind the ``limit`` recorded last."""
    found: dict[int, HistoryRecord] = {}
    for kind, table in rows.HISTORY.items():
        by_identity = (table.c.id + 0).desc()  # a sum, so that rows are found by time and not by walking the identities
        last = select(table.c.id).where(table.c.at_utc >= since_utc).order_by(by_identity).limit(limit)
        mappings = connection.execute(select(table).where(table.c.id.in_(last))).mappings()
        found.update(_decoded(table, mappings, _with_identity(kind)))
    return found


def _with_identity(kind: type[T]) -> Callable[[RowMapping], tuple[int, T]]:
    return lambda row: (row["id"], rows.value_of(kind, row))


def last_identity(connection: Connection) -> int:
    """The identity of the record that was recorded last, of whatever kind; 0 where there is none."""
    found = (connection.execute(select(func.max(table.c.id))).scalar() for table in rows.HISTORY.values())
    return max(identity or 0 for identity in found)


def last_number(connection: Connection, lease: str) -> int:
    """The number of the lease that was taken last; 0 where none was."""
    table = table_of(LeaseRow)
    return connection.execute(select(table.c.number).where(table.c.name == lease)).scalar() or 0


def read_states(connection: Connection, kind: type[T]) -> list[T]:
    """All stored states of ``kind``, in the order of their keys."""
    table = rows.STATES[kind]
    ordered = select(table).order_by(*table.primary_key).limit(MAX_ROWS)
    return _decoded(table, connection.execute(ordered).mappings(), lambda row: rows.value_of(kind, row))


def _decoded(table: Table, found: Iterable[RowMapping], read: Callable[[RowMapping], T]) -> list[T]:
    values: list[T] = []
    bad = 0
    for row in found:
        try:
            values.append(read(row))
        except (ValueError, msgspec.MsgspecError):
            bad += 1
    if bad:
        log.error("unreadable rows left out", table=table.name, rows=bad)
    return values
