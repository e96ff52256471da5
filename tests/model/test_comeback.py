"""How a region comes back: stage by stage, by hand, step by step, after harm and after an order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.comeback import SHARES, Comeback, Sight, Stage, Way, can_resume, come_back, let_in, next_moment, share
from gslb.model.names import EndpointName

NOW = 100.0
AT_ONCE, RAMP = Way(0.0, manual=False, hold=60.0), Way(40.0, manual=False, hold=60.0)
BY_HAND, BOTH = Way(0.0, manual=True, hold=60.0), Way(40.0, manual=True, hold=60.0)
ONE, OTHER = EndpointName("istanbul/192.0.2.1:80"), EndpointName("istanbul/192.0.2.2:80")
NOBODY: frozenset[EndpointName] = frozenset()
FIT, GONE = Sight(answers=True, fit=frozenset({ONE})), Sight(answers=False, fit=NOBODY, gone=True)
LOST = replace(GONE, answers=True)
ORDERED = replace(GONE, ordered=True)
DRAINING = replace(LOST, draining=True, leaving=frozenset({ONE}))
UNSURE = Sight(answers=True, fit=NOBODY)
FORCED = replace(FIT, forced=True)
HARMFUL = replace(FIT, harm="score 0.25, that of the others 1.00")


def at(stage: Stage, since: float = 90.0, *, ordered: bool = False, reason: str = "", step: int = 0) -> Comeback:
    return Comeback(stage, since, ordered, reason, step)


def aborted(since: float, harmed: float | None, relied: frozenset[EndpointName] = NOBODY) -> Comeback:
    return Comeback(Stage.ABORTED, since, reason="edge down", relied=relied, harmed=harmed)


@pytest.mark.parametrize(
    ("way", "sight", "after"),
    [
        (RAMP, FIT, None),
        (RAMP, LOST, at(Stage.OUT, NOW)),
        (BY_HAND, LOST, at(Stage.OUT, NOW)),
        (AT_ONCE, LOST, None),
        (RAMP, GONE, None),
        (RAMP, replace(LOST, ordered=True), at(Stage.OUT, NOW, ordered=True)),
        (RAMP, HARMFUL, None),
        (BY_HAND, UNSURE, None),
        (BOTH, DRAINING, at(Stage.OUT, NOW, ordered=True)),
    ],
)
def test_a_region_is_followed_from_when_it_goes_out_of_the_answers(
    way: Way, sight: Sight, after: Comeback | None
) -> None:
    assert come_back(None, way, sight, NOW) == after


@pytest.mark.parametrize(
    ("way", "before", "sight", "after"),
    [
        (RAMP, at(Stage.OUT), GONE, at(Stage.OUT)),
        (RAMP, at(Stage.OUT), FIT, at(Stage.CLIMBING, NOW, ordered=True)),
        (BY_HAND, at(Stage.OUT), FIT, at(Stage.WAITING, NOW)),
        (BOTH, at(Stage.OUT), FIT, at(Stage.WAITING, NOW)),
        (BY_HAND, at(Stage.OUT, ordered=True), FIT, None),
        (BOTH, at(Stage.OUT, ordered=True), FIT, at(Stage.CLIMBING, NOW, ordered=True)),
        (BY_HAND, at(Stage.WAITING), FIT, at(Stage.WAITING)),
        (BY_HAND, at(Stage.WAITING), HARMFUL, at(Stage.WAITING)),
        (BY_HAND, at(Stage.WAITING), GONE, at(Stage.OUT, NOW)),
        (RAMP, at(Stage.CLIMBING, 90.1), FIT, at(Stage.CLIMBING, 90.1)),
        (RAMP, at(Stage.CLIMBING, 90.0), FIT, at(Stage.CLIMBING, NOW, step=1)),
        (RAMP, at(Stage.CLIMBING, 90.0, step=3), FIT, None),
        (RAMP, at(Stage.CLIMBING, 90.0), GONE, at(Stage.OUT, NOW)),
        (RAMP, at(Stage.CLIMBING, 90.1), HARMFUL, at(Stage.ABORTED, NOW, reason=HARMFUL.harm or "")),
        (RAMP, aborted(10.0, 40.1), FIT, aborted(10.0, 40.1)),
        (RAMP, aborted(10.0, 40.0), FIT, at(Stage.CLIMBING, NOW, ordered=True)),
        (RAMP, aborted(10.0, 40.0), HARMFUL, aborted(10.0, NOW)),
        (RAMP, aborted(10.0, None), FIT, aborted(10.0, NOW)),
        (RAMP, aborted(10.0, 40.0), GONE, at(Stage.OUT, NOW)),
        (BOTH, at(Stage.OUT), DRAINING, at(Stage.OUT)),
        (BOTH, at(Stage.WAITING), DRAINING, at(Stage.OUT, NOW)),
        (BOTH, at(Stage.CLIMBING, ordered=True), DRAINING, at(Stage.OUT, NOW, ordered=True)),
        (BOTH, at(Stage.CLIMBING), ORDERED, at(Stage.OUT, NOW, ordered=True)),
        *[(BOTH, at(stage), UNSURE, at(stage)) for stage in Stage],
        *[(BOTH, at(stage), FORCED, None) for stage in Stage],
    ],
)
def test_each_stage_ends_as_it_should(way: Way, before: Comeback, sight: Sight, after: Comeback | None) -> None:
    assert come_back(before, way, sight, NOW) == after


def test_who_was_in_service_on_the_way_is_relied_on_until_it_leaves_or_fails() -> None:
    state = come_back(at(Stage.OUT), RAMP, FIT, NOW)
    assert state is not None
    assert state.relied == {ONE}
    state = come_back(state, RAMP, replace(FIT, fit=frozenset({ONE, OTHER})), NOW)
    assert state is not None
    assert state.relied == {ONE, OTHER}
    left = come_back(state, RAMP, replace(FIT, leaving=frozenset({OTHER})), NOW)
    assert left is not None
    assert left.relied == {ONE}
    failed = come_back(state, RAMP, HARMFUL, NOW)
    assert failed is not None
    assert failed.relied == {ONE}


def test_while_harm_lasts_one_state_stays_and_hold_counts_from_its_end() -> None:
    first = come_back(at(Stage.CLIMBING), RAMP, HARMFUL, NOW)
    state, now = first, NOW
    while now < NOW + 200:
        now += 10
        state = come_back(state, RAMP, HARMFUL, now)
    assert state == first
    assert state is not None
    assert next_moment(state, RAMP) == now + RAMP.hold
    assert come_back(state, RAMP, FIT, now + RAMP.hold - 1) == first
    assert come_back(state, RAMP, FIT, now + RAMP.hold) == at(Stage.CLIMBING, now + RAMP.hold, ordered=True)


@pytest.mark.parametrize("way", [RAMP, BY_HAND, BOTH])
def test_one_that_was_out_by_order_waits_for_no_second_word(way: Way) -> None:
    out = come_back(at(Stage.OUT), way, ORDERED, NOW)
    assert out == at(Stage.OUT, ordered=True)
    lifted_but_not_fit_yet = come_back(out, way, GONE, NOW)
    assert lifted_but_not_fit_yet == out
    back = come_back(lifted_but_not_fit_yet, way, FIT, NOW)
    assert back is None or back.stage is Stage.CLIMBING


def test_one_that_fails_on_the_way_up_must_be_let_in_again() -> None:
    climbing = let_in(at(Stage.WAITING), BOTH, NOW)
    assert climbing is not None
    failed = come_back(climbing, BOTH, GONE, NOW)
    assert failed == at(Stage.OUT, NOW)
    assert come_back(failed, BOTH, FIT, NOW) == at(Stage.WAITING, NOW)


@pytest.mark.parametrize(
    ("way", "before", "after"),
    [
        (BY_HAND, at(Stage.WAITING), None),
        (BOTH, at(Stage.WAITING), at(Stage.CLIMBING, NOW, ordered=True)),
        (RAMP, at(Stage.ABORTED), at(Stage.CLIMBING, NOW, ordered=True)),
        (BOTH, at(Stage.OUT), at(Stage.OUT, ordered=True)),
        (BOTH, at(Stage.CLIMBING, step=2), at(Stage.CLIMBING, step=2)),
    ],
)
def test_somebody_lets_it_in(way: Way, before: Comeback, after: Comeback | None) -> None:
    assert let_in(before, way, NOW) == after


@pytest.mark.parametrize(("stage", "can"), [(stage, stage is not Stage.CLIMBING) for stage in Stage])
def test_all_but_one_that_climbs_already_can_be_resumed(stage: Stage, *, can: bool) -> None:
    assert can_resume(at(stage)) is can
    assert not can_resume(None)


@pytest.mark.parametrize(
    ("state", "part"),
    [
        (None, 1.0),
        (at(Stage.OUT), 0.0),
        (at(Stage.WAITING), 0.0),
        (at(Stage.ABORTED), 0.0),
        *[(at(Stage.CLIMBING, step=step), part) for step, part in enumerate(SHARES)],
    ],
)
def test_it_has_a_share_only_while_it_climbs_and_all_of_it_once_back(state: Comeback | None, part: float) -> None:
    assert share(state) == part


@pytest.mark.parametrize(
    ("state", "moment"),
    [
        (at(Stage.OUT), None),
        (at(Stage.WAITING), None),
        (at(Stage.CLIMBING), 100.0),
        (at(Stage.ABORTED), 150.0),
    ],
)
def test_time_alone_changes_a_climb_and_ends_the_wait_after_harm(state: Comeback, moment: float | None) -> None:
    assert next_moment(state, RAMP) == moment


_harm = st.sampled_from([None, None, "harm"])
_sights = st.one_of(
    st.builds(lambda answers, harm: replace(FIT, answers=answers, harm=harm), st.booleans(), _harm),
    st.builds(lambda answers, ordered: replace(GONE, answers=answers, ordered=ordered), st.booleans(), st.booleans()),
    st.sampled_from([DRAINING]),
)


@given(st.sampled_from([RAMP, BY_HAND, BOTH]), st.lists(st.tuples(_sights, st.sampled_from([1.0, 10.0, 60.0]))))
def test_without_a_fit_endpoint_it_is_out_and_with_harm_it_never_gains(
    way: Way, seen: list[tuple[Sight, float]]
) -> None:
    state: Comeback | None = None
    now = 0.0
    for sight, passed in seen:
        now += passed
        before, state = state, come_back(state, way, sight, now)
        if before is not None and not sight.fit:
            assert state is not None
            assert state.stage is Stage.OUT
        if before is not None and before.stage in {Stage.CLIMBING, Stage.ABORTED} and sight.harm:
            assert share(state) == 0.0


@given(st.sampled_from([RAMP, BOTH]), st.booleans())
def test_a_ramp_without_trouble_comes_to_its_end_in_its_time(way: Way, ordered: bool) -> None:  # noqa: FBT001  drawn
    state, now, shares = come_back(None, way, replace(LOST, ordered=ordered), 0.0), 0.0, []
    state = come_back(state, way, FIT, now)
    if state is not None and state.stage is Stage.WAITING:
        state = let_in(state, way, now)
    while state is not None:
        shares.append(share(state))
        moment = next_moment(state, way)
        assert moment is not None
        now, state = moment, come_back(state, way, FIT, moment)
    assert (tuple(shares), now) == (SHARES, way.ramp)
