"""Scores move traffic by no more than they may at a time, on the straight way to where they want it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.names import RegionName
from gslb.model.shift import EXACT, Weights, limited, moved

NAMES = tuple(map(RegionName, ("istanbul", "ankara", "izmir", "bursa")))
_weights = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 255), min_size=1)
_most = st.fractions(0, 1)


def weights(**found: int) -> Weights:
    return {RegionName(name): weight for name, weight in found.items()}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (weights(istanbul=60, ankara=40), weights(istanbul=60, ankara=40), 0),
        (weights(istanbul=60, ankara=40), weights(istanbul=30, ankara=20), 0),
        (weights(istanbul=60, ankara=40), weights(istanbul=40, ankara=60), Fraction(1, 5)),
        (weights(istanbul=1, ankara=1), weights(istanbul=1), 0),  # ankara is lost
        (weights(istanbul=1), weights(istanbul=1, ankara=1), 0),  # ankara is back
        (weights(istanbul=2, ankara=1, izmir=1), weights(istanbul=1, ankara=1), Fraction(1, 6)),
        ({}, weights(istanbul=1), 0),
    ],
)
def test_what_moves_is_what_goes_elsewhere_among_those_that_stay(
    before: Weights, after: Weights, expected: Fraction
) -> None:
    assert moved(before, after) == expected


@given(_weights, _weights, _most)
def test_no_more_is_moved_than_may_be(before: Weights, wanted: Weights, most: Fraction) -> None:
    assert moved(before, limited(before, wanted, most)) <= most + EXACT


@given(_weights, _weights, _most)
def test_where_all_may_be_moved_it_is(before: Weights, wanted: Weights, most: Fraction) -> None:
    if moved(before, wanted) <= most:
        assert limited(before, wanted, most) == wanted


@given(_weights, _weights, st.fractions(Fraction(1, 20), 1))
def test_step_by_step_it_gets_where_it_wants_to_be(before: Weights, wanted: Weights, most: Fraction) -> None:
    for _ in range(30):
        before = limited(before, wanted, most)
    assert moved(before, wanted) <= EXACT


@given(_weights, _weights, _most)
def test_the_loss_of_a_region_is_not_slowed(before: Weights, wanted: Weights, most: Fraction) -> None:
    found = limited(before, wanted, most)
    assert {name for name, weight in found.items() if weight} == {name for name, weight in wanted.items() if weight}
    assert all(0 <= weight <= 255 for weight in found.values())


def test_a_region_that_is_back_gets_its_share_at_once() -> None:
    found = limited(weights(istanbul=1), weights(istanbul=60, ankara=40), Fraction(0))
    assert found == weights(istanbul=60, ankara=40)
