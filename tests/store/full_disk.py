"""A state database and a journal on a disk that fills up and is freed again: ``-m tests.store.full_disk FOLDER``.

The disk is full for this process by its limit on the size of a file, which needs no privileges.
"""

import asyncio
import resource
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

from gslb.model.observation import ProbeResult
from gslb.store import journal, writer
from gslb.store.journal_block import ResultEntry, encode_block
from gslb.store.segments import Limits, Segments, list_segments
from gslb.store.store import open_store
from tests.store import samples
from tests.waiting import eventually

journal.FLUSH = 0.02
writer.GATHER, writer.FIRST_RETRY, writer.LAST_RETRY = 0.01, 0.02, 0.05

folder = Path(sys.argv[1])
registry = CollectorRegistry()
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


def fill_state() -> None:
    store = open_store(folder / "gslb.db", registry)
    limit(300_000)
    count = 0

    def full() -> bool:
        nonlocal count
        for _ in range(50):
            store.record(samples.publication(count))
            count += 1
        return store.degraded

    eventually(full)
    assert registry.get_sample_value("gslb_state_degraded") == 1
    assert store.take_fence(samples.NOON) == int(samples.NOON.timestamp())
    store.record(samples.publication(count))
    everything = tuple(samples.publication(number) for number in range(count + 1))
    assert asyncio.run(store.history(samples.AGES_AGO, 10**6)) == everything
    limit(hard)
    eventually(lambda: not store.degraded)
    store.close()
    again = open_store(folder / "gslb.db", CollectorRegistry())
    assert asyncio.run(again.history(samples.AGES_AGO, 10**6)) == everything
    again.close()


def fill_segment() -> None:
    block = encode_block([samples.order(0)])
    segments = Segments(folder / "segments", Limits())
    limit(10_000)
    count = 0
    try:
        while True:
            segments.append(block)
            count += 1
    except OSError:
        limit(hard)
    (segment,) = list_segments(folder / "segments")
    assert segment.stat().st_size == count * len(block), "a block is written whole or not at all"
    segments.append(block)
    segments.close()
    assert segment.stat().st_size == (count + 1) * len(block)


def fill_journal() -> None:
    written = journal.Journal(folder / "journal", registry)
    limit(10_000)
    count = 0

    def put() -> None:
        nonlocal count
        written.append(ResultEntry(samples.NOON, ProbeResult(samples.KEY, float(count), samples.FINE)))
        count += 1

    def full() -> bool:
        for _ in range(50):
            put()
        return written.degraded

    eventually(full)
    limit(hard)
    eventually(lambda: not written.degraded)
    put()
    written.close()
    entries = journal.read(folder / "journal", samples.AGES_AGO)
    found = [entry.result.at for entry in entries if isinstance(entry, ResultEntry)]
    dropped = int(registry.get_sample_value("gslb_journal_dropped_total") or 0)
    assert dropped > 0
    assert len(found) == count - dropped
    assert found == sorted(set(found))
    assert found[-1] == count - 1


limit(hard)
fill_state()
fill_segment()
fill_journal()
