"""Checks start spread over one interval and keep their phase."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.pacing import next_regular, spread


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
