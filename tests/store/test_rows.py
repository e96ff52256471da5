"""Every value comes back from a real table as it was put in; what no table would take is refused."""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from sqlalchemy import Connection, Table, create_engine, insert, select
from sqlmodel import SQLModel

from gslb.model.override import Kind
from gslb.model.record import HistoryRecord
from gslb.store import rows
from gslb.store.tables import RollupRow, SteeringRow, table_of
from gslb.store.values import Keyed, LastSteering, Whole, follow, newest, rollup_of, steering_of
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


@given(record=samples.states_to_restart_from)
def test_a_state_to_restart_from_survives_its_table(connection: Connection, record: Keyed | Whole) -> None:
    kind = type(record)
    assert rows.value_of(kind, through(connection, rows.STATES[kind], rows.row_of(record))) == record


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


def test_a_record_names_its_place_as_publications_there_do() -> None:
    assert samples.trouble(0).place == "aws-main/example.com"


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        rows.history_row(1, replace(samples.order(0), reason="\udcff"))


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**64])
def test_an_integer_that_no_column_holds_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        rows.history_row(1, replace(samples.order(0), value=value))


def test_a_float_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        rows.history_row(1, replace(samples.recovery(0), achieved=math.nan))


def test_of_two_orders_about_the_same_the_last_counts_and_is_the_newest() -> None:
    drain, up, ttl = samples.override(), samples.override(Kind.UP), samples.override(Kind.TTL)
    assert newest([drain, ttl, up]) == (ttl, up)


@pytest.mark.parametrize("other", [{"target": "ankara"}, {"service": "api.*"}])
def test_orders_about_different_things_stand_beside_each_other(other: dict[str, object]) -> None:
    one = samples.override()
    both = (one, replace(one, **other))  # type: ignore[arg-type]  # names of fields
    assert newest(both) == both


def test_a_decision_without_fit_endpoints_keeps_the_last_good_steering() -> None:
    good, bad = steering_of(samples.decision(0, 3)), steering_of(samples.decision(1, 4, good=False))
    both = follow(good, bad)
    assert (both.newest, both.good) == (samples.steering(4), samples.steering(3))
