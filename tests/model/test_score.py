"""The score of an endpoint: availability x latency x headroom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.combine import Health
from gslb.model.score import Latency, observe_latency, score, settle

_seconds = st.floats(0.0, 60.0)
_saturations = st.floats(0.0, 5.0)
_latencies = st.builds(Latency, _seconds, _seconds, st.just(0.0))


@given(st.sampled_from(Health), st.none() | _latencies, _saturations)
def test_a_score_is_at_most_1_and_0_only_when_the_endpoint_cannot_answer(
    health: Health, latency: Latency | None, saturation: float
) -> None:
    value = score(health, latency, saturation)
    assert 0.0 <= value <= 1.0
    assert (value == 0.0) is (health in (Health.DOWN, Health.UNKNOWN))


@given(_seconds, st.floats(0.0, 1.0), st.floats(0.0, 0.8))
def test_usual_latency_and_moderate_load_cost_nothing(usual: float, part: float, saturation: float) -> None:
    recent = part * max(2 * usual, usual + 0.050)
    assert score(Health.UP, Latency(recent, usual, 0.0), saturation) == 1.0


@pytest.mark.parametrize(
    ("recent", "usual", "expected"),
    [
        (0.200, 0.100, 1.0),
        (0.400, 0.100, 0.5),
        (0.060, 0.010, 1.0),
        (0.120, 0.010, 0.5),
        (9.000, 0.100, 0.25),
        (0.400, 0.300, 1.0),
    ],
)
def test_latency_is_judged_against_its_own_past(recent: float, usual: float, expected: float) -> None:
    assert score(Health.UP, Latency(recent, usual, 0.0), 0.0) == pytest.approx(expected)


@pytest.mark.parametrize(("saturation", "expected"), [(0.0, 1.0), (0.8, 1.0), (0.9, 0.625), (1.0, 0.25), (3.0, 0.25)])
def test_headroom_falls_in_a_straight_line_from_0_8_to_full(saturation: float, expected: float) -> None:
    assert score(Health.UP, None, saturation) == pytest.approx(expected)


@given(_latencies, _saturations, st.floats(0.0, 10.0), st.floats(0.0, 2.0))
def test_more_latency_or_more_load_never_raises_the_score(
    latency: Latency, saturation: float, slower: float, busier: float
) -> None:
    before = score(Health.UP, latency, saturation)
    assert score(Health.UP, Latency(latency.recent + slower, latency.usual, 0.0), saturation) <= before
    assert score(Health.UP, latency, saturation + busier) <= before


def test_the_first_sample_is_both_recent_and_usual() -> None:
    assert observe_latency(None, 0.2, 7.0) == Latency(0.2, 0.2, 7.0)


def test_half_of_the_past_is_gone_after_each_half_life() -> None:
    start = Latency(0.0, 0.0, 100.0)
    assert observe_latency(start, 1.0, 110.0).recent == pytest.approx(0.5)
    assert observe_latency(start, 1.0, 700.0).usual == pytest.approx(0.5)


@given(_latencies, _seconds, st.lists(st.floats(0.01, 30.0), min_size=1, max_size=10))
def test_memory_fades_with_time_not_with_the_number_of_samples(
    start: Latency, sample: float, gaps: list[float]
) -> None:
    many = start
    for gap in gaps:
        many = observe_latency(many, sample, many.at + gap)
    once = observe_latency(start, sample, many.at)
    assert (many.recent, many.usual) == pytest.approx((once.recent, once.usual), abs=1e-9)


@given(_latencies, _seconds, st.floats(0.0, 1000.0))
def test_an_average_stays_between_its_past_and_the_sample(start: Latency, sample: float, at: float) -> None:
    after = observe_latency(start, sample, at)
    for before, now in ((start.recent, after.recent), (start.usual, after.usual)):
        assert min(before, sample) - 1e-9 <= now <= max(before, sample) + 1e-9


def test_a_sample_from_the_past_leaves_the_averages_alone() -> None:
    start = Latency(0.1, 0.1, 50.0)
    assert observe_latency(start, 9.0, 40.0) == start


@pytest.mark.parametrize(
    ("former", "newest", "settled"),
    [(1.0, 0.9, 1.0), (1.0, 0.8, 0.8), (0.75, 0.76, 0.75), (0.5, 0.0, 0.0), (0.0, 0.05, 0.05), (0.05, 0.0, 0.0)],
)
def test_a_score_is_taken_as_changed_only_when_it_has_moved_enough_or_gone(
    former: float, newest: float, settled: float
) -> None:
    assert settle(former, newest) == settled
