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

from gslb.model.exposure import NOTHING
from gslb.model.names import RegionName, ServiceName
from gslb.model.override import Kind
from gslb.model.record import SerialRecord
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


async def test_history_of_every_kind_is_read_back_in_the_order_in_which_it_was_recorded(
    store: Store, written: Callable[[int], None]
) -> None:
    records = samples.one_of_each()
    for record in records:
        store.record(record)
    assert await store.history(samples.AGES_AGO) == tuple(records)
    written(len(records))
    assert await store.history(samples.AGES_AGO) == tuple(records)


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


async def test_a_wall_clock_set_back_between_two_runs_does_not_show_effects_before_causes(
    file: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cause, effect = samples.transition(3600), samples.decision(0, 1)
    store.record(cause)
    store.close()
    monkeypatch.setattr("gslb.store.pending.time_ns", lambda: 1)
    with closing(open_store(file, CollectorRegistry())) as again:
        again.record(effect)
        assert await again.history(samples.AGES_AGO) == (cause, effect)
        assert await again.history(samples.AGES_AGO, limit=1) == (effect,)
    with closing(open_store(file, CollectorRegistry())) as last:
        assert await last.history(samples.AGES_AGO) == (cause, effect)
        assert await last.history(samples.AGES_AGO, limit=1) == (effect,)
        assert await last.history(samples.after(1)) == (cause,)


async def test_the_last_records_are_those_recorded_last_whatever_their_times(
    store: Store, written: Callable[[int], None]
) -> None:
    records = tuple(samples.publication(number) for number in (20, 21, 22, 1, 2, 3))
    for record in records:
        store.record(record)
    written(6)
    assert await store.history(samples.AGES_AGO, limit=4) == records[-4:]


def test_a_restart_begins_with_everything_that_was_saved(file: Path, store: Store) -> None:
    store.record(samples.decision(0, 3))
    store.record(samples.decision(1, 4, good=False))
    store.save_checks([samples.check(1), samples.check(2), samples.check(0, samples.key(9))])
    store.save_overrides([samples.override()])
    store.save_ramps([samples.ramp(samples.after(60))])
    store.save_exposures([samples.ledger(1), samples.ledger(2)])
    store.save_comebacks([samples.comeback()])
    store.save_serials([SerialRecord("example.com.", 2**32 - 1, "f" * 32), SerialRecord("example.net.", 7, "")])
    store.save_serials([SerialRecord("example.net.", 8, "0" * 32)])
    state = store.load_state()
    store.close()
    again = open_store(file, CollectorRegistry())
    assert again.load_state() == state
    assert set(state.checks) == {samples.check(2), samples.check(0, samples.key(9))}
    assert state.overrides == (samples.override(),)
    assert state.ramps == (samples.ramp(samples.after(60)),)
    assert state.exposures == (samples.ledger(1), samples.ledger(2))
    assert state.comebacks == (samples.comeback(),)
    assert {record.zone: record.serial for record in state.serials} == {"example.com.": 2**32 - 1, "example.net.": 8}
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
    store.save_ramps([replace(samples.ramp(), plan=None)])
    assert store.load_state().ramps == ()
    eventually(lambda: not rows(file, "SELECT * FROM ramp_state"))
    assert store.load_state().ramps == ()


def test_regions_that_have_come_all_the_way_back_are_gone(store: Store, file: Path) -> None:
    store.save_comebacks([samples.comeback()])
    eventually(lambda: rows(file, "SELECT * FROM comeback_state"))
    assert store.load_state().comebacks == (samples.comeback(),)
    store.save_comebacks([replace(samples.comeback(), state=None)])
    assert store.load_state().comebacks == ()
    eventually(lambda: not rows(file, "SELECT * FROM comeback_state"))
    assert store.load_state().comebacks == ()


def test_of_regions_on_their_way_only_those_put_in_change(store: Store, file: Path) -> None:
    one, other = samples.comeback(), replace(samples.comeback(), region=RegionName("bursa"))
    first, second = samples.ramp(), replace(samples.ramp(), region=RegionName("bursa"))
    store.save_comebacks([one, other])
    store.save_ramps([first, second])
    both = "SELECT service FROM comeback_state UNION ALL SELECT service FROM ramp_state"
    eventually(lambda: len(rows(file, both)) == 4)
    store.save_comebacks([replace(one, state=None)])
    store.save_ramps([replace(second, plan=None)])
    assert (store.load_state().comebacks, store.load_state().ramps) == ((other,), (first,))


def test_of_exposure_only_what_is_put_in_changes(store: Store, file: Path, written: Callable[[int], None]) -> None:
    store.save_exposures([samples.ledger(1), samples.ledger(2)])
    written(2)
    newer = samples.ledger(2, generation=9)
    store.save_exposures([newer])
    assert store.load_state().exposures == (samples.ledger(1), newer)
    written(3)
    assert store.load_state().exposures == (samples.ledger(1), newer)
    assert len(rows(file, "SELECT * FROM exposure_state")) == 2


def test_a_service_that_nobody_is_exposed_to_any_more_is_forgotten(store: Store, file: Path) -> None:
    store.save_exposures([samples.ledger(1), samples.ledger(2)])
    eventually(lambda: len(rows(file, "SELECT * FROM exposure_state")) == 2)
    store.save_exposures([samples.over(samples.ledger(1)), samples.over(samples.ledger(3))])
    assert store.load_state().exposures == (samples.ledger(2),)
    eventually(lambda: len(rows(file, "SELECT * FROM exposure_state")) == 1)
    assert store.load_state().exposures == (samples.ledger(2),)
    store.save_exposures([samples.ledger(1)])
    eventually(lambda: len(rows(file, "SELECT * FROM exposure_state")) == 2)


def test_orders_come_back_in_the_order_in_which_they_were_given(store: Store, file: Path) -> None:
    kinds = (Kind.OUT, Kind.TTL, Kind.DRAIN, Kind.FREEZE)
    given = tuple(samples.override(kind, target) for target in ("istanbul", "ankara") for kind in kinds)
    counted = tuple(order for order in given if order.kind is not Kind.OUT)  # a drain takes its place
    for orders in (tuple(reversed(given)), given):
        store.save_overrides(orders)
        eventually(lambda: not len(store._pending))
    assert store.load_state().overrides == counted
    store.close()
    file.with_suffix(".overrides.json").unlink()
    with closing(open_store(file, CollectorRegistry())) as again:
        assert again.load_state().overrides == counted


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


async def test_retention_deletes_history_of_every_kind(store: Store, written: Callable[[int], None]) -> None:
    records = samples.one_of_each()
    for record in (*records, *(replace(record, at_utc=samples.after(100)) for record in records)):
        store.record(record)
    written(2 * len(records))
    store.retain(samples.after(50))
    kept = tuple(replace(record, at_utc=samples.after(100)) for record in records)
    eventually(lambda: store._history(samples.AGES_AGO, 100) == kept)


def test_values_that_cannot_be_stored_cost_nobody_else_anything(
    store: Store, registry: CollectorRegistry, file: Path
) -> None:
    store.record(replace(samples.order(0), expires_utc=NAIVE))
    store.record(replace(samples.order(0), reason="\udcff"))
    store.save_exposures([replace(samples.ledger(), service=ServiceName("\udcff"), answers=NOTHING)])
    store.save_overrides([replace(samples.override(), reason="\udcff"), samples.override(Kind.TTL)])
    store.record(samples.publication(1))
    eventually(lambda: rows(file, "SELECT * FROM publication"))
    assert value(registry, "gslb_state_dropped_total") == 4
    assert store.load_state().overrides == (samples.override(Kind.TTL),)


async def test_a_row_that_cannot_be_read_does_not_hide_the_others(
    store: Store, file: Path, written: Callable[[int], None]
) -> None:
    store.record(samples.decision(0, 1))
    store.record(samples.decision(1, 2))
    written(2)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("""UPDATE decision SET reasons = '[{"step": 1}]' WHERE at_utc LIKE '%12:00:00%'""")
    assert await store.history(samples.AGES_AGO) == (samples.decision(1, 2),)
