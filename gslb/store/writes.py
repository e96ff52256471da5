"""Writes a batch of model values to the state database. When and how often is decided in writer.py."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from gslb.store import rows
from gslb.store.tables import LeaseRow, RollupRow, SteeringRow, table_of

CHUNK = 1000
"""Rows deleted at a time, so that no deletion holds the database for long."""


def insert_history(connection: Connection, items: Iterable[tuple[Table, rows.Row]]) -> None:
    """Add rows of history; those that are there already, after a commit of unknown outcome, stay as they are."""
    by_table: dict[Table, list[rows.Row]] = {}
    for table, row in items:
        by_table.setdefault(table, []).append(row)
    for table, found in by_table.items():
        connection.execute(insert(table).on_conflict_do_nothing(), found)


def _merge_steerings(old: Any, new: Any) -> dict[str, Any]:
    """The good one stays where there is no new one."""
    return {"good": func.coalesce(new.good, old.good)}


def _merge_rollups(old: Any, new: Any) -> dict[str, Any]:
    """They add up: a restart within a minute continues it."""
    return {
        "count": old["count"] + new["count"],
        "failures": old.failures + new.failures,
        "latency_sum": old.latency_sum + new.latency_sum,
        "latency_max": func.max(old.latency_max, new.latency_max),
    }


_MERGED: Mapping[Table, Callable[[Any, Any], dict[str, Any]]] = {
    table_of(SteeringRow): _merge_steerings,
    table_of(RollupRow): _merge_rollups,
}
"""What becomes of columns whose new content does not just take the place of the old one."""


def upsert(connection: Connection, table: Table, items: list[rows.Row]) -> None:
    """Put ``items`` into ``table``, in place of those with the same keys."""
    if not items:
        return
    statement = insert(table)
    new = statement.excluded
    changes = {column.name: new[column.name] for column in table.columns if not column.primary_key}
    if table in _MERGED:
        changes |= _MERGED[table](table.c, new)
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes), items)


def next_number(connection: Connection, lease: str, least: int) -> int:
    """Take the number of a lease: one more than the last one, ``least`` at least."""
    table = table_of(LeaseRow)
    statement = insert(table).values(name=lease, number=least)
    later = func.max(table.c.number + 1, statement.excluded.number)
    taken = statement.on_conflict_do_update(index_elements=[table.c.name], set_={"number": later})
    return int(connection.execute(taken.returning(table.c.number)).scalar_one())


def remove(connection: Connection, table: Table, items: list[rows.Row]) -> None:
    """Remove what has the keys of ``items`` from ``table``."""
    if items:
        same = (column == bindparam(f"its_{column.name}") for column in table.primary_key)
        keys = [{f"its_{column.name}": item[column.name] for column in table.primary_key} for item in items]
        connection.execute(delete(table).where(*same), keys)


def replace(connection: Connection, table: Table, items: list[rows.Row]) -> None:
    """Make ``items`` all that ``table`` has, in this order where it counts its rows."""
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
