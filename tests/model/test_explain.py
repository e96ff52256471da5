"""Every endpoint that is not answered is told why, whatever the policy, the client, and the state of the world."""

from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gslb.model.area import parse_area
from gslb.model.branch import Branch, Context, Step, Verdict
from gslb.model.combine import Health
from gslb.model.explain import Explanation, explain
from gslb.model.location import Client, Location
from gslb.model.names import EndpointName
from gslb.model.steer import Standing
from gslb.model.steering import Pick, rule_for
from policies.weighted import Weighted
from tests.model.worlds import Tiers, World, down, drain, gateway, times, world, worlds

NOW = 1000.0
ISTANBUL, ANKARA = "192.0.2.1", "192.0.2.2"
TURK = Client(ip_network("198.51.100.7/32"), Location("AS", "TR", ("TR-34",), None, (41.0, 29.0)))


@dataclass(frozen=True, slots=True)
class Picks:
    """A step that says how to pick."""

    pick: Pick
    name: str = "picks"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        return (structs.replace(branch, pick=self.pick),)


@dataclass(frozen=True, slots=True)
class Silent:
    """A step that drops the first candidate without a word."""

    name: str = "silent"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        return (structs.replace(branch, tiers=tuple(tier[1:] for tier in branch.tiers)),)


@dataclass(frozen=True, slots=True)
class Parts:
    """A step that makes a branch for Turkey, where Istanbul comes before the others."""

    name: str = "parts"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        own = tuple(c for tier in branch.tiers for c in tier if c.region == "istanbul")
        rest = tuple(c for tier in branch.tiers for c in tier if c.region != "istanbul")
        return (structs.replace(branch, match=parse_area("TR"), tiers=(own, rest)), branch)


def explained(found: World, client: Client | None = None, now: float = NOW) -> Explanation:
    decision = found.at(now)
    return explain(decision, found.own, rule_for(decision.steering, client), client)


def why(explanation: Explanation) -> dict[str, tuple[bool, str]]:
    return {word.endpoint: (word.share > 0, f"{word.why.step}: {word.why.text}") for word in explanation.words}


def two(*, members: dict[str, int] | None = None, **service: Any) -> World:
    weights = members or {"istanbul": 60, "ankara": 40}
    return world({"istanbul": [gateway(ISTANBUL)], "ankara": [gateway(ANKARA)]}, members=weights, **service)


def test_what_is_down_is_out_for_that() -> None:
    found = world({"istanbul": [down(ISTANBUL, detail="edge down: timeout")], "ankara": [gateway(ANKARA)]})
    assert why(explained(found))["istanbul/0"] == (False, "health: edge down: timeout")


def test_hold_orders_and_too_few_are_told_before_any_step() -> None:
    held = world({"istanbul": [gateway(ISTANBUL, last_failure=NOW - 1)], "ankara": [gateway(ANKARA)]})
    assert why(explained(held))["istanbul/0"] == (False, "hold: up again, waiting out its hold")
    drained = replace(two(), overrides=(drain("istanbul"),))
    assert why(explained(drained))["istanbul/0"] == (False, "override: drained by ayse: kernel update")
    short = world({"istanbul": [gateway(ISTANBUL), down("192.0.2.3")], "ankara": [gateway(ANKARA)] * 2}, min_healthy=2)
    assert why(explained(short))["istanbul/0"][1].startswith("min_healthy: istanbul has 1 healthy")


def test_a_region_in_a_later_tier_says_behind_whom() -> None:
    assert why(explained(two(policy=(Tiers(),))))["ankara/0"] == (False, "policy: behind istanbul")


def test_a_region_of_weight_0_says_so() -> None:
    found = two(members={"istanbul": 1, "ankara": 0})
    answers, text = why(explained(found))["ankara/0"]
    assert not answers
    assert "of weight 0" in text


def test_a_region_that_a_step_drops_without_a_word_is_told_of() -> None:
    assert why(explained(two(policy=(Silent(),))))["istanbul/0"] == (
        False,
        "policy: a step has left it out and does not say why",
    )


def test_an_endpoint_without_an_address_of_any_type_that_is_asked_for_says_so() -> None:
    found = world({"istanbul": [gateway(ISTANBUL), gateway(health=Health.DOWN)]})
    assert why(explained(found))["istanbul/1"][0] is False


def test_clients_of_different_areas_are_told_different_things() -> None:
    found = two(policy=(Parts(),))
    assert why(explained(found, TURK))["ankara/0"] == (False, "policy: behind istanbul")
    assert why(explained(found))["ankara/0"][0] is True


def test_the_nearest_region_says_how_far_the_others_are() -> None:
    found = two(policy=(Picks(Pick.NEAREST),))
    places = {"istanbul": (41.0, 29.0), "ankara": (39.9, 32.9)}
    placed = replace(found, regions={n: replace(r, location=places[n]) for n, r in found.regions.items()})
    told = why(explained(placed, TURK))
    assert told["istanbul/0"] == (True, "nearest: 0 km away")
    assert told["ankara/0"] == (False, "nearest: 352 km away; istanbul is nearer: 0 km")
    assert why(explained(placed, replace(TURK, location=Location())))["ankara/0"] == (
        True,
        "nearest: the place of the client is not known: weights decide",
    )


def test_a_sticky_client_is_told_whose_its_network_is() -> None:
    told = why(explained(two(policy=(Picks(Pick.STICKY),)), TURK))
    assert sorted(told.values()) == [
        (False, "sticky: 198.51.100.0/24 is that of another region by its hash"),
        (True, "sticky: 198.51.100.0/24 is its own by its hash"),
    ]


def test_the_odds_of_a_weighted_answer_are_shown_with_their_reason() -> None:
    explanation = explained(two(policy=(Weighted(),)))
    assert {word.endpoint: float(word.share) for word in explanation.words} == {"istanbul/0": 0.6, "ankara/0": 0.4}
    assert why(explanation)["istanbul/0"][1].startswith("weighted: weight 60")


POLICIES: list[tuple[Step, ...]] = [
    (),
    (Tiers(),),
    (Silent(),),
    (Parts(),),
    (Parts(), Silent()),
    (Weighted(),),
    (Picks(Pick.NEAREST),),
]


@given(worlds(), times, st.sampled_from(POLICIES), st.sampled_from([None, TURK]))
def test_whoever_is_not_answered_is_told_why_in_words(
    found: World, now: float, policy: tuple[Step, ...], client: Client | None
) -> None:
    steered = replace(found, service=replace(found.service, policy=policy))
    for word in explained(steered, client, now).words:
        assert word.why.text
        if not word.share:
            assert word.why.verdict is not Verdict.IN
            assert word.why.step != "answers" or not steered.standings[word.endpoint].addresses


@pytest.mark.parametrize(
    ("standing", "text"),
    [
        (gateway(ISTANBUL, since=NOW - 5), "alert: something changed in the last 1m"),
        (gateway(ISTANBUL, health=Health.DRAINING), "alert: istanbul/0 is draining"),
        (gateway(ISTANBUL), "steady"),
    ],
)
def test_a_decision_says_why_its_ttl_is_what_it_is(standing: Standing, text: str) -> None:
    decision = world({"istanbul": [standing]}).at(NOW)
    assert decision.ttl_reason == text
    assert EndpointName("istanbul/0") in decision.fitness
