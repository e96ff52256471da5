"""Writes a batch of model values to the state database. When and how often is decided in writer.py."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import SQLModel

from gslb.store import rows
from gslb.store.tables import CheckRow, OverrideRow, RampRow, RollupRow, SteeringRow, table_of

CHUNK = 1000
"""Rows deleted at a time, so that no deletion holds the database for long."""


def insert_history(connection: Connection, items: Iterable[tuple[Table, rows.Row]]) -> None:
    """Add rows of history; those that are there already, after a commit of unknown outcome, stay as they are."""
    by_table: dict[Table, list[rows.Row]] = {}
    for table, row in items:
        by_table.setdefault(table, []).append(row)
    for table, found in by_table.items():
        connection.execute(insert(table).on_conflict_do_nothing(), found)


def upsert_checks(connection: Connection, items: list[rows.Row]) -> None:
    """Replace the state of these checks."""
    replaced = [column.name for column in table_of(CheckRow).columns if not column.primary_key]
    _upsert(connection, CheckRow, items, lambda _, new: {name: new[name] for name in replaced})


def upsert_steerings(connection: Connection, items: list[rows.Row]) -> None:
    """Replace the newest steering of these services, and the good one where there is a new one."""
    _upsert(
        connection,
        SteeringRow,
        items,
        lambda old, new: {"newest": new.newest, "good": func.coalesce(new.good, old.good)},
    )


def add_rollups(connection: Connection, items: list[rows.Row]) -> None:
    """Add to the rollups of these minutes: a restart within a minute continues it."""
    _upsert(
        connection,
        RollupRow,
        items,
        lambda old, new: {
            "count": old["count"] + new["count"],
            "failures": old.failures + new.failures,
            "latency_sum": old.latency_sum + new.latency_sum,
            "latency_max": func.max(old.latency_max, new.latency_max),
        },
    )


def _upsert(
    connection: Connection, row: type[SQLModel], items: list[rows.Row], set_: Callable[[Any, Any], dict[str, Any]]
) -> None:
    """Insert ``items``; where a key is there already, ``set_`` tells the columns from the old and the new ones."""
    if items:
        table = table_of(row)
        statement = insert(table)
        changes = set_(table.c, statement.excluded)
        connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes), items)


def replace_overrides(connection: Connection, items: list[rows.Row]) -> None:
    """Make ``items`` the overrides in force."""
    _replace(connection, OverrideRow, items)


def replace_ramps(connection: Connection, items: list[rows.Row]) -> None:
    """Make ``items`` the states of all ramps."""
    _replace(connection, RampRow, items)


def _replace(connection: Connection, row: type[SQLModel], items: list[rows.Row]) -> None:
    table = table_of(row)
    connection.execute(delete(table))
    if items:
        connection.execute(insert(table), items)


def delete_before(connection: Connection, horizon: datetime) -> int:
    """Delete a chunk of history and rollups from before ``horizon``; the number of rows, 0 when none is left."""
    return sum(_delete_history(connection, table, horizon) for table in rows.HISTORY.values()) + _delete_rollups(
        connection, horizon
    )


def _delete_history(connection: Connection, table: Table, horizon: datetime) -> int:
    chunk = select(table.c.id).where(table.c.at_utc < horizon).order_by(table.c.at_utc).limit(CHUNK)
    return connection.execute(delete(table).where(table.c.id.in_(chunk))).rowcount


def _delete_rollups(connection: Connection, horizon: datetime) -> int:
    table = table_of(RollupRow)
    oldest = connection.execute(select(func.min(table.c.minute_utc))).scalar()
    if oldest is None or oldest >= horizon:
        return 0
    return connection.execute(delete(table).where(table.c.minute_utc == oldest)).rowcount
