"""The odds of each answer agree with counting every answer there is."""

from fractions import Fraction
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from gslb.model.distribution import distribution
from gslb.model.names import EndpointName, RegionName
from gslb.model.steering import Group, RecordType, Rule, Steering, Target, groups_for
from tests.model.worlds import AAAA, NAME, A

_values = {A: ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"], AAAA: ["2001:db8::1", "2001:db8::2"]}
_targets = st.sampled_from(
    [Target((EndpointName(f"e/{value}"),), kind, value) for kind, values in _values.items() for value in values]
)
_groups = st.builds(
    Group, st.just(RegionName("istanbul")), st.integers(1, 9), st.lists(_targets, unique=True, max_size=6).map(tuple)
)


def steering(*groups: Group, answers: int = 4) -> Steering:
    return Steering(NAME, 30, 5, answers, (A, AAAA), (Rule(None, groups),))


_steerings = st.builds(
    lambda groups, answers: steering(*groups, answers=answers), st.lists(_groups, max_size=4), st.integers(1, 4)
)


def count_every_answer(given_: Steering, kind: RecordType) -> dict[str, Fraction]:
    """Lay out a group as often as it weighs, and for each all answers it can give."""
    able = groups_for(given_.rules[-1], kind)
    laid_out = [[t.value for t in group.targets] for group in able for _ in range(group.weight)]
    odds: dict[str, Fraction] = {}
    for group in laid_out:
        all_answers = list(combinations(group, min(given_.answers, len(group))))
        for value in (value for answer in all_answers for value in answer):
            odds[value] = odds.get(value, Fraction(0)) + Fraction(1, len(all_answers) * len(laid_out))
    return odds


@given(_steerings, st.sampled_from([A, AAAA]))
def test_the_odds_are_those_of_counting(given_: Steering, kind: RecordType) -> None:
    assert distribution(given_, kind) == count_every_answer(given_, kind)


@given(_steerings)
def test_with_single_answers_the_shares_add_up_to_one(given_: Steering) -> None:
    single = steering(*given_.rules[-1].groups, answers=1)
    for kind in (A, AAAA):
        odds = distribution(single, kind)
        assert sum(odds.values()) == (1 if odds else 0)


def test_weight_is_shared_by_region_and_not_by_address() -> None:
    one, two, three = (Target((), A, value) for value in _values[A][:3])
    groups = Group(RegionName("istanbul"), 60, (one, two)), Group(RegionName("ankara"), 40, (three,))
    assert distribution(steering(*groups, answers=1), A) == {
        one.value: Fraction(30, 100),
        two.value: Fraction(30, 100),
        three.value: Fraction(40, 100),
    }


def test_an_address_that_two_regions_share_has_both_their_odds() -> None:
    shared, other = Target((), A, "192.0.2.1"), Target((), A, "192.0.2.2")
    groups = Group(RegionName("istanbul"), 1, (shared,)), Group(RegionName("ankara"), 1, (shared, other))
    assert distribution(steering(*groups, answers=1), A) == {
        shared.value: Fraction(3, 4),
        other.value: Fraction(1, 4),
    }


def test_a_type_nobody_carries_has_no_odds() -> None:
    assert distribution(steering(Group(RegionName("istanbul"), 1, (Target((), A, "192.0.2.1"),))), AAAA) == {}
