"""From results to decisions: when a service is decided, what moves it, and what it tells."""

from random import Random

import pytest

from gslb.control.health import CheckState
from gslb.model.combine import Health
from gslb.model.drain import Drain, Phase
from gslb.model.names import EndpointName, ProbeName, VantageName
from gslb.model.observation import Cause, CheckKey, HealthReport, Observation, ProbeResult, ServingState
from gslb.model.override import Kind, Override
from gslb.model.steer import Fitness
from gslb.model.step import Condition, ProbeState
from tests.control.bench import ANKARA, API, EDGE, HERE, ISTANBUL, SHOP, Bench, key, saturated, service, topology

BOTH = {"192.0.2.1": 0.5, "192.0.2.2": 0.5}
ONLY_ANKARA = {"192.0.2.2": 1.0}
DEEP = ProbeName("deep")


def drain(target: str, expires: float | None = None) -> Override:
    return Override(Kind.DRAIN, target, "ayse", "kernel update", 0.0, expires, drain=Drain(Phase.EMPTYING, 0.0))


# Cold start


def test_a_service_is_decided_once_every_endpoint_has_been_seen() -> None:
    bench = Bench().start()
    bench.up(ISTANBUL, 0.0)
    assert API not in bench.engine.decisions
    bench.up(ANKARA, 0.5)
    assert bench.engine.complete
    assert bench.answers() == BOTH


def test_until_then_an_endpoint_that_fails_is_not_down_before_the_failures_add_up() -> None:
    bench = Bench().start()
    bench.up(ANKARA, 0.0)
    bench.down(ISTANBUL, 0.0, times=2)
    assert not bench.engine.complete
    bench.down(ISTANBUL, 0.4, times=1)
    assert bench.answers() == ONLY_ANKARA


def test_the_first_verdicts_are_no_change_so_the_ttl_is_steady() -> None:
    bench = Bench().both_up()
    assert bench.engine.decisions[API].steering.ttl == 30


def test_stored_state_decides_at_once() -> None:
    bench = Bench()
    down = ProbeState(Condition.DOWN, since=-5.0, last_failure=-1.0, initial=False)
    up = ProbeState(Condition.UP, since=-100.0)
    bench.engine.restore({key(ISTANBUL): CheckState(down, down), key(ANKARA): CheckState(up, up)}, {}, {}, ())
    bench.start()
    assert bench.engine.complete
    assert bench.answers() == ONLY_ANKARA


def test_at_the_deadline_a_service_is_decided_with_what_is_known() -> None:
    bench = Bench().start()
    bench.up(ANKARA, 0.0)
    deadline = bench.engine.tick(0.0)
    assert deadline is not None
    bench.engine.tick(deadline - 0.001)
    assert not bench.engine.complete
    bench.engine.tick(deadline)
    assert bench.answers() == ONLY_ANKARA
    assert bench.told.triggers == ["first round of probes took too long"]


def test_a_service_without_probes_is_always_up() -> None:
    bench = Bench(service(probes=())).start()
    assert bench.answers() == BOTH


# Transitions


def test_a_transition_tells_the_evidence_the_services_and_what_the_probe_said() -> None:
    bench = Bench().both_up()
    bench.down(ISTANBUL, 1.0)
    transition = bench.told.transitions[-1]
    assert (transition.endpoint, transition.before, transition.after) == (f"istanbul/{ISTANBUL}", "up", "down")
    assert transition.services == (API,)
    assert transition.at == pytest.approx(1.2)
    assert [result.observation.ok for result in transition.evidence] == [True, False, False, False]
    assert transition.detail == "edge down: refused: Connection refused"


def test_the_decision_follows_the_transition_and_names_it() -> None:
    bench = Bench().both_up()
    bench.down(ISTANBUL, 1.0)
    change = bench.told.changes[-1]
    assert change.trigger == f"istanbul/{ISTANBUL} is down"
    assert change.before == bench.told.changes[-2].decision.steering
    assert bench.answers() == ONLY_ANKARA


def test_two_lost_probes_change_nothing() -> None:
    bench = Bench().both_up()
    bench.down(ISTANBUL, 1.0, times=2)
    bench.up(ISTANBUL, 1.2, times=2)
    bench.down(ISTANBUL, 2.0, times=2)
    assert len(bench.told.changes) == 1
    assert bench.answers() == BOTH


def test_failures_that_want_confirmation_are_told_to_the_monitor() -> None:
    bench = Bench().both_up()
    bench.down(ISTANBUL, 1.0, times=1)
    assert bench.engine.checks[key(ISTANBUL)].state.suspect


def test_services_share_a_check_and_both_are_decided_by_it() -> None:
    bench = Bench(service(), service(SHOP)).both_up()
    assert list(bench.engine.checks) == [key(ISTANBUL), key(ANKARA)]
    bench.down(ISTANBUL, 1.0)
    assert bench.answers(API) == bench.answers(SHOP) == ONLY_ANKARA
    assert bench.told.transitions[-1].services == (API, SHOP)
    assert [change.at for change in bench.told.changes[-2:]] == pytest.approx([1.2, 1.2])


def test_a_failure_of_the_prober_itself_says_nothing_of_the_endpoint() -> None:
    bench = Bench().both_up()
    bench.down(ISTANBUL, 1.0, times=20, cause=Cause.LOCAL)
    assert bench.engine.checks[key(ISTANBUL)].state.condition is Condition.UP
    assert len(bench.told.changes) == 1


def test_results_of_a_check_that_is_gone_are_ignored() -> None:
    bench = Bench().both_up()
    bench.down("192.0.2.99:80", 1.0)
    assert len(bench.told.changes) == 1


# Time


def test_an_endpoint_that_is_up_again_waits_out_its_hold() -> None:
    bench = Bench(service(hold=60.0)).both_up()
    bench.down(ISTANBUL, 1.0)
    bench.up(ISTANBUL, 2.0, times=3)
    assert bench.fitness(ISTANBUL) is Fitness.HOLD
    moment = bench.engine.tick(3.0)
    assert moment == pytest.approx(1.2 + 60)
    bench.engine.tick(moment or 0)
    assert bench.answers() == BOTH
    assert bench.told.triggers[-1] == f"hold of istanbul/{ISTANBUL} is over"


def test_after_hold_without_a_change_the_ttl_is_steady_again() -> None:
    bench = Bench(service(hold=60.0)).both_up()
    bench.down(ISTANBUL, 1.0)
    assert bench.engine.decisions[API].steering.ttl == 5
    moment = bench.engine.tick(2.0)
    assert moment == pytest.approx(1.2 + 60)
    bench.engine.tick(moment or 0)
    assert bench.engine.decisions[API].steering.ttl == 30
    assert bench.told.triggers[-1] == "calm since the last change"


def test_a_result_that_had_to_wait_for_an_older_one_does_not_turn_time_back() -> None:
    """The hold ends at 61.2; a result from before then comes late and gives cause to decide again."""
    bench = Bench(service(hold=60.0)).both_up()
    bench.down(ISTANBUL, 1.0)
    bench.up(ISTANBUL, 2.0, times=3)
    bench.engine.tick(61.3)
    bench.up(ISTANBUL, 61.1, report=HealthReport(saturation=0.9))
    assert bench.fitness(ISTANBUL) is Fitness.IN_SERVICE


def test_when_nothing_can_change_by_itself_nobody_is_woken() -> None:
    assert Bench().both_up().engine.tick(1.0) is None


# Orders


def test_a_drain_takes_the_region_out_and_its_end_brings_it_back() -> None:
    bench = Bench().both_up()
    bench.engine.order([drain("istanbul")], "istanbul drained by ayse", 1.0)
    assert bench.answers() == ONLY_ANKARA
    bench.engine.order([], "istanbul undrained by ayse", 2.0)
    assert bench.answers() == BOTH
    assert bench.told.triggers[1:] == ["istanbul drained by ayse", "istanbul undrained by ayse"]


def test_an_order_that_expires_is_a_moment_to_decide() -> None:
    bench = Bench().both_up()
    bench.engine.order([drain("istanbul", expires=10.0)], "drained", 1.0)
    assert bench.engine.tick(1.0) == 10.0


# Scores and health documents


def test_a_saturated_region_gets_less() -> None:
    bench = Bench().both_up()
    bench.up(ISTANBUL, 1.0, report=HealthReport(saturation=1.0))
    assert bench.answers() == {"192.0.2.1": 0.2, "192.0.2.2": 0.8}
    assert bench.told.triggers[-1] == "score"


def test_an_endpoint_that_says_it_is_draining_gets_nothing_new_and_the_ttl_is_low() -> None:
    bench = Bench().both_up()
    bench.up(ISTANBUL, 1.0, report=HealthReport(ServingState.DRAINING))
    assert bench.answers() == ONLY_ANKARA
    assert bench.engine.decisions[API].steering.ttl == 5
    assert bench.told.transitions[-1].after is Health.DRAINING
    bench.up(ISTANBUL, 2.0, report=HealthReport())
    assert bench.answers() == BOTH


# More than one probe


def test_all_probes_must_pass_by_default() -> None:
    bench = Bench(service(probes=(EDGE, DEEP))).start()
    for target in (ISTANBUL, ANKARA):
        bench.up(target, 0.0)
        bench.up(target, 0.0, probe=DEEP)
    bench.down(ISTANBUL, 1.0, probe=DEEP)
    assert bench.answers() == ONLY_ANKARA
    assert bench.told.transitions[-1].detail == "deep down: refused: Connection refused"


def test_where_any_probe_will_do_the_other_may_fail_for_good() -> None:
    bench = Bench(service(probes=(EDGE, DEEP), require="any")).start()
    for target in (ISTANBUL, ANKARA):
        bench.up(target, 0.0)
        bench.up(target, 0.0, probe=DEEP)
    bench.down(ISTANBUL, 1.0, times=30, probe=DEEP)
    assert bench.fitness(ISTANBUL) is Fitness.IN_SERVICE
    assert bench.answers() == BOTH


def test_where_any_probe_will_do_hold_counts_from_the_time_when_none_passed() -> None:
    bench = Bench(service(probes=(EDGE, DEEP), require="any", hold=60.0)).start()
    bench.up(ANKARA, 0.0)
    bench.down(ISTANBUL, 1.0)
    bench.down(ISTANBUL, 1.0, times=30, probe=DEEP)
    bench.up(ISTANBUL, 5.0, times=3)
    assert bench.fitness(ISTANBUL) is Fitness.HOLD
    assert bench.engine.held_until(API, EndpointName(f"istanbul/{ISTANBUL}")) == pytest.approx(1.2 + 60)


# Determinism


def test_the_same_events_lead_to_the_same_decisions_word_for_word() -> None:
    def play() -> Bench:
        bench, random, now = Bench(service(), service(SHOP)).both_up(), Random(7), 1.0
        for _ in range(500):
            now += random.random()
            target = random.choice((ISTANBUL, ANKARA))
            if random.random() < 0.6:
                bench.up(target, now, latency=random.random() / 10)
            else:
                bench.down(target, now, times=1)
            bench.engine.tick(now)
        return bench

    one, other = play(), play()
    assert len(one.told.changes) > 10
    assert one.told.changes == other.told.changes
    assert one.told.transitions == other.told.transitions
    assert one.engine.decisions == other.engine.decisions


def test_new_endpoints_do_not_answer_before_their_first_verdict_while_the_former_answer_is_known() -> None:
    """A reload exchanges all endpoints: what was answered so far is the better guess, for one round at most."""
    bench = Bench().both_up()
    before = bench.answers()
    moved = {"istanbul": ["192.0.2.3:80"], "ankara": ["192.0.2.4:80"]}
    bench.configure(topology(service(), regions=moved), 10.0)
    assert bench.answers() == before
    bench.down("192.0.2.4:80", 10.1)
    assert bench.answers() == before
    bench.up("192.0.2.3:80", 10.2)
    assert bench.answers() == {"192.0.2.3": 1.0}


def test_after_one_round_they_answer_whatever_is_known_of_them() -> None:
    bench = Bench().both_up()
    bench.configure(topology(service(), regions={"istanbul": ["192.0.2.3:80"], "ankara": ["192.0.2.4:80"]}), 10.0)
    deadline = bench.engine.tick(10.0)
    assert deadline is not None
    assert deadline < 20.0
    bench.engine.tick(deadline)
    assert set(bench.answers()) == {"192.0.2.3", "192.0.2.4"}


def test_a_score_that_trembles_around_a_quarter_moves_no_traffic() -> None:
    bench = Bench().both_up()
    bench.up(ISTANBUL, 1.0, report=saturated(0.9))
    changes = len(bench.told.changes)
    for turn in range(50):
        bench.up(ISTANBUL, 2.0 + turn, report=saturated(0.866 + 0.002 * (turn % 2)))
    assert len(bench.told.changes) <= changes + 1


def test_where_any_probe_will_do_the_failure_of_one_is_no_change_of_health() -> None:
    """Neither does the endpoint count as changed, nor does the TTL fall."""
    both = service(probes=(EDGE, DEEP), require="any")
    bench = Bench(both).start()
    for target in (ISTANBUL, ANKARA):
        bench.up(target, 0.0)
        bench.up(target, 0.0, probe=DEEP)
    endpoint = EndpointName(f"istanbul/{ISTANBUL}")
    bench.down(ISTANBUL, 50.0, probe=DEEP)
    assert bench.engine.since(API, endpoint) == 0.0
    assert bench.engine.decisions[API].steering.ttl == 30


def test_a_prober_that_cannot_try_is_seen_in_the_detail() -> None:
    bench = Bench().both_up()
    bench.down(ISTANBUL, 1.0, cause=Cause.LOCAL)
    assert "local" in bench.engine.standings[API, EndpointName(f"istanbul/{ISTANBUL}")].detail


def test_what_answers_is_taken_out_at_once_even_while_new_endpoints_are_probed() -> None:
    """Once what was answered so far is known to be down, or drained, it is no better guess any more."""
    regions = {"istanbul": [ISTANBUL], "ankara": ["192.0.2.4:80"]}
    for drained in (False, True):
        bench = Bench(service(regions=("istanbul",))).start()
        bench.up(ISTANBUL, 0.0)
        bench.configure(topology(service(), regions=regions), 10.0)
        assert set(bench.answers()) == {"192.0.2.1"}
        if drained:
            bench.engine.order([drain("istanbul")], "drained", 11.0)
        else:
            bench.down(ISTANBUL, 11.0)
        assert set(bench.answers()) == {"192.0.2.4"}


def test_one_reload_after_the_other_does_not_put_a_decision_off_for_ever() -> None:
    bench = Bench().both_up()
    moved = topology(service(), regions={"istanbul": ["192.0.2.3:80"], "ankara": ["192.0.2.4:80"]})
    bench.configure(moved, 10.0)
    deadline = bench.engine.tick(10.0)
    bench.configure(moved, 11.0)
    assert bench.engine.tick(11.0) == deadline


def test_each_decision_of_one_event_names_what_changed_for_its_own_service() -> None:
    """One vantage point goes quiet, so that what the other one says of two endpoints counts from one moment on."""
    izmir, there = "192.0.2.3:80", VantageName("there")
    regions = {"istanbul": [ISTANBUL], "ankara": [ANKARA], "izmir": [izmir]}
    one, other = service(API, ("istanbul", "izmir"), quorum=2), service(SHOP, ("ankara", "izmir"), quorum=2)
    bench = Bench(one, other, vantages={HERE: (), there: ()}, regions=regions).start()

    def see(vantage: VantageName, target: str, at: float, cause: Cause | None = None) -> None:
        observation = Observation(ok=cause is None, latency=0.0, cause=cause)
        bench.engine.observe(ProbeResult(CheckKey(vantage, EDGE, target), at, observation))

    for target in (ISTANBUL, ANKARA, izmir):
        see(HERE, target, 0.0)
        see(there, target, 0.0)
    before = len(bench.told.changes)
    for moment in (1.0, 2.0, 3.0, 4.0, 5.0):
        bench.engine.review(moment)
        see(HERE, izmir, moment)
        see(there, izmir, moment)
        see(there, ISTANBUL, moment, Cause.REFUSED)
        see(there, ANKARA, moment, Cause.REFUSED)
    told = {change.decision.steering.name: change.trigger for change in bench.told.changes[before:]}
    assert told == {API: f"istanbul/{ISTANBUL} is down", SHOP: f"ankara/{ANKARA} is down"}
