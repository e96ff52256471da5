from collections import Counter
from fractions import Fraction
from math import gcd

from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.nameserver.order import LONGEST, smooth_order, windows

weights = st.lists(st.integers(1, 255), min_size=1, max_size=5)


def test_the_heavier_is_spread_between_the_lighter() -> None:
    assert smooth_order([5, 1, 1]) == (0, 0, 1, 0, 2, 0, 0)
    assert smooth_order([60, 40]) == (0, 1, 0, 1, 0)


@given(weights)
def test_each_has_exactly_its_share_of_a_cycle(given_weights: list[int]) -> None:
    divisor = gcd(*given_weights)
    assert Counter(smooth_order(given_weights)) == {i: w // divisor for i, w in enumerate(given_weights)}


@settings(max_examples=40)
@given(weights)
def test_no_one_is_ever_a_whole_turn_ahead_or_far_behind(given_weights: list[int]) -> None:
    total = sum(given_weights)
    had: Counter[int] = Counter()
    for turn, index in enumerate(smooth_order(given_weights), 1):
        had[index] += 1
        for i, weight in enumerate(given_weights):
            ahead = had[i] - Fraction(turn * weight, total)
            assert -max(1, len(given_weights) - 1) < ahead < 1


@settings(max_examples=20)
@given(st.lists(st.integers(200, 255), min_size=20, max_size=60))
def test_long_cycles_are_bounded_and_stay_near_the_weights(given_weights: list[int]) -> None:
    order = smooth_order(given_weights)
    assert len(order) <= LONGEST + len(given_weights)
    counts = Counter(order)
    for index, weight in enumerate(given_weights):
        assert abs(counts[index] / len(order) - weight / sum(given_weights)) < 0.001


def test_a_weight_too_small_for_a_bounded_cycle_still_has_its_turn() -> None:
    assert smooth_order([255] * 20 + [1]).count(20) == 1


@given(st.integers(1, 20), st.integers(1, 25))
def test_each_address_is_in_as_many_windows_and_leads_one(count: int, width: int) -> None:
    runs = windows(count, width)
    assert [run[0] for run in runs] == list(range(count))
    assert all(len(set(run)) == len(run) == min(count, width) for run in runs)
    assert set(Counter(index for run in runs for index in run).values()) == {min(count, width)}
