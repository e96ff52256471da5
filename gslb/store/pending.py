"""What waits to be written: bounded, and safe to fill from one thread while another takes batches. No database here.

History is a queue that drops its oldest; of states only the newest per key waits; rollups add up until their minute is
over. Values stay until they are settled as written, so that readers see them and a failed batch loses nothing.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Event, Lock
from time import time_ns
from typing import TypeVar

from gslb.model.names import ServiceName
from gslb.model.observation import CheckKey
from gslb.model.record import CheckRecord, DecisionRecord, HistoryRecord, OverrideRecord, RampRecord
from gslb.store.values import LastSteering, Rollup, add_rollups, follow, steering_of

K = TypeVar("K")
V = TypeVar("V")

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Batch:
    """Values to write in one transaction; history with the identity of each record."""

    history: tuple[tuple[int, HistoryRecord], ...] = ()
    checks: tuple[CheckRecord, ...] = ()
    steerings: tuple[LastSteering, ...] = ()
    rollups: tuple[Rollup, ...] = ()
    overrides: tuple[OverrideRecord, ...] | None = None
    """all of them; None: unchanged"""
    ramps: tuple[RampRecord, ...] | None = None
    """all of them; None: unchanged"""

    def __len__(self) -> int:
        whole = (self.overrides or (), self.ramps or ())
        return sum(map(len, (self.history, self.checks, self.steerings, self.rollups, *whole)))

    @property
    def empty(self) -> bool:
        """Nothing to write; that there are no overrides or ramps any more is something."""
        return len(self) == 0 and self.overrides is None and self.ramps is None


class Pending:
    """Values that wait for the writer.

    Args:
        limit: most records of history, and most keys of each other kind.
        on_drop: called with the number of values lost.
    """

    def __init__(self, limit: int, on_drop: Callable[[int], None]) -> None:
        self._limit, self._on_drop = limit, on_drop
        self._lock = Lock()
        self._last_identity = 0
        self._history: deque[tuple[int, HistoryRecord]] = deque()
        self._checks: dict[CheckKey, CheckRecord] = {}
        self._steerings: dict[ServiceName, LastSteering] = {}
        self._rollups: dict[tuple[datetime, CheckKey], Rollup] = {}
        self._overrides: tuple[OverrideRecord, ...] | None = None
        self._ramps: tuple[RampRecord, ...] | None = None
        self.filled = Event()
        """Set when something was put in since it was last cleared."""

    def __len__(self) -> int:
        with self._lock:
            return sum(map(len, (self._history, self._checks, self._rollups)))

    def put_record(self, record: HistoryRecord) -> None:
        """Add to the history, in place of the oldest record where it is full."""
        with self._lock:
            self._last_identity = max(self._last_identity + 1, time_ns())
            self._history.append((self._last_identity, record))
            if isinstance(record, DecisionRecord):
                last = steering_of(record)
                self._put(self._steerings, last.service, follow(self._steerings.get(last.service), last))
            if len(self._history) > self._limit:
                self._history.popleft()
                self._on_drop(1)
        self.filled.set()

    def put_checks(self, items: Iterable[CheckRecord]) -> None:
        """Replace the state of these checks."""
        with self._lock:
            for item in items:
                self._put(self._checks, item.key, item)
        self.filled.set()

    def put_overrides(self, items: Iterable[OverrideRecord]) -> None:
        """Replace the overrides; of several for one target the last counts."""
        with self._lock:
            self._overrides = tuple({item.target: item for item in items}.values())
        self.filled.set()

    def put_ramps(self, items: tuple[RampRecord, ...]) -> None:
        """Replace the states of all ramps."""
        with self._lock:
            self._ramps = items
        self.filled.set()

    def put_rollup(self, rollup: Rollup) -> None:
        """Add to the rollup of its check and minute. It waits for the end of the minute, so nobody is woken."""
        with self._lock:
            key = (rollup.minute_utc, rollup.key)
            known = self._rollups.get(key)
            self._put(self._rollups, key, add_rollups(known, rollup) if known else rollup)

    def _put(self, values: dict[K, V], key: K, value: V) -> None:
        values[key] = value
        if len(values) > self._limit:
            del values[next(iter(values))]
            self._on_drop(1)

    def batch(self, size: int, now_utc: datetime | None = None) -> Batch:
        """Up to ``size`` values of each kind, oldest first; rollups of the minutes over at ``now_utc``, or all of them.

        Rollups are taken out, since more could be added while these are written; the rest stays until settled.
        """
        with self._lock:
            return Batch(
                history=tuple(islice(self._history, size)),
                checks=tuple(islice(self._checks.values(), size)),
                steerings=tuple(islice(self._steerings.values(), size)),
                rollups=self._take_rollups(size, now_utc),
                overrides=self._overrides,
                ramps=self._ramps,
            )

    def _take_rollups(self, size: int, now_utc: datetime | None) -> tuple[Rollup, ...]:
        over = (key for key in self._rollups if now_utc is None or key[0] + _MINUTE <= now_utc)
        return tuple(self._rollups.pop(key) for key in list(islice(over, size)))

    def settle(self, batch: Batch) -> None:
        """``batch`` is written: forget what has not been replaced since."""
        with self._lock:
            last = batch.history[-1][0] if batch.history else 0
            while self._history and self._history[0][0] <= last:
                self._history.popleft()
            _forget(self._checks, ((check.key, check) for check in batch.checks))
            _forget(self._steerings, ((steering.service, steering) for steering in batch.steerings))
            if self._overrides is batch.overrides:
                self._overrides = None
            if self._ramps is batch.ramps:
                self._ramps = None

    def restore(self, batch: Batch) -> None:
        """``batch`` could not be written: put back what had been taken out."""
        for rollup in batch.rollups:
            self.put_rollup(rollup)

    def history(self) -> dict[int, HistoryRecord]:
        """The records that wait, by identity."""
        with self._lock:
            return dict(self._history)

    def checks(self) -> dict[CheckKey, CheckRecord]:
        """The states of checks that wait."""
        with self._lock:
            return dict(self._checks)

    def ramps(self) -> tuple[RampRecord, ...] | None:
        """The states of all ramps, if they wait."""
        with self._lock:
            return self._ramps

    def steerings(self) -> dict[ServiceName, LastSteering]:
        """The steerings that wait."""
        with self._lock:
            return dict(self._steerings)


def _forget(values: dict[K, V], written: Iterable[tuple[K, V]]) -> None:
    for key, value in written:
        if values.get(key) is value:
            del values[key]


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)
