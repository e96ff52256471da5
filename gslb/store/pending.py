"""What waits to be written: bounded, and safe to fill from one thread while another takes batches. No database here.

History is a queue that drops its oldest; of states only the newest per key waits, or all of a kind together; rollups
add up until their minute is over. Values stay until they are settled as written, so that readers see them and a failed
batch loses nothing.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Event, Lock
from time import time_ns
from typing import Any, TypeVar, get_args

from gslb.model.record import DecisionRecord, HistoryRecord
from gslb.store.values import (
    Keyed,
    KeyedState,
    Rollup,
    Whole,
    add_rollups,
    follow,
    key_of,
    steering_of,
)

K = TypeVar("K")
V = TypeVar("V")

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Batch:
    """Values to write in one transaction.

    Attributes:
        history: the identity of each record and the record.
        states: some of each kind, of which something waits.
        rollups: of minutes that are over.
        wholes: of each kind that was replaced all states, maybe none.
    """

    history: tuple[tuple[int, HistoryRecord], ...] = ()
    states: Mapping[type[Keyed], tuple[Keyed, ...]] = field(default_factory=dict)
    rollups: tuple[Rollup, ...] = ()
    wholes: Mapping[type[Whole], tuple[Whole, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, (self.history, self.rollups, *self.states.values(), *self.wholes.values())))

    @property
    def empty(self) -> bool:
        """Nothing to write; that there are no overrides any more is something."""
        return len(self) == 0 and not self.wholes


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
        self._states: dict[type[Keyed], dict[Hashable, Any]] = {kind: {} for kind in get_args(Keyed)}
        self._rollups: dict[tuple[datetime, Hashable], Rollup] = {}
        self._wholes: dict[type[Whole], tuple[Any, ...]] = {}
        self.filled = Event()
        """Set when something was put in since it was last cleared."""

    def __len__(self) -> int:
        with self._lock:
            return sum(map(len, (self._history, self._rollups, *self._states.values(), *self._wholes.values())))

    def go_on_after(self, identity: int) -> None:
        """Give every record an identity above ``identity``, the largest in the database; those that wait, new ones."""
        with self._lock:
            if self._history and self._history[0][0] <= identity:
                self._history = deque(enumerate((record for _, record in self._history), identity + 1))
                self._last_identity = self._history[-1][0]
            self._last_identity = max(self._last_identity, identity)

    def put_record(self, record: HistoryRecord) -> None:
        """Add to the history, in place of the oldest record where it is full."""
        with self._lock:
            self._last_identity = max(self._last_identity + 1, time_ns())
            self._history.append((self._last_identity, record))
            if isinstance(record, DecisionRecord):
                self._put_state(steering_of(record))
            if len(self._history) > self._limit:
                self._history.popleft()
                self._on_drop(1)
        self.filled.set()

    def put_states(self, items: Iterable[Keyed]) -> None:
        """Replace the states with the keys of these."""
        with self._lock:
            for item in items:
                self._put_state(item)
        self.filled.set()

    def put_whole(self, kind: type[Whole], items: tuple[Whole, ...]) -> None:
        """Replace all states of ``kind``."""
        with self._lock:
            self._wholes[kind] = items
        self.filled.set()

    def put_rollup(self, rollup: Rollup) -> None:
        """Add to the rollup of its check and minute. It waits for the end of the minute, so nobody is woken."""
        with self._lock:
            key = (rollup.minute_utc, rollup.key)
            known = self._rollups.get(key)
            self._put(self._rollups, key, add_rollups(known, rollup) if known else rollup)

    def _put_state(self, item: Keyed) -> None:
        values, key = self._states[type(item)], key_of(item)
        self._put(values, key, follow(values.get(key), item))

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
                states={kind: tuple(islice(of.values(), size)) for kind, of in self._states.items() if of},
                rollups=self._take_rollups(size, now_utc),
                wholes=dict(self._wholes),
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
            for kind, states in batch.states.items():
                _forget(self._states[kind], ((key_of(state), state) for state in states))
            _forget(self._wholes, batch.wholes.items())

    def restore(self, batch: Batch) -> None:
        """``batch`` could not be written: put back what had been taken out."""
        for rollup in batch.rollups:
            self.put_rollup(rollup)

    def history(self) -> dict[int, HistoryRecord]:
        """The records that wait, by identity."""
        with self._lock:
            return dict(self._history)

    def states(self, kind: type[KeyedState]) -> dict[Hashable, KeyedState]:
        """The states of ``kind`` that wait, by key."""
        with self._lock:
            return dict(self._states[kind])

    def whole(self, kind: type[Whole]) -> tuple[Whole, ...] | None:
        """All states of ``kind``, if they wait."""
        with self._lock:
            return self._wholes.get(kind)


def _forget(values: dict[K, V], written: Iterable[tuple[K, V]]) -> None:
    for key, value in written:
        if values.get(key) is value:
            del values[key]


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)
