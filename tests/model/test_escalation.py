"""Stages in order, each with its time to help, and undone when all is calm."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.escalation import Action, Begin, Escalation, Plan, Seen, Undo, ended, escalate, resumed

PLAN = Plan(after=30.0, calm=300.0, waits=(120.0, 60.0, 0.0))
STRESS, CALM = Seen(known=True, stressed=True, open=True), Seen(known=True, stressed=False, open=False)
DRAINED = Seen(known=True, stressed=True, open=False)
NOTHING = Seen(known=False, stressed=False, open=False)
SIGHTS = {"s": STRESS, "c": CALM, "d": DRAINED, "n": NOTHING, "x": Seen(known=False, stressed=True, open=True)}


def play(
    *script: tuple[float, Seen], state: Escalation | None = None, lasting: float = 0.0
) -> list[tuple[float, Action]]:
    """What is done, and when, where a stage lasts so many seconds."""
    state, acts, over = state or Escalation(), [], None
    for now, seen in script:
        if over is not None and over <= now:
            state, over = ended(state, over), None
        state, action = escalate(state, seen, PLAN, now)
        if action is not None:
            acts.append((now, action))
        if isinstance(action, Begin):
            over = now + lasting
    return acts


def every(seconds: float, until: float, seen: Seen, since: float = 0.0) -> list[tuple[float, Seen]]:
    return [(since + seconds * n, seen) for n in range(int((until - since) / seconds) + 1)]


def test_stages_begin_one_after_the_other_while_the_stress_lasts() -> None:
    assert play(*every(10, 600, STRESS)) == [(30, Begin(0)), (150 + 0, Begin(1)), (210, Begin(2))]


def test_the_time_to_help_begins_when_a_stage_has_ended() -> None:
    assert play(*every(10, 600, STRESS), lasting=20) == [(30, Begin(0)), (170, Begin(1)), (250, Begin(2))]


def test_no_stage_begins_while_another_is_under_way() -> None:
    assert play(*every(10, 5000, STRESS), lasting=1e9) == [(30, Begin(0))]


def test_a_short_stress_is_none() -> None:
    assert play(*every(10, 20, STRESS), (25, CALM), *every(10, 50, STRESS, since=30)) == []


def test_a_stage_that_helped_is_the_last_one() -> None:
    assert play(*every(10, 60, STRESS), *every(10, 340, CALM, since=70)) == [(30, Begin(0))]


def test_stress_that_comes_back_within_the_calm_goes_on_with_the_next_stage() -> None:
    script = *every(10, 60, STRESS), *every(10, 200, CALM, since=70), *every(10, 300, STRESS, since=210)
    assert play(*script) == [(30, Begin(0)), (240, Begin(1)), (300, Begin(2))]


def test_after_the_calm_all_is_undone_and_begins_anew() -> None:
    script = *every(10, 60, STRESS), *every(10, 400, CALM, since=70), *every(10, 440, STRESS, since=410)
    assert play(*script) == [(30, Begin(0)), (370, Undo()), (440, Begin(0))]


def test_nothing_is_undone_that_was_not_begun() -> None:
    assert play(*every(10, 1000, CALM)) == []


def test_nothing_is_undone_while_a_stage_is_under_way() -> None:
    script = *every(10, 60, STRESS), *every(10, 1000, CALM, since=70)
    assert play(*script, lasting=500) == [(30, Begin(0)), (530, Undo())]


@pytest.mark.parametrize("seen", [NOTHING, SIGHTS["x"]])
def test_where_nothing_can_be_said_neither_stress_nor_calm_counts(seen: Seen) -> None:
    assert play(*every(10, 20, STRESS), (25, seen), *every(10, 50, STRESS, since=30), (60, STRESS)) == [(60, Begin(0))]
    assert play(*every(10, 1000, seen), state=resumed(0, 0.0)) == []


def test_what_is_drained_is_not_helped_but_may_calm_down() -> None:
    assert play(*every(10, 600, DRAINED)) == []
    script = *every(10, 60, STRESS), *every(10, 300, DRAINED, since=70), *every(10, 700, CALM, since=310)
    assert play(*script) == [(30, Begin(0)), (610, Undo())]


def test_one_that_is_resumed_goes_on_behind_what_is_in_force() -> None:
    assert play(*every(10, 600, STRESS), state=resumed(1, 0.0)) == [(60, Begin(2))]
    assert play(*every(10, 600, CALM), state=resumed(2, 0.0)) == [(300, Undo())]


steps = st.lists(
    st.tuples(st.floats(0.0, 200.0, allow_nan=False), st.sampled_from(sorted(SIGHTS)), st.booleans()), max_size=80
)
plans = st.builds(
    Plan,
    st.floats(0, 100),
    st.floats(1, 300),
    st.lists(st.floats(0, 200), min_size=1, max_size=4).map(tuple),
)


@given(plans, steps)
def test_laws(plan: Plan, script: Sequence[tuple[float, str, bool]]) -> None:
    """Stages in order, none twice without a calm between, never where nothing is known or the region is drained."""
    now, state, expected, last_end = 0.0, Escalation(), 0, None
    stressed_since = calm_since = None
    for passed, letter, ends in script:
        now, seen = now + passed, SIGHTS[letter]
        if ends and state.under_way:
            state, last_end = ended(state, now), now
        under_way = state.under_way
        stressed_since = (now if stressed_since is None else stressed_since) if seen.known and seen.stressed else None
        calm_since = (now if calm_since is None else calm_since) if seen.known and not seen.stressed else None
        state, action = escalate(state, seen, plan, now)
        if isinstance(action, Begin):
            assert not under_way
            assert seen.known
            assert seen.open
            assert action.stage == expected < len(plan.waits)
            assert stressed_since is not None
            assert stressed_since + plan.after <= now
            if expected:
                assert last_end is not None
                assert last_end + plan.waits[expected - 1] <= now
            expected += 1
            assert state.under_way
        if isinstance(action, Undo):
            assert expected
            assert not under_way
            assert calm_since is not None
            assert calm_since + plan.calm <= now
            expected = 0
            assert state == Escalation()
