"""When the attempts of a check start, and in which order their results count."""

import math
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.control.check import Attempt, Check
from gslb.model.observation import Cause, CheckKey, Observation, ProbeResult
from gslb.model.pacing import Pace, spread
from gslb.model.step import Condition, Evidence, ProbeState, Thresholds, step
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
        self.check = Check(KEY, self.pace, first)
        self.driver.add(self.check)

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
        thresholds = self.pace.thresholds
        self.state = step(self.state, result.observation, result.ended, thresholds, tripped=result.tripped)
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


# Hedging: what is slower than usual is confirmed before its time is up

SLOW = Observation(ok=True, latency=0.4)


def hedging(timeout: float = 0.5, **pace: Any) -> Pace:
    return Pace(timeout=timeout, hedge=0.1, **pace)


def silent_from(moment: float) -> World:
    return lambda _key, start, limit: FAST if start < moment else timed_out(limit)


def test_what_is_slower_than_usual_is_confirmed_before_its_time_is_up() -> None:
    play = Play(silent_from(5), hedging()).until(10)
    assert play.starts[5:8] == pytest.approx([5, 5.32, 5.52])
    assert play.state.since == pytest.approx(5 + 0.02 + 0.1 + 2 * 0.2 + 0.5)


def test_without_hedging_the_same_takes_as_long_as_the_time_limit() -> None:
    assert Play(silent_from(5)).until(10).state.since == pytest.approx(5 + 0.5 + 2 * 0.2 + 0.5)


def test_a_long_time_limit_does_not_keep_confirming_attempts_from_starting() -> None:
    """All have failed when the slow one's time is up, and that is the verdict."""
    play = Play(silent_from(5), hedging(timeout=0.95)).until(10)
    assert [start for start in play.starts if 5 <= start < 6] == pytest.approx([5, 5.32, 5.52])
    assert play.state.since == pytest.approx(5.52 + 0.5)
    assert play.most == 3


def test_a_slow_answer_after_all_changes_nothing_and_the_phase_goes_on() -> None:
    play = Play(lambda _key, start, _limit: SLOW if start == 5 else FAST, hedging()).until(8.5)
    assert play.starts[5:] == pytest.approx([5, 5.32, 6, 7, 8])
    assert (play.state.condition, play.state.failures) == (Condition.UP, 0)
    assert all(result.observation.ok for result in play.counted)


def test_an_endpoint_that_is_always_slow_is_not_hedged() -> None:
    """Nor is the very first attempt, of which nobody knows what is usual."""
    assert Play(lambda *_: SLOW, hedging()).until(4.5).starts == pytest.approx([0, 1, 2, 3, 4])


def test_where_one_failure_is_enough_nothing_is_hedged() -> None:
    play = Play(silent_from(5), hedging(thresholds=Thresholds(fall=1))).until(5.9)
    assert play.starts[5:] == pytest.approx([5])


def test_an_attempt_that_is_over_cannot_be_slow_any_more() -> None:
    check = Check(KEY, hedging(), 0.0)
    attempt = check.start(0.0)
    assert attempt is not None
    check.finish(attempt, FAST)
    assert not check.hedge(attempt, 0.1)


# The tripwire


def test_a_closed_tripwire_leads_to_an_attempt_at_once_and_the_phase_goes_on_when_it_is_answered() -> None:
    play = Play(healthy)
    play.driver.trip(play.check, 2.3)
    play.until(4.5)
    assert play.starts == pytest.approx([0, 1, 2, 2.3, 3, 4])
    assert [result.tripped for result in play.counted] == [False, False, False, True, False, False]
    assert play.state.failures == 0


def test_a_closed_tripwire_and_a_refused_reconnect_take_it_down_by_what_evidence_is_asked_for() -> None:
    for evidence, since in ((Evidence.TWO_SIGNALS, 2.301), (Evidence.CONFIRMED, 2.701)):
        pace = Pace(thresholds=Thresholds(evidence=evidence))
        play = Play(lambda _key, start, _limit: REFUSED if start >= 2.3 else FAST, pace)
        play.driver.trip(play.check, 2.3)
        assert play.until(6).state.since == pytest.approx(since)


def test_a_restart_with_a_listening_gap_is_ridden_out() -> None:
    play = Play(lambda _key, start, _limit: REFUSED if 2.3 <= start < 2.6 else FAST)
    play.driver.trip(play.check, 2.3)
    assert play.until(6).state.condition is Condition.UP
    assert sum(not result.observation.ok for result in play.counted) == 2


def test_an_attempt_after_the_tripwire_closed_counts_after_one_from_before() -> None:
    """The attempt at 2 hangs; that at 2.1 is refused at once, and waits for it."""
    play = Play(lambda _key, start, limit: timed_out(limit) if start == 2 else REFUSED if start > 2 else FAST)
    play.driver.trip(play.check, 2.1)
    play.until(2.499)
    assert [result.at for result in play.counted] == pytest.approx([0, 1])
    play.until(2.51)
    assert [result.at for result in play.counted][:5] == pytest.approx([0, 1, 2, 2.1, 2.3])
    assert [result.tripped for result in play.counted][:5] == [False, False, False, True, False]


def test_an_answer_from_before_the_tripwire_closed_does_not_spare_the_attempt_after_it() -> None:
    """A gateway in an orderly stop answers what it has taken, and takes no more."""
    check = Check(KEY, Pace(), 0.0)
    before = check.start(0.0)
    assert before is not None
    check.trip(0.3)
    check.finish(before, FAST)
    check.follow(ProbeState(Condition.UP), 0.3)
    assert check.due == 0.3
    after = check.start(0.3)
    assert after is not None
    assert after.tripped
    check.follow(ProbeState(Condition.UP), 0.31)
    assert check.due == 1.0


def test_a_tripwire_that_finds_no_room_is_not_forgotten() -> None:
    check = Check(KEY, Pace(), 0.0)
    first = check.start(0.0)
    under_way = []
    for _ in range(4):
        check.trip(0.0)
        under_way.append(check.start(0.0))
    assert [attempt is not None and attempt.tripped for attempt in under_way] == [True, True, True, False]
    assert first is not None
    for attempt in (first, *under_way[:3]):
        assert attempt is not None
        check.finish(attempt, REFUSED)
    again = check.start(0.2)
    assert again is not None
    assert again.tripped


# Attempts that somebody asks for


def test_a_hurried_check_attempts_at_once_and_keeps_its_phase() -> None:
    play = Play(healthy)
    play.driver.hurry(play.check, 2.3)
    assert play.until(4.5).starts == pytest.approx([0, 1, 2, 2.3, 3, 4])
    assert play.limits == [0.5] * 6


def test_a_check_is_not_hurried_while_an_attempt_is_under_way_or_while_it_confirms() -> None:
    play = Play(lambda _key, start, limit: timed_out(limit) if start == 2 else FAST)
    for moment in (2.1, 2.4, 2.55, 2.65):
        play.driver.hurry(play.check, moment)
    assert play.until(4.5).starts == pytest.approx([0, 1, 2, 2.7, 2.9, 3, 4])


def test_whoever_asks_again_and_again_is_served_once_per_confirm() -> None:
    """As where a prober that cannot try learns nothing, and is asked for that very reason."""
    local = Observation(ok=False, latency=0.0, cause=Cause.LOCAL)
    play = Play(lambda *_: local, Pace(interval=30.0))
    for moment in range(1, 1000):
        play.driver.hurry(play.check, moment / 1000)
    assert play.until(0.99).starts == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])


def test_hurrying_never_puts_an_attempt_off() -> None:
    check = Check(KEY, Pace(), 0.0)
    for now in (-5.0, -0.1, -0.001):
        check.hurry(now)
        assert check.due <= 0.0


# Backing off


def test_what_has_long_been_down_is_tried_less_often_and_at_its_phase() -> None:
    play = Play(lambda *_: REFUSED, Pace(backoff=5.0), first=0.25).until(300)
    calm = [start for start in play.starts if start > 100]
    assert [after - before for before, after in pairwise(calm)] == pytest.approx([5.0] * (len(calm) - 1))
    assert all((start - 0.25) % 1.0 == pytest.approx(0.0, abs=1e-6) for start in calm)
    early = [start for start in play.starts if 2 < start < 15]
    assert [after - before for before, after in pairwise(early)] == pytest.approx([1.0] * (len(early) - 1))


def test_once_it_answers_again_every_interval_counts() -> None:
    play = Play(lambda _key, start, _limit: FAST if start > 200 else REFUSED, Pace(backoff=30.0)).until(300)
    back = next(start for start in play.starts if start > 200)
    assert play.state.condition is Condition.UP
    assert play.state.since == pytest.approx(back + 2 + 0.02)


def test_a_failure_in_between_takes_it_back_to_the_longer_interval() -> None:
    answers = [FAST]
    play = Play(lambda _key, start, _limit: answers.pop() if answers and start > 200 else REFUSED, Pace(backoff=20.0))
    play.until(300)
    first = next(start for start in play.starts if start > 200)
    after = [start - first for start in play.starts if start >= first][:5]
    assert play.state.condition is Condition.DOWN
    assert after[:3] == pytest.approx([0, 1, 2])
    assert after[4] - after[3] == pytest.approx(20)


# Waiting for a turn


def test_what_had_to_wait_for_its_turn_is_not_skipped_for_being_late() -> None:
    late, queued = Check(KEY, Pace(), 0.0), Check(KEY, Pace(), 0.0)
    assert late.start(5.5) is None
    assert queued.start(5.5, queued=True) is not None
    assert (late.due, queued.due) == (6.0, 6.0)


@dataclass(slots=True)
class Rules:
    """The rules as they are stated, over plain lists."""

    phase: float
    pace: Pace
    confirming: bool = False
    tripped: bool = False
    regular: list[Attempt] = field(default_factory=list)
    extra: list[Attempt] = field(default_factory=list)
    order: list[Attempt] = field(default_factory=list)
    done: set[Attempt] = field(default_factory=set)

    def may_start(self, late: float) -> bool:
        if self.confirming:
            return len(self.extra) < max(1, self.pace.thresholds.fall - 1) + self.tripped
        return not self.order and late < self.pace.interval

    def started(self, attempt: Attempt) -> None:
        assert attempt.timeout == (self.pace.confirm_timeout if self.confirming else self.pace.timeout)
        assert attempt.tripped is self.tripped
        (self.extra if self.confirming else self.regular).append(attempt)
        self.order.append(attempt)
        self.tripped = False
        assert len(self.regular) <= 1
        assert len(self.extra) <= max(1, self.pace.thresholds.fall - 1) + 1

    def finished(self, attempt: Attempt) -> list[Attempt]:
        self.done.add(attempt)
        ready = []
        while self.order and self.order[0] in self.done:
            ready.append(self.order.pop(0))
        self.regular = [attempt for attempt in self.regular if attempt in self.order]
        self.extra = [attempt for attempt in self.extra if attempt in self.order]
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
    st.tuples(st.just("follow"), st.booleans()),
    st.tuples(st.just("trip"), st.just(0)),
    st.tuples(st.just("hurry"), st.just(0)),
    st.tuples(st.just("hedge"), st.floats(0.0, 0.999)),
)
PACES = st.builds(
    Pace,
    interval=st.sampled_from([0.2, 1.0, 30.0]),
    timeout=st.just(0.15),
    confirm=st.sampled_from([0.01, 0.2]),
    confirm_timeout=st.just(0.1),
    thresholds=st.builds(Thresholds, fall=st.integers(1, 6)),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ACTIONS, max_size=60), PACES, st.floats(0, 30))
def test_a_check_keeps_its_rules_in_whatever_order_things_happen(  # noqa: C901  one branch for each thing that happens
    actions: list[tuple[str, float]], pace: Pace, first: float
) -> None:
    check, rules, now, newest = Check(KEY, pace, first), Rules(first, pace), 0.0, -math.inf
    for action, amount in actions:
        waiting = [attempt for attempt in rules.order if attempt not in rules.done]
        due = check.due
        if action == "start":
            now = max(now, due + (amount if amount < 0 else amount * pace.interval))
            attempt = check.start(now)
            assert (attempt is not None) is rules.may_start(now - due)
            rules.check_due(check.due, max(now, due))
            if attempt is not None:
                newest = now
                rules.started(attempt)
        elif action == "finish" and waiting:
            attempt = waiting[math.floor(amount * len(waiting))]
            assert check.finish(attempt, FAST) == rules.finished(attempt)
        elif action == "follow":
            wanted = bool(amount) or rules.tripped
            moved, rules.confirming = wanted is not rules.confirming, wanted
            assert check.follow(ProbeState(Condition.UP, failures=int(amount)), now) is moved
            if moved:
                rules.check_due(check.due, now)
        elif action == "hedge" and waiting:
            moved, rules.confirming = not rules.confirming, True
            assert check.hedge(waiting[math.floor(amount * len(waiting))], now) is moved
            if moved:
                rules.check_due(check.due, now)
        elif action == "trip":
            check.trip(now)
            rules.tripped = rules.confirming = True
            assert check.due == now
        elif action == "hurry":
            check.hurry(now)
            assert check.due <= max(now, due)
            if rules.order or rules.confirming:
                assert check.due == due
            else:
                assert check.due >= min(max(now, newest + pace.confirm), max(now, due))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), PACES, st.sampled_from([None, 0.01, 0.05]))
def test_in_any_world_results_count_in_order_and_attempts_stay_within_their_bounds(
    seed: int, pace: Pace, hedge: float | None
) -> None:
    random, pace = Random(seed), replace(pace, hedge=hedge)

    def world(_key: CheckKey, _start: float, limit: float) -> Observation:
        kind = random.random()
        if kind < 0.2:
            return timed_out(limit)
        return REFUSED if kind < 0.4 else Observation(ok=True, latency=random.random() * limit)

    play = Play(world, pace)
    for _ in range(30):
        moment = random.random() * 20 * pace.interval
        (play.driver.trip if random.random() < 0.5 else play.driver.hurry)(play.check, moment)
    play.until(20 * pace.interval)
    assert play.most <= max(1, pace.thresholds.fall - 1) + 2
    assert (
        [result.at for result in play.counted]
        == play.starts[: len(play.counted)]
        == sorted(play.starts)[: len(play.counted)]
    )
    assert len(play.counted) >= len(play.starts) - play.driver.in_flight - play.most
