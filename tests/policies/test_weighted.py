"""weighted: traffic in proportion to weight x score, the score in quarters rounded to the nearest."""

import math
from dataclasses import replace

import pytest
from hypothesis import given

from gslb.model.branch import Branch, Candidate, Signals, Verdict
from gslb.model.names import RegionName
from gslb.model.steering import MAX_WEIGHT, Group, Pick, Rule, Steering
from policies.weighted import Weighted
from tests.model.worlds import gateway, shares, world
from tests.policies.branches import CONTEXT, branch, branches, candidate, run, weights

STEP = (Weighted(),)


@pytest.mark.parametrize(
    ("base", "scores", "expected"),
    [
        # full scores: the base weights as they stand, not in lowest terms
        ((60, 40), (1.0, 1.0), [60, 40]),
        ((2, 2), (1.0, 1.0), [2, 2]),
        # each level
        ((60, 40), (1.0, 0.75), [2, 1]),
        ((60, 40), (1.0, 0.5), [3, 1]),
        ((60, 40), (1.0, 0.25), [6, 1]),
        # between two levels, as the mean of several endpoints may be: the nearest, and of two the upper one
        ((255, 1), (1.0, 0.875), [255, 1]),
        ((60, 40), (1.0, 2.6 / 3), [2, 1]),
        ((60, 40), (1.0, 0.625), [2, 1]),
        ((60, 40), (1.0, 0.62), [3, 1]),
        # a rounding error is no quarter
        ((60, 40), (1.0, 0.625 - 1e-12), [2, 1]),
        # never less than a quarter
        ((60, 40), (1.0, 0.01), [6, 1]),
        ((60, 40), (1.0, 0.0), [6, 1]),
        # all slow alike: the same proportions
        ((60, 40), (0.5, 0.5), [3, 2]),
        # within 255, and nobody is rounded to nothing
        ((255, 255), (1.0, 0.25), [4, 1]),
        ((255, 254), (1.0, 0.75), [170, 127]),
        ((255, 253), (1.0, 0.75), [170, 127]),
        ((255, 1), (0.75, 1.0), [255, 2]),
        ((255, 1), (1.0, 0.25), [255, 1]),
        # weight 0 stays 0
        ((0, 5), (1.0, 0.5), [0, 1]),
        ((0, 0), (0.5, 1.0), [0, 0]),
        ((0,), (0.5,), [0]),
        ((7,), (0.25,), [1]),
    ],
)
def test_weights_follow_base_weight_and_score(
    base: tuple[int, ...], scores: tuple[float, ...], expected: list[int]
) -> None:
    names = ("istanbul", "ankara")
    tier = tuple(candidate(name, weight, score) for name, weight, score in zip(names, base, scores, strict=False))
    assert weights(run(STEP, branch(tier))) == [expected]


def test_a_slow_region_in_one_tier_leaves_the_other_tier_alone() -> None:
    before = branch((candidate("istanbul", 60, 0.5), candidate("ankara", 40)), (candidate("izmir", 10),))
    assert weights(run(STEP, before)) == [[3, 4], [10]]


def test_every_region_gets_its_reason() -> None:
    after = run(STEP, branch((candidate("istanbul", 60), candidate("ankara", 40, 0.5))))
    assert [(reason.step, reason.subject, reason.verdict, reason.text) for reason in after.reasons] == [
        ("health", "istanbul", Verdict.IN, "up"),
        ("weighted", "istanbul", Verdict.WEIGHT, "weight 3"),
        ("weighted", "ankara", Verdict.WEIGHT, "weight 1: base 40 x score 0.50, in quarters"),
    ]


@given(branches())
def test_nobody_is_dropped_and_nothing_else_changes(before: Branch) -> None:
    after = run(STEP, before)
    assert after.match == before.match
    assert after.pick is Pick.WEIGHTED
    unweighted = [[(c.region, c.endpoints, c.score) for c in tier] for tier in before.tiers]
    assert [[(c.region, c.endpoints, c.score) for c in tier] for tier in after.tiers] == unweighted
    assert after.reasons[: len(before.reasons)] == before.reasons
    subjects = [reason.subject for reason in after.reasons[len(before.reasons) :]]
    assert subjects == [c.region for tier in before.tiers for c in tier]


@given(branches())
def test_weights_are_within_bounds_and_proportional_within_rounding(before: Branch) -> None:
    for old, new in zip(before.tiers, run(STEP, before).tiers, strict=True):
        products = [c.weight * max(1, math.floor(c.score * 4 + 0.5 + 1e-9)) for c in old]
        found = [c.weight for c in new]
        assert all(0 <= weight <= MAX_WEIGHT for weight in found)
        assert [weight == 0 for weight in found] == [product == 0 for product in products]
        for product, weight in zip(products, found, strict=True):
            assert abs(weight * max(products) - product * max(found)) <= max(products)


@given(branches())
def test_weighing_what_is_fit_twice_is_weighing_once(before: Branch) -> None:
    full = branch(*(tuple(candidate(c.region, c.weight) for c in tier) for tier in before.tiers))
    assert weights(run((*STEP, *STEP), full)) == weights(full)


def test_the_service_states_weights_of_its_own() -> None:
    here = {"istanbul": [gateway("192.0.2.1")], "ankara": [gateway("192.0.2.2")]}
    decision = world(here, members={"istanbul": 9, "ankara": 1}, policy=STEP).at(0.0)
    assert {address: str(share) for address, share in shares(decision).items()} == {
        "192.0.2.1": "9/10",
        "192.0.2.2": "1/10",
    }


def test_a_region_that_serves_badly_gets_less() -> None:
    here = {"istanbul": [gateway("192.0.2.1", score=0.25)], "ankara": [gateway("192.0.2.2")]}
    decision = world(here, members={"istanbul": 60, "ankara": 40}, policy=STEP).at(0.0)
    assert {address: str(share) for address, share in shares(decision).items()} == {
        "192.0.2.1": "3/11",
        "192.0.2.2": "8/11",
    }


def test_one_endpoint_of_two_that_serves_a_little_worse_moves_nothing() -> None:
    here = {"istanbul": [gateway("192.0.2.1", score=0.75), gateway("192.0.2.3")], "ankara": [gateway("192.0.2.2")]}
    calm = {name: [gateway(*map(str, g.addresses)) for g in all_] for name, all_ in here.items()}
    assert world(here, policy=STEP).at(0.0).steering == world(calm, policy=STEP).at(0.0).steering


def answered(**weights: int) -> Steering:
    """What has been answered until now."""
    groups = tuple(Group(RegionName(name), weight, ()) for name, weight in weights.items())
    return Steering(CONTEXT.service.name, 30, 5, 1, (), (Rule(None, groups),))


def moved(shift: float, before: Steering | None, *tier: Candidate) -> Branch:
    context = replace(CONTEXT, before=before, signals=Signals(shift=shift))
    (after,) = Weighted()(branch(tier), context)
    return after


def test_scores_move_no_more_at_a_time_than_they_may() -> None:
    worse = (candidate("istanbul", 50, 0.25), candidate("ankara", 50))
    after = moved(0.1, answered(istanbul=50, ankara=50), *worse)
    istanbul, ankara = (found.weight for found in after.tiers[0])
    assert istanbul / (istanbul + ankara) == pytest.approx(0.4, abs=0.005)
    assert "on the way" in after.reasons[-1].text
    assert weights(moved(1.0, answered(istanbul=50, ankara=50), *worse)) == [[1, 4]]


def test_what_is_lost_back_or_asked_for_the_first_time_is_not_slowed() -> None:
    alone = candidate("ankara", 50)
    assert weights(moved(0.0, answered(istanbul=50, ankara=50), alone)) == [[50]]
    both = (candidate("istanbul", 50), alone)
    assert weights(moved(0.0, answered(ankara=50), *both)) == [[50, 50]]
    assert weights(moved(0.0, None, *both)) == [[50, 50]]
