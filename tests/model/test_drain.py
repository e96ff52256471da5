"""How far a drain has come: phase by phase, at once, step by step, held up, and opened again."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.drain import SHARES, Drain, Facts, Phase, advance, begin, drained_at, next_moment

NOBODY = -math.inf
ALWAYS = math.inf
NOW = 100.0


def at(phase: Phase, **more: float | bool) -> Drain:
    return replace(Drain(phase, 90.0), **more)  # type: ignore[arg-type]


def test_a_drain_begins_by_lowering_the_ttl_and_answers_as_before() -> None:
    drain = begin(NOW, ramp=30.0, forced=True)
    assert drain == Drain(Phase.LOWERING, NOW, 30.0, forced=True)
    assert (drain.share, drain.out) == (1.0, False)


@pytest.mark.parametrize(("ramp", "phase", "share"), [(0.0, Phase.EMPTYING, 0.0), (30.0, Phase.MOVING, SHARES[0])])
def test_at_once_passes_over_the_wait_for_longer_ttls(ramp: float, phase: Phase, share: float) -> None:
    drain = begin(NOW, at_once=True, ramp=ramp)
    assert (drain.phase, drain.since, drain.share) == (phase, NOW, share)


@pytest.mark.parametrize(
    ("before", "facts", "phase"),
    [
        (at(Phase.LOWERING), Facts(ALWAYS, ALWAYS), Phase.LOWERING),
        (at(Phase.LOWERING), Facts(100.1, ALWAYS), Phase.LOWERING),
        (at(Phase.LOWERING), Facts(100.0, ALWAYS), Phase.EMPTYING),
        (at(Phase.LOWERING), Facts(NOBODY, ALWAYS, "nobody is left"), Phase.LOWERING),
        (at(Phase.LOWERING, ramp=30.0), Facts(NOBODY, ALWAYS), Phase.MOVING),
        (at(Phase.MOVING, ramp=30.1, step=2), Facts(NOBODY, ALWAYS), Phase.MOVING),
        (at(Phase.MOVING, ramp=30.0, step=2), Facts(NOBODY, ALWAYS), Phase.EMPTYING),
        (at(Phase.MOVING, ramp=30.0, step=2), Facts(NOBODY, ALWAYS, "nobody is left"), Phase.MOVING),
        (at(Phase.EMPTYING), Facts(NOBODY, ALWAYS), Phase.EMPTYING),
        (at(Phase.EMPTYING), Facts(NOBODY, 100.1), Phase.EMPTYING),
        (at(Phase.EMPTYING), Facts(NOBODY, 100.0), Phase.DRAINED),
        (at(Phase.EMPTYING), Facts(NOBODY, NOBODY), Phase.DRAINED),
        (at(Phase.DRAINED), Facts(NOBODY, 100.0), Phase.DRAINED),
        (at(Phase.DRAINED), Facts(NOBODY, 100.1), Phase.EMPTYING),
        (at(Phase.DRAINED), Facts(ALWAYS, ALWAYS, "nobody is left"), Phase.EMPTYING),
    ],
)
def test_each_phase_ends_as_it_should_and_says_since_when(before: Drain, facts: Facts, phase: Phase) -> None:
    after = advance(before, facts, NOW)
    assert after.phase is phase
    assert after.since == (before.since if phase is before.phase else NOW)
    assert (after is before) is (phase is before.phase)


def test_a_ramp_goes_down_all_its_shares_and_each_lasts_as_long() -> None:
    drain, moment = begin(0.0, at_once=True, ramp=30.0), 0.0
    seen = []
    while drain.phase is Phase.MOVING:
        seen.append((moment, drain.share))
        moment = next_moment(drain, Facts(NOBODY, ALWAYS))
        assert advance(drain, Facts(NOBODY, ALWAYS), math.nextafter(moment, 0.0)) is drain
        drain = advance(drain, Facts(NOBODY, ALWAYS), moment)
    assert seen == [(0.0, 0.75), (10.0, 0.5), (20.0, 0.25)]
    assert (drain.phase, drain.since, drain.share) == (Phase.EMPTYING, 30.0, 0.0)


def test_a_step_that_is_held_up_lasts_until_it_may_go_on_and_the_next_as_long_as_ever() -> None:
    drain = begin(0.0, at_once=True, ramp=30.0)
    assert advance(drain, Facts(NOBODY, ALWAYS, "nobody is left"), 25.0) is drain
    later = advance(drain, Facts(NOBODY, ALWAYS), 25.0)
    assert (later.step, later.step_ends) == (1, 35.0)


@pytest.mark.parametrize("phase", Phase)
def test_it_keeps_its_target_out_of_the_answers_exactly_while_emptying_and_drained(phase: Phase) -> None:
    assert at(phase).out is (phase in {Phase.EMPTYING, Phase.DRAINED})
    assert (at(phase).share == 0.0) is at(phase).out


@pytest.mark.parametrize(
    ("drain", "moment"),
    [
        (at(Phase.LOWERING), 130.0),
        (at(Phase.MOVING, ramp=30.0), 100.0),
        (at(Phase.EMPTYING), 140.0),
        (at(Phase.DRAINED), math.inf),
    ],
)
def test_the_next_moment_is_when_the_phase_may_end(drain: Drain, moment: float) -> None:
    assert next_moment(drain, Facts(130.0, 140.0)) == moment


@pytest.mark.parametrize(
    ("drain", "facts", "done_at"),
    [
        (at(Phase.LOWERING), Facts(130.0, ALWAYS), 136.0),
        (at(Phase.LOWERING), Facts(NOBODY, ALWAYS), 106.0),
        (at(Phase.LOWERING, ramp=30.0), Facts(130.0, ALWAYS), 166.0),
        (at(Phase.LOWERING), Facts(ALWAYS, ALWAYS), math.inf),
        (at(Phase.MOVING, ramp=45.0), Facts(NOBODY, ALWAYS), 141.0),
        (at(Phase.MOVING, ramp=30.0, step=2), Facts(NOBODY, ALWAYS), 106.0),
        (at(Phase.EMPTYING), Facts(NOBODY, 140.0), 140.0),
        (at(Phase.EMPTYING), Facts(NOBODY, NOBODY), 100.0),
        (at(Phase.EMPTYING), Facts(NOBODY, ALWAYS), math.inf),
        (at(Phase.DRAINED), Facts(NOBODY, NOBODY), 90.0),
    ],
)
def test_when_it_will_be_drained_is_the_sum_of_what_is_left(drain: Drain, facts: Facts, done_at: float) -> None:
    assert drained_at(drain, facts, 6.0, NOW) == done_at


_moments = st.sampled_from([NOBODY, 0.0, 50.0, 99.0, 100.0, 101.0, 300.0, ALWAYS])
_drains = st.builds(
    Drain,
    st.sampled_from(Phase),
    st.sampled_from([0.0, 50.0, 100.0]),
    st.sampled_from([0.0, 30.0]),
    st.integers(0, len(SHARES) - 1),
    st.booleans(),
)


@given(_drains, st.builds(Facts, _moments, _moments, st.sampled_from([None, "nobody is left"])))
def test_it_is_never_drained_while_anything_is_exposed(drain: Drain, facts: Facts) -> None:
    after = advance(drain, facts, NOW)
    assert after.phase is not Phase.DRAINED or facts.exposed_until <= NOW


@given(_drains, st.builds(Facts, _moments, _moments))
def test_before_the_next_moment_time_alone_changes_nothing(drain: Drain, facts: Facts) -> None:
    moment = next_moment(drain, facts)
    if moment > NOW and (drain.phase is not Phase.DRAINED or facts.exposed_until <= NOW):
        assert advance(drain, facts, NOW) is drain


@given(st.booleans(), st.sampled_from([0.0, 30.0]), st.lists(st.sampled_from([1.0, 7.0, 11.0]), max_size=30))
def test_where_nothing_stands_in_its_way_the_share_only_falls_until_it_is_drained(
    at_once: bool,  # noqa: FBT001  a drawn example
    ramp: float,
    pauses: list[float],
) -> None:
    drain, now = begin(0.0, at_once=at_once, ramp=ramp), 0.0
    for pause in [*pauses, *[11.0] * 8]:
        now += pause
        facts = Facts(20.0, math.inf if not drain.out else drain.since + 6.0)
        after = advance(drain, facts, now)
        assert after.share <= drain.share
        drain = after
    assert drain.phase is Phase.DRAINED
