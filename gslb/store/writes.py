"""Writes a batch of model values to the state database. When and how often is decided in writer.py."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from gslb.store import rows
from gslb.store.tables import CheckRow, OverrideRow, RollupRow, SteeringRow, table_of

CHUNK = 1000
"""Rows deleted at a time, so that no deletion holds the database for long."""


def insert_history(connection: Connection, items: Iterable[tuple[Table, rows.Row]]) -> None:
    """Add rows of history; those that are there already, after a commit of unknown outcome, stay as they are."""
    by_table: dict[Table, list[rows.Row]] = {}
    for table, row in items:
        by_table.setdefault(table, []).append(row)
    for table, found in by_table.items():
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), found)


def upsert_checks(connection: Connection, items: list[rows.Row]) -> None:
    """Replace the state of these checks."""
    table = table_of(CheckRow)
    insert = _insert(connection, table)
    new = insert.excluded
    _execute(
        connection,
        insert.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={name: new[name] for name in ("state", "latency", "saved_utc", "saved_at")},
        ),
        items,
    )


def upsert_steerings(connection: Connection, items: list[rows.Row]) -> None:
    """Replace the newest steering of these services, and the good one where there is a new one."""
    table = table_of(SteeringRow)
    insert = _insert(connection, table)
    new = insert.excluded
    _execute(
        connection,
        insert.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={
                "newest": new.newest,
                "newest_utc": new.newest_utc,
                "good": func.coalesce(new.good, table.c.good),
                "good_utc": func.coalesce(new.good_utc, table.c.good_utc),
            },
        ),
        items,
    )


def add_rollups(connection: Connection, items: list[rows.Row]) -> None:
    """Add to the rollups of these minutes: a restart within a minute continues it."""
    table = table_of(RollupRow)
    insert = _insert(connection, table)
    old, new = table.c, insert.excluded
    _execute(
        connection,
        insert.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={
                "count": old["count"] + new["count"],
                "failures": old.failures + new.failures,
                "latency_sum": old.latency_sum + new.latency_sum,
                "latency_max": case((new.latency_max > old.latency_max, new.latency_max), else_=old.latency_max),
            },
        ),
        items,
    )


def replace_overrides(connection: Connection, items: list[rows.Row]) -> None:
    """Make ``items`` the overrides in force."""
    table = table_of(OverrideRow)
    connection.execute(delete(table))
    _execute(connection, _insert(connection, table), items)


def delete_before(connection: Connection, horizon: datetime) -> int:
    """Delete a chunk of history and rollups from before ``horizon``; the number of rows, 0 when none is left."""
    return sum(_delete_history(connection, table, horizon) for table, _ in rows.HISTORY) + _delete_rollups(
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


def _execute(connection: Connection, statement: Any, items: list[rows.Row]) -> None:
    if items:
        connection.execute(statement, items)


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say ON CONFLICT, which SQLAlchemy keeps in the dialects though both spell it alike."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
