"""Many checks together: spread over the interval, slow to start, fair where there are fewer slots than checks."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.model.observation import Observation
from gslb.model.pacing import START_RATE, Pace
from gslb.model.step import Condition
from tests.control.bench import key
from tests.control.fleet import Fleet, Seen
from tests.control.virtual import FAST, REFUSED, timed_out


def healthy(_name: str, _start: float, _limit: float) -> Observation:
    return FAST


def taking(seconds: float) -> Seen:
    return lambda *_: Observation(ok=True, latency=seconds)


@settings(max_examples=25)
@given(st.integers(1, 200), st.sampled_from([0.2, 1.0, 30.0]))
def test_after_the_first_round_checks_start_evenly_over_the_interval(number: int, interval: float) -> None:
    fleet = Fleet(number, Pace(interval=interval), healthy).run(4 * interval)
    for turn in (1, 2, 3):
        window = [start for start, _ in fleet.starts if turn - 1e-9 <= start / interval < turn + 1 - 1e-9]
        assert window == pytest.approx([interval * (turn + index / number) for index in range(number)])


@settings(max_examples=25)
@given(st.integers(1, 500), st.sampled_from([0.2, 1.0, 30.0]))
def test_the_first_round_is_quick_but_no_stampede(number: int, interval: float) -> None:
    """Nor does it take longer than an interval."""
    fleet = Fleet(number, Pace(interval=interval), healthy).run(interval)
    first = sorted(min(fleet.starts_of(name)) for name in fleet.names)
    gap = min(1 / START_RATE, interval / number)
    assert first == pytest.approx([index * gap for index in range(number)])


@settings(max_examples=25)
@given(st.integers(2, 30), st.integers(1, 30))
def test_what_is_added_later_is_spread_too_and_leaves_the_others_alone(before: int, more: int) -> None:
    fleet = Fleet(before + more, Pace(), healthy)
    names = fleet.names
    fleet.configure(names[:before])
    fleet.run(2.5)
    fleet.configure(names)
    fleet.run(3.5)
    for name in names:
        gaps = [after - start for start, after in pairwise(fleet.starts_of(name)[1:])]
        assert gaps == pytest.approx([1.0] * len(gaps))
    fresh = sorted(start for start, name in fleet.starts if name in names[before:] and start >= 5 - 1e-9)
    assert [after - start for start, after in pairwise(fresh[:more])] == pytest.approx([1 / more] * (more - 1))


@settings(max_examples=25)
@given(st.integers(1, 20), st.integers(1, 30), st.integers(0, 2**32))
def test_regular_attempts_of_one_check_never_overlap_and_never_are_there_more_than_slots(
    number: int, slots: int, seed: int
) -> None:
    random = Random(seed)

    def any_time(_name: str, _start: float, limit: float) -> Observation:
        return Observation(ok=True, latency=random.random() * limit)

    fleet = Fleet(number, Pace(interval=0.2, timeout=1.0), any_time, slots).run(10)
    assert fleet.most_of_one == 1
    assert fleet.most <= slots
    assert fleet.starts


@pytest.mark.parametrize("seconds", [0.02, 0.5, 0.95, 1.0, 1.1, 2.5])
@pytest.mark.parametrize(("number", "slots"), [(10, 1), (50, 3), (7, 7), (30, 29)])
def test_with_fewer_slots_than_checks_everyone_is_served_in_turn(number: int, slots: int, seconds: float) -> None:
    """However late that is by then: what is skipped for being late would never have a turn."""
    rounds = max(1.0, number * seconds / slots)
    fleet = Fleet(number, Pace(timeout=5.0), taking(seconds), slots).run(12 * rounds + 5)
    served = Counter(name for _, name in fleet.starts)
    assert min(served[name] for name in fleet.names) >= max(served.values()) - 2
    assert min(served.values()) >= 5
    for name in fleet.names:
        starts = fleet.starts_of(name)[1:]
        assert max(after - before for before, after in pairwise(starts)) <= rounds + seconds + 2


@settings(max_examples=25)
@given(st.integers(2, 20), st.integers(1, 5), st.integers(0, 2**32))
def test_nobody_starves_whatever_the_attempts_take_and_see(number: int, slots: int, seed: int) -> None:
    random = Random(seed)

    def anything(_name: str, _start: float, limit: float) -> Observation:
        kind = random.random()
        if kind < 0.2:
            return REFUSED
        return timed_out(limit) if kind < 0.4 else Observation(ok=True, latency=random.random() * limit)

    fleet = Fleet(number, Pace(interval=0.2, timeout=1.0, confirm_timeout=1.0), anything, slots).run(100)
    longest = (3 * number / slots + 3) * 1.0 + 1
    for name in fleet.names:
        starts = [0.0, *fleet.starts_of(name), 100.0]
        assert max(after - before for before, after in pairwise(starts)) <= longest
    assert fleet.most <= slots


def test_how_late_an_attempt_starts_is_told() -> None:
    """Two of three have to wait for the first, and the last for both."""
    fleet = Fleet(3, Pace(interval=30.0), taking(0.4), in_flight=1).run(2)
    assert fleet.late == pytest.approx([0.0, 0.399, 0.798])


def test_a_check_that_has_time_after_all_leaves_its_turn_and_keeps_its_phase() -> None:
    """The first is slower than usual and waits to be confirmed; but then it answers, before its turn has come."""
    slow, busy, other = names = [f"192.0.2.1:{port}" for port in (1, 2, 3)]

    def see(name: str, start: float, _limit: float) -> Observation:
        latencies = {slow: 0.5 if 29 < start < 31 else 0.02, busy: 21.0 if start > 9 else 0.02, other: 1.0}
        return Observation(ok=True, latency=latencies[name])

    fleet = Fleet(3, Pace(interval=30.0, timeout=25.0, hedge=0.1, confirm=0.2), see, in_flight=2).run(30.05)
    fleet.monitor.hurry([key(other)])
    fleet.run(65)
    assert fleet.names == names
    assert [start for start, _ in fleet.starts if 30.1 < start < 31.1] == pytest.approx([30.5])
    assert fleet.starts_of(slow) == pytest.approx([0, 30, 60, 90])


def test_a_black_hole_takes_no_more_than_its_share_of_the_slots() -> None:
    """Its confirming attempts overlap, but stay within their bound."""

    def see(name: str, _start: float, limit: float) -> Observation:
        return timed_out(limit) if name.endswith(":1") else FAST

    fleet = Fleet(10, Pace(), see, in_flight=4).run(20)
    assert fleet.states[next(key for key in fleet.states if key.target.endswith(":1"))].condition is Condition.DOWN
    assert fleet.most_of_one <= 2
    for name in fleet.names[1:]:
        assert len(fleet.starts_of(name)) == 21


def test_what_is_not_configured_any_more_leaves_its_turn_to_the_others() -> None:
    fleet = Fleet(5, Pace(), taking(0.4), in_flight=1).run(0.1)
    fleet.configure(fleet.names[:1])
    fleet.run(5)
    assert {name for start, name in fleet.starts if start > 0.1} <= {fleet.names[0]}
    assert len(fleet.starts_of(fleet.names[0])) >= 5
