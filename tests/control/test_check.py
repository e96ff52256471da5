"""When the attempts of a check start, and in which order their results count."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.control.check import Attempt, Check
from gslb.model.observation import CheckKey, Observation, ProbeResult
from gslb.model.pacing import Pace, spread
from gslb.model.step import Condition, ProbeState, Thresholds, step
from tests.control.bench import key
from tests.control.virtual import FAST, REFUSED, Driver, World, timed_out

KEY = key("192.0.2.1:80")


class Play:
    """One check in a world: when its attempts started, with what limits, and the results in the order they counted."""

    def __init__(self, world: World, pace: Pace | None = None, first: float = 0.0) -> None:
        self.world, self.pace = world, pace or Pace()
        self.starts: list[float] = []
        self.limits: list[float] = []
        self.most = 0
        self.counted: list[ProbeResult] = []
        self.state = ProbeState()
        self.driver = Driver(self._see, self._count)
        self.driver.add(Check(KEY, self.pace, first))

    def until(self, moment: float) -> "Play":
        self.driver.run(moment)
        return self

    def _see(self, key: CheckKey, start: float, limit: float) -> Observation:
        self.starts.append(start)
        self.limits.append(limit)
        self.most = max(self.most, self.driver.in_flight)
        return self.world(key, start, limit)

    def _count(self, result: ProbeResult) -> ProbeState:
        self.counted.append(result)
        self.state = step(self.state, result.observation, result.ended, self.pace.thresholds)
        return self.state


def healthy(_key: CheckKey, _start: float, _limit: float) -> Observation:
    return FAST


def black_hole(_key: CheckKey, start: float, limit: float) -> Observation:
    return FAST if start < 1 else timed_out(limit)


def test_regular_attempts_keep_their_phase() -> None:
    assert Play(healthy, first=0.25).until(5).starts == pytest.approx([0.25, 1.25, 2.25, 3.25, 4.25])


def test_a_regular_attempt_waits_for_the_one_before_and_then_for_its_phase() -> None:
    slow = Observation(ok=True, latency=2.5)
    assert Play(lambda *_: slow).until(7).starts == pytest.approx([0, 3, 6])


def test_a_start_that_comes_a_little_early_does_not_come_again() -> None:
    check = Check(KEY, Pace(), 1.0)
    assert check.start(0.9995)
    assert check.due == pytest.approx(2.0)


def test_the_first_failure_of_a_healthy_endpoint_starts_the_remaining_attempts_at_once() -> None:
    play = Play(lambda _key, start, _limit: FAST if start < 1 else REFUSED).until(3.5)
    assert play.starts == pytest.approx([0, 1, 1.201, 1.401, 2, 3])
    assert play.state.since == pytest.approx(1.402)


def test_a_lost_probe_is_followed_up_and_then_the_phase_goes_on() -> None:
    play = Play(lambda _key, start, limit: timed_out(limit) if start == 1 else FAST).until(4.5)
    assert play.starts == pytest.approx([0, 1, 1.7, 1.9, 2, 3, 4])
    assert play.state.condition is Condition.UP


def test_confirming_attempts_have_a_time_limit_of_their_own() -> None:
    play = Play(black_hole, Pace(timeout=0.5, confirm=0.2, confirm_timeout=0.3)).until(2.0)
    assert play.limits == [0.5, 0.5, 0.3, 0.3]


def test_into_a_black_hole_confirming_attempts_overlap_and_the_verdict_comes_as_predicted() -> None:
    """Fault just after 0; attempt at 1 times out; two confirms 0.2 apart; the last of them runs into its limit."""
    play = Play(black_hole).until(10)
    assert play.state.condition is Condition.DOWN
    assert play.state.since == pytest.approx(1 + 0.5 + 2 * 0.2 + 0.5)


@pytest.mark.parametrize(("fall", "most"), [(1, 1), (2, 1), (3, 2), (6, 5)])
def test_at_most_as_many_attempts_as_are_still_wanted_are_under_way(fall: int, most: int) -> None:
    pace = Pace(confirm=0.01, thresholds=Thresholds(fall=fall))
    assert Play(black_hole, pace).until(10).most == most


def test_results_count_in_the_order_in_which_their_attempts_started() -> None:
    """The attempt at 1.7 hangs, that at 1.9 is refused long before: it waits for its turn."""
    play = Play(lambda _key, start, limit: REFUSED if start > 1.8 else black_hole(KEY, start, limit)).until(2.5)
    assert [result.at for result in play.counted] == pytest.approx([0, 1, 1.7, 1.9])
    assert [result.ended for result in play.counted] == pytest.approx([0.02, 1.5, 2.2, 1.901])


def test_a_process_that_was_stopped_comes_back_at_the_phase_of_each_check() -> None:
    starts: list[float] = []

    def world(_key: CheckKey, start: float, _limit: float) -> Observation:
        starts.append(start)
        return FAST

    driver = Driver(world, lambda _: None)
    for index in range(10):
        driver.add(Check(KEY, Pace(), spread(index, 10, 1.0)))
    driver.run(2.95)
    driver.stand_still(10)
    driver.run(14.95)
    after = [start for start in starts if start > 12.9]
    assert after == pytest.approx([13 + index / 10 for index in range(20)])


def test_a_stopped_process_makes_one_confirming_attempt_and_not_all_it_has_missed() -> None:
    play = Play(lambda _key, start, limit: timed_out(limit) if start == 1 else FAST).until(1.6)
    play.driver.stand_still(10)
    play.until(13.5)
    assert play.starts == pytest.approx([0, 1, 11.6, 11.8, 12, 13])


@dataclass(slots=True)
class Reference:
    """The rules as they are stated, over a plain list."""

    phase: float
    pace: Pace
    confirming: bool = False
    under_way: list[Attempt] = field(default_factory=list)
    done: set[Attempt] = field(default_factory=set)

    def may_start(self, late: float) -> bool:
        if self.confirming:
            return len(self.under_way) < max(1, self.pace.thresholds.fall - 1)
        return not self.under_way and late < self.pace.interval

    def finished(self, attempt: Attempt) -> list[Attempt]:
        self.done.add(attempt)
        ready = []
        while self.under_way and self.under_way[0] in self.done:
            ready.append(self.under_way.pop(0))
        return ready

    def check_due(self, due: float, now: float) -> None:
        if self.confirming:
            assert due == pytest.approx(now + self.pace.confirm)
            return
        turns = (due - self.phase) / self.pace.interval
        assert turns == pytest.approx(round(turns), abs=1e-6)
        assert now < due <= now + self.pace.interval * 1.000002


ACTIONS = st.one_of(
    st.tuples(st.just("start"), st.floats(-0.001, 12.0)),
    st.tuples(st.just("finish"), st.floats(0.0, 0.999)),
    st.tuples(st.just("confirm"), st.booleans()),
)
PACES = st.builds(
    Pace,
    interval=st.sampled_from([0.2, 1.0, 30.0]),
    timeout=st.just(0.15),
    confirm=st.sampled_from([0.01, 0.2]),
    confirm_timeout=st.just(0.1),
    thresholds=st.builds(Thresholds, fall=st.integers(1, 6)),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(ACTIONS, max_size=40), PACES, st.floats(0, 30))
def test_a_check_keeps_its_rules_in_whatever_order_things_happen(
    actions: list[tuple[str, float]], pace: Pace, first: float
) -> None:
    check, rules, now = Check(KEY, pace, first), Reference(first, pace), 0.0
    for action, amount in actions:
        if action == "start":
            due = check.due
            now = max(now, due + (amount if amount < 0 else amount * pace.interval))
            attempt = check.start(now)
            assert (attempt is not None) is rules.may_start(now - due)
            rules.check_due(check.due, max(now, due))
            if attempt is not None:
                assert attempt.timeout == (pace.confirm_timeout if rules.confirming else pace.timeout)
                rules.under_way.append(attempt)
        elif action == "finish":
            waiting = [attempt for attempt in rules.under_way if attempt not in rules.done]
            if waiting:
                attempt = waiting[math.floor(amount * len(waiting))]
                assert check.finish(attempt, FAST) == rules.finished(attempt)
        else:
            moved, rules.confirming = bool(amount) is not rules.confirming, bool(amount)
            assert check.follow(ProbeState(Condition.UP, failures=int(amount)), now) is moved
            if moved:
                rules.check_due(check.due, now)
