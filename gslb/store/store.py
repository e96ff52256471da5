"""The state database as the rest of gslb sees it: model values in, model values out.

Writing never waits and never fails: values go to a bounded queue, and a writer thread takes them from there. While the
database cannot be written (disk full, file locked) that queue is the state, and reads are answered from it too.
"""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gslb.errors import StateError
from gslb.model.names import ServiceName
from gslb.model.observation import CheckKey, Observation
from gslb.model.record import CheckRecord, HistoryRecord, OverrideRecord, RampRecord
from gslb.store import reads
from gslb.store.database import Database
from gslb.store.metrics import StateMetrics
from gslb.store.override_copy import OverrideCopy
from gslb.store.pending import Pending
from gslb.store.status import Status
from gslb.store.values import LastSteering, StoredState, follow, rollup_of
from gslb.store.writer import Writer

log = structlog.get_logger(__name__)
T = TypeVar("T")

QUEUE = 10_000
"""Most records that wait in memory."""
READERS = 2
CLOSE_DEADLINE = 5.0


class Store:
    """The state. Made by ``open_store``, which says ``trouble`` where it could not be made ready; ``close`` it.

    ``record``, ``save_checks`` and ``roll_up`` never block and never raise; ``save_overrides`` waits for the disk
    when the overrides have changed, since an order is acknowledged after it, and does not raise either. What cannot
    be stored, such as text that is not Unicode, is logged and counted in gslb_state_dropped_total. What is put in
    is read back at once. Times are aware.
    """

    def __init__(
        self, database: Database, registry: CollectorRegistry, trouble: SQLAlchemyError | None, *, queue: int = QUEUE
    ) -> None:
        metrics = StateMetrics(registry)
        self._database = database
        self._override_copy = OverrideCopy(database.file.with_suffix(".overrides.json"))
        self._status = Status("state cannot be written, going on in memory", "state is written again", metrics.degraded)
        self._reading = Status("state cannot be read, answering from memory", "state is read again")
        self._pending = Pending(queue, metrics.dropped.inc)
        metrics.queue.set_function(lambda: len(self._pending))
        if trouble:
            self._status.failed(trouble)
        self._readers = ThreadPoolExecutor(READERS, "gslb-state-reader")
        self._writer = Writer(database, self._pending, self._status, metrics, ready=trouble is None)
        self._writer.start()

    @property
    def degraded(self) -> bool:
        """The database cannot be written just now."""
        return self._status.failing

    def record(self, item: HistoryRecord) -> None:
        """Add ``item`` to the history."""
        self._pending.put_record(item)

    def save_checks(self, items: Iterable[CheckRecord]) -> None:
        """Keep the state of these checks to restart from."""
        self._pending.put_checks(items)

    def save_overrides(self, items: Iterable[OverrideRecord]) -> None:
        """Keep ``items``, all overrides in force, to restart from. Their copy is written at once."""
        found = tuple(items)
        self._pending.put_overrides(found)
        self._override_copy.write(found)

    def save_ramps(self, items: Iterable[RampRecord]) -> None:
        """Keep ``items``, the states of all ramps, to restart from."""
        self._pending.put_ramps(tuple(items))

    def roll_up(self, key: CheckKey, observation: Observation, at_utc: datetime) -> None:
        """Count one result. A minute is written when it is over, so a crash costs its rollup."""
        self._pending.put_rollup(rollup_of(key, observation, at_utc))

    def retain(self, before_utc: datetime) -> None:
        """Delete history and rollups from before ``before_utc``, bit by bit and in the background."""
        self._writer.delete_before(before_utc)

    async def history(self, since_utc: datetime, limit: int = 1000) -> tuple[HistoryRecord, ...]:
        """What happened at or after ``since_utc``, oldest first: the newest ``limit`` records."""
        return await self._in_thread(lambda: self._history(since_utc, limit))

    def load_state(self) -> StoredState:
        """Everything a restart begins with; waits for a few seconds at most, even for a locked database."""
        return StoredState(self._checks(), self._overrides(), tuple(self._steerings().values()), self._ramps())

    async def _in_thread(self, read: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, read)

    # Each read looks at what waits before it looks at the database: a value written in between is then seen twice,
    # and identities and keys make it one; the other way round it would be missed.

    def _history(self, since_utc: datetime, limit: int) -> tuple[HistoryRecord, ...]:
        found = {i: record for i, record in self._pending.history().items() if record.at_utc >= since_utc}
        found |= self._read(lambda connection: reads.read_history(connection, since_utc, limit)) or {}
        ordered = sorted(found.items(), key=lambda item: (item[1].at_utc, item[0]))
        return tuple(record for _, record in ordered[-limit:])

    def _checks(self) -> tuple[CheckRecord, ...]:
        waiting = self._pending.checks()
        stored = {check.key: check for check in self._read(reads.read_checks) or ()}
        return tuple((stored | waiting).values())

    def _overrides(self) -> tuple[OverrideRecord, ...]:
        copy = self._override_copy.read()
        return tuple(self._read(reads.read_overrides) or ()) if copy is None else copy

    def _ramps(self) -> tuple[RampRecord, ...]:
        waiting = self._pending.ramps()
        return tuple(self._read(reads.read_ramps) or ()) if waiting is None else waiting

    def _steerings(self) -> dict[ServiceName, LastSteering]:
        waiting = self._pending.steerings()
        stored = {steering.service: steering for steering in self._read(reads.read_steerings) or ()}
        return stored | {name: follow(stored.get(name), steering) for name, steering in waiting.items()}

    def _read(self, read: Callable[[Connection], T]) -> T | None:
        """What ``read`` finds; None where the database does not answer."""
        try:
            with self._database.read() as connection:
                found = read(connection)
        except SQLAlchemyError as error:
            self._reading.failed(error)
            return None
        self._reading.worked()
        return found

    def close(self, deadline: float = CLOSE_DEADLINE) -> None:
        """Write what waits, for at most ``deadline`` seconds, and close. Blocks."""
        self._readers.shutdown(cancel_futures=True)
        finished = self._writer.close(deadline)
        if not finished or len(self._pending):
            log.error("state closed with values unwritten", values=len(self._pending))
        self._database.close()


def open_store(file: Path, registry: CollectorRegistry, *, queue: int = QUEUE) -> Store:
    """Open the state database in ``file``, made and migrated where needed.

    A database that is locked, or on a full disk, is no reason not to start: the store is then ``degraded``.

    Raises:
        StateError: a newer gslb wrote it, it is not a database, or its folder is missing or cannot be written.
    """
    database = Database(file)
    trouble = None
    try:
        database.prepare()
    except SQLAlchemyError as error:
        trouble = error
    except StateError:
        database.close()
        raise
    return Store(database, registry, trouble, queue=queue)
