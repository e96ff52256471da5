"""The state database in normal times: what is put in is read back, at once and after a restart."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import event

from gslb.store.store import Store, open_store
from gslb.store.values import StoredState, steering_of
from tests.store import samples
from tests.waiting import eventually

NAIVE = datetime(2026, 5, 1)  # noqa: DTZ001  that is the point


def value(registry: CollectorRegistry, name: str) -> float:
    return registry.get_sample_value(name) or 0.0


def rows(file: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def written(store: Store, registry: CollectorRegistry) -> Callable[[int], None]:
    def wait(count: int) -> None:
        eventually(lambda: value(registry, "gslb_state_written_total") >= count)

    return wait


async def test_history_of_every_kind_is_read_back_in_order(store: Store, written: Callable[[int], None]) -> None:
    records = samples.one_of_each()
    for record in records:
        store.record(record)
    in_order = tuple(sorted(records, key=lambda record: record.at_utc))
    assert await store.history(samples.AGES_AGO) == in_order
    written(4)
    assert await store.history(samples.AGES_AGO) == in_order


async def test_records_of_one_moment_stay_in_the_order_they_came_in(
    store: Store, written: Callable[[int], None]
) -> None:
    records = (samples.transition(0), samples.decision(0, 1), samples.publication(0), samples.order(0))
    for record in records:
        store.record(record)
    written(4)
    assert await store.history(samples.AGES_AGO) == records


async def test_history_is_the_newest_since_a_moment(store: Store, written: Callable[[int], None]) -> None:
    for number in range(20):
        store.record(samples.publication(number))
    written(10)
    newest = tuple(samples.publication(number) for number in range(15, 20))
    assert await store.history(samples.after(15)) == newest
    assert await store.history(samples.after(3), limit=5) == newest
    assert await store.history(samples.after(20)) == ()


def test_a_restart_begins_with_everything_that_was_saved(file: Path, store: Store) -> None:
    store.record(samples.decision(0, 3))
    store.record(samples.decision(1, 4, good=False))
    store.save_checks([samples.check(1), samples.check(2), samples.check(0, samples.key(9))])
    store.save_overrides([samples.override()])
    store.save_ramps([samples.ramp(samples.after(60))])
    state = store.load_state()
    store.close()
    again = open_store(file, CollectorRegistry())
    assert again.load_state() == state
    assert set(state.checks) == {samples.check(2), samples.check(0, samples.key(9))}
    assert state.overrides == (samples.override(),)
    assert state.ramps == (samples.ramp(samples.after(60)),)
    (last,) = state.steerings
    assert (last.newest, last.good) == (samples.steering(4), samples.steering(3))
    again.close()


def test_the_good_steering_is_remembered_across_restarts(file: Path, store: Store) -> None:
    store.record(samples.decision(0, 3))
    store.close()
    again = open_store(file, CollectorRegistry())
    again.record(samples.decision(1, 4, good=False))
    (now,) = again.load_state().steerings
    again.close()
    last = open_store(file, CollectorRegistry())
    assert last.load_state().steerings == (now,)
    assert (now.newest, now.good) == (samples.steering(4), samples.steering(3))
    last.close()


def test_lifted_overrides_are_gone(store: Store, file: Path) -> None:
    store.save_overrides([samples.override()])
    eventually(lambda: rows(file, "SELECT * FROM override_state"))
    store.save_overrides([])
    assert store.load_state().overrides == ()
    eventually(lambda: not rows(file, "SELECT * FROM override_state"))
    assert store.load_state().overrides == ()


def test_ramps_that_are_followed_no_longer_are_gone(store: Store, file: Path) -> None:
    store.save_ramps([samples.ramp()])
    eventually(lambda: rows(file, "SELECT * FROM ramp_state"))
    assert store.load_state().ramps == (samples.ramp(),)
    store.save_ramps([])
    assert store.load_state().ramps == ()
    eventually(lambda: not rows(file, "SELECT * FROM ramp_state"))
    assert store.load_state().ramps == ()


def test_an_empty_database_is_an_empty_state(store: Store) -> None:
    assert store.load_state() == StoredState()


def test_only_the_newest_state_of_a_check_is_written(registry: CollectorRegistry, file: Path) -> None:
    store = open_store(file, registry)
    for failures in range(1000):
        store.save_checks([samples.check(failures)])
    store.close()
    assert value(registry, "gslb_state_written_total") < 500
    assert len(rows(file, "SELECT * FROM check_state")) == 1


def test_all_of_a_state_is_replaced_by_a_newer_one(file: Path) -> None:
    newer = replace(samples.check(2), report=None, level=1.0, latency=None, saved_at=99.0)
    for check in (samples.check(1), newer):
        store = open_store(file, CollectorRegistry())
        store.save_checks([check])
        store.close()
    again = open_store(file, CollectorRegistry())
    assert again.load_state().checks == (newer,)
    again.close()


def test_many_records_are_written_in_few_transactions(store: Store, written: Callable[[int], None]) -> None:
    commits: list[object] = []
    event.listen(store._database._engine, "commit", commits.append)
    for number in range(5000):
        store.record(samples.publication(number))
    written(5000)
    assert 10 <= len(commits) < 100


def test_rollups_are_written_at_the_end_and_continued_after_a_restart(file: Path, store: Store) -> None:
    store.roll_up(samples.KEY, samples.FAILED, samples.NOON)
    store.close()
    again = open_store(file, CollectorRegistry())
    again.roll_up(samples.KEY, samples.FINE, samples.after(59))
    again.roll_up(samples.KEY, samples.FINE, samples.after(60))
    again.close()
    query = "SELECT count, failures, latency_sum, latency_max FROM rollup ORDER BY minute_utc"
    assert rows(file, query) == [(2, 1, 0.502, 0.5), (1, 0, 0.002, 0.002)]


async def test_retention_deletes_bit_by_bit_what_is_older(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch, written: Callable[[int], None]
) -> None:
    monkeypatch.setattr("gslb.store.writes.CHUNK", 10)
    for number in range(95):
        store.record(samples.publication(number))
    store.record(samples.decision(0, 3))
    for seconds in (0, 60, 120):
        store.roll_up(samples.KEY, samples.FINE, samples.after(seconds))
    written(96)
    store.retain(samples.after(90))
    eventually(lambda: len(rows(file, "SELECT * FROM publication")) == 5)
    eventually(lambda: len(rows(file, "SELECT * FROM rollup")) == 1)
    assert await store.history(samples.AGES_AGO) == tuple(samples.publication(number) for number in range(90, 95))
    assert store.load_state().steerings == (steering_of(samples.decision(0, 3)),)


def test_values_that_cannot_be_stored_cost_nobody_else_anything(
    store: Store, registry: CollectorRegistry, file: Path
) -> None:
    store.record(replace(samples.order(0), expires_utc=NAIVE))
    store.record(replace(samples.order(0), reason="\udcff"))
    store.record(samples.publication(1))
    eventually(lambda: rows(file, "SELECT * FROM publication"))
    assert value(registry, "gslb_state_dropped_total") == 2


async def test_a_row_that_cannot_be_read_does_not_hide_the_others(
    store: Store, file: Path, written: Callable[[int], None]
) -> None:
    store.record(samples.decision(0, 1))
    store.record(samples.decision(1, 2))
    written(2)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("""UPDATE decision SET reasons = '[{"step": 1}]' WHERE at_utc LIKE '%12:00:00%'""")
    assert await store.history(samples.AGES_AGO) == (samples.decision(1, 2),)
