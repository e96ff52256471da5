"""What people force comes before all that is measured: up, weights, TTLs; and the TTL while they change things."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.branch import Grown, Signals, Verdict
from gslb.model.combine import Health
from gslb.model.drain import Phase
from gslb.model.names import EndpointName, RegionName
from gslb.model.override import Kind, Override
from gslb.model.steer import Decision, Fitness, Standing
from gslb.model.topology import AllDown
from policies.weighted import Weighted
from tests.model.worlds import Tiers, World, down, drain, gateway, order, shares, times, values, world, worlds

NOW = 100.0
ONE, TWO, THREE = "192.0.2.1", "192.0.2.2", "192.0.2.3"
BOTH = {"istanbul": [gateway(ONE)], "ankara": [gateway(TWO)]}
ISTANBUL = EndpointName("istanbul/0")
UP = order(Kind.UP, "istanbul")


def about(decision: Decision, subject: str) -> tuple[str, Verdict, str]:
    found = next(reason for reason in decision.reasons if reason.subject == subject)
    return found.step, found.verdict, found.text


# up


@pytest.mark.parametrize(
    "standing",
    [
        down(ONE, last_failure=99.0),
        gateway(ONE, health=Health.UNKNOWN, score=0.0),
        gateway(ONE, health=Health.DRAINING),
        gateway(ONE, last_failure=99.0),
        gateway(ONE),
    ],
)
def test_what_is_forced_up_is_in_service_whatever_probes_say(standing: Standing) -> None:
    decision = world(BOTH | {"istanbul": [standing]}, UP).at(NOW)
    assert decision.fitness[ISTANBUL] is Fitness.IN_SERVICE
    assert shares(decision) == {ONE: Fraction(1, 2), TWO: Fraction(1, 2)}
    assert decision.good


def test_it_is_said_who_forced_it_and_what_probes_really_say() -> None:
    decision = world(BOTH | {"istanbul": [down(ONE, detail="edge down: refused")]}, UP).at(NOW)
    assert about(decision, ISTANBUL) == (
        "health",
        Verdict.IN,
        "forced up by ayse: outage; really: edge down: refused",
    )
    silent = world(BOTH | {"istanbul": [down(ONE)]}, UP).at(NOW)
    assert about(silent, ISTANBUL)[2].endswith("really: probes say down")


@pytest.mark.parametrize(
    ("standing", "score"),
    [(down(ONE, score=0.0), 1.0), (gateway(ONE, score=0.5), 0.5), (gateway(ONE, score=0.5, last_failure=99.0), 0.5)],
)
def test_a_forced_endpoint_has_a_full_score_unless_it_really_is_up(standing: Standing, score: float) -> None:
    decision = world(BOTH | {"istanbul": [standing]}, UP, policy=(Weighted(),)).at(NOW)
    assert shares(decision)[ONE] == Fraction(score) / (Fraction(score) + 1)


def test_min_healthy_does_not_keep_out_what_is_forced_up_nor_does_that_make_up_for_others() -> None:
    short = world(
        {"istanbul": [down(ONE), gateway(TWO), down("192.0.2.9")], "ankara": [gateway(THREE)] * 3},
        order(Kind.UP, "istanbul/0"),
        min_healthy=3,
    ).at(NOW)
    assert [short.fitness[EndpointName(f"istanbul/{i}")] for i in range(3)] == [
        Fitness.IN_SERVICE,
        Fitness.SHORT,
        Fitness.DOWN,
    ]
    assert values(short) == {ONE, THREE}


def test_with_it_a_region_may_have_enough() -> None:
    enough = world({"istanbul": [down(ONE), gateway(TWO)]}, order(Kind.UP, "istanbul/0"), min_healthy=2).at(NOW)
    assert values(enough) == {ONE, TWO}


def test_a_name_without_address_cannot_be_forced_into_the_answers() -> None:
    decision = world(BOTH | {"istanbul": [gateway()]}, UP).at(NOW)
    assert decision.fitness[ISTANBUL] is Fitness.UNKNOWN
    assert values(decision) == {TWO}


def test_an_older_order_gives_way_to_a_newer_one_on_the_same_endpoint() -> None:
    assert values(world(BOTH, UP, drain("istanbul/0")).at(NOW)) == {TWO}
    assert values(world(BOTH, drain("istanbul/0"), UP).at(NOW)) == {ONE, TWO}


@pytest.mark.parametrize("way", AllDown)
def test_forced_out_counts_as_drained_and_says_so(way: AllDown) -> None:
    decision = world(BOTH, order(Kind.OUT, "istanbul/0"), when_all_down=way, fallback=RegionName("ankara")).at(NOW)
    assert values(decision) == {TWO}
    assert about(decision, ISTANBUL) == ("override", Verdict.OUT, "forced out by ayse: outage")


@pytest.mark.parametrize("phase", [Phase.LOWERING, Phase.MOVING])
def test_a_drain_that_has_only_begun_keeps_nobody_out(phase: Phase) -> None:
    assert values(world(BOTH, drain("istanbul", phase)).at(NOW)) == {ONE, TWO}


# weight


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ([order(Kind.WEIGHT, "istanbul", 3)], {ONE: Fraction(3, 4), TWO: Fraction(1, 4)}),
        ([order(Kind.WEIGHT, "istanbul", 0)], {TWO: Fraction(1)}),
        ([order(Kind.WEIGHT, "*", 0)], {ONE: Fraction(1, 2), TWO: Fraction(1, 2)}),
        (
            [order(Kind.WEIGHT, "istanbul", 3), order(Kind.WEIGHT, "istanbul", 1)],
            {ONE: Fraction(1, 2), TWO: Fraction(1, 2)},
        ),
        ([order(Kind.WEIGHT, "istanbul", 3, "shop.*")], {ONE: Fraction(1, 2), TWO: Fraction(1, 2)}),
    ],
)
def test_a_forced_weight_stands_in_for_the_configured_one(
    given_: Sequence[Override], expected: dict[str, Fraction]
) -> None:
    assert shares(world(BOTH, *given_).at(NOW)) == expected


def test_scores_count_beside_a_forced_weight() -> None:
    slow = BOTH | {"istanbul": [gateway(ONE, score=0.5)]}
    decision = world(slow, order(Kind.WEIGHT, "istanbul", 6), policy=(Weighted(),)).at(NOW)
    assert shares(decision) == {ONE: Fraction(3, 4), TWO: Fraction(1, 4)}


# TTL


@pytest.mark.parametrize(
    ("given_", "ttl", "why"),
    [
        ([], 30, "steady"),
        ([order(Kind.TTL, "api.example.com", 17)], 17, "forced by ayse: outage"),
        ([order(Kind.TTL, "api.*", 0)], 0, "forced by ayse: outage"),
        ([order(Kind.TTL, "shop.example.com", 17)], 30, "steady"),
        ([order(Kind.TTL, "*", 17), drain("istanbul", Phase.LOWERING)], 17, "forced by ayse: outage"),
        ([drain("istanbul", Phase.LOWERING)], 5, "alert: istanbul is draining"),
        ([drain("istanbul/0", Phase.MOVING)], 5, "alert: istanbul/0 is draining"),
        ([drain("istanbul", Phase.EMPTYING)], 5, "alert: istanbul is draining"),
        ([drain("istanbul", Phase.DRAINED)], 30, "steady"),
        ([drain("izmir", Phase.LOWERING)], 30, "steady"),
        ([replace(order(Kind.OUT, "istanbul"), created=41.0)], 5, "alert: something changed in the last 1m"),
        ([replace(order(Kind.OUT, "istanbul"), created=40.0)], 30, "steady"),
        ([replace(order(Kind.UP, "istanbul"), created=41.0)], 5, "alert: something changed in the last 1m"),
        ([replace(order(Kind.WEIGHT, "istanbul", 3), created=41.0)], 5, "alert: something changed in the last 1m"),
        ([replace(order(Kind.WEIGHT, "izmir", 3), created=41.0)], 30, "steady"),
        ([replace(order(Kind.OUT, "izmir"), created=41.0)], 30, "steady"),
        ([replace(order(Kind.FREEZE, "*"), created=41.0)], 30, "steady"),
        ([replace(drain("istanbul"), created=41.0)], 30, "steady"),
    ],
)
def test_the_ttl_is_what_is_forced_else_alert_while_orders_move_traffic(
    given_: Sequence[Override], ttl: int, why: str
) -> None:
    decision = world(BOTH, *given_).at(NOW)
    assert (decision.steering.ttl, decision.ttl_reason) == (ttl, why)
    assert decision.steering.negative_ttl == 5


def test_an_endpoint_that_says_it_is_draining_keeps_the_ttl_low() -> None:
    decision = world(BOTH | {"istanbul": [gateway(ONE, health=Health.DRAINING)]}).at(NOW)
    assert (decision.steering.ttl, decision.ttl_reason) == (5, "alert: istanbul/0 is draining")


@pytest.mark.parametrize(("lifted", "ttl", "next_at"), [(None, 30, None), (40.0, 30, None), (41.0, 5, 101.0)])
def test_after_an_order_was_lifted_the_ttl_is_low_for_hold(
    lifted: float | None, ttl: int, next_at: float | None
) -> None:
    decision = replace(world(BOTH), signals=Signals(lifted=lifted)).at(NOW)
    assert (decision.steering.ttl, decision.next_at) == (ttl, next_at)


@pytest.mark.parametrize("kind", [Kind.OUT, Kind.UP, Kind.WEIGHT, Kind.TTL, Kind.FREEZE])
def test_the_end_of_any_order_is_a_moment_to_decide_again(kind: Kind) -> None:
    assert world(BOTH, order(kind, "*", 7, expires=150.0)).at(NOW).next_at == 150.0
    assert world(BOTH, order(kind, "*", 7, expires=150.0)).at(150.0).steering == world(BOTH).at(150.0).steering


# portions


def held(share: float, *, tiers: bool = False) -> World:
    """Istanbul has part of its share."""
    place = world(BOTH, policy=(Tiers(),) if tiers else ())
    return replace(place, signals=Signals(portions={RegionName("istanbul"): Grown(share, "coming back")}))


@pytest.mark.parametrize(("share", "expected"), [(0.5, Fraction(1, 3)), (0.25, Fraction(1, 5)), (0.0, Fraction(0))])
def test_a_region_with_a_portion_has_that_part_of_its_share(share: float, expected: Fraction) -> None:
    assert float(shares(held(share).at(NOW)).get(ONE, Fraction(0))) == pytest.approx(float(expected), abs=0.005)


def test_a_portion_of_the_first_tier_is_one_of_all_answers() -> None:
    found = shares(held(0.25, tiers=True).at(NOW))
    assert float(found[ONE]) == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize("other", [down(TWO), gateway(TWO, last_failure=99.0), gateway(TWO, health=Health.DRAINING)])
def test_with_a_portion_of_nothing_it_answers_only_where_nobody_else_can(other: Standing) -> None:
    place = held(0.0)
    alone = replace(place, standings={**place.standings, EndpointName("ankara/0"): other})
    assert values(alone.at(NOW)) == ({TWO} if other.health is not Health.DOWN else {ONE})


@given(worlds(), times, st.sampled_from(["istanbul", "ankara/0", "api.example.com", "*"]))
def test_who_is_forced_up_answers_if_anybody_does(found: World, now: float, target: str) -> None:
    """With the weights that there are, and an address to answer with."""
    policy = replace(found.service, policy=(), members=tuple(replace(m, weight=1) for m in found.service.members))
    place = replace(found, service=policy, overrides=(*found.overrides, order(Kind.UP, target)))
    decision = place.at(now)
    given_ = {n for rule in decision.steering.rules for g in rule.groups for t in g.targets for n in t.endpoints}
    forced = {e.name for e in place.own if order(Kind.UP, target).covers(e, place.service.name)}
    assert {name for name in forced if place.standings[name].addresses} <= given_
