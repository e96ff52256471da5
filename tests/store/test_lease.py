"""Each lease has a later number than all before, whatever has become of the clock, the database and the disk."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gslb.store.store import Store, open_store
from tests.store import samples

SECONDS = int(samples.NOON.timestamp())
times = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  they get one


def started(file: Path, at: datetime) -> int:
    """The number that a process takes which starts then, and ends."""
    with closing(open_store(file, CollectorRegistry())) as store:
        return store.take_fence(at)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def test_the_first_number_is_the_time(store: Store) -> None:
    assert store.take_fence(samples.NOON + timedelta(milliseconds=900)) == SECONDS


def test_after_a_restart_it_is_later_though_the_clock_was_set_back(file: Path) -> None:
    clocks = [samples.NOON, samples.NOON - timedelta(days=900), samples.NOON, samples.NOON + timedelta(days=1)]
    assert [started(file, at) for at in clocks] == [SECONDS, SECONDS + 1, SECONDS + 2, SECONDS + 86400]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(times, min_size=2, max_size=10))
def test_numbers_rise_whatever_the_clock_does(store: Store, clocks: list[datetime]) -> None:
    numbers = [store.take_fence(at) for at in clocks]
    assert all(former < later for former, later in pairwise(numbers))
    assert all(number >= int(at.timestamp()) for number, at in zip(numbers, clocks, strict=True))


def test_it_is_in_the_file_before_anybody_has_it(store: Store, file: Path) -> None:
    number = store.take_fence(samples.NOON)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT name, number FROM lease").fetchall() == [("providers", number)]


def test_nobody_has_the_number_of_another_one(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gslb.store.sqlite.BUSY_TIMEOUT", 20.0)  # whoever gives up has a number that is not kept
    with closing(open_store(file, CollectorRegistry())) as one, closing(open_store(file, CollectorRegistry())) as other:

        def take(number: int) -> int:
            return (one, other)[number % 2].take_fence(samples.NOON)

        with ThreadPoolExecutor(2) as threads:
            taken = list(threads.map(take, range(40)))
    assert sorted(taken) == list(range(SECONDS, SECONDS + 40))


def test_with_the_database_lost_the_clock_makes_it_later(file: Path) -> None:
    former = started(file, samples.NOON)
    file.unlink()
    assert started(file, samples.NOON + timedelta(seconds=1)) > former


def test_while_nobody_can_write_it_is_still_later_than_what_can_be_read(file: Path) -> None:
    former = started(file, samples.NOON)
    with locked(file), closing(open_store(file, CollectorRegistry())) as store, capture_logs() as logs:
        assert store.take_fence(samples.NOON - timedelta(days=1)) == former + 1
        assert store.take_fence(samples.NOON + timedelta(days=1)) == SECONDS + 86400
    assert ("error", "database is locked") in [(entry["log_level"], entry.get("reason")) for entry in logs]


def test_with_a_database_that_was_never_made_ready_it_is_the_time(file: Path) -> None:
    with locked(file), closing(open_store(file, CollectorRegistry())) as store:
        assert store.take_fence(samples.NOON) == SECONDS
