"""The three-counter rule: what takes an endpoint out and what brings it back."""

from dataclasses import replace
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.observation import Cause, HealthReport, Observation, ServingState
from gslb.model.step import GONE, Condition, Evidence, ProbeState, Thresholds, forgive, step

UNKNOWN, UP, DOWN = Condition.UNKNOWN, Condition.UP, Condition.DOWN
OK, FAIL = Observation(ok=True, latency=0.01), Observation(ok=False, latency=0.5, cause=Cause.TIMEOUT)
DRAINING = Observation(ok=True, latency=0.01, report=HealthReport(ServingState.DRAINING))

_results = st.lists(st.booleans(), max_size=40)
_thresholds = st.builds(Thresholds, st.integers(1, 5), st.integers(1, 4), st.integers(1, 5))


def run(results: list[bool], thresholds: Thresholds, start: ProbeState | None = None) -> list[ProbeState]:
    """The start, then the state after each result, one a second."""
    states = [start or ProbeState()]
    for at, ok in enumerate(results, start=1):
        states.append(step(states[-1], OK if ok else FAIL, float(at), thresholds))
    return states


def first(condition: Condition, states: list[ProbeState]) -> int:
    """How many results it took; more than there were where it never came to that."""
    return next((i for i, state in enumerate(states) if state.condition is condition), len(states))


@pytest.mark.parametrize(
    ("start", "results", "end"),
    [
        (UNKNOWN, "+", UP),
        (UNKNOWN, "--", UNKNOWN),
        (UNKNOWN, "--+", UP),
        (UNKNOWN, "---", DOWN),
        (UP, "--", UP),
        (UP, "---", DOWN),
        (UP, "--+-", DOWN),
        (UP, "--++--", UP),
        (UP, "--++---", DOWN),
        (UP, "-+-+-", DOWN),
        (DOWN, "++", DOWN),
        (DOWN, "+++", UP),
        (DOWN, "++-++", DOWN),
        (DOWN, "++-+++", UP),
        (DOWN, "-----", DOWN),
        (DOWN, "+++--", UP),
        (DOWN, "+++---", DOWN),
    ],
)
def test_fall_3_ok_2_rise_3(start: Condition, results: str, end: Condition) -> None:
    states = run([result == "+" for result in results], Thresholds(fall=3, ok=2, rise=3), ProbeState(start))
    assert states[-1].condition is end


@given(_results, _thresholds)
def test_nothing_goes_down_without_fall_failures_counted_since_it_came_up(
    results: list[bool], thresholds: Thresholds
) -> None:
    counted = 0
    for ok, (before, after) in zip(results, pairwise(run(results, thresholds)), strict=True):
        counted += not ok
        if before.condition is not DOWN and after.condition is DOWN:
            assert counted >= thresholds.fall
        if before.condition is not UP and after.condition is UP:
            counted = 0


@given(_results, _thresholds)
def test_nothing_comes_up_from_down_without_rise_successes_in_a_row(results: list[bool], limits: Thresholds) -> None:
    states = run(results, limits)
    for i, (before, after) in enumerate(pairwise(states)):
        if before.condition is DOWN and after.condition is UP:
            assert results[i + 1 - limits.rise : i + 1] == [True] * limits.rise


@given(st.integers(2, 5), st.integers(1, 4), st.integers(0, 5))
def test_a_lost_probe_changes_nothing(fall: int, ok: int, calm: int) -> None:
    limits = Thresholds(fall, ok)
    before = run([True] * calm, limits, ProbeState(UP, successes=ok, since=-5.0, last_failure=-9.0))[-1]
    lost, *_, after = run([False] + [True] * ok, limits, before)[1:]
    assert (lost.condition, lost.since, lost.last_failure) == (UP, -5.0, -9.0)
    assert lost.suspect
    assert after == before


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), min_size=5), st.integers(1, 5))
def test_flapping_that_never_holds_for_ok_successes_goes_down(flaps: list[tuple[int, int]], fall: int) -> None:
    results = [result for bad, good in flaps for result in [False] * bad + [True] * good]
    assert any(state.condition is DOWN for state in run(results, Thresholds(fall, ok=4), ProbeState(UP)))


@given(_results, _thresholds, st.sampled_from([UNKNOWN, UP]))
def test_a_higher_fall_never_takes_anything_down_earlier(
    results: list[bool], limits: Thresholds, start: Condition
) -> None:
    higher = Thresholds(limits.fall + 1, limits.ok, limits.rise)
    begin = ProbeState(start)
    assert first(DOWN, run(results, higher, begin)) >= first(DOWN, run(results, limits, begin))


@given(_results, _thresholds)
def test_a_higher_ok_never_takes_anything_down_later(results: list[bool], limits: Thresholds) -> None:
    higher = Thresholds(limits.fall, limits.ok + 1, limits.rise)
    assert first(DOWN, run(results, higher, ProbeState(UP))) <= first(DOWN, run(results, limits, ProbeState(UP)))


@given(_results, _thresholds)
def test_a_higher_rise_never_brings_anything_up_earlier(results: list[bool], limits: Thresholds) -> None:
    higher = Thresholds(limits.fall, limits.ok, limits.rise + 1)
    assert first(UP, run(results, higher, ProbeState(DOWN))) >= first(UP, run(results, limits, ProbeState(DOWN)))


@given(_results, _thresholds)
def test_the_last_failure_is_the_newest_that_took_it_down_or_found_it_down(
    results: list[bool], limits: Thresholds
) -> None:
    expected = None
    for at, (ok, state) in enumerate(zip(results, run(results, limits)[1:], strict=True), start=1):
        expected = float(at) if not ok and state.condition is DOWN else expected
        assert state.last_failure == expected


@given(_results, _thresholds)
def test_since_is_when_the_verdict_was_reached(results: list[bool], limits: Thresholds) -> None:
    states = run(results, limits)
    begin = 0
    for condition, stay in groupby(states, key=lambda state: state.condition):
        same = list(stay)
        assert {state.since for state in same} == {None if condition is UNKNOWN else float(begin)}
        begin += len(same)


@given(_results, _thresholds)
def test_the_cause_is_known_exactly_while_it_is_down_or_suspect(results: list[bool], limits: Thresholds) -> None:
    for state in run(results, limits):
        assert (state.cause is Cause.TIMEOUT) is (state.condition is DOWN or state.suspect)
        assert not (state.suspect and state.condition is DOWN)


@given(_results, _thresholds)
def test_the_counters_stay_within_their_thresholds(results: list[bool], limits: Thresholds) -> None:
    for state in run(results, limits):
        assert 0 <= state.failures < limits.fall
        assert 0 <= state.successes <= max(limits.ok, limits.rise - 1)


@given(_results, _thresholds)
def test_the_verdict_is_initial_until_it_has_changed_once(results: list[bool], limits: Thresholds) -> None:
    verdicts = 0
    for before, after in pairwise(run(results, limits)):
        verdicts += after.condition is not before.condition
        assert after.initial is (verdicts <= 1)


@pytest.mark.parametrize(
    ("after", "since"),
    [
        ([], 1.0),
        ([DRAINING], 1.0),
        ([FAIL, FAIL], 1.0),
        ([FAIL, DRAINING], 1.0),
        ([OK], None),
        ([OK, DRAINING], 3.0),
        ([FAIL, FAIL, FAIL], None),
        ([FAIL, FAIL, FAIL, DRAINING], 5.0),
    ],
)
def test_draining_lasts_from_its_first_report_until_one_without_it_or_down(
    after: list[Observation], since: float | None
) -> None:
    state = ProbeState(UP)
    for at, observation in enumerate([DRAINING, *after], start=1):
        state = step(state, observation, float(at), Thresholds(fall=3))
    assert state.draining_since == since


def test_a_prober_that_cannot_try_takes_nothing_out() -> None:
    state = ProbeState(Condition.UP)
    for at in range(10):
        state = step(state, Observation(ok=False, latency=0.0, cause=Cause.LOCAL), float(at), Thresholds())
    assert state.condition is Condition.UP


# Two signals, and any history whatever

Outcome = tuple[Cause | None, bool]
"""The cause of a failure, None for a success; and whether a closed tripwire had led to the attempt."""

_outcomes = st.lists(st.tuples(st.none() | st.none() | st.sampled_from(Cause), st.booleans()), max_size=40)
_any_thresholds = st.builds(
    Thresholds, st.integers(1, 5), st.integers(1, 4), st.integers(1, 5), evidence=st.sampled_from(Evidence)
)


def observation(cause: Cause | None) -> Observation:
    return Observation(ok=cause is None, latency=0.01, cause=cause)


def play(outcomes: list[Outcome], limits: Thresholds, start: ProbeState | None = None) -> list[ProbeState]:
    """The start, then the state after each outcome, one a second."""
    states = [start or ProbeState()]
    for at, (cause, tripped) in enumerate(outcomes, start=1):
        states.append(step(states[-1], observation(cause), float(at), limits, tripped=tripped))
    return states


@pytest.mark.parametrize("start", [UNKNOWN, UP])
@pytest.mark.parametrize("evidence", Evidence)
@pytest.mark.parametrize("tripped", [True, False])
@pytest.mark.parametrize("cause", Cause)
def test_one_failure_is_enough_only_with_two_signals_a_tripwire_and_a_kernel_that_says_nobody_is_there(
    start: Condition, evidence: Evidence, cause: Cause, *, tripped: bool
) -> None:
    state = play([(cause, tripped)], Thresholds(fall=3, evidence=evidence), ProbeState(start))[-1]
    at_once = tripped and evidence is Evidence.TWO_SIGNALS and cause in {Cause.REFUSED, Cause.RESET}
    assert (state.condition is DOWN) is at_once
    assert (state.since, state.last_failure) == ((1.0, 1.0) if at_once else (None, None))


def counted_since_calm(outcomes: list[Outcome], states: list[ProbeState], limits: Thresholds) -> int:
    """Failures since it last came up, or has last answered ``ok`` times in a row; counted backwards."""
    failures = row = 0
    for (cause, _), before, after in zip(reversed(outcomes), reversed(states[:-1]), reversed(states[1:]), strict=True):
        if cause is Cause.LOCAL:
            continue
        row = row + 1 if cause is None else 0
        if row >= limits.ok or (after.condition is UP and before.condition is not UP):
            return failures
        failures += cause is not None
    return failures


@given(_outcomes, _any_thresholds)
def test_nothing_ever_goes_down_without_the_evidence_that_is_stated_nor_stays_with_it(
    outcomes: list[Outcome], limits: Thresholds
) -> None:
    states = play(outcomes, limits)
    for i, ((cause, tripped), before, after) in enumerate(zip(outcomes, states, states[1:], strict=False), start=1):
        if before.condition is DOWN or cause is None or cause is Cause.LOCAL:
            assert before.condition is DOWN or after.condition is not DOWN
            continue
        gone = tripped and cause in GONE and limits.evidence is Evidence.TWO_SIGNALS
        enough = counted_since_calm(outcomes[:i], states[: i + 1], limits) >= limits.fall
        assert (after.condition is DOWN) is (gone or enough)


@given(_outcomes, _any_thresholds)
def test_nothing_comes_up_without_rise_successes_in_a_row(outcomes: list[Outcome], limits: Thresholds) -> None:
    states = play(outcomes, limits)
    for i, (before, after) in enumerate(pairwise(states), start=1):
        if before.condition is DOWN and after.condition is not DOWN:
            told = [cause for cause, _ in outcomes[:i] if cause is not Cause.LOCAL]
            assert after.condition is UP
            assert told[-limits.rise :] == [None] * limits.rise


@given(_outcomes, _any_thresholds, st.sampled_from([UNKNOWN, UP]))
def test_whatever_the_causes_a_higher_fall_never_takes_anything_down_earlier(
    outcomes: list[Outcome], limits: Thresholds, start: Condition
) -> None:
    higher, begin = replace(limits, fall=limits.fall + 1), ProbeState(start)
    assert first(DOWN, play(outcomes, higher, begin)) >= first(DOWN, play(outcomes, limits, begin))


@given(_outcomes, _any_thresholds)
def test_whatever_the_causes_a_higher_rise_never_brings_anything_up_earlier(
    outcomes: list[Outcome], limits: Thresholds
) -> None:
    higher, begin = replace(limits, rise=limits.rise + 1), ProbeState(DOWN)
    assert first(UP, play(outcomes, higher, begin)) >= first(UP, play(outcomes, limits, begin))


@given(_outcomes, _any_thresholds)
def test_two_signals_never_take_anything_down_later_than_confirmed(outcomes: list[Outcome], limits: Thresholds) -> None:
    two, confirmed = (replace(limits, evidence=evidence) for evidence in (Evidence.TWO_SIGNALS, Evidence.CONFIRMED))
    assert first(DOWN, play(outcomes, two)) <= first(DOWN, play(outcomes, confirmed))


@given(_outcomes, _any_thresholds)
def test_a_prober_that_cannot_try_changes_nothing_at_any_point(outcomes: list[Outcome], limits: Thresholds) -> None:
    states = play(outcomes, limits)
    for (cause, _), before, after in zip(outcomes, states, states[1:], strict=False):
        assert cause is not Cause.LOCAL or after is before


# Forgiving


@given(_outcomes, _any_thresholds)
def test_forgiving_takes_the_failures_that_decided_nothing_and_leaves_every_verdict(
    outcomes: list[Outcome], limits: Thresholds
) -> None:
    state = play(outcomes, limits)[-1]
    forgiven = forgive(state)
    assert not forgiven.suspect
    if state.condition is DOWN:
        assert forgiven is state
    else:
        assert (forgiven.failures, forgiven.cause) == (0, None)
        assert replace(forgiven, failures=state.failures, cause=state.cause) == state
    assert forgive(forgiven) is forgiven


@given(_outcomes, _any_thresholds)
def test_after_forgiving_it_takes_all_failures_again(outcomes: list[Outcome], limits: Thresholds) -> None:
    state = forgive(play(outcomes, limits)[-1])
    if state.condition is DOWN:
        return
    states = play([(Cause.TIMEOUT, False)] * limits.fall, limits, state)
    assert [after.condition is DOWN for after in states] == [False] * limits.fall + [True]
