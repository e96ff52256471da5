"""The one thread that writes to the state database: in batches, with back-off while that fails.

What is in a row is decided in rows.py, what a statement looks like in writes.py.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from threading import Event, Thread
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gslb.errors import StateError
from gslb.store import reads, rows, writes
from gslb.store.database import Database
from gslb.store.metrics import StateMetrics
from gslb.store.pending import Batch, Pending, utc_now
from gslb.store.status import Status
from gslb.store.values import Rollup, is_over

log = structlog.get_logger(__name__)
T = TypeVar("T")
R = TypeVar("R")

BATCH = 500
"""Most values of a kind in one transaction."""
GATHER = 0.1
"""Seconds to let a batch grow."""
IDLE = 5.0
"""Seconds between looks at the clock while nothing comes in: rollups become due by time."""
FIRST_RETRY, LAST_RETRY = 0.5, 30.0


class Writer:
    """Writes what is in ``pending`` until closed.

    Attributes:
        renewals: how often the database was made anew, without what had been written to it before.

    Args:
        database: where to.
        ready: ``database`` is up to date, and ``pending`` goes on after what is in it; else both is done first.
    """

    def __init__(
        self, database: Database, pending: Pending, status: Status, metrics: StateMetrics, *, ready: bool
    ) -> None:
        self._database, self._pending, self._status, self._metrics = database, pending, status, metrics
        self._ready, self.renewals = ready, 0
        self._horizon: datetime | None = None
        self._closing = Event()
        self._thread = Thread(target=self._run, name="gslb-state-writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def delete_before(self, horizon: datetime) -> None:
        """Delete what is older than ``horizon``, a chunk at a time, after what waits to be written."""
        self._horizon = horizon
        self._pending.filled.set()

    def close(self, deadline: float) -> bool:
        """Write what is left and stop; False when that took longer than ``deadline`` seconds."""
        self._closing.set()
        self._pending.filled.set()
        self._thread.join(deadline)
        return not self._thread.is_alive()

    def _run(self) -> None:
        retry = FIRST_RETRY
        while not self._closing.is_set():
            if not self._status.failing:
                self._pending.filled.wait(IDLE)
                self._closing.wait(GATHER)
            self._pending.filled.clear()
            if self._drain(utc_now()):
                retry = FIRST_RETRY
            else:
                self._closing.wait(retry)
                retry = min(2 * retry, LAST_RETRY)
        self._drain(None)

    def _drain(self, now_utc: datetime | None) -> bool:
        """Write batch after batch until nothing is left, or one fails; deletions fill the gaps between batches."""
        batch = Batch()
        try:
            self._prepare()
            while not (batch := self._pending.batch(BATCH, now_utc)).empty or self._delete_chunk():
                self._write(batch)
        except (SQLAlchemyError, StateError) as error:
            self._pending.restore(batch)
            self._status.failed(error)
            return False
        self._status.worked()
        return True

    def _prepare(self) -> None:
        if self._ready and self._database.replaced:
            log.error("state database was removed while in use, making it anew")
            self._database.close()
            self._ready = False
            self.renewals += 1
        if not self._ready:
            self._database.prepare()
            with self._database.read() as connection:
                self._pending.go_on_after(reads.last_identity(connection))
            self._ready = True

    def _write(self, batch: Batch) -> None:
        if batch.empty:
            return
        with self._database.write() as connection:
            self._write_rows(connection, batch)
        self._pending.settle(batch)
        self._metrics.written.inc(len(batch))

    def _write_rows(self, connection: Connection, batch: Batch) -> None:
        writes.insert_history(connection, self._rows(lambda item: rows.history_row(*item), batch.history))
        for kind, states in batch.states.items():
            kept, over = [state for state in states if not is_over(state)], filter(is_over, states)
            writes.upsert(connection, rows.STATES[kind], self._rows(rows.row_of, kept))
            writes.remove(connection, rows.STATES[kind], self._rows(rows.row_of, over))
        writes.upsert(connection, rows.STATES[Rollup], self._rows(rows.row_of, batch.rollups))
        for whole, items in batch.wholes.items():
            writes.replace(connection, rows.STATES[whole], self._rows(rows.row_of, items))

    def _rows(self, encode: Callable[[T], R], values: Iterable[T]) -> list[R]:
        """The rows of ``values`` without those that no database would take."""
        found: list[R] = []
        for value in values:
            try:
                found.append(encode(value))
            except ValueError as error:
                self._metrics.dropped.inc()
                log.error("value cannot be stored, left out", value=repr(value), reason=str(error))  # noqa: TRY400
        return found

    def _delete_chunk(self) -> bool:
        """Whether there was anything old enough."""
        horizon = self._horizon
        if horizon is None or self._closing.is_set():
            return False
        with self._database.write() as connection:
            deleted = writes.delete_before(connection, horizon)
        if deleted == 0 and self._horizon is horizon:
            self._horizon = None
        return deleted > 0
