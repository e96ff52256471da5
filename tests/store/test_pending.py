"""What waits to be written: bounded, coalesced, and kept until it is settled."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gslb.store.pending import Pending
from gslb.store.values import rollup_of
from tests.store import samples


@pytest.fixture
def drops() -> list[int]:
    return []


@pytest.fixture
def pending(drops: list[int]) -> Pending:
    return Pending(3, drops.append)


def test_a_full_queue_drops_the_oldest_and_counts_it(pending: Pending, drops: list[int]) -> None:
    for number in range(5):
        pending.put_record(samples.publication(number))
    assert list(pending.history().values()) == [samples.publication(number) for number in (2, 3, 4)]
    assert sum(drops) == 2


def test_states_are_bounded_too(pending: Pending, drops: list[int]) -> None:
    pending.put_checks(samples.check(0, samples.key(number)) for number in range(5))
    assert list(pending.checks()) == [samples.key(number) for number in (2, 3, 4)]
    assert sum(drops) == 2


def test_only_the_newest_state_of_a_check_waits(pending: Pending) -> None:
    pending.put_checks([samples.check(1), samples.check(2)])
    assert pending.batch(10).checks == (samples.check(2),)


def test_a_batch_is_bounded_and_begins_with_the_oldest(pending: Pending) -> None:
    for number in range(3):
        pending.put_record(samples.publication(number))
    assert [record for _, record in pending.batch(2).history] == [samples.publication(0), samples.publication(1)]


def test_a_batch_waits_until_it_is_settled(pending: Pending) -> None:
    pending.put_record(samples.decision(0, 1))
    pending.put_overrides([samples.override()])
    batch = pending.batch(10)
    assert pending.batch(10) == batch
    pending.settle(batch)
    assert pending.batch(10).empty


def test_what_was_replaced_while_being_written_still_waits(pending: Pending) -> None:
    pending.put_checks([samples.check(1)])
    pending.put_overrides([samples.override()])
    batch = pending.batch(10)
    pending.put_checks([samples.check(2)])
    pending.put_overrides([])
    pending.settle(batch)
    assert pending.batch(10).checks == (samples.check(2),)
    assert pending.batch(10).overrides == ()


def test_lifting_the_last_override_is_something_to_write(pending: Pending) -> None:
    pending.put_overrides([])
    assert not pending.batch(10).empty


def test_of_two_overrides_for_one_target_the_last_counts(pending: Pending) -> None:
    later = replace(samples.override(), reason="still at it")
    pending.put_overrides([samples.override(), later])
    assert pending.batch(10).overrides == (later,)


def test_records_dropped_while_being_written_do_not_take_others_with_them(pending: Pending) -> None:
    for number in range(3):
        pending.put_record(samples.publication(number))
    batch = pending.batch(3)
    for number in range(3, 5):
        pending.put_record(samples.publication(number))
    pending.settle(batch)
    assert list(pending.history().values()) == [samples.publication(3), samples.publication(4)]


def test_a_rollup_waits_for_the_end_of_its_minute(pending: Pending) -> None:
    for observation in (samples.FINE, samples.FAILED):
        pending.put_rollup(rollup_of(samples.KEY, observation, samples.NOON))
    assert pending.batch(10, samples.after(59)).empty
    (rollup,) = pending.batch(10, samples.after(60)).rollups
    assert (rollup.count, rollup.failures, rollup.latency_max) == (2, 1, 0.5)


def test_a_rollup_that_could_not_be_written_adds_up_with_what_came_since(pending: Pending) -> None:
    pending.put_rollup(rollup_of(samples.KEY, samples.FINE, samples.NOON))
    batch = pending.batch(10, samples.NOON + timedelta(hours=1))
    pending.put_rollup(rollup_of(samples.KEY, samples.FAILED, samples.NOON))
    pending.restore(batch)
    (rollup,) = pending.batch(10).rollups
    assert (rollup.count, rollup.failures) == (2, 1)
