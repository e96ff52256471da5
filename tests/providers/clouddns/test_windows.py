"""Weighted answers give each target as often as the steering means."""

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.distribution import distribution
from gslb.model.names import RegionName
from gslb.model.steering import Group, Rule, Steering, Target
from providers.clouddns.windows import MAX_WEIGHT, proportions, shares_of, weights_of
from tests.providers.clouddns.steerings import A, groups
from tests.providers.clouddns.support import API


def group(name: str, weight: int, *values: str) -> Group:
    return Group(RegionName(name), weight, tuple(Target((), A, value) for value in values))


several = groups((A,), 1, 8, 4)
widths = st.integers(1, 9)


@given(several, widths)
def test_each_value_is_in_as_many_answers_as_it_should(given_: Sequence[Group], answers: int) -> None:
    shares = proportions(shares_of(given_, answers))
    odds: dict[str, Fraction] = {}
    for values, share in shares.items():
        for value in values:
            odds[value] = odds.get(value, Fraction(0)) + share
    assert odds == distribution(Steering(API, 30, 5, answers, (A,), (Rule(None, tuple(given_)),)), A)


@given(several, widths)
def test_an_answer_has_different_values_in_order_and_not_too_many(given_: Sequence[Group], answers: int) -> None:
    for values in shares_of(given_, answers):
        assert list(values) == sorted(set(values))
        assert len(values) <= answers


@given(several, widths)
def test_weights_are_in_proportion_and_whole_wherever_they_can_be(given_: Sequence[Group], answers: int) -> None:
    shares = shares_of(given_, answers)
    weights = weights_of(shares)
    assert all(0 < weight <= MAX_WEIGHT for weight in weights.values())
    total = Fraction(0) + sum(Fraction(weight) for weight in weights.values())
    off = [abs(Fraction(weights[values]) / total - share) for values, share in proportions(shares).items()]
    whole = all(isinstance(weight, int) for weight in weights.values())
    assert max(off) <= (0 if whole else Fraction(1, 10**12))
    if not whole:
        numerators = [int(share * lcm(*(each.denominator for each in shares.values()))) for share in shares.values()]
        assert max(numerators) // gcd(*numerators) > MAX_WEIGHT


def test_weights_stay_what_they_were_called() -> None:
    assert weights_of(shares_of([group("a", 60, "192.0.2.1"), group("b", 40, "192.0.2.2")], 4)) == {
        ("192.0.2.1",): 60,
        ("192.0.2.2",): 40,
    }


def test_three_addresses_of_which_two_are_given_are_three_answers() -> None:
    shares = shares_of([group("a", 2, "192.0.2.1", "192.0.2.2", "192.0.2.3"), group("b", 1, "192.0.2.9")], 2)
    assert weights_of(shares) == {
        ("192.0.2.1", "192.0.2.2"): 2,
        ("192.0.2.1", "192.0.2.3"): 2,
        ("192.0.2.2", "192.0.2.3"): 2,
        ("192.0.2.9",): 3,
    }


def test_four_addresses_of_which_two_are_given_need_two_answers_only() -> None:
    assert len(shares_of([group("a", 1, *(f"192.0.2.{number}" for number in range(4)))], 2)) == 2


def test_the_same_answer_of_two_regions_is_there_once() -> None:
    shares = shares_of([group("a", 2, "192.0.2.1"), group("b", 3, "192.0.2.1"), group("c", 4, "192.0.2.2")], 4)
    assert weights_of(shares) == {("192.0.2.1",): 5, ("192.0.2.2",): 4}


@pytest.mark.parametrize("count", [4, 5])
def test_weights_that_grow_beyond_what_is_taken_are_made_smaller(count: int) -> None:
    same = [group(str(number), 255, "192.0.2.1") for number in range(count)]
    weights = weights_of(shares_of([*same, group("x", 254, "192.0.2.2")], 4))
    assert max(weights.values()) <= MAX_WEIGHT
    assert Fraction(weights["192.0.2.1",]) / Fraction(weights["192.0.2.2",]) == pytest.approx(count * 255 / 254)
