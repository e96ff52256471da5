"""The timeline: what has happened, for the post-mortem, in files that show it when they are changed.

Appending never waits and never fails: a thread writes, in batches. What cannot be written waits, up to a bound; the
oldest beyond it is lost, counted, and an entry says how many. What a line looks like is decided in timeline_line.py,
where lines go in timeline_chain.py, and how they are checked in timeline_verify.py.
"""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock, Thread

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from gslb.model.incident import Entry, Lost
from gslb.model.record import HistoryRecord
from gslb.store.status import Status
from gslb.store.timeline_chain import Chain, Limits
from gslb.store.timeline_files import contents, list_segments, newest_before, split
from gslb.store.timeline_line import ORIGIN, Damaged, Head, Item, Link, Removed, Torn, decode_line, encode_line
from gslb.store.timeline_tail import find_tail

log = structlog.get_logger(__name__)

BUFFER = 50_000
"""Most records that wait in memory; beyond it the oldest is lost."""
BATCH = 500
"""Most entries that are written at a time."""
GATHER = 0.05
"""Seconds to let a batch grow."""
FIRST_RETRY, LAST_RETRY = 0.5, 30.0
CLOSE_DEADLINE = 5.0


class Timeline:
    """The timeline in ``folder``, which is made where missing. ``close`` it."""

    def __init__(
        self, folder: Path, registry: CollectorRegistry, limits: Limits | None = None, *, buffer: int = BUFFER
    ) -> None:
        self._folder, self._limits, self._buffer = folder, limits or Limits(), buffer
        self._dropped = Counter("gslb_timeline_dropped", "Records lost: too many, or not storable", registry=registry)
        self._bytes = Gauge("gslb_timeline_bytes", "Size of all segments", registry=registry)
        degraded = Gauge("gslb_timeline_degraded", "1 while the timeline cannot be written", registry=registry)
        self._status = Status("timeline cannot be written, records wait", "timeline is written again", degraded)
        self._lock = Lock()
        self._waiting: deque[HistoryRecord] = deque()
        self._lost = 0
        self._batch: list[Item] = []
        self._chain: Chain | None = None
        self._horizon: datetime | None = None
        self._filled, self._closing = Event(), Event()
        self._filled.set()  # to look at once what a crash has left
        self._thread = Thread(target=self._run, name="gslb-timeline-writer", daemon=True)
        self._thread.start()

    @property
    def head(self) -> Head | None:
        """The last entry that is on disk; None where that is not known yet."""
        chain = self._chain
        return None if chain is None else chain.head

    @property
    def degraded(self) -> bool:
        """The last attempt to write failed."""
        return self._status.failing

    def append(self, record: HistoryRecord) -> None:
        """Write ``record`` down soon."""
        with self._lock:
            self._waiting.append(record)
            if len(self._waiting) > self._buffer:
                self._waiting.popleft()
                self._lost += 1
                self._dropped.inc()
        self._filled.set()

    def retain(self, before_utc: datetime) -> None:
        """Remove segments with nothing but entries from before ``before_utc``, after what waits to be written."""
        self._horizon = before_utc
        self._filled.set()

    def close(self, deadline: float = CLOSE_DEADLINE) -> bool:
        """Write what waits and stop; False when that took longer than ``deadline`` seconds. Blocks."""
        self._closing.set()
        self._filled.set()
        self._thread.join(deadline)
        return not self._thread.is_alive()

    def _run(self) -> None:
        retry = FIRST_RETRY
        while not self._closing.is_set():
            if not self._status.failing:
                self._filled.wait()
                self._closing.wait(GATHER)
            self._filled.clear()
            if self._flush():
                retry = FIRST_RETRY
            else:
                self._closing.wait(retry)
                retry = min(2 * retry, LAST_RETRY)
        self._flush()
        if self._chain is not None:
            self._chain.close()

    def _flush(self) -> bool:
        try:
            chain = self._chain = self._chain or self._start()
            while self._batch or self._take():
                self._write(chain)
                self._batch = []
                chain.save_head()
            chain.save_head()
            horizon = self._horizon
            self._bytes.set(chain.remove_before(horizon))
            if self._horizon is horizon:
                self._horizon = None
            chain.save_head()
        except OSError as error:
            self._status.failed(error)
            return False
        self._status.worked()
        return True

    def _start(self) -> Chain:
        tail = find_tail(self._folder)
        for note in tail.notes:
            if isinstance(note, Damaged):
                log.error("timeline is damaged, verification will show it", reason=note.what)
            else:
                log.warning("unfinished end of the timeline was cut off", octets=note.octets)
        self._batch = [*tail.notes]
        return Chain(self._folder, tail, self._limits)

    def _take(self) -> bool:
        """Fill the batch; whether there is anything."""
        with self._lock:
            lost, self._lost = self._lost, 0
            records = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        gap: list[Item] = [Lost(_now(), lost)] if lost else []
        self._batch = [*gap, *records]
        return bool(self._batch)

    def _write(self, chain: Chain) -> None:
        try:
            chain.append(self._batch, _now())
        except ValueError:
            self._batch = [self._storable(item) for item in self._batch]
            chain.append(self._batch, _now())

    def _storable(self, item: Item) -> Item:
        """``item``, or in place of one that cannot be stored that it is lost."""
        try:
            encode_line(item, ORIGIN, _now())
        except ValueError as error:
            self._dropped.inc()
            log.error("value cannot be stored, left out", value=repr(item), reason=str(error))  # noqa: TRY400
            return Lost(_now(), 1)
        return item


def read(folder: Path, since_utc: datetime) -> Iterator[Entry]:
    """What was written down at ``since_utc`` or later, as written; what is damaged or not known is left out.

    The timeline may be written to meanwhile.

    Raises:
        OSError: it cannot be read.
    """
    for _, data in contents(folder, newest_before(list_segments(folder), since_utc)):
        for link in filter(None, map(_intact, split(data)[0])):
            if link.written_utc >= since_utc and not isinstance(link.item, Torn | Removed | Damaged | None):
                yield Entry(link.sequence, link.item)


def _intact(line: bytes) -> Link | None:
    try:
        return decode_line(line)
    except ValueError:
        return None


def _now() -> datetime:
    return datetime.now(UTC)
