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
from gslb.model.observation import CheckKey, Observation
from gslb.model.record import (
    CheckRecord,
    ComebackRecord,
    ExposureStateRecord,
    HistoryRecord,
    OverrideRecord,
    RampRecord,
    SerialRecord,
)
from gslb.store import reads, writes
from gslb.store.database import Database
from gslb.store.metrics import StateMetrics
from gslb.store.override_copy import OverrideCopy
from gslb.store.pending import Pending
from gslb.store.status import Status
from gslb.store.values import (
    KeyedState,
    LastSteering,
    StoredState,
    follow,
    is_over,
    key_of,
    newest,
    rollup_of,
)
from gslb.store.writer import Writer

log = structlog.get_logger(__name__)
T = TypeVar("T")

QUEUE = 50_000
"""Most records that wait in memory."""
READERS = 2
FENCE = "providers"
"""Name of the lease under which records at API providers are written."""
CLOSE_DEADLINE = 5.0


class Store:
    """The state. Made by ``open_store``, which says ``trouble`` where it could not be made ready; ``close`` it.

    Nothing that records or saves blocks or raises, but that ``save_overrides`` waits for the disk when the overrides
    have changed, since an order is acknowledged after it. What cannot be stored, such as text that is not Unicode, is
    logged and counted in gslb_state_dropped_total. What is put in is read back at once. Times are aware.
    """

    def __init__(
        self, database: Database, registry: CollectorRegistry, trouble: SQLAlchemyError | None, *, queue: int = QUEUE
    ) -> None:
        metrics = StateMetrics(registry)
        self._database = database
        self._override_copy = OverrideCopy(database.file.with_suffix(".overrides.json"))
        self._put_overrides = False
        self._status = Status("state cannot be written, going on in memory", "state is written again")
        metrics.degraded.set_function(lambda: self.degraded)
        self._reading = Status("state cannot be read, answering from memory", "state is read again")
        self._pending = Pending(queue, metrics.dropped.inc)
        metrics.queue.set_function(lambda: len(self._pending))
        if trouble:
            self._status.failed(trouble)
        last_identity = None if trouble else self._read(reads.last_identity)
        self._pending.go_on_after(last_identity or 0)
        self._readers = ThreadPoolExecutor(READERS, "gslb-state-reader")
        self._writer = Writer(database, self._pending, self._status, metrics, ready=last_identity is not None)
        self._writer.start()

    @property
    def degraded(self) -> bool:
        """The database, or the copy of the overrides, cannot be written just now."""
        return self._status.failing or self._override_copy.failing

    @property
    def durable(self) -> bool:
        """The overrides as they were saved last are on disk, whatever happens now."""
        return not self._override_copy.failing

    @property
    def renewals(self) -> int:
        """How often the database was made anew: what was saved before is to be saved again."""
        return self._writer.renewals

    def record(self, item: HistoryRecord) -> None:
        """Add ``item`` to the history."""
        self._pending.put_record(item)

    def save_checks(self, items: Iterable[CheckRecord]) -> None:
        """Keep the state of these checks to restart from."""
        self._pending.put_states(items)

    def save_exposures(self, items: Iterable[ExposureStateRecord]) -> None:
        """Keep the ledgers of these services to restart from; those without answers are forgotten."""
        self._pending.put_states(items)

    def save_serials(self, items: Iterable[SerialRecord]) -> None:
        """Keep the serials of these zones to go on from after a restart."""
        self._pending.put_states(items)

    def save_overrides(self, items: Iterable[OverrideRecord]) -> bool:
        """Keep ``items``, all overrides in force, oldest first, to restart from.

        Their copy is written at once. Returns whether it was; if not, a crash may cost them, and they are to be saved
        again before long.
        """
        found = newest(items)
        written = self._override_copy.write(found)
        if not written and self._has_overrides:
            self._override_copy.remove_stale()  # the database is in step with it, and will soon be ahead of it
        self._pending.put_whole(OverrideRecord, found)
        self._put_overrides = True
        return written

    @property
    def _has_overrides(self) -> bool:
        """The database has what was saved last, as far as can be known."""
        waits = not self._put_overrides or self._pending.whole(OverrideRecord) is not None
        return not waits and not self._status.failing

    def save_ramps(self, items: Iterable[RampRecord]) -> None:
        """Keep the states of these ramps to restart from; those without a plan are forgotten."""
        self._pending.put_states(items)

    def save_comebacks(self, items: Iterable[ComebackRecord]) -> None:
        """Keep how far these regions have come back to restart from; those without a state are forgotten."""
        self._pending.put_states(items)

    def roll_up(self, key: CheckKey, observation: Observation, at_utc: datetime) -> None:
        """Count one result. A minute is written when it is over, so a crash costs its rollup."""
        self._pending.put_rollup(rollup_of(key, observation, at_utc))

    def retain(self, before_utc: datetime) -> None:
        """Delete history and rollups from before ``before_utc``, bit by bit and in the background."""
        self._writer.delete_before(before_utc)

    async def history(self, since_utc: datetime, limit: int = 1000) -> tuple[HistoryRecord, ...]:
        """What happened at or after ``since_utc``, in the order in which it was recorded: the last ``limit`` records.

        A wall clock that was set back meanwhile does not change that order.
        """
        return await self._in_thread(lambda: self._history(since_utc, limit))

    def load_state(self) -> StoredState:
        """Everything a restart begins with; waits for a few seconds at most, even for a locked database."""
        return StoredState(
            checks=self._states(CheckRecord),
            overrides=self._overrides(),
            steerings=self._states(LastSteering),
            ramps=self._states(RampRecord),
            exposures=self._states(ExposureStateRecord),
            comebacks=self._states(ComebackRecord),
            serials=self._states(SerialRecord),
        )

    def take_fence(self, now_utc: datetime) -> int:
        """The number of a new lease to write at API providers: later than all before, and kept before it is returned.

        It is the time in seconds, and more than that where the clock was set back: so it is later even where the
        database was lost. While that cannot be written the number is not kept. Waits for a few seconds at most.
        """
        least = int(now_utc.timestamp())
        try:
            with self._database.write() as connection:
                return writes.next_number(connection, FENCE, least)
        except SQLAlchemyError as error:
            log.error("number of the lease cannot be kept", reason=str(getattr(error, "orig", None) or error))  # noqa: TRY400  no trace needed
        return max(least, 1 + (self._read(lambda connection: reads.last_number(connection, FENCE)) or 0))

    async def _in_thread(self, read: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, read)

    # Each read looks at what waits before it looks at the database: a value written in between is then seen twice,
    # and identities and keys make it one; the other way round it would be missed.

    def _history(self, since_utc: datetime, limit: int) -> tuple[HistoryRecord, ...]:
        found = {i: record for i, record in self._pending.history().items() if record.at_utc >= since_utc}
        found |= self._read(lambda connection: reads.read_history(connection, since_utc, limit)) or {}
        return tuple(found[identity] for identity in sorted(found)[-limit:])

    def _states(self, kind: type[KeyedState]) -> tuple[KeyedState, ...]:
        waiting = self._pending.states(kind)
        found = {key_of(state): state for state in self._stored(kind)}
        found |= {key: follow(found.get(key), state) for key, state in waiting.items()}
        return tuple(state for state in found.values() if not is_over(state))

    def _overrides(self) -> tuple[OverrideRecord, ...]:
        """Those of the copy; where that lacks some, beside those of the database, which may be lifted, but not lost."""
        copy = self._override_copy.read()
        return copy.items if copy.complete else newest((*self._stored(OverrideRecord), *copy.items))

    def _stored(self, kind: type[T]) -> tuple[T, ...]:
        return tuple(self._read(lambda connection: reads.read_states(connection, kind)) or ())

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
