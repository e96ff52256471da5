"""Reads model values from the state database. Merging with what is not yet written is done in store.py.

A row that cannot be read (an older or damaged form) is left out and said so: one bad row must not stop a restart.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

import msgspec
import structlog
from sqlalchemy import Connection, RowMapping, Table, select

from gslb.model.record import CheckRecord, HistoryRecord, OverrideRecord, RampRecord
from gslb.store import rows
from gslb.store.tables import CheckRow, OverrideRow, RampRow, SteeringRow, table_of
from gslb.store.values import LastSteering

log = structlog.get_logger(__name__)
T = TypeVar("T")

MAX_ROWS = 100_000
"""Most rows of a state table that are read."""


def read_history(connection: Connection, since_utc: datetime, limit: int) -> dict[int, HistoryRecord]:
    """Records at or after ``since_utc`` by identity: of each kind the newest ``limit``."""
    found: dict[int, HistoryRecord] = {}
    for kind, table in rows.HISTORY.items():
        newest = select(table).where(table.c.at_utc >= since_utc)
        ordered = newest.order_by(table.c.at_utc.desc(), table.c.id.desc()).limit(limit)
        mappings = connection.execute(ordered).mappings()
        found.update(_decoded(table, mappings, _with_identity(kind)))
    return found


def _with_identity(kind: type[T]) -> Callable[[RowMapping], tuple[int, T]]:
    return lambda row: (row["id"], rows.value_of(kind, row))


def read_checks(connection: Connection) -> list[CheckRecord]:
    """The stored state of every check."""
    return _state(connection, table_of(CheckRow), CheckRecord)


def read_overrides(connection: Connection) -> list[OverrideRecord]:
    """The overrides in force, by target."""
    return _state(connection, table_of(OverrideRow), OverrideRecord)


def read_ramps(connection: Connection) -> list[RampRecord]:
    """The state of every ramp."""
    return _state(connection, table_of(RampRow), RampRecord)


def read_steerings(connection: Connection) -> list[LastSteering]:
    """What each service was last told to answer."""
    return _state(connection, table_of(SteeringRow), LastSteering)


def _state(connection: Connection, table: Table, kind: type[T]) -> list[T]:
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
