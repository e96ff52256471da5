"""The journal: raw probe results and orders of the last day, for replay. Compressed, bounded, append-only.

Appending never waits: a thread writes once a second. A crash costs the last second, a full disk what comes in
meanwhile. Unlike the state database it is not needed for a restart.
"""

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

import structlog
from prometheus_client import CollectorRegistry

from gslb.store.journal_block import JournalEntry, decode_blocks, encode_block
from gslb.store.metrics import JournalMetrics
from gslb.store.segments import Limits, Segments, list_segments
from gslb.store.status import Status

log = structlog.get_logger(__name__)

BUFFER = 50_000
"""Most entries that wait in memory; beyond it the oldest is lost."""
FLUSH = 1.0
BLOCK = 500
"""Most entries in a block: few enough that encoding them does not hold up other threads."""
CLOSE_DEADLINE = 5.0


class Journal:
    """A journal in ``folder``, which is made where missing. ``close`` it.

    Nothing here raises: what cannot be written is counted in gslb_journal_dropped_total, and the log says when that
    begins and ends.
    """

    def __init__(
        self, folder: Path, registry: CollectorRegistry, limits: Limits | None = None, *, buffer: int = BUFFER
    ) -> None:
        self._metrics = JournalMetrics(registry)
        self._segments = Segments(folder, limits or Limits())
        self._status = Status("journal cannot be written, results are lost", "journal is written again")
        self._buffer: deque[JournalEntry] = deque(maxlen=buffer)
        self._closing = Event()
        self._thread = Thread(target=self._run, name="gslb-journal-writer", daemon=True)
        self._thread.start()

    @property
    def degraded(self) -> bool:
        """The last attempt to write failed."""
        return self._status.failing

    def append(self, entry: JournalEntry) -> None:
        """Keep ``entry``, whose time must be aware."""
        if len(self._buffer) == self._buffer.maxlen:
            self._metrics.dropped.inc()
        self._buffer.append(entry)

    def close(self, deadline: float = CLOSE_DEADLINE) -> None:
        """Write what waits, for at most ``deadline`` seconds. Blocks."""
        self._closing.set()
        self._thread.join(deadline)

    def _run(self) -> None:
        while not self._closing.wait(FLUSH):
            self._flush()
        self._flush()
        self._segments.close()

    def _flush(self) -> None:
        try:
            try:
                self._write()
            finally:
                self._metrics.bytes.set(self._segments.expire())
        except OSError as error:
            self._status.failed(error)
        else:
            self._status.worked()

    def _write(self) -> None:
        while self._buffer:
            entries = [self._buffer.popleft() for _ in range(min(BLOCK, len(self._buffer)))]
            try:
                self._segments.append(self._encode(entries))
            except OSError:
                self._metrics.dropped.inc(len(entries))
                raise

    def _encode(self, entries: list[JournalEntry]) -> bytes:
        try:
            return encode_block(entries)
        except ValueError:
            return encode_block([entry for entry in entries if self._can_encode(entry)])

    def _can_encode(self, entry: JournalEntry) -> bool:
        try:
            encode_block([entry])
        except ValueError as error:
            self._metrics.dropped.inc()
            log.error("value cannot be stored, left out", value=repr(entry), reason=str(error))  # noqa: TRY400
            return False
        return True


def read(folder: Path, since_utc: datetime) -> Iterator[JournalEntry]:
    """The entries at or after ``since_utc`` in the journal in ``folder``, as written; damaged blocks are left out.

    The journal may be written to meanwhile; a segment that expires before its turn is left out.
    """
    for path in list_segments(folder):
        try:
            data = path.read_bytes() if path.stat().st_mtime >= since_utc.timestamp() else b""
        except FileNotFoundError:
            continue
        yield from (entry for entry in decode_blocks(data) if entry.at_utc >= since_utc)
