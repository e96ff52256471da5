"""Drains on their way, what is forced, and gateways that drain by themselves: with the real engine and ledger."""

import math
from typing import Any

import pytest

from gslb.control.drains import RETRY
from gslb.errors import RefusedError
from gslb.model.drain import SHARES
from gslb.model.exposure import ALLOWANCE
from gslb.model.names import RegionName
from gslb.model.override import Kind
from gslb.model.steer import Fitness
from gslb.model.topology import AllDown
from policies.failover import Failover
from tests.control.bench import API, SHOP, service
from tests.control.office import DRAINING, ROUND, START, Office

ISTANBUL, ANKARA, IZMIR = "192.0.2.1:80", "192.0.2.2:80", "192.0.2.3:80"
THREE = {"istanbul": [ISTANBUL], "ankara": [ANKARA], "izmir": [IZMIR]}
BOTH = {"192.0.2.1": 0.5, "192.0.2.2": 0.5}
ONLY_ANKARA = {"192.0.2.2": 1.0}
STEADY, ALERT = 30, 5
LONG, SHORT = STEADY + ALLOWANCE, ALERT + ALLOWANCE
"""Seconds for which answers with these TTLs are held."""


def three() -> Office:
    return Office(service(regions=("istanbul", "ankara", "izmir")), regions=THREE).open()


# Phases


def test_a_drain_lowers_the_ttl_and_leaves_once_longer_ones_have_passed_and_is_done_when_nobody_holds_any() -> None:
    office = Office().open()
    assert office.ttl() == STEADY
    office.drain()
    assert (office.phase(), office.ttl(), office.answers()) == ("lowering", ALERT, BOTH)
    office.wait(LONG - 0.01)
    assert (office.phase(), office.answers()) == ("lowering", BOTH)
    office.wait(0.02)
    assert (office.phase(), office.ttl(), office.answers()) == ("emptying", ALERT, ONLY_ANKARA)
    office.wait(SHORT - 0.02)
    assert office.phase() == "emptying"
    office.wait(0.02)
    assert (office.phase(), office.answers()) == ("drained", ONLY_ANKARA)
    assert office.ttl() == STEADY
    assert [action for action, _ in office.acts] == ["drain", "emptying", "drained"]
    assert [record.at_utc.timestamp() - office.noted[0].at_utc.timestamp() for record in office.noted] == [
        0.0,
        pytest.approx(LONG, abs=0.01),
        pytest.approx(LONG + SHORT, abs=0.01),
    ]


def test_what_moved_it_on_is_the_trigger_of_each_decision() -> None:
    office = Office().open()
    office.drain()
    office.wait(LONG + SHORT + 0.1)
    office.lift()
    assert office.told.triggers[1:] == [
        "drain of istanbul by ayse",
        "drain of istanbul: emptying",
        "drain of istanbul: drained",
        "drain of istanbul lifted by mehmet",
    ]


def test_until_everybody_who_answers_has_confirmed_it_nothing_goes_on() -> None:
    office = Office(settles=False).open()
    office.settle()
    office.drain()
    office.wait(1000.0)
    assert office.phase() == "lowering"
    office.settle()
    office.wait(LONG + 0.1)
    assert office.phase() == "emptying"
    office.wait(1000.0)
    assert office.phase() == "emptying"
    office.settle()
    office.wait(SHORT - 0.1)
    assert office.phase() == "emptying"
    office.wait(0.2)
    assert office.phase() == "drained"


def test_one_that_is_to_be_now_leaves_the_answers_at_once_and_waits_for_the_longer_ttl_then() -> None:
    office = Office().open()
    office.drain(at_once=True)
    assert (office.phase(), office.answers()) == ("emptying", ONLY_ANKARA)
    office.wait(LONG - 0.01)
    assert office.phase() == "emptying"
    office.wait(0.02)
    assert office.phase() == "drained"


def test_a_ramp_moves_its_share_away_step_by_step() -> None:
    office = Office().open()
    office.drain(ramp=60.0)
    office.wait(LONG + 0.01)
    seen = []
    for _ in SHARES:
        assert office.phase() == "moving"
        answers = office.answers()
        seen.append(answers["192.0.2.1"] / answers["192.0.2.2"])
        office.wait(60.0 / len(SHARES))
    assert seen == pytest.approx(SHARES, abs=0.01)
    assert (office.phase(), office.answers()) == ("emptying", ONLY_ANKARA)


def test_where_the_ttl_is_low_already_it_leaves_at_once() -> None:
    office = Office(service(ttl_steady=5)).open()
    office.drain()
    office.tick()
    assert office.phase() == "emptying"


def test_the_drain_of_somebody_who_is_in_no_answer_is_over_at_once() -> None:
    office = Office(service(policy=(Failover(),))).open()
    office.drain("ankara")
    office.tick()
    assert office.phase("ankara") == "drained"
    assert office.answers() == {"192.0.2.1": 1.0}


def test_it_goes_on_only_when_all_services_have_let_it_go() -> None:
    office = Office(service(), service(SHOP, ttl_steady=300, hold=600.0)).open()
    office.drain()
    office.wait(LONG + 1)
    assert office.phase() == "lowering"
    office.wait(300 + ALLOWANCE - LONG)
    assert office.phase() == "emptying"


def test_a_drain_for_one_service_leaves_the_others_alone() -> None:
    office = Office(service(), service(SHOP)).open()
    office.drain(service="shop.example.com")
    office.wait(LONG + SHORT + 1)
    assert office.phase() == "drained"
    assert (office.answers(), office.answers(SHOP)) == (BOTH, ONLY_ANKARA)
    assert office.ttl() == STEADY


def test_the_progress_says_when_it_will_be_done() -> None:
    office = Office().open()
    order = office.drain()
    progress = office.ordering.progress(order)
    assert progress is not None
    assert progress.done_at == START + LONG + SHORT
    assert progress.services == (API,)
    assert progress.facts.exposed_until == math.inf
    other = office.give(Kind.OUT, "ankara", force=True)
    assert office.ordering.progress(other) is None


def test_with_a_forced_ttl_that_one_has_to_pass() -> None:
    office = Office().open()
    office.give(Kind.TTL, "api.example.com", value=60)
    office.wait(1.0)
    office.drain()
    office.tick()
    assert (office.phase(), office.ttl()) == ("emptying", 60)
    office.wait(60 + ALLOWANCE - 0.1)
    assert office.phase() == "emptying"
    office.wait(0.2)
    assert office.phase() == "drained"


# Held up


def test_it_is_held_up_while_the_other_region_is_down_and_goes_on_afterwards() -> None:
    office = Office(service(hold=30.0)).open()
    office.drain()
    office.kill(ANKARA)
    office.wait(LONG + 10)
    assert office.phase() == "lowering"
    assert office.answers() == {"192.0.2.1": 1.0}
    progress = office.ordering.progress(office.orders.in_force[-1])
    assert progress is not None
    assert "without any healthy endpoint" in (progress.facts.blocked or "")
    assert progress.done_at == math.inf
    office.heal(ANKARA)
    office.wait(RETRY)
    assert office.phase() == "emptying"
    assert office.answers() == ONLY_ANKARA


def test_of_two_drains_that_are_ready_at_the_same_moment_the_second_sees_that_the_first_has_left() -> None:
    """Both were let through while a third region could answer, which has died since."""
    office = three()
    office.drain("istanbul")
    office.drain("ankara")
    office.kill(IZMIR)
    office.wait(LONG + 10)
    assert {office.phase("istanbul"), office.phase("ankara")} == {"drained", "lowering"}
    assert office.answers() == ONLY_ANKARA


def test_one_that_was_forced_is_not_held_up() -> None:
    office = Office().open()
    office.drain("istanbul", force=True)
    office.kill(ANKARA)
    office.wait(LONG + 1)
    assert office.phase() == "emptying"
    assert office.answers() == ONLY_ANKARA


def test_on_its_way_out_step_by_step_it_is_held_up_at_its_share() -> None:
    office = Office().open()
    office.drain(ramp=30.0, at_once=True)
    office.wait(15.0)
    office.kill(ANKARA)
    office.wait(100.0)
    assert office.phase() == "moving"
    assert office.answers() == {"192.0.2.1": 1.0}


# Lifted and over


@pytest.mark.parametrize(
    ("waited", "phase"),
    [(1.0, "lowering"), (LONG + 5, "moving"), (LONG + 32, "emptying"), (LONG + 60, "drained")],
)
def test_in_each_phase_it_can_be_cancelled_and_all_is_as_before(waited: float, phase: str) -> None:
    office = Office().open()
    office.drain(ramp=30.0)
    office.wait(waited)
    assert office.phase() == phase
    office.lift()
    assert office.phase() is None
    assert office.answers() == BOTH
    assert office.ttl() == ALERT
    office.wait(61.0)
    assert (office.ttl(), office.answers()) == (STEADY, BOTH)
    assert office.acts[-1] == ("lifted", "istanbul")


def test_one_that_is_for_some_time_ends_by_itself_in_whatever_phase() -> None:
    office = Office().open()
    office.drain(duration=10.0)
    office.wait(10.0)
    assert (office.phase(), office.acts[-1]) == (None, ("expired", "istanbul"))
    office.drain(duration=100.0)
    office.wait(99.0)
    assert office.phase() == "drained"
    office.wait(1.0)
    assert (office.phase(), office.answers()) == (None, BOTH)
    assert office.told.triggers[-1] == "drain of istanbul expired"


def test_one_that_is_drained_is_emptying_again_when_an_old_answer_turns_up() -> None:
    office = Office().open()
    office.drain()
    office.wait(LONG + SHORT + 1)
    assert office.phase() == "drained"
    office.settles = False
    office.ledger.assume(API, STEADY, [endpoint.name for endpoint in office.topology.endpoints])
    office.wait(100.0)
    assert office.phase() == "emptying"
    office.settle()
    office.wait(LONG + 0.1)
    assert office.phase() == "drained"


def test_an_endpoint_of_which_a_newer_order_says_otherwise_holds_nothing_up() -> None:
    """It answers, so the drain of its region does not come to its end."""
    pair = {"istanbul": ["192.0.2.11:80", "192.0.2.12:80"], "ankara": [ANKARA]}
    office = Office(regions=pair).open()
    office.drain()
    office.give(Kind.UP, "istanbul/192.0.2.11:80")
    office.wait(LONG + SHORT + 1)
    assert office.phase() == "emptying"
    assert set(office.answers()) == {"192.0.2.11", "192.0.2.2"}
    office.kill(ANKARA)
    office.wait(10.0)
    assert office.answers() == {"192.0.2.11": 1.0}


def test_a_drain_that_leaves_somebody_by_a_newer_order_is_not_held_up_though_the_other_region_is_down() -> None:
    pair = {"istanbul": ["192.0.2.11:80", "192.0.2.12:80"], "ankara": [ANKARA]}
    office = Office(regions=pair).open()
    office.drain()
    office.give(Kind.UP, "istanbul/192.0.2.11:80")
    office.kill(ANKARA)
    office.wait(LONG + SHORT + 1)
    assert office.phase() == "emptying"
    assert office.answers() == {"192.0.2.11": 1.0}


def test_over_a_restart_a_drain_goes_on_where_it_was() -> None:
    before = Office().open()
    before.drain()
    before.wait(20.0)
    after = before.restarted(5.0).open()
    assert (after.phase(), after.ttl()) == ("lowering", ALERT)
    after.wait(LONG - 25.0 - 0.1)
    assert after.phase() == "lowering"
    after.wait(0.2)
    assert after.phase() == "emptying"


# What is forced


def test_what_is_forced_out_is_in_no_answer_and_what_is_forced_up_is_whatever_probes_say() -> None:
    office = Office().open()
    office.give(Kind.OUT, "istanbul")
    assert office.answers() == ONLY_ANKARA
    office.lift("istanbul", Kind.OUT)
    assert office.answers() == BOTH
    office.kill(ANKARA)
    assert office.answers() == {"192.0.2.1": 1.0}
    office.give(Kind.UP, "ankara")
    assert office.answers() == BOTH
    office.wait(3600.0)
    assert office.answers() == {"192.0.2.1": 1.0}


def test_a_weight_and_a_ttl_hold_until_they_are_over() -> None:
    office = Office().open()
    office.give(Kind.WEIGHT, "istanbul", value=3, duration=100.0)
    office.give(Kind.TTL, "*", value=9, duration=100.0)
    assert (office.answers(), office.ttl()) == ({"192.0.2.1": 0.75, "192.0.2.2": 0.25}, 9)
    office.wait(100.0)
    assert office.answers() == BOTH
    assert [action for action, _ in office.acts] == ["weight", "ttl", "expired", "expired"]


def test_orders_for_somebody_else_are_none_of_a_services_decisions() -> None:
    office = Office(service(), service(SHOP)).open()
    before = office.engine.decisions[API]
    office.give(Kind.WEIGHT, "istanbul", value=3, service="shop.*")
    assert office.engine.decisions[API] is before


# Gateways that say it themselves


def test_a_gateway_that_says_it_is_draining_is_followed_until_nobody_holds_an_answer_with_it() -> None:
    office = Office().open()
    office.say(ISTANBUL, DRAINING)
    assert office.departures.states.keys() == {f"istanbul/{ISTANBUL}"}
    assert office.answers() == ONLY_ANKARA
    assert office.phase(f"istanbul/{ISTANBUL}") == "emptying"
    office.wait(LONG + ALLOWANCE)
    assert office.phase(f"istanbul/{ISTANBUL}") == "drained"
    assert [action for action, _ in office.acts] == ["emptying", "drained"]


def test_it_is_over_when_the_gateway_says_so_no_more() -> None:
    office = Office().open()
    office.say(ISTANBUL, DRAINING)
    office.wait(5.0)
    office.say(ISTANBUL, None)
    assert office.departures.states == {}
    assert office.acts[-1] == ("lifted", f"istanbul/{ISTANBUL}")
    assert office.answers() == BOTH


def test_it_is_over_when_the_gateway_is_gone() -> None:
    office = Office().open()
    office.say(ISTANBUL, DRAINING)
    office.kill(ISTANBUL)
    office.wait(ROUND)
    assert office.departures.states == {}
    assert office.bench.fitness(ISTANBUL) is Fitness.DOWN


def test_it_keeps_nobody_out_where_nobody_else_is_left() -> None:
    """Draining is what an endpoint says; only people take the last one out."""
    office = Office().open()
    office.kill(ANKARA)
    office.say(ISTANBUL, DRAINING)
    assert office.answers() == {"192.0.2.1": 1.0}
    office.wait(100.0)
    assert office.phase(f"istanbul/{ISTANBUL}") == "emptying"


def test_nobody_lifts_what_nobody_has_ordered() -> None:
    office = Office().open()
    office.say(ISTANBUL, DRAINING)
    with pytest.raises(RefusedError, match="in force: none"):
        office.lift(f"istanbul/{ISTANBUL}")


def test_people_may_order_beside_it() -> None:
    office = Office().open()
    office.say(ISTANBUL, DRAINING)
    office.give(Kind.UP, f"istanbul/{ISTANBUL}")
    assert office.answers() == BOTH
    office.drain(f"istanbul/{ISTANBUL}", at_once=True)
    assert office.answers() == ONLY_ANKARA
    assert len(office.orders.in_force) == 1


def test_over_a_restart_it_is_followed_on_and_its_end_is_not_missed() -> None:
    before = Office().open()
    before.say(ISTANBUL, DRAINING)
    before.wait(10.0)
    after = before.restarted(2.0).open()
    assert after.phase(f"istanbul/{ISTANBUL}") == "emptying"
    after.wait(LONG)
    assert after.phase(f"istanbul/{ISTANBUL}") == "drained"
    after.says = {}
    last = after.restarted(2.0).open()
    assert last.departures.states == {}


# Rules and restarts together


def test_an_endpoint_that_two_services_see_differently_is_draining_as_long_as_one_does() -> None:
    office = Office(service(), service(SHOP)).open()
    office.say(ISTANBUL, DRAINING)
    assert len(office.departures.states) == 1
    assert (office.answers(), office.answers(SHOP)) == (ONLY_ANKARA, ONLY_ANKARA)


# One order after another


@pytest.mark.parametrize("again", [{}, {"at_once": True}, {"ramp": 60.0}, {"duration": 600.0}])
def test_a_drain_that_is_ordered_again_brings_nobody_back(again: dict[str, Any]) -> None:
    office = Office().open()
    office.drain()
    office.wait(LONG + SHORT + 0.1)
    assert office.phase() == "drained"
    office.drain(**again)
    for _ in range(100):
        assert office.answers() == ONLY_ANKARA
        office.wait(1.0)
    assert office.phase() == "drained"


def test_a_drain_that_is_ordered_again_on_its_way_goes_on_from_there() -> None:
    office = Office().open()
    office.drain()
    office.wait(LONG - 5.0)
    office.drain(duration=600.0)
    office.wait(5.1)
    assert office.phase() == "emptying"


def test_what_is_forced_out_stays_out_while_it_is_drained_instead() -> None:
    office = Office().open()
    office.give(Kind.OUT, "istanbul")
    office.drain()
    assert (office.phase(), office.answers()) == ("emptying", ONLY_ANKARA)


def test_an_endpoint_of_a_drained_region_stays_out_when_it_is_drained_by_itself() -> None:
    office = Office().open()
    office.drain()
    office.wait(LONG + SHORT + 0.1)
    office.drain(f"istanbul/{ISTANBUL}")
    for _ in range(100):
        assert office.answers() == ONLY_ANKARA
        office.wait(1.0)
    office.lift()
    assert office.answers() == ONLY_ANKARA


@pytest.mark.parametrize(
    ("kind", "target"),
    [(Kind.OUT, "istanbul/*"), (Kind.UP, "istanbul/*"), (Kind.DRAIN, f"istanbul/{ISTANBUL}")],
)
def test_a_region_is_not_drained_as_long_as_answers_with_it_are_held_whatever_is_ordered_of_its_endpoints(
    kind: Kind, target: str
) -> None:
    office = Office().open()
    office.drain()
    office.give(kind, target, force=True)
    office.wait(SHORT)
    assert office.phase() != "drained"
    for _ in range(100):
        held = office.ledger.exposed_until(API, office.topology.endpoints[0].name) > office.now
        assert not (office.phase() == "drained" and held)
        office.wait(1.0)


def test_a_fallback_is_drained_like_any_other_region() -> None:
    steered = service(regions=("istanbul", "ankara"), when_all_down=AllDown.FALLBACK, fallback=RegionName("izmir"))
    office = Office(steered, regions=THREE).open()
    for target in (ISTANBUL, ANKARA):
        office.kill(target)
    office.wait(100.0)
    assert (office.answers(), office.ttl()) == ({"192.0.2.3": 1.0}, STEADY)
    office.drain("izmir")
    assert office.ttl() == ALERT
    office.wait(LONG + SHORT + 0.1)
    assert office.phase("izmir") == "drained"
    assert "192.0.2.3" not in office.answers()
    office.lift("izmir")
    office.give(Kind.OUT, "izmir")
    assert "192.0.2.3" not in office.answers()


def test_an_endpoint_that_drains_by_itself_is_no_news_to_other_services_when_it_is_back() -> None:
    office = Office(service(), service(SHOP)).open()
    office.say(ISTANBUL, DRAINING)
    office.wait(5.0)
    office.say(ISTANBUL, None)
    office.wait(300.0)
    office.give(Kind.TTL, "shop.example.com", value=9)
    assert office.ttl() == STEADY
