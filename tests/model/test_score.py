"""The score of an endpoint: availability x latency x headroom x errors, and the levels that decisions see."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.combine import Health
from gslb.model.latency import WARM_UP, Latency
from gslb.model.observation import HealthReport
from gslb.model.score import level_of, score, settle

_seconds = st.floats(0.0, 60.0)
_saturations = st.floats(0.0, 5.0)
_errors = st.floats(0.0, 1.0)
_reports = st.builds(HealthReport, saturation=_saturations, errors=_errors)


def warm(recent: float, usual: float) -> Latency:
    return Latency(recent, usual, usual, WARM_UP, 0.0)


_latencies = st.builds(warm, _seconds, _seconds)


@given(st.sampled_from(Health), st.none() | _latencies, st.none() | _reports)
def test_a_score_is_at_most_1_and_0_only_when_the_endpoint_cannot_answer(
    health: Health, latency: Latency | None, report: HealthReport | None
) -> None:
    value = score(health, latency, report)
    assert 0.0 <= value <= 1.0
    assert (value == 0.0) is (health in (Health.DOWN, Health.UNKNOWN))


@given(_seconds, st.floats(0.0, 1.0), st.floats(0.0, 0.8), st.floats(0.0, 0.01))
def test_usual_latency_moderate_load_and_few_errors_cost_nothing(
    usual: float, part: float, saturation: float, errors: float
) -> None:
    recent = part * max(1.5 * usual, usual + 0.020)
    report = HealthReport(saturation=saturation, errors=errors)
    assert score(Health.UP, warm(recent, usual), report) == 1.0


@pytest.mark.parametrize(
    ("recent", "usual", "expected"),
    [
        # far from here: the relative bound
        (0.150, 0.100, 1.0),
        (0.200, 0.100, 0.75),
        (0.300, 0.100, 0.5),
        # near by: the absolute one
        (0.030, 0.010, 1.0),
        (0.060, 0.010, 0.5),
        # never less than a quarter
        (9.000, 0.100, 0.25),
        # quicker than usual
        (0.010, 0.100, 1.0),
    ],
)
def test_latency_is_judged_against_its_own_past(recent: float, usual: float, expected: float) -> None:
    assert score(Health.UP, warm(recent, usual)) == pytest.approx(expected)


def test_latency_is_not_judged_before_there_are_samples_of_a_minute() -> None:
    assert score(Health.UP, Latency(9.0, 0.1, 0.1, WARM_UP - 0.1, 0.0)) == 1.0
    assert score(Health.UP, Latency(9.0, 0.1, 0.1, WARM_UP, 0.0)) == 0.25


@pytest.mark.parametrize(("saturation", "expected"), [(0.0, 1.0), (0.8, 1.0), (0.9, 0.625), (1.0, 0.25), (3.0, 0.25)])
def test_headroom_falls_in_a_straight_line_from_0_8_to_full(saturation: float, expected: float) -> None:
    assert score(Health.UP, None, HealthReport(saturation=saturation)) == pytest.approx(expected)


@pytest.mark.parametrize(("errors", "expected"), [(0.0, 1.0), (0.01, 1.0), (0.055, 0.625), (0.1, 0.25), (1.0, 0.25)])
def test_errors_cost_from_1_percent_on_and_most_at_10(errors: float, expected: float) -> None:
    assert score(Health.UP, None, HealthReport(errors=errors)) == pytest.approx(expected)


def test_what_is_slow_and_full_and_failing_is_worse_than_each() -> None:
    report = HealthReport(saturation=0.9, errors=0.055)
    assert score(Health.UP, warm(0.3, 0.1), report) == pytest.approx(0.5 * 0.625 * 0.625)


@given(_latencies, _reports, st.floats(0.0, 10.0), st.floats(0.0, 2.0), st.floats(0.0, 1.0))
def test_more_latency_load_or_errors_never_raise_the_score(
    latency: Latency, report: HealthReport, slower: float, busier: float, worse: float
) -> None:
    before = score(Health.UP, latency, report)
    assert score(Health.UP, warm(latency.recent + slower, latency.usual), report) <= before
    assert (
        score(Health.UP, latency, HealthReport(saturation=report.saturation + busier, errors=report.errors)) <= before
    )
    assert score(Health.UP, latency, HealthReport(saturation=report.saturation, errors=report.errors + worse)) <= before


# Levels

_scores = st.floats(0.0, 1.0)
_levels = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
_grid = st.integers(65, 1024 - 64).map(lambda part: part / 1024)
"""far enough from 0, which nothing has that serves at all"""
_tremor = st.lists(st.integers(-64, 64).map(lambda part: part / 1024), max_size=30)


@pytest.mark.parametrize(
    ("former", "newest", "settled"),
    [
        # held up to 3/16 away, the border included
        (1.0, 0.82, 1.0),
        (1.0, 0.8125, 1.0),
        (0.75, 0.9375, 0.75),
        # then the nearest
        (1.0, 0.81, 0.75),
        (1.0, 0.3, 0.25),
        (0.75, 0.94, 1.0),
        (0.25, 0.625, 0.75),
        # what serves at all keeps the lowest level
        (1.0, 0.01, 0.25),
        (0.25, 0.01, 0.25),
        # down, and back
        (1.0, 0.0, 0.0),
        (0.0, 0.0, 0.0),
        (0.0, 0.1, 0.25),
        (0.0, 0.9, 1.0),
    ],
)
def test_a_level_is_left_only_for_a_score_that_is_far_enough_away(former: float, newest: float, settled: float) -> None:
    assert settle(former, newest) == settled


@given(_levels, _scores)
def test_a_level_is_a_quarter_near_the_score_and_0_only_for_nothing(former: float, newest: float) -> None:
    level = settle(former, newest)
    assert level in {0.0, 0.25, 0.5, 0.75, 1.0}
    assert abs(level - newest) <= 0.25
    assert (level == 0.0) is (newest == 0.0)
    assert settle(level, newest) == level


@given(_levels, _grid, _tremor)
def test_a_score_that_trembles_by_a_sixteenth_moves_a_level_once_at_most(
    former: float, middle: float, tremor: list[float]
) -> None:
    levels = [settle(former, middle)]
    for shift in tremor:
        levels.append(settle(levels[-1], middle + shift))
    assert sum(one != other for one, other in pairwise(levels)) <= 1


@given(_scores, _scores)
def test_the_better_score_never_has_the_lower_level(one: float, other: float) -> None:
    assert level_of(min(one, other)) <= level_of(max(one, other))
