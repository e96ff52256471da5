"""Recent and usual latency: what is forgotten when, and what noise and rare samples amount to."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.model.latency import AVERAGE, LONGEST, USUAL, WARM_UP, Latency, latency_bound, latency_factor, observe_latency
from gslb.model.score import settle

_seconds = st.floats(0.0, 60.0)
_latencies = st.builds(Latency, _seconds, _seconds, _seconds, st.floats(0.0, 10_000.0), st.just(0.0))


def observed(samples: list[float], *, start: Latency | None = None, interval: float = 1.0) -> Latency:
    """One sample each ``interval``, from a second after the newest on."""
    latency, at = start, start.at if start else 0.0
    for sample in samples:
        at += interval
        latency = observe_latency(latency, sample, at)
    assert latency is not None
    return latency


def settled(usual: float, at: float = 0.0) -> Latency:
    """After hours of it."""
    return Latency(usual, usual, usual, 36_000.0, at)


def test_the_first_sample_is_everything() -> None:
    assert observe_latency(None, 0.2, 7.0) == Latency(0.2, 0.2, 0.2, 0.0, 7.0)


def test_in_the_beginning_the_usual_latency_is_the_mean_of_all_samples() -> None:
    samples = [0.1 + index % 5 / 100 for index in range(500)]
    latency = observed(samples)
    assert latency.usual == latency.average == pytest.approx(sum(samples) / 500)


def test_half_of_the_past_is_gone_after_each_half_life() -> None:
    start = settled(0.100)
    assert observed([0.110] * 10, start=start).recent == pytest.approx(0.105)
    assert observed([0.110] * int(AVERAGE), start=start).average == pytest.approx(0.105)


def test_what_has_become_quicker_is_usual_within_minutes() -> None:
    latency = observed([0.050] * 1800, start=settled(0.100))
    assert latency.usual == latency.average == pytest.approx(0.05625)


def test_what_has_become_slower_is_not_usual_within_the_day() -> None:
    latency = observed([0.080] * 8640, start=settled(0.040), interval=10.0)
    assert latency.recent == pytest.approx(0.080)
    assert latency.usual == pytest.approx(0.080 - 0.040 * 0.5 ** (86_400 / USUAL), abs=0.0005)
    assert latency.usual < 0.045


@given(st.integers(0, 2**32))
def test_noise_does_not_make_less_usual_than_the_mean(seed: int) -> None:
    """Samples follow downwards much quicker than upwards: judged one by one they would lead to the lowest of them."""
    random = Random(seed)
    latency = observed([max(0.0, random.gauss(0.1, 0.02)) for _ in range(3000)])
    assert latency.usual == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize("interval", [1.0, 10.0, 60.0])
def test_two_outliers_in_a_row_are_not_yet_a_slow_endpoint(interval: float) -> None:
    """A retransmitted SYN takes a second."""
    start = settled(0.040)
    once = observed([1.0], start=start, interval=interval)
    assert once == observed([0.120], start=start, interval=interval)
    twice = observed([1.0], start=once, interval=interval)
    assert settle(1.0, latency_factor(once.recent, once.usual)) == 1.0
    assert settle(1.0, latency_factor(twice.recent, twice.usual)) == 1.0


def test_what_takes_a_second_again_and_again_is_believed_within_half_a_minute() -> None:
    latency = observed([1.0] * 30, start=settled(0.040))
    assert latency_factor(latency.recent, latency.usual) < 0.3
    assert observed([1.0] * 120, start=latency).recent == pytest.approx(1.0, rel=0.01)


@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_a_retransmitted_packet_in_a_hundred_moves_no_level_within_an_hour(seed: int) -> None:
    random, latency = Random(seed), settled(0.040)
    for _ in range(3600):
        sample = max(0.001, random.gauss(0.040, 0.008)) + (1.0 if random.random() < 0.01 else 0.0)
        latency = observed([sample], start=latency)
        assert settle(1.0, latency_factor(latency.recent, latency.usual)) == 1.0


def test_after_a_gap_the_first_sample_does_not_decide() -> None:
    start = settled(0.040)
    later = observe_latency(start, 0.090, start.at + 3600.0)
    assert later.recent == pytest.approx(0.040 + 0.050 * (1 - 0.5 ** (1 / 3)))
    assert later.average < 0.042
    assert later.sampled == start.sampled + LONGEST


def test_rare_samples_are_averaged_over_some_of_them() -> None:
    latency = observed([0.040] * 5, interval=60.0)
    assert latency.warm
    assert observed([0.080], start=latency, interval=60.0).recent < 0.050


@pytest.mark.parametrize(("interval", "samples"), [(1.0, 61), (10.0, 7), (300.0, 4)])
def test_a_minute_of_samples_is_warm(interval: float, samples: int) -> None:
    assert observed([0.1] * samples, interval=interval).warm
    assert not observed([0.1] * (samples - 1), interval=interval).warm
    assert WARM_UP == 60.0


@given(st.builds(settled, st.floats(0.001, 1.0)), st.floats(0.001, 1.0), st.lists(st.floats(0.01, 3.0), max_size=10))
def test_memory_fades_with_time_not_with_the_number_of_samples(
    start: Latency, sample: float, gaps: list[float]
) -> None:
    sample = min(sample, 2 * start.usual)
    many = start
    for gap in gaps:
        many = observe_latency(many, sample, many.at + gap)
    often = start
    for gap in gaps:
        often = observe_latency(often, sample, often.at + gap / 2)
        often = observe_latency(often, sample, often.at + gap / 2)
    assert (many.recent, many.average) == pytest.approx((often.recent, often.average))


@given(_latencies, _seconds, st.floats(0.0, 1000.0))
def test_an_average_stays_between_its_past_and_the_sample(start: Latency, sample: float, at: float) -> None:
    after = observe_latency(start, sample, at)
    sample = min(sample, 2 * max(start.recent, latency_bound(start.usual)))
    for before, now in ((start.recent, after.recent), (start.average, after.average)):
        assert min(before, sample) - 1e-9 <= now <= max(before, sample) + 1e-9
    assert min(start.usual, after.average) - 1e-9 <= after.usual <= max(start.usual, after.average) + 1e-9


def test_a_sample_from_the_past_leaves_the_averages_alone() -> None:
    start = settled(0.1, at=50.0)
    assert observe_latency(start, 9.0, 40.0) is start
