"""What a service answers, case by case. All cases are at second 100, with a hold of 60 s."""

from dataclasses import replace
from fractions import Fraction

import pytest

from gslb.model.branch import Verdict
from gslb.model.combine import Health
from gslb.model.names import EndpointName, RegionName
from gslb.model.steer import Decision, Fitness, Standing
from gslb.model.steering import NoAnswer, Steering
from gslb.model.topology import AllDown
from tests.model.worlds import AAAA, Tiers, World, down, drain, gateway, shares, values, world

NOW = 100.0
ONE, TWO, THREE, FOUR = "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"
SIX = "2001:db8::6"


def two_of(level: Fitness, one: str, two: str) -> list[Standing]:
    """Two endpoints of a region with min_healthy = 2, so that those that can answer are on ``level``."""
    return {
        Fitness.IN_SERVICE: [gateway(one), gateway(two)],
        Fitness.HOLD: [gateway(one, last_failure=50.0), gateway(two, last_failure=50.0)],
        Fitness.SHORT: [gateway(one), down(two)],
        Fitness.DRAINING: [gateway(one, health=Health.DRAINING), gateway(two, health=Health.DRAINING)],
        Fitness.UNKNOWN: [gateway(one, health=Health.UNKNOWN), gateway(two, health=Health.UNKNOWN)],
        Fitness.DOWN: [down(one), down(two)],
    }[level]


def reason_for(decision: Decision, subject: str) -> tuple[str, Verdict, str]:
    """Step, verdict and text of the first reason about ``subject``."""
    found = next(reason for reason in decision.reasons if reason.subject == subject)
    return found.step, found.verdict, found.text


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Fitness.IN_SERVICE, Fitness.HOLD),
        (Fitness.IN_SERVICE, Fitness.SHORT),
        (Fitness.IN_SERVICE, Fitness.DOWN),
        (Fitness.HOLD, Fitness.DRAINING),
        (Fitness.SHORT, Fitness.DRAINING),
        (Fitness.DRAINING, Fitness.UNKNOWN),
        (Fitness.UNKNOWN, Fitness.DOWN),
    ],
)
@pytest.mark.parametrize("swap", [False, True])
def test_the_fittest_level_that_has_any_endpoint_answers_alone(better: Fitness, worse: Fitness, *, swap: bool) -> None:
    gateways = {"istanbul": two_of(better, ONE, TWO), "ankara": two_of(worse, THREE, FOUR)}
    decision = world(dict(reversed(gateways.items())) if swap else gateways, min_healthy=2).at(NOW)
    assert values(decision) == ({ONE} if better is Fitness.SHORT else {ONE, TWO})
    assert decision.fitness[EndpointName("istanbul/0")] is better
    assert decision.fitness[EndpointName("ankara/0")] is worse
    assert decision.good


@pytest.mark.parametrize("level", [Fitness.HOLD, Fitness.SHORT, Fitness.DRAINING, Fitness.UNKNOWN])
def test_an_endpoint_that_is_less_than_fit_answers_when_nothing_better_is_there(level: Fitness) -> None:
    decision = world({"istanbul": two_of(level, ONE, TWO)}, min_healthy=2, when_all_down=AllDown.SERVFAIL).at(NOW)
    assert ONE in values(decision)
    assert decision.good


def test_each_endpoint_says_why_it_is_where_it_is() -> None:
    gateways = {
        "istanbul": [gateway(ONE, detail="HTTP 200"), down(TWO, detail="HTTP 503"), gateway(), gateway(THREE)],
        "ankara": [gateway(FOUR, last_failure=50.0)],
    }
    decision = world(gateways, drain("istanbul/3")).at(NOW)
    assert [reason_for(decision, name) for name in decision.fitness] == [
        ("health", Verdict.IN, "HTTP 200"),
        ("health", Verdict.OUT, "HTTP 503"),
        ("health", Verdict.OUT, "its name has not been resolved to an address yet"),
        ("override", Verdict.OUT, "drained by ayse: kernel update"),
        ("hold", Verdict.OUT, "up again, waiting out its hold"),
    ]


def test_a_region_short_of_min_healthy_names_both_counts() -> None:
    decision = world({"istanbul": two_of(Fitness.SHORT, ONE, TWO)}, min_healthy=2).at(NOW)
    assert reason_for(decision, "istanbul/0")[::2] == (
        "min_healthy",
        "istanbul has 1 healthy endpoints, min_healthy is 2",
    )


def test_a_drained_endpoint_does_not_count_for_min_healthy() -> None:
    gateways = {"istanbul": [gateway(ONE), gateway(TWO)], "ankara": [gateway(THREE), gateway(FOUR)]}
    assert values(world(gateways, drain("istanbul/1"), min_healthy=2).at(NOW)) == {THREE, FOUR}


# when_all_down


BOTH_DOWN = {"istanbul": [down(ONE), down(TWO)], "ankara": [down(THREE)], "izmir": [down(FOUR)]}
MEMBERS = {"istanbul": 1, "ankara": 1}


def all_down(way: AllDown, *orders: str, last_good: Steering | None = None) -> World:
    """Istanbul and Ankara are down, and so is Izmir, which is the fallback and no member."""
    return world(
        BOTH_DOWN,
        *(drain(order) for order in orders),
        members=MEMBERS,
        last_good=last_good,
        when_all_down=way,
        fallback=RegionName("izmir"),
    )


def once_good(*gone: str) -> Steering:
    """What the same service answered while all endpoints but ``gone`` were up."""
    standings = {
        name: replace(standing, health=Health.DOWN if name in gone else Health.UP)
        for name, standing in all_down(AllDown.ALL).standings.items()
    }
    return replace(all_down(AllDown.ALL), standings=standings).at(0.0).steering


@pytest.mark.parametrize(
    ("way", "answer", "no_answer"),
    [
        (AllDown.ALL, {ONE, TWO, THREE}, NoAnswer.SERVFAIL),
        (AllDown.LAST_GOOD, {TWO, THREE}, NoAnswer.SERVFAIL),
        (AllDown.FALLBACK, {FOUR}, NoAnswer.SERVFAIL),
        (AllDown.SERVFAIL, set(), NoAnswer.SERVFAIL),
        (AllDown.NODATA, set(), NoAnswer.NODATA),
    ],
)
def test_when_all_is_down_the_configured_way_out_is_taken(way: AllDown, answer: set[str], no_answer: NoAnswer) -> None:
    decision = all_down(way, last_good=once_good("istanbul/0")).at(NOW)
    assert values(decision) == answer
    assert decision.steering.rules[-1].no_answer is no_answer
    assert not decision.good
    assert any(reason.step == "when_all_down" for reason in decision.reasons)


@pytest.mark.parametrize(
    ("way", "orders", "answer"),
    [
        (AllDown.ALL, ["istanbul"], {THREE}),
        (AllDown.ALL, ["istanbul/1"], {ONE, THREE}),
        (AllDown.LAST_GOOD, ["istanbul/1"], {THREE}),
        (AllDown.FALLBACK, ["istanbul", "ankara"], {FOUR}),
    ],
)
def test_what_people_drained_stays_out_even_when_all_is_down(way: AllDown, orders: list[str], answer: set[str]) -> None:
    assert values(all_down(way, *orders, last_good=once_good("istanbul/0")).at(NOW)) == answer


@pytest.mark.parametrize("last_good", [None, once_good("ankara/0")])
def test_last_good_answers_with_all_where_nothing_of_it_is_left(last_good: Steering | None) -> None:
    assert values(all_down(AllDown.LAST_GOOD, "istanbul", last_good=last_good).at(NOW)) == {THREE}


def test_last_good_keeps_the_weights_of_its_time() -> None:
    before = world({"istanbul": [gateway(ONE)], "ankara": [gateway(TWO)]}, members={"istanbul": 3, "ankara": 1})
    after = world(
        {"istanbul": [down(ONE)], "ankara": [down(TWO)]},
        members=MEMBERS,
        when_all_down=AllDown.LAST_GOOD,
        last_good=before.at(0.0).steering,
    )
    assert shares(after.at(NOW)) == {ONE: Fraction(3, 4), TWO: Fraction(1, 4)}


def test_last_good_leaves_out_regions_that_have_since_been_removed() -> None:
    left = {"istanbul": [down(ONE), down(TWO)]}
    after = world(left, when_all_down=AllDown.LAST_GOOD, last_good=once_good("istanbul/0"))
    assert values(after.at(NOW)) == {TWO}


@pytest.mark.parametrize("way", AllDown)
@pytest.mark.parametrize("health", Health)
def test_all_drained_by_hand_is_servfail_whatever_probes_say(way: AllDown, health: Health) -> None:
    drained = all_down(way, "istanbul", "ankara", "izmir", last_good=once_good())
    standings = {name: replace(standing, health=health) for name, standing in drained.standings.items()}
    decision = replace(drained, standings=standings).at(NOW)
    assert decision.steering.rules[-1].groups == ()
    assert decision.steering.rules[-1].no_answer is NoAnswer.SERVFAIL


# record types


def test_a_type_that_only_one_region_carries_is_answered_by_that_region() -> None:
    decision = world({"istanbul": [gateway(ONE, SIX)], "ankara": [gateway(TWO)]}).at(NOW)
    assert decision.steering.types == ("A", "AAAA")
    assert shares(decision) == {ONE: Fraction(1, 2), TWO: Fraction(1, 2)}
    assert shares(decision, AAAA) == {SIX: Fraction(1)}


def test_a_type_whose_only_region_is_down_is_answered_all_the_same() -> None:
    decision = world({"istanbul": [down(ONE, SIX)], "ankara": [gateway(TWO)]}).at(NOW)
    assert values(decision) == {TWO}
    assert values(decision, AAAA) == {SIX}


def test_each_type_is_answered_by_the_fittest_that_carry_it() -> None:
    gateways = {"istanbul": [gateway(ONE, SIX, last_failure=50.0)], "ankara": [gateway(TWO)]}
    decision = world(gateways).at(NOW)
    assert values(decision) == {TWO}
    assert values(decision, AAAA) == {SIX}


def test_a_type_whose_endpoints_are_all_drained_stays_configured_without_an_answer() -> None:
    decision = world({"istanbul": [gateway(ONE, SIX)], "ankara": [gateway(TWO)]}, drain("istanbul")).at(NOW)
    assert decision.steering.types == ("A", "AAAA")
    assert values(decision) == {TWO}
    assert values(decision, AAAA) == set()


# hold


@pytest.mark.parametrize(("hold", "ttl_steady", "held_until"), [(60.0, 30, 70.0), (10.0, 30, 40.0), (0.0, 5, 15.0)])
def test_a_recovered_endpoint_answers_again_after_hold_and_never_before_the_ttl_is_over(
    hold: float, ttl_steady: int, held_until: float
) -> None:
    gateways = {"istanbul": [gateway(ONE, since=12.0, last_failure=10.0)], "ankara": [gateway(TWO)]}
    recovered = world(gateways, hold=hold, ttl_steady=ttl_steady)
    assert values(recovered.at(held_until - 0.001)) == {TWO}
    assert values(recovered.at(held_until)) == {ONE, TWO}


# weights


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((60, 40), {ONE: Fraction(3, 5), TWO: Fraction(2, 5)}),
        ((60, 0), {ONE: Fraction(1)}),
        ((0, 0), {ONE: Fraction(1, 2), TWO: Fraction(1, 2)}),
        ((255, 1), {ONE: Fraction(255, 256), TWO: Fraction(1, 256)}),
    ],
)
def test_weight_0_answers_only_where_all_weigh_0(weights: tuple[int, int], expected: dict[str, Fraction]) -> None:
    gateways = {"istanbul": [gateway(ONE)], "ankara": [gateway(TWO)]}
    assert shares(world(gateways, members=dict(zip(gateways, weights, strict=True))).at(NOW)) == expected


def test_a_region_of_weight_0_stands_in_when_those_with_weight_are_gone() -> None:
    gateways = {"istanbul": [down(ONE)], "ankara": [gateway(TWO)]}
    assert shares(world(gateways, members={"istanbul": 60, "ankara": 0}).at(NOW)) == {TWO: Fraction(1)}


# policies and addresses


def test_only_the_first_tier_that_has_any_answers() -> None:
    first = {"istanbul": [gateway(ONE)], "ankara": [gateway(TWO)]}
    second = first | {"istanbul": [down(ONE)]}
    assert values(world(first, policy=(Tiers(),)).at(NOW)) == {ONE}
    assert values(world(second, policy=(Tiers(),)).at(NOW)) == {TWO}


def test_an_address_that_endpoints_of_a_region_share_appears_once_with_all_of_them() -> None:
    decision = world({"istanbul": [gateway(ONE), gateway(ONE, TWO), down(ONE)]}).at(NOW)
    (group,) = decision.steering.rules[-1].groups
    assert [(target.value, target.endpoints) for target in group.targets] == [
        (ONE, ("istanbul/0", "istanbul/1")),
        (TWO, ("istanbul/1",)),
    ]


def test_a_shared_address_stays_while_one_of_its_endpoints_is_not_drained() -> None:
    decision = world({"istanbul": [gateway(ONE), gateway(ONE)]}, drain("istanbul/0")).at(NOW)
    assert [t.endpoints for g in decision.steering.rules[-1].groups for t in g.targets] == [("istanbul/1",)]


# TTL and the next look


@pytest.mark.parametrize(
    ("standing", "ttl", "next_at"),
    [
        (gateway(ONE), 30, None),
        (gateway(ONE, since=39.0), 30, None),
        (gateway(ONE, since=40.0), 30, None),
        (gateway(ONE, since=41.0), 5, 101.0),
        (down(ONE, since=80.0, last_failure=99.0), 5, 140.0),
        (gateway(ONE, since=80.0, last_failure=70.0), 5, 130.0),
        (gateway(ONE, health=Health.DRAINING), 5, None),
        (gateway(ONE, health=Health.UNKNOWN), 30, None),
    ],
)
def test_the_ttl_is_low_after_a_change_and_next_at_says_when_that_ends(
    standing: Standing, ttl: int, next_at: float | None
) -> None:
    decision = world({"istanbul": [standing]}, ttl_steady=30, ttl_alert=5).at(NOW)
    assert (decision.steering.ttl, decision.next_at) == (ttl, next_at)
    assert decision.steering.negative_ttl == 5


def test_the_ttl_stays_low_for_at_least_one_steady_ttl() -> None:
    changed = world({"istanbul": [gateway(ONE, since=75.0)]}, hold=10.0, ttl_steady=30)
    assert [changed.at(now).steering.ttl for now in (104.9, 105.0)] == [5, 30]


def test_the_end_of_an_order_is_a_moment_to_decide_again() -> None:
    drained = world({"istanbul": [gateway(ONE)], "ankara": [gateway(TWO)]}, drain("istanbul", expires=150.0))
    assert drained.at(NOW).next_at == 150.0
    assert values(drained.at(NOW)) == {TWO}
    assert values(drained.at(150.0)) == {ONE, TWO}
    assert drained.at(150.0).next_at is None
