"""Regions with a part of their share: exactly as much as said, of all answers where they have them alone, or none."""

from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.branch import Branch, Candidate, Grown, Verdict
from gslb.model.names import RegionName
from gslb.model.portion import apportion
from gslb.model.steering import MAX_WEIGHT
from tests.policies.branches import branch, branches, candidate, regions

COMING = "coming back step by step"


def portions(**shares: float) -> dict[RegionName, Grown]:
    return {RegionName(name): Grown(share, COMING) for name, share in shares.items()}


def shares(after: Branch) -> dict[str, float]:
    """Of the answers of the first tier that has any."""
    total = sum(found.weight for found in after.first)
    return {found.region: found.weight / total for found in after.first}


def in_reserve(after: Branch) -> list[list[str]]:
    return [[found.region for found in tier] for tier in after.reserve]


def said(after: Branch) -> list[tuple[str, Verdict, str]]:
    return [(reason.subject, reason.verdict, reason.text) for reason in after.reasons if reason.step == "share"]


def test_a_region_has_that_part_of_its_weight_and_the_others_keep_their_proportions() -> None:
    before = branch((candidate("istanbul", 60), candidate("ankara", 20), candidate("izmir", 20)))
    after = apportion(before, portions(istanbul=0.5))
    assert shares(after) == pytest.approx({"istanbul": 30 / 70, "ankara": 20 / 70, "izmir": 20 / 70}, abs=0.005)
    assert said(after) == [("istanbul", Verdict.WEIGHT, f"50% of its share: {COMING}")]


def test_without_portions_nothing_changes() -> None:
    before = branch((candidate("istanbul", 60), candidate("ankara", 20)))
    assert apportion(before, {}) == before
    assert apportion(before, portions(bursa=0.5)) == before


@pytest.mark.parametrize("portion", [0.1, 0.25, 0.5, 0.75])
def test_a_region_with_all_the_answers_has_its_portion_of_all_and_those_behind_it_the_rest(portion: float) -> None:
    before = branch((candidate("istanbul", 7),), (candidate("ankara", 3), candidate("izmir", 1)))
    after = apportion(before, portions(istanbul=portion))
    assert regions(after) == [["istanbul", "ankara", "izmir"], []]
    found = shares(after)
    assert found["istanbul"] == pytest.approx(portion, abs=0.005)
    assert found["ankara"] == pytest.approx(3 * found["izmir"], rel=0.05)


def test_tiers_further_back_stay_where_they_are() -> None:
    before = branch((candidate("istanbul"),), (candidate("ankara"),), (candidate("izmir"),))
    assert regions(apportion(before, portions(istanbul=0.5))) == [["istanbul", "ankara"], [], ["izmir"]]
    assert regions(apportion(before, portions(ankara=0.5))) == [["istanbul"], ["ankara"], ["izmir"]]


def test_where_nobody_else_is_it_answers_all_the_same() -> None:
    assert shares(apportion(branch((candidate("istanbul", 7),)), portions(istanbul=0.1))) == {"istanbul": 1.0}


def test_a_portion_of_nothing_is_behind_everybody() -> None:
    before = branch((candidate("istanbul"), candidate("ankara")), (candidate("izmir"),))
    after = apportion(before, portions(istanbul=0.0))
    assert regions(after) == [["ankara"], ["izmir"]]
    assert in_reserve(after) == [["istanbul"], []]
    assert said(after) == [("istanbul", Verdict.STANDBY, f"behind all others: {COMING}")]


def test_in_reserve_tiers_stay_in_order() -> None:
    before = branch((candidate("istanbul"),), (candidate("ankara"), candidate("izmir")))
    after = apportion(before, portions(ankara=0.0, istanbul=0.0, izmir=0.0))
    assert in_reserve(after) == [["istanbul"], ["ankara", "izmir"]]
    assert [found.region for found in after.last_resort] == ["istanbul"]
    assert [found.region for found in apportion(before, portions(izmir=0.0)).last_resort] == ["izmir"]
    assert before.last_resort == ()


def test_who_waits_behind_one_that_climbs_is_in_reserve_behind_those_of_earlier_tiers() -> None:
    before = branch((), (candidate("istanbul"),), (candidate("ankara"),), (candidate("izmir"),))
    after = apportion(before, portions(istanbul=0.5, ankara=0.0, izmir=0.0))
    assert regions(after) == [[], ["istanbul"], [], []]
    assert in_reserve(after) == [[], ["ankara"], [], ["izmir"]]


def test_what_a_policy_has_put_in_reserve_stays_there() -> None:
    before = apportion(branch((candidate("istanbul"), candidate("ankara"))), portions(istanbul=0.0))
    assert apportion(before, portions(istanbul=0.5)) == before


@pytest.mark.parametrize("weights", [(0, 4), (4, 0)])
def test_weight_0_stays_weight_0_and_beside_it_nothing_need_be_given_up(weights: tuple[int, int]) -> None:
    before = branch((candidate("istanbul", weights[0]), candidate("ankara", weights[1])))
    after = apportion(before, portions(istanbul=0.5))
    assert [found.weight for found in after.tiers[0]] == list(weights)


def test_two_regions_may_have_portions_at_the_same_time() -> None:
    before = branch((candidate("istanbul", 100), candidate("ankara", 100), candidate("izmir", 100)))
    found = shares(apportion(before, portions(istanbul=0.5, ankara=0.25)))
    assert found == pytest.approx({"istanbul": 2 / 7, "ankara": 1 / 7, "izmir": 4 / 7}, abs=0.01)


_weights = st.integers(1, MAX_WEIGHT)
_portions = st.sampled_from([0.1, 0.25, 0.5, 0.75])


@given(st.lists(_weights, min_size=2, max_size=4), _portions)
def test_it_is_as_much_as_whole_weights_can_say(weights: list[int], portion: float) -> None:
    names = ("istanbul", "ankara", "izmir", "bursa")
    tier = tuple(candidate(name, weight) for name, weight in zip(names, weights, strict=False))
    after = apportion(branch(tier), portions(istanbul=portion))
    exact = {"istanbul": Fraction(portion) * weights[0]} | dict(
        zip(names[1:], map(Fraction, weights[1:]), strict=False)
    )
    total, largest = sum(exact.values()), max(exact.values())
    rounding = largest / MAX_WEIGHT / total  # half of one in 255 for each, but nobody who has any gets nothing
    for name, share in shares(after).items():
        assert abs(Fraction(share) - exact[name] / total) <= (len(exact) + 1) * rounding


_found: st.SearchStrategy[Mapping[RegionName, Grown]] = st.dictionaries(
    st.sampled_from(["istanbul", "ankara", "izmir"]).map(RegionName),
    st.sampled_from([0.0, 0.1, 0.5, 0.75]).map(lambda share: Grown(share, COMING)),
)


@given(branches(), _found)
def test_nobody_is_lost_nobody_is_added_and_weights_can_be_published(
    before: Branch, found: Mapping[RegionName, Grown]
) -> None:
    after = apportion(before, found)

    def names(candidates: tuple[Candidate, ...]) -> list[str]:
        return sorted(each.region for each in candidates)

    assert names(after.candidates) == names(before.candidates)
    assert all(0 <= each.weight <= MAX_WEIGHT for each in after.candidates)
    weighing = {each.region for each in before.candidates if each.weight}
    assert weighing == {each.region for each in after.candidates if each.weight}


@given(branches(), _found)
def test_only_regions_with_a_portion_lose_any_of_their_share(before: Branch, found: Mapping[RegionName, Grown]) -> None:
    after = apportion(before, found)
    for name in {each.region for each in after.first} & {each.region for each in before.first} - found.keys():
        if sum(each.weight for each in before.first) and sum(each.weight for each in after.first):
            assert shares(after)[name] >= shares(before)[name] - 0.02
