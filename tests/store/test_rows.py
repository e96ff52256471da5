"""Every value comes back from a real table as it was put in; what no table would take is refused."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from sqlalchemy import Connection, Table, create_engine, insert, select
from sqlmodel import SQLModel

from gslb.model.record import CheckRecord, HistoryRecord, OverrideRecord
from gslb.store import rows
from gslb.store.tables import CheckRow, OverrideRow, RollupRow, SteeringRow, table_of
from gslb.store.values import LastSteering, follow, rollup_of, steering_of
from tests.store import samples

NAIVE = datetime(2026, 5, 1)  # noqa: DTZ001  that is the point


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connected:
        SQLModel.metadata.create_all(connected)
        yield connected
    engine.dispose()


def through(connection: Connection, table: Table, row: rows.Row) -> rows.Columns:
    connection.execute(insert(table), [row])
    found = connection.execute(select(table)).mappings().one()
    connection.rollback()
    return found


@given(record=samples.history)
def test_a_record_of_history_survives_its_table(connection: Connection, record: HistoryRecord) -> None:
    table, row = rows.history_row(1, record)
    assert rows.value_of(type(record), through(connection, table, row)) == record


@given(record=samples.checks)
def test_the_state_of_a_check_survives_its_table(connection: Connection, record: CheckRecord) -> None:
    assert rows.value_of(CheckRecord, through(connection, table_of(CheckRow), rows.row_of(record))) == record


@given(record=samples.overrides)
def test_an_override_survives_its_table(connection: Connection, record: OverrideRecord) -> None:
    assert rows.value_of(OverrideRecord, through(connection, table_of(OverrideRow), rows.row_of(record))) == record


@pytest.mark.parametrize("good", [True, False])
def test_a_last_steering_survives_its_table(connection: Connection, *, good: bool) -> None:
    last = steering_of(samples.decision(0, 3, good=good))
    assert rows.value_of(LastSteering, through(connection, table_of(SteeringRow), rows.row_of(last))) == last


def test_a_rollup_is_stored_by_the_minute_in_utc(connection: Connection) -> None:
    at = datetime(2026, 5, 1, 15, 30, 59, tzinfo=timezone(timedelta(hours=3)))
    row = through(connection, table_of(RollupRow), rows.row_of(rollup_of(samples.KEY, samples.FAILED, at)))
    assert row["minute_utc"].isoformat() == "2026-05-01T12:30:00+00:00"
    assert (row["count"], row["failures"], row["latency_sum"], row["latency_max"]) == (1, 1, 0.5, 0.5)


def test_a_time_in_another_zone_is_stored_as_the_same_moment(connection: Connection) -> None:
    at = datetime(2026, 5, 1, 15, tzinfo=timezone(timedelta(hours=3)))
    table, row = rows.history_row(1, replace(samples.order(0), at_utc=at))
    found = through(connection, table, row)["at_utc"]
    assert found == at
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "record",
    [
        replace(samples.publication(0), at_utc=NAIVE),
        replace(samples.order(0), expires_utc=NAIVE),
        replace(samples.transition(0), evidence=(replace(samples.transition(0).evidence[0], at_utc=NAIVE),)),
    ],
)
def test_a_time_without_zone_is_refused(record: HistoryRecord) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        rows.history_row(1, record)


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        rows.history_row(1, replace(samples.order(0), reason="\udcff"))


def test_a_decision_without_fit_endpoints_keeps_the_last_good_steering() -> None:
    good, bad = steering_of(samples.decision(0, 3)), steering_of(samples.decision(1, 4, good=False))
    both = follow(good, bad)
    assert (both.newest, both.good) == (samples.steering(4), samples.steering(3))
