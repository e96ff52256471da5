"""Corners of steer(): what mattered once and was wrong, each stated as behaviour."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from gslb.model.branch import Verdict
from gslb.model.combine import Health
from gslb.model.names import RegionName
from gslb.model.steer import Fitness
from gslb.model.steering import NoAnswer, groups_for
from gslb.model.topology import AllDown
from tests.model.worlds import AAAA, A, Tiers, World, down, drain, gateway, times, values, world, worlds

NOW = 100.0
ONE, TWO, THREE, FOUR = "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"
SIX = "2001:db8::6"
TO_IZMIR: dict[str, Any] = {
    "members": {"istanbul": 1},
    "when_all_down": AllDown.FALLBACK,
    "fallback": RegionName("izmir"),
}
FEW = {AllDown.SERVFAIL, AllDown.NODATA}


def test_an_endpoint_in_hold_does_not_push_out_one_that_has_been_up_all_along() -> None:
    """min_healthy = 2, /0 was never down, /1 is in hold: /0 is SHORT, /1 is HOLD, and /0 answers."""
    decision = world({"istanbul": [gateway(ONE), gateway(TWO, since=95.0, last_failure=90.0)]}, min_healthy=2).at(NOW)
    assert ONE in values(decision)
    assert TWO not in values(decision)


@given(worlds(), times)
def test_nothing_in_hold_answers_while_another_is_up(world: World, now: float) -> None:
    decision = world.at(now)
    up = {Fitness.IN_SERVICE, Fitness.SHORT}
    for kind in decision.steering.types:
        groups = groups_for(decision.steering.rules[-1], kind)
        names = {n for g in groups for t in g.targets for n in t.endpoints if n in decision.fitness}
        if any(decision.fitness[name] is Fitness.HOLD for name in names) and decision.good:
            assert not any(decision.fitness[e.name] in up and world.carries(e.name, kind) for e in world.own)


def test_the_type_that_is_down_gets_the_configured_no_answer() -> None:
    """A is fit, AAAA is not, when_all_down = nodata."""
    gateways = {"istanbul": [gateway(ONE)], "ankara": [down(SIX)]}
    decision = world(gateways, when_all_down=AllDown.NODATA).at(NOW)
    assert groups_for(decision.steering.rules[-1], AAAA) == ()
    assert decision.steering.rules[-1].no_answer is NoAnswer.NODATA


def test_with_the_fallback_drained_those_that_are_not_drained_answer() -> None:
    gateways = {"istanbul": [down(ONE)], "izmir": [down(FOUR)]}
    {
        "members": {"istanbul": 1},
        "when_all_down": AllDown.FALLBACK,
        "fallback": RegionName("izmir"),
    }
    assert values(world(gateways, drain("izmir"), **TO_IZMIR).at(NOW)) == {ONE}


def test_a_type_that_the_fallback_lacks_is_answered_by_those_that_have_it() -> None:
    gateways = {"istanbul": [down(ONE, SIX)], "izmir": [down(FOUR)]}
    {
        "members": {"istanbul": 1},
        "when_all_down": AllDown.FALLBACK,
        "fallback": RegionName("izmir"),
    }
    decision = world(gateways, **TO_IZMIR).at(NOW)
    assert values(decision, A) == {FOUR}
    assert values(decision, AAAA) == {SIX}


@given(worlds(), times)
def test_no_type_goes_without_an_answer_while_one_may_be_given(world: World, now: float) -> None:
    decision = world.at(now)
    least = Fitness.UNKNOWN if world.service.when_all_down in FEW else Fitness.DOWN
    for kind in decision.steering.types:
        if any(decision.fitness[e.name] <= least for e in world.own if world.carries(e.name, kind)):
            assert groups_for(decision.steering.rules[-1], kind)


@given(worlds(), times)
def test_no_answer_names_a_drained_endpoint(world: World, now: float) -> None:
    for group in world.at(now).steering.rules[-1].groups:
        for target in group.targets:
            assert not set(target.endpoints) & world.drained(now)


def test_last_good_with_a_shared_address_and_one_of_its_endpoints_drained() -> None:
    up = world({"istanbul": [gateway(ONE), gateway(ONE)]}, when_all_down=AllDown.LAST_GOOD)
    gone = world(
        {"istanbul": [down(ONE), down(ONE)]},
        drain("istanbul/0"),
        when_all_down=AllDown.LAST_GOOD,
        last_good=up.at(0.0).steering,
    )
    assert [t.endpoints for g in gone.at(NOW).steering.rules[-1].groups for t in g.targets] == [("istanbul/1",)]


def test_last_good_does_not_bring_back_an_address_that_is_no_longer_published() -> None:
    before = world({"istanbul": [gateway(ONE)]}).at(0.0).steering
    moved = world({"istanbul": [down(TWO)]}, when_all_down=AllDown.LAST_GOOD, last_good=before)
    assert values(moved.at(NOW)) == {TWO}


def test_a_decision_is_good_when_at_least_one_endpoint_was_fit() -> None:
    decision = world({"istanbul": [gateway(ONE)], "ankara": [down(SIX)]}).at(NOW)
    assert decision.good


def test_a_type_that_a_name_has_lost_for_good_does_not_stop_last_good_for_ever() -> None:
    """The host name of istanbul/0 dropped its AAAA."""
    name = world({"istanbul": [gateway(ONE)]})
    regions = {
        k: replace(r, endpoints=tuple(replace(e, publish=()) for e in r.endpoints)) for k, r in name.regions.items()
    }
    last_good = world({"istanbul": [gateway(ONE, SIX)]}).at(0.0).steering
    assert replace(name, regions=regions, last_good=last_good).at(NOW).good


def test_a_name_that_has_never_resolved_does_not_mean_that_nothing_exists() -> None:
    """A type that is not in ``types`` is NODATA, and resolvers would cache that."""
    assert world({"istanbul": [gateway()]}).at(NOW).steering.types != ()


@pytest.mark.parametrize("way", [AllDown.SERVFAIL, AllDown.NODATA])
def test_where_nothing_is_answered_no_reason_says_that_somebody_is_in(way: AllDown) -> None:
    decision = world({"istanbul": [down(ONE)]}, when_all_down=way).at(NOW)
    assert Verdict.IN not in {reason.verdict for reason in decision.reasons}


def test_a_region_that_is_all_drained_is_not_said_to_be_in() -> None:
    decision = world({"istanbul": [down(ONE)], "ankara": [down(TWO)]}, drain("ankara")).at(NOW)
    assert values(decision) == {ONE}
    assert ("ankara", Verdict.IN) not in {(reason.subject, reason.verdict) for reason in decision.reasons}


def test_the_fallback_and_nobody_else_is_said_to_be_in() -> None:
    gateways = {"istanbul": [down(ONE)], "izmir": [down(FOUR)]}
    {
        "members": {"istanbul": 1},
        "when_all_down": AllDown.FALLBACK,
        "fallback": RegionName("izmir"),
    }
    decision = world(gateways, **TO_IZMIR).at(NOW)
    assert {reason.subject for reason in decision.reasons if reason.verdict is Verdict.IN} == {"izmir"}


@pytest.mark.parametrize("health", [Health.DRAINING, Health.UNKNOWN])
def test_an_endpoint_that_answers_is_not_said_to_be_out(health: Health) -> None:
    decision = world({"istanbul": [gateway(ONE, health=health)]}).at(NOW)
    assert values(decision) == {ONE}
    assert ("istanbul/0", Verdict.OUT) not in {(reason.subject, reason.verdict) for reason in decision.reasons}


def test_all_means_all_whatever_tier_they_are_in() -> None:
    """The reason says 'answering with all that are not drained', but the policy and weight 0 still choose."""
    gateways = {"istanbul": [down(ONE)], "ankara": [down(TWO)]}
    assert values(world(gateways, policy=(Tiers(),)).at(NOW)) == {ONE, TWO}
