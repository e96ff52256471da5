"""What waits to be written: bounded, coalesced, and kept until it is settled."""

from datetime import timedelta

import pytest

from gslb.model.record import CheckRecord, ComebackRecord, ExposureStateRecord, OverrideRecord, RampRecord
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
    pending.put_states(samples.check(0, samples.key(number)) for number in range(5))
    assert list(pending.states(CheckRecord)) == [samples.key(number) for number in (2, 3, 4)]
    assert sum(drops) == 2


def test_each_kind_of_state_has_a_bound_of_its_own(pending: Pending, drops: list[int]) -> None:
    pending.put_states(samples.check(0, samples.key(number)) for number in range(3))
    pending.put_states(samples.ledger(number) for number in range(3))
    assert sum(drops) == 0
    pending.put_states([samples.over(samples.ledger(3))])
    assert list(pending.states(ExposureStateRecord)) == [samples.ledger(number).service for number in (1, 2, 3)]
    assert sum(drops) == 1


def test_only_the_newest_state_of_a_check_waits(pending: Pending) -> None:
    pending.put_states([samples.check(1), samples.check(2)])
    assert pending.batch(10).states[CheckRecord] == (samples.check(2),)


def test_a_batch_is_bounded_and_begins_with_the_oldest(pending: Pending) -> None:
    for number in range(3):
        pending.put_record(samples.publication(number))
    assert [record for _, record in pending.batch(2).history] == [samples.publication(0), samples.publication(1)]


def test_a_batch_waits_until_it_is_settled(pending: Pending) -> None:
    pending.put_record(samples.decision(0, 1))
    pending.put_whole(OverrideRecord, (samples.override(),))
    batch = pending.batch(10)
    assert pending.batch(10) == batch
    pending.settle(batch)
    assert pending.batch(10).empty


def test_what_was_replaced_while_being_written_still_waits(pending: Pending) -> None:
    pending.put_states([samples.check(1)])
    pending.put_whole(OverrideRecord, (samples.override(),))
    batch = pending.batch(10)
    pending.put_states([samples.check(2)])
    pending.put_whole(OverrideRecord, ())
    pending.settle(batch)
    assert pending.batch(10).states[CheckRecord] == (samples.check(2),)
    assert pending.batch(10).wholes[OverrideRecord] == ()


def test_lifting_the_last_override_is_something_to_write(pending: Pending) -> None:
    pending.put_whole(OverrideRecord, ())
    assert not pending.batch(10).empty


def test_states_of_one_kind_do_not_replace_those_of_another(pending: Pending) -> None:
    pending.put_whole(OverrideRecord, (samples.override(),))
    pending.put_states([samples.comeback(), samples.ramp()])
    assert pending.whole(OverrideRecord) == (samples.override(),)
    assert list(pending.states(ComebackRecord).values()) == [samples.comeback()]
    assert list(pending.states(RampRecord).values()) == [samples.ramp()]
    assert len(pending) == 3


def test_identities_rise_although_the_wall_clock_was_set_back(
    pending: Pending, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, at in enumerate((5000, 1000, 9000)):
        monkeypatch.setattr("gslb.store.pending.time_ns", lambda at=at: at)
        pending.put_record(samples.publication(number))
    assert list(pending.history()) == [5000, 5001, 9000]


def test_identities_go_on_after_those_of_an_earlier_run(pending: Pending) -> None:
    future = 2**62
    pending.go_on_after(future)
    pending.put_record(samples.publication(0))
    assert list(pending.history()) == [future + 1]


def test_what_waits_already_comes_after_what_is_in_the_database(pending: Pending) -> None:
    future = 2**62
    for number in range(2):
        pending.put_record(samples.publication(number))
    pending.go_on_after(future)
    pending.put_record(samples.publication(2))
    assert pending.history() == {future + 1 + number: samples.publication(number) for number in range(3)}


def test_what_waits_keeps_identities_that_are_late_enough(pending: Pending) -> None:
    pending.put_record(samples.publication(0))
    before = pending.history()
    pending.go_on_after(1)
    assert pending.history() == before


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
