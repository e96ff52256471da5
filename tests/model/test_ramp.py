"""A share grows step by step, is taken back when that does harm, and stays so."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.fitness import Fitness, Standing
from gslb.model.ramp import Climb, Ramp, climb, harm, next_step, share
from tests.model.worlds import down, gateway

PLAN = Ramp((0.01, 0.05, 0.25), 600.0)
_times = st.lists(st.floats(0, 3000), min_size=1, max_size=20).map(sorted)


def test_it_begins_when_the_region_is_in_service() -> None:
    assert climb(None, PLAN, ready=False, harm=None, now=5.0) is None
    assert climb(None, PLAN, ready=True, harm="down", now=5.0) is None
    assert climb(None, PLAN, ready=True, harm=None, now=5.0) == Climb(PLAN, 5.0)
    assert share(None, 5.0) == 0.0


@pytest.mark.parametrize(
    ("now", "expected", "then"),
    [(0, 0.01, 600), (599.9, 0.01, 600), (600, 0.05, 1200), (1199, 0.05, 1200), (1200, 0.25, None), (9e9, 0.25, None)],
)
def test_each_step_lasts_its_time_and_the_last_one_stays(now: float, expected: float, then: float | None) -> None:
    begun = Climb(PLAN, 0.0)
    assert share(begun, now) == expected
    assert next_step(begun, now) == then


def test_harm_takes_it_back_and_nothing_but_a_new_plan_lets_it_begin_again() -> None:
    begun = Climb(PLAN, 0.0)
    back = climb(begun, PLAN, ready=True, harm="edge down: timeout", now=700.0)
    assert back == replace(begun, withdrawn=700.0, reason="edge down: timeout")
    assert climb(back, PLAN, ready=True, harm=None, now=800.0) == back
    assert climb(back, PLAN, ready=True, harm="another", now=800.0) == back
    assert (share(back, 800.0), next_step(back, 800.0)) == (0.0, None)
    other = replace(PLAN, every=60.0)
    assert climb(back, other, ready=True, harm=None, now=900.0) == Climb(other, 900.0)
    assert climb(back, other, ready=False, harm=None, now=900.0) is None


@given(_times)
def test_without_harm_a_share_never_falls_and_changes_only_when_it_said_so(times: list[float]) -> None:
    state, last = climb(None, PLAN, ready=True, harm=None, now=times[0]), 0.0
    expected = next_step(state, times[0])
    for now in times:
        state = climb(state, PLAN, ready=False, harm=None, now=now)
        found = share(state, now)
        assert found >= last
        if last and found != last:
            assert expected is not None
            assert expected <= now + 1e-3
        last, expected = found, next_step(state, now)


def up(score: float = 1.0) -> tuple[Fitness, Standing]:
    return Fitness.IN_SERVICE, gateway("192.0.2.1", score=score)


def test_an_endpoint_that_is_down_is_harm_with_its_reason() -> None:
    failed = (Fitness.DOWN, down("192.0.2.2", detail="edge down: refused"))
    assert harm([up(), failed], [up()]) == "edge down: refused"
    assert harm([(Fitness.DOWN, down("192.0.2.2"))], []) == "an endpoint is down"


def test_what_people_have_drained_is_no_harm() -> None:
    assert harm([(Fitness.OUT, gateway("192.0.2.2", score=0.25))], [up()]) is None


@given(st.floats(0.25, 1.0), st.floats(0.25, 1.0))
def test_a_score_is_harm_once_it_is_a_quarter_behind_the_others(own: float, others: float) -> None:
    assert (harm([up(own)], [up(others)]) is not None) is (own <= others - 0.25)
    assert harm([up(own)], []) is None
