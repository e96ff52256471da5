"""The state database in bad times: killed, locked out, on a full disk. Nothing blocks or raises, and little is lost."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import event
from structlog.testing import capture_logs

from gslb.store.store import Store, open_store
from gslb.store.values import StoredState
from tests.store import samples
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
SCRIPT = (sys.executable, "-m")
SOON = 0.5
"""Seconds in which an answer must be there whatever happens to the database, on a slow machine too."""


@contextmanager
def locked(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield connection


@contextmanager
def locked_out(file: Path) -> Iterator[None]:
    """Not even readers get in."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE IF NOT EXISTS intruder (x)")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def within(seconds: float) -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


def degrade(store: Store) -> None:
    store.record(samples.publication(0))
    eventually(lambda: store.degraded)


async def test_while_the_file_is_locked_everything_goes_on_in_memory(
    store: Store, registry: CollectorRegistry, file: Path
) -> None:
    records = tuple(samples.publication(number) for number in range(100))
    with locked(file):
        store.roll_up(samples.KEY, samples.FINE, samples.NOON)
        degrade(store)
        with within(SOON):
            for record in records[1:]:
                store.record(record)
            store.save_checks([samples.check(1)])
            assert await store.history(samples.AGES_AGO) == records
            assert store.load_state().checks == (samples.check(1),)
        assert registry.get_sample_value("gslb_state_degraded") == 1
        assert registry.get_sample_value("gslb_state_queue_length") in (101, 102)
    eventually(lambda: not store.degraded)
    assert await store.history(samples.AGES_AGO) == records
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count FROM rollup").fetchall() == [(1,)]
    assert registry.get_sample_value("gslb_state_degraded") == 0
    assert registry.get_sample_value("gslb_state_queue_length") == 0
    assert registry.get_sample_value("gslb_state_dropped_total") == 0


async def test_a_long_lock_costs_the_oldest_records_and_they_are_counted(
    registry: CollectorRegistry, file: Path
) -> None:
    store = open_store(file, registry, queue=10)
    with locked(file):
        degrade(store)
        for number in range(1, 25):
            store.record(samples.publication(number))
        newest = tuple(samples.publication(number) for number in range(15, 25))
        assert await store.history(samples.AGES_AGO) == newest
        assert registry.get_sample_value("gslb_state_dropped_total") == 15
    eventually(lambda: not store.degraded)
    assert await store.history(samples.AGES_AGO) == newest
    store.close()


def test_trouble_is_logged_once_when_it_begins_and_once_when_it_ends(store: Store, file: Path) -> None:
    attempts: list[object] = []
    event.listen(store._database._engine, "handle_error", attempts.append)
    with capture_logs() as logs:
        with locked(file):
            degrade(store)
            eventually(lambda: len(attempts) > 3)
        eventually(lambda: not store.degraded)
    assert [(entry["log_level"], entry.get("reason")) for entry in logs] == [
        ("error", "database is locked"),
        ("warning", None),
    ]


async def test_a_database_locked_at_start_is_no_reason_not_to_start(registry: CollectorRegistry, file: Path) -> None:
    with locked(file):
        store = open_store(file, registry)
        assert store.degraded
        assert store.load_state() == StoredState()
        store.record(samples.publication(1))
        assert await store.history(samples.AGES_AGO) == (samples.publication(1),)
    eventually(lambda: not store.degraded)
    store.close()
    again = open_store(file, CollectorRegistry())
    assert await again.history(samples.AGES_AGO) == (samples.publication(1),)
    again.close()


async def test_what_is_recorded_before_the_database_can_be_read_comes_after_what_is_in_it(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.record(samples.publication(1))
    store.close()
    monkeypatch.setattr("gslb.store.pending.time_ns", lambda: 1)
    with locked_out(file):
        again = open_store(file, CollectorRegistry())
        again.record(samples.publication(2))
        assert await again.history(samples.AGES_AGO) == (samples.publication(2),)
    eventually(lambda: not again.degraded)
    again.record(samples.publication(3))
    assert await again.history(samples.AGES_AGO) == tuple(samples.publication(number) for number in (1, 2, 3))
    again.close()


def test_a_start_reads_the_state_even_while_another_process_writes(store: Store, file: Path) -> None:
    store.save_checks([samples.check(1)])
    store.close()
    with locked(file), within(SOON):
        again = open_store(file, CollectorRegistry())
        assert again.load_state().checks == (samples.check(1),)
    again.close()


def test_closing_while_locked_out_takes_no_longer_than_allowed(store: Store, file: Path) -> None:
    with locked(file):
        degrade(store)
        with within(SOON), capture_logs() as logs:
            store.close(deadline=0.2)
    assert [entry["values"] for entry in logs if entry["log_level"] == "error"] == [1]


@pytest.fixture
def scribbler(file: Path) -> Iterator[Callable[[], int]]:
    """Starts a process that writes; kills it when called, and says how many records it knew to be written."""
    process = subprocess.Popen(
        [*SCRIPT, "tests.store.scribble", str(file)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process, process.stdout as output:

        def kill() -> int:
            known = next(int(line) for line in output if int(line) > 1000)
            process.kill()
            process.wait()
            return known

        yield kill
        process.kill()


async def test_kill_9_loses_the_last_moment_and_nothing_else(file: Path, scribbler: Callable[[], int]) -> None:
    known = scribbler()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    store = open_store(file, CollectorRegistry())
    found = await store.history(samples.AGES_AGO, 10**6)
    assert len(found) >= known
    assert found == tuple(samples.publication(number) for number in range(len(found)))
    (check,) = store.load_state().checks
    assert check.state.failures >= 50
    store.close()


def test_a_full_disk_is_outlived(tmp_path: Path) -> None:
    command = [*SCRIPT, "tests.store.full_disk", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_orders_are_not_forgotten_when_the_database_cannot_be_read_at_start(store: Store, file: Path) -> None:
    store.save_overrides([samples.override()])
    eventually(lambda: store.load_state().overrides)
    store.close()
    with locked_out(file):
        again = open_store(file, CollectorRegistry())
        assert again.load_state().overrides == (samples.override(),)
        again.save_overrides(())
        again.close()
    final = open_store(file, CollectorRegistry())
    assert final.load_state().overrides == ()  # the database never heard of that
    final.close()


@pytest.mark.parametrize("content", [b"{", b'[{"target": "\xff"}]'])
def test_where_the_copy_of_the_orders_is_damaged_the_database_has_them(
    store: Store, file: Path, content: bytes
) -> None:
    store.save_overrides([samples.override()])
    store.close()
    file.with_suffix(".overrides.json").write_bytes(content)
    again = open_store(file, CollectorRegistry())
    assert again.load_state().overrides == (samples.override(),)
    again.close()


async def test_a_database_that_was_removed_while_in_use_is_made_anew(store: Store, file: Path) -> None:
    store.record(samples.publication(1))
    eventually(lambda: file.exists() and not len(store._pending))
    for leftover in file.parent.glob(f"{file.name}*"):
        leftover.unlink()
    store.record(samples.publication(2))
    eventually(lambda: file.exists() and not len(store._pending))
    store.close()
    again = open_store(file, CollectorRegistry())
    assert await again.history(samples.AGES_AGO) == (samples.publication(2),)
    again.close()
