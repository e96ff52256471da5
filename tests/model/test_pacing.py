"""When attempts are due: spread over one interval, in phase, backed off, hedged; and how long a vote lasts."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.pacing import (
    START_RATE,
    Pace,
    RoundTrip,
    backed_off,
    expires_after,
    first_attempt,
    hedge_after,
    next_regular,
    observe_round_trip,
    spread,
)
from gslb.model.step import Condition, ProbeState, Thresholds


@given(st.integers(1, 50), st.sampled_from([0.25, 1.0, 30.0]))
def test_first_attempts_lie_evenly_within_one_interval(count: int, interval: float) -> None:
    starts = [spread(index, count, interval) for index in range(count)]
    gaps = [after - before for before, after in pairwise([*starts, interval])]
    assert starts[0] == 0.0
    assert gaps == pytest.approx([interval / count] * count)


def test_no_checks_at_all_need_no_delay() -> None:
    assert spread(0, 0, 1.0) == 0.0


@given(st.integers(0, 400), st.integers(1, 40), st.integers(0, 4000))
def test_the_next_attempt_is_the_first_one_in_phase_after_now(phase: int, interval: int, now: int) -> None:
    """In quarters of a second, which floats hold exactly."""
    due = next_regular(phase / 4, interval / 4, now / 4)
    assert now / 4 < due <= (now + interval) / 4 or due == phase / 4 > now / 4
    assert ((due - phase / 4) / (interval / 4)).is_integer()


@given(st.floats(0.0, 1e5), st.sampled_from([0.1, 0.2, 0.3, 1.0, 5.0]))
def test_attempts_that_start_exactly_when_due_lie_an_interval_apart(phase: float, interval: float) -> None:
    """As on a virtual clock, where rounding must not make the same attempt due twice."""
    due = phase
    for _ in range(10):
        due, before = next_regular(phase, interval, due), due
        assert due - before == pytest.approx(interval, rel=1e-3)


_paces = st.builds(
    Pace,
    interval=st.sampled_from([0.1, 0.25, 1.0, 30.0]),
    timeout=st.sampled_from([0.1, 0.5, 2.0]),
    confirm_timeout=st.sampled_from([0.1, 0.5]),
    hedge=st.none() | st.floats(0.001, 3.0),
    backoff=st.sampled_from([0.0, 0.2, 5.0, 60.0, 300.0]),
    thresholds=st.builds(Thresholds, fall=st.integers(1, 5)),
)
_latencies = st.lists(st.floats(0.0, 3.0), max_size=30)


def estimate(latencies: list[float]) -> RoundTrip | None:
    usual = None
    for latency in latencies:
        usual = observe_round_trip(usual, latency)
    return usual


@given(_paces, st.floats(-1.0, 1e6))
def test_backing_off_is_by_whole_intervals_and_bounded(pace: Pace, down_for: float) -> None:
    interval = backed_off(pace, down_for)
    turns = interval / pace.interval
    assert turns == pytest.approx(round(turns))
    assert pace.interval <= interval <= max(pace.interval, pace.backoff) * (1 + 1e-5)


@given(_paces, st.floats(0.0, 1e5), st.floats(0.0, 1e5))
def test_what_has_been_down_for_longer_is_never_tried_more_often(pace: Pace, one: float, other: float) -> None:
    assert backed_off(pace, min(one, other)) <= backed_off(pace, max(one, other))


@pytest.mark.parametrize(
    ("down_for", "interval"),
    [(0.0, 1.0), (10.0, 1.0), (19.9, 1.0), (20.0, 2.0), (39.0, 3.0), (299.0, 29.0), (300.0, 30.0), (9e9, 30.0)],
)
def test_the_interval_is_a_tenth_of_the_time_that_it_has_been_down(down_for: float, interval: float) -> None:
    assert backed_off(Pace(interval=1.0, backoff=30.0), down_for) == pytest.approx(interval)


def test_without_backoff_it_is_tried_at_every_interval() -> None:
    assert backed_off(Pace(interval=2.0), 9e9) == 2.0


@given(_paces, st.floats(0, 400), st.floats(0, 4000), st.floats(0, 4000))
def test_backing_off_keeps_the_phase(pace: Pace, phase: float, later: float, down_for: float) -> None:
    now, interval = phase + later, backed_off(pace, down_for)
    due = next_regular(phase, interval, now)
    turns = (due - phase) / pace.interval
    assert turns == pytest.approx(round(turns), abs=1e-4)
    assert now < due <= now + interval * (1 + 2e-6)


@given(st.integers(1, 5000), st.sampled_from([0.25, 1.0, 30.0]))
def test_first_attempts_come_in_order_no_faster_than_the_start_rate_and_within_one_interval(
    count: int, interval: float
) -> None:
    delays = [first_attempt(index, count, interval) for index in range(count)]
    assert delays[0] == 0.0
    assert delays == sorted(delays)
    gap = min(interval / count, 1 / START_RATE)
    assert [after - before for before, after in pairwise(delays)] == pytest.approx([gap] * (count - 1))
    assert delays[-1] < interval


@given(_paces)
def test_a_vote_outlives_two_lost_attempts_whatever_the_pace(pace: Pace) -> None:
    """The next result comes an interval and a time limit after the one before, at worst."""
    for state in (ProbeState(), ProbeState(Condition.UP), ProbeState(Condition.DOWN, since=0.0)):
        down = state.condition is Condition.DOWN
        interval = backed_off(pace, math.inf) if down else pace.interval
        limit = max(pace.timeout, pace.confirm_timeout)
        assert expires_after(pace, state) >= 2 * interval + limit
        assert expires_after(pace, state) <= 3 * max(interval, pace.backoff if down else 0) + limit + 1e-9


@given(_latencies, _paces)
def test_hedging_comes_after_the_usual_and_before_the_time_limit(latencies: list[float], pace: Pace) -> None:
    usual = estimate(latencies)
    after = hedge_after(pace, usual)
    if usual is None or pace.hedge is None or pace.thresholds.fall == 1:
        assert after is None
    elif after is None:
        assert max(usual.smoothed + pace.hedge, usual.bound) >= pace.timeout
    else:
        assert usual.smoothed + pace.hedge <= after < pace.timeout
        assert usual.bound <= after


def test_the_margin_is_larger_where_the_latency_varies_by_nature() -> None:
    pace = Pace(timeout=2.0, hedge=0.1)
    assert hedge_after(pace, RoundTrip(0.1, 0.001)) == pytest.approx(0.2)
    assert hedge_after(pace, RoundTrip(0.1, 0.1)) == pytest.approx(0.5)
    assert hedge_after(pace, RoundTrip(0.1, 0.5)) is None


@given(_latencies.filter(bool))
def test_the_usual_latency_is_estimated_as_rfc_6298_has_it(latencies: list[float]) -> None:
    """Section 2: alpha is 1/8, beta is 1/4, and the deviation is taken from the mean as it was before."""
    srtt, rttvar = latencies[0], latencies[0] / 2
    for latency in latencies[1:]:
        rttvar = 0.75 * rttvar + 0.25 * abs(srtt - latency)
        srtt = 0.875 * srtt + 0.125 * latency
    usual = estimate(latencies)
    assert usual is not None
    assert usual.smoothed == pytest.approx(srtt)
    assert usual.deviation == pytest.approx(rttvar)
    assert usual.bound == pytest.approx(srtt + 4 * rttvar)
