"""Regions that come back step by step, or when somebody says so: after failures, drains, harm and restarts."""

from typing import Any

import pytest

from gslb.control.comebacks import TEXTS
from gslb.model.comeback import SHARES, Stage
from gslb.model.names import ProbeName, RegionName
from gslb.model.override import Kind
from policies.canary import Canary
from policies.failover import Failover
from policies.weighted import Weighted
from tests.control.bench import API, Bench, saturated, service, topology
from tests.control.office import DRAINING, Office

ISTANBUL, ANKARA = "192.0.2.1:80", "192.0.2.2:80"
BOTH = {"192.0.2.1": 0.5, "192.0.2.2": 0.5}
ONLY_ANKARA = {"192.0.2.2": 1.0}
PAIR = (API, RegionName("istanbul"))
DEEP = ProbeName("deep")
HOLD, RAMP = 60.0, 100.0
STEP = RAMP / len(SHARES)


def coming_back(ramp: float = RAMP, *, manual: bool = False, **more: Any) -> Office:
    """Istanbul has failed, has been mended, and its hold is over in a second."""
    office = Office(service(hold=HOLD, ramp=ramp, manual=manual, **more)).open()
    office.kill(ISTANBUL)
    office.heal(ISTANBUL)
    office.wait(HOLD - 1)
    assert "192.0.2.1" not in office.answers()
    return office


def stages(office: Office) -> list[Stage | None]:
    return [state.stage if state else None for _, state in office.told.comebacks]


def ratio(office: Office) -> float:
    """Share of istanbul beside that of ankara."""
    answers = office.answers()
    return answers.get("192.0.2.1", 0.0) / answers["192.0.2.2"]


def test_without_a_ramp_a_region_is_back_at_once() -> None:
    office = coming_back(0.0)
    office.wait(2.0)
    assert office.answers() == BOTH
    assert office.told.comebacks == []


def test_after_a_failure_its_share_grows_step_by_step() -> None:
    office = coming_back()
    office.wait(2.0)
    seen = []
    for _ in SHARES:
        seen.append(ratio(office))
        office.wait(STEP)
    assert seen == pytest.approx(SHARES, abs=0.01)
    assert office.answers() == BOTH
    assert stages(office) == [Stage.OUT, *[Stage.CLIMBING] * len(SHARES), None]
    assert "a region comes back" in office.told.triggers


def test_after_a_drain_it_comes_back_step_by_step_as_well() -> None:
    office = Office(service(ramp=RAMP)).open()
    office.drain(at_once=True)
    office.wait(100.0)
    office.lift()
    assert ratio(office) == pytest.approx(SHARES[0], abs=0.01)
    office.wait(RAMP + 1)
    assert office.answers() == BOTH


def test_alone_it_has_all_the_answers_whatever_its_share() -> None:
    office = coming_back()
    office.wait(2.0)
    office.kill(ANKARA)
    assert office.answers() == {"192.0.2.1": 1.0}


def test_a_region_on_standby_takes_over_again_step_by_step_where_it_is_preferred() -> None:
    office = coming_back(policy=(Failover(),))
    office.wait(2.0)
    assert office.answers()["192.0.2.1"] == pytest.approx(SHARES[0], abs=0.01)
    office.wait(RAMP + 1)
    assert office.answers() == {"192.0.2.1": 1.0}


def test_who_fails_on_the_way_begins_anew() -> None:
    office = coming_back()
    office.wait(STEP + 2)
    office.kill(ISTANBUL)
    assert office.answers() == ONLY_ANKARA
    office.heal(ISTANBUL)
    office.wait(HOLD + 1)
    assert ratio(office) == pytest.approx(SHARES[0], abs=0.01)


# By hand


def test_by_hand_it_waits_until_somebody_says_so() -> None:
    office = coming_back(0.0, manual=True)
    office.wait(1000.0)
    assert office.answers() == ONLY_ANKARA
    assert stages(office) == [Stage.OUT, Stage.WAITING]
    reasons = [reason.text for reason in office.engine.decisions[API].reasons]
    assert any(TEXTS[Stage.WAITING] in text for text in reasons)
    office.engine.resume(PAIR, office.now)
    assert office.answers() == BOTH
    assert stages(office)[-1] is None


def test_by_hand_and_with_a_ramp_it_climbs_once_somebody_has_said_so() -> None:
    office = coming_back(manual=True)
    office.wait(100.0)
    office.engine.resume(PAIR, office.now)
    assert ratio(office) == pytest.approx(SHARES[0], abs=0.01)


def test_one_that_waits_answers_where_nobody_else_can() -> None:
    office = coming_back(0.0, manual=True)
    office.wait(100.0)
    office.kill(ANKARA)
    assert office.answers() == {"192.0.2.1": 1.0}


def test_who_was_taken_out_by_order_does_not_wait_for_a_second_one() -> None:
    office = Office(service(manual=True)).open()
    office.give(Kind.OUT, "istanbul")
    office.wait(10.0)
    office.lift("istanbul", Kind.OUT)
    assert office.answers() == BOTH


def test_somebody_may_say_so_before_it_is_mended() -> None:
    office = Office(service(hold=HOLD, manual=True)).open()
    office.kill(ISTANBUL)
    office.engine.resume(PAIR, office.now)
    office.heal(ISTANBUL)
    office.wait(HOLD + 1)
    assert office.answers() == BOTH


# Harm


def harmed() -> Office:
    """On its way back istanbul is saturated, and ankara is not."""
    office = coming_back()
    office.wait(2.0)
    office.say(ISTANBUL, saturated(1.0))
    office.wait(STEP + 1)
    return office


def test_a_region_that_does_harm_on_the_way_up_gives_its_share_back_and_tries_again_after_hold() -> None:
    office = harmed()
    assert office.answers() == ONLY_ANKARA
    state = office.engine.comebacks.states[PAIR]
    assert state.stage is Stage.ABORTED
    assert state.reason
    office.say(ISTANBUL, None)
    office.wait(HOLD + STEP)
    assert "192.0.2.1" in office.answers()


def test_as_long_as_harm_lasts_it_is_told_once() -> None:
    office = harmed()
    told = len(office.told.comebacks)
    office.wait(3 * HOLD)
    assert len(office.told.comebacks) == told
    assert office.answers() == ONLY_ANKARA


THREE = {"istanbul": [ISTANBUL, "192.0.2.11:80", "192.0.2.12:80"], "ankara": [ANKARA]}
DEAD = "192.0.2.12:80"


def test_who_was_dead_before_does_not_keep_the_others_from_coming_back() -> None:
    office = Office(service(hold=HOLD, ramp=RAMP), regions=THREE).open()
    office.kill(DEAD)
    for target in (ISTANBUL, "192.0.2.11:80"):
        office.kill(target)
    for target in (ISTANBUL, "192.0.2.11:80"):
        office.heal(target)
    office.wait(HOLD + RAMP + 2)
    assert Stage.ABORTED not in stages(office)
    assert office.answers().keys() == {"192.0.2.1", "192.0.2.11", "192.0.2.2"}


def test_who_dies_on_the_way_up_and_stays_dead_costs_one_attempt() -> None:
    office = Office(service(hold=HOLD, ramp=RAMP), regions=THREE).open()
    for target in THREE["istanbul"]:
        office.kill(target)
    for target in THREE["istanbul"]:
        office.heal(target)
    office.wait(HOLD + 2)
    office.kill(DEAD)
    assert stages(office)[-1] is Stage.ABORTED
    assert office.answers() == ONLY_ANKARA
    office.wait(HOLD + RAMP + 2)
    assert stages(office).count(Stage.ABORTED) == 1
    assert PAIR not in office.engine.comebacks.states


def test_a_restart_while_it_waits_after_harm_begins_its_hold_anew() -> None:
    before = harmed()
    after = before.restarted(1.0).open()
    assert after.engine.comebacks.states[PAIR].stage is Stage.ABORTED
    after.say(ISTANBUL, None)
    after.wait(HOLD + STEP)
    assert "192.0.2.1" in after.answers()


def test_somebody_may_let_it_try_again_at_once() -> None:
    office = harmed()
    office.say(ISTANBUL, None)
    office.engine.resume(PAIR, office.now)
    assert "192.0.2.1" in office.answers()


def test_who_climbs_already_is_not_thrown_back_by_a_word() -> None:
    office = coming_back()
    office.wait(2 * STEP + 2)
    answers = office.answers()
    assert office.engine.resumable(API) == set()
    office.engine.resume(PAIR, office.now)
    assert office.answers() == answers
    assert ratio(office) == pytest.approx(SHARES[2], abs=0.01)


CANARY = (Weighted(), Canary.model_validate({"region": "istanbul", "steps": ["5%", "50%"], "every": "10m"}))


def test_one_word_is_enough_for_a_canary_that_waits_as_well() -> None:
    office = coming_back(0.0, manual=True, policy=CANARY)
    office.wait(2.0)
    assert office.engine.resumable(API) == {"istanbul"}
    office.engine.resume(PAIR, office.now)
    assert office.answers()["192.0.2.1"] == pytest.approx(0.05, abs=0.005)
    assert office.engine.resumable(API) == set()


def test_a_canary_can_be_resumed_while_its_region_climbs() -> None:
    office = coming_back(policy=CANARY)
    office.wait(STEP + 2)
    state = office.engine.comebacks.states[PAIR]
    assert (state.stage, office.engine.resumable(API)) == (Stage.CLIMBING, {"istanbul"})
    office.engine.resume(PAIR, office.now)
    assert office.engine.comebacks.states[PAIR] == state
    assert "192.0.2.1" in office.answers()


# What is no failure


def test_a_region_whose_gateway_restarts_with_notice_waits_for_nobody() -> None:
    office = Office(service(hold=HOLD, manual=True)).open()
    office.say(ISTANBUL, DRAINING)
    assert office.answers() == ONLY_ANKARA
    office.kill(ISTANBUL)
    office.say(ISTANBUL, None)
    office.heal(ISTANBUL)
    office.wait(HOLD + 1)
    assert office.answers() == BOTH
    assert Stage.WAITING not in stages(office)


def test_a_restart_with_notice_is_no_word_for_a_region_that_waits() -> None:
    office = coming_back(0.0, manual=True)
    office.wait(2.0)
    office.say(ISTANBUL, DRAINING)
    office.say(ISTANBUL, None)
    office.wait(2 * HOLD)
    assert office.answers() == ONLY_ANKARA
    assert stages(office)[-1] is Stage.WAITING


@pytest.mark.parametrize("settings", [{"manual": True}, {"ramp": RAMP}])
def test_a_reload_that_renames_a_probe_sends_nobody_away(settings: dict[str, Any]) -> None:
    bench = Bench(service(hold=HOLD, **settings)).both_up()
    bench.engine.tick(100.0)
    bench.configure(topology(service(probes=(DEEP,), hold=HOLD, **settings)), 100.0)
    for target in (ISTANBUL, ANKARA):
        bench.up(target, 101.0, probe=DEEP)
    assert bench.answers() == BOTH
    assert bench.told.comebacks == []


def test_of_a_decision_that_is_not_taken_nothing_is_told() -> None:
    bench = Bench(service(hold=HOLD, manual=True))
    before = Bench(service(hold=HOLD, manual=True)).both_up().engine.decisions[API].steering
    bench.engine.restore({}, {API: before}, {}, ())
    bench.start()
    bench.down(ISTANBUL, 0.0)
    assert API not in bench.engine.decisions
    assert bench.told.comebacks == []
    bench.up(ANKARA, 1.0)
    assert [state.stage for _, state in bench.told.comebacks if state] == [Stage.OUT]


def test_a_region_left_with_too_few_or_only_just_mended_endpoints_has_failed_all_the_same() -> None:
    office = Office(service(hold=HOLD, manual=True), regions=THREE).open()
    office.kill("192.0.2.11:80")
    office.heal("192.0.2.11:80")
    office.kill(DEAD)
    office.kill(ISTANBUL)
    assert office.answers() == ONLY_ANKARA
    office.wait(HOLD + 1)
    assert office.answers() == ONLY_ANKARA
    assert stages(office) == [Stage.OUT, Stage.WAITING]


# Forced up


@pytest.mark.parametrize("settings", [{"manual": True}, {"ramp": RAMP}])
def test_who_is_forced_up_is_back_with_all_of_its_share(settings: dict[str, Any]) -> None:
    office = Office(service(hold=HOLD, **settings)).open()
    office.kill(ISTANBUL)
    office.give(Kind.UP, "istanbul", force=True)
    assert office.answers() == BOTH
    assert PAIR not in office.engine.comebacks.states


def test_a_region_that_waits_and_is_forced_up_waits_no_longer() -> None:
    office = coming_back(0.0, manual=True)
    office.wait(2.0)
    office.give(Kind.UP, "istanbul", force=True)
    assert office.answers() == BOTH
    office.lift("istanbul", Kind.UP)
    assert office.answers() == BOTH


# Everybody waits


def test_after_a_total_outage_the_preferred_region_answers_alone_while_both_wait() -> None:
    office = Office(service(hold=HOLD, manual=True, policy=(Failover(),))).open()
    office.kill(ISTANBUL)
    office.kill(ANKARA)
    office.heal(ISTANBUL)
    office.heal(ANKARA)
    office.wait(HOLD + 1)
    assert [state.stage for state in office.engine.comebacks.states.values()] == [Stage.WAITING] * 2
    assert office.answers() == {"192.0.2.1": 1.0}


# Restarts and reloads


@pytest.mark.parametrize("manual", [False, True])
def test_over_a_restart_it_goes_on_where_it_was(*, manual: bool) -> None:
    before = coming_back(manual=manual)
    before.wait(STEP + 2)
    after = before.restarted(1.0).open()
    assert after.engine.comebacks.states[PAIR].stage is (Stage.WAITING if manual else Stage.CLIMBING)
    assert after.answers() == before.answers()


def test_a_reload_that_takes_the_ramp_away_lets_it_in_at_once() -> None:
    office = coming_back()
    office.wait(2.0)
    office.bench.configure(topology(service(hold=HOLD)), office.now)
    assert office.engine.comebacks.states == {}
    office.wait(1.0)
    assert office.answers() == BOTH


def test_a_reload_that_changes_nothing_lets_it_go_on() -> None:
    office = coming_back()
    office.wait(2.0)
    answers = office.answers()
    office.bench.configure(office.topology, office.now)
    assert office.answers() == answers
