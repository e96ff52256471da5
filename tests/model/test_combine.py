"""From the verdicts of checks to the health of an endpoint."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.combine import Health, Require, combine, last_failure
from gslb.model.names import ProbeName, VantageName
from gslb.model.step import Condition, ProbeState

UP, DOWN, UNKNOWN = Condition.UP, Condition.DOWN, Condition.UNKNOWN
Verdicts = dict[tuple[ProbeName, VantageName], ProbeState]

_keys = st.tuples(
    st.sampled_from([ProbeName("edge"), ProbeName("tcp"), ProbeName("tls")]),
    st.sampled_from([VantageName("istanbul-1"), VantageName("ankara-1"), VantageName("izmir-1")]),
)
_verdicts = st.dictionaries(_keys, st.sampled_from(Condition).map(ProbeState))
_requires: st.SearchStrategy[Require] = st.sampled_from(["all", "any", 1, 2, 3])
_BADNESS = {Health.UP: 0, Health.UNKNOWN: 1, Health.DOWN: 2}


def probes(*conditions: Condition) -> Verdicts:
    """One verdict for each of several probes, from one vantage point."""
    return {(ProbeName(f"p{i}"), VantageName("v")): ProbeState(condition) for i, condition in enumerate(conditions)}


def vantages(*conditions: Condition) -> Verdicts:
    """One probe's verdicts from several vantage points."""
    return {(ProbeName("p"), VantageName(f"v{i}")): ProbeState(condition) for i, condition in enumerate(conditions)}


@pytest.mark.parametrize(
    ("require", "conditions", "health"),
    [
        ("all", (UP, UP), Health.UP),
        ("all", (UP, DOWN), Health.DOWN),
        ("all", (UP, UNKNOWN), Health.UNKNOWN),
        ("all", (DOWN, UNKNOWN), Health.DOWN),
        ("any", (UP, DOWN), Health.UP),
        ("any", (UP, UNKNOWN), Health.UP),
        ("any", (DOWN, UNKNOWN), Health.UNKNOWN),
        ("any", (DOWN, DOWN), Health.DOWN),
        (2, (UP, UP, DOWN), Health.UP),
        (2, (UP, DOWN, UNKNOWN), Health.UNKNOWN),
        (2, (UP, DOWN, DOWN), Health.DOWN),
        (5, (UP, UP), Health.UP),
        (5, (UP, DOWN), Health.DOWN),
    ],
)
def test_as_many_probes_as_required_must_be_up(
    require: Require, conditions: tuple[Condition, ...], health: Health
) -> None:
    assert combine(probes(*conditions), require) is health


@pytest.mark.parametrize(
    ("quorum", "conditions", "health"),
    [
        (1, (DOWN, UP, UP), Health.DOWN),
        (2, (DOWN, UP, UP), Health.UP),
        (2, (DOWN, DOWN, UP), Health.DOWN),
        (2, (DOWN, UNKNOWN, UNKNOWN), Health.UNKNOWN),
        (2, (DOWN, UNKNOWN, UP), Health.UP),
        (2, (DOWN,), Health.DOWN),
        (3, (DOWN, DOWN), Health.DOWN),
    ],
)
def test_a_quorum_of_vantage_points_must_agree_on_down(
    quorum: int, conditions: tuple[Condition, ...], health: Health
) -> None:
    assert combine(vantages(*conditions), quorum=quorum) is health


@given(_requires, st.integers(1, 3))
def test_an_endpoint_without_probes_is_up(require: Require, quorum: int) -> None:
    assert combine({}, require, quorum) is Health.UP


@given(_verdicts.filter(bool), _requires, st.integers(1, 3))
def test_only_an_endpoint_that_is_up_can_be_draining(verdicts: Verdicts, require: Require, quorum: int) -> None:
    health = combine(verdicts, require, quorum)
    said = combine({check: replace(v, draining_since=1.0) for check, v in verdicts.items()}, require, quorum)
    assert said is (Health.DRAINING if health is Health.UP else health)


@given(_verdicts.filter(bool), _requires, st.integers(1, 3), st.data())
def test_better_news_from_one_check_never_makes_health_worse(
    verdicts: Verdicts, require: Require, quorum: int, data: st.DataObject
) -> None:
    check = data.draw(st.sampled_from(sorted(verdicts)))
    by_news = [_BADNESS[combine(verdicts | {check: ProbeState(news)}, require, quorum)] for news in (UP, UNKNOWN, DOWN)]
    assert by_news == sorted(by_news)


@given(_verdicts, _requires, st.integers(1, 3))
def test_a_higher_quorum_never_makes_health_worse(verdicts: Verdicts, require: Require, quorum: int) -> None:
    assert _BADNESS[combine(verdicts, require, quorum + 1)] <= _BADNESS[combine(verdicts, require, quorum)]


@given(_verdicts, _requires, st.integers(1, 3))
def test_health_does_not_depend_on_the_order_of_verdicts(verdicts: Verdicts, require: Require, quorum: int) -> None:
    assert combine(dict(reversed(verdicts.items())), require, quorum) is combine(verdicts, require, quorum)


def failed(*times: float | None, down: bool = False) -> Verdicts:
    """One state for each of several probes, up since its last failure; the last one may be down still."""
    conditions = [UP] * (len(times) - 1) + [DOWN if down else UP]
    states = [ProbeState(c, last_failure=at) for c, at in zip(conditions, times, strict=True)]
    return {(ProbeName(f"p{i}"), VantageName("v")): state for i, state in enumerate(states)}


@pytest.mark.parametrize(
    ("require", "states", "moment"),
    [
        ("all", failed(None, None), None),
        ("all", failed(3.0, 7.0), 7.0),
        ("any", failed(3.0, 7.0), 3.0),
        ("any", failed(3.0, 7.0, down=True), 3.0),
        ("any", failed(None, 7.0, down=True), None),
        ("any", failed(9.0, 7.0, down=True), 9.0),
        (2, failed(3.0, 5.0, 7.0), 5.0),
        (5, failed(3.0, 7.0), 7.0),
    ],
)
def test_an_endpoint_last_failed_when_too_few_of_its_probes_were_up(
    require: Require, states: Verdicts, moment: float | None
) -> None:
    assert last_failure(states, require) == moment


def test_one_vantage_point_that_dissents_for_ever_does_not_count_as_a_failure() -> None:
    states = {
        (ProbeName("p"), VantageName("istanbul-1")): ProbeState(UP),
        (ProbeName("p"), VantageName("ankara-1")): ProbeState(UP, last_failure=3.0),
        (ProbeName("p"), VantageName("izmir-1")): ProbeState(DOWN, last_failure=9.0),
    }
    assert last_failure(states, quorum=2) == 3.0
    assert last_failure(states, quorum=1) == 9.0


def test_an_endpoint_without_probes_never_failed() -> None:
    assert last_failure({}) is None


@given(_verdicts, _requires, st.integers(1, 3))
def test_an_endpoint_that_is_down_failed_at_some_time(verdicts: Verdicts, require: Require, quorum: int) -> None:
    states = {key: replace(s, last_failure=5.0 if s.condition is DOWN else None) for key, s in verdicts.items()}
    if combine(states, require, quorum) is Health.DOWN:
        assert last_failure(states, require, quorum) == 5.0


_ORDERED: list[Require] = ["any", 1, 2, 3, "all"]


@given(_verdicts, st.integers(1, 3))
def test_asking_for_more_probes_never_makes_an_endpoint_healthier(verdicts: Verdicts, quorum: int) -> None:
    badness = [_BADNESS[combine(verdicts, require, quorum)] for require in _ORDERED]
    assert badness == sorted(badness)


@given(_verdicts, _requires, st.integers(1, 3))
def test_nothing_is_down_without_a_quorum_of_the_votes_that_are_there(
    verdicts: Verdicts, require: Require, quorum: int
) -> None:
    """Of each of so many probes that too few are left; where fewer vote than the quorum, all of them."""
    names = {probe for probe, _ in verdicts}
    against = 0
    for name in names:
        votes = [state.condition for (probe, _), state in verdicts.items() if probe == name]
        against += votes.count(DOWN) >= min(quorum, len(votes))
    wanted = len(names) if require == "all" else min(1 if require == "any" else require, len(names))
    assert (combine(verdicts, require, quorum) is Health.DOWN) is (len(names) - against < wanted)


@given(_verdicts.filter(bool), st.integers(1, 3))
def test_nothing_is_up_that_nobody_has_seen_up(verdicts: Verdicts, quorum: int) -> None:
    if combine(verdicts, "any", quorum) is Health.UP:
        assert UP in {state.condition for state in verdicts.values()}


@given(_verdicts.filter(bool), _requires, st.integers(1, 3), st.data())
def test_one_dissenter_is_outvoted(verdicts: Verdicts, require: Require, quorum: int, data: st.DataObject) -> None:
    """What one vantage point alone says against an endpoint counts for nothing while two others see it up."""
    alone = data.draw(st.sampled_from(sorted({vantage for _, vantage in verdicts})))
    healthy = {key: ProbeState(DOWN if key[1] == alone else UP) for key in verdicts}
    crowd = {(probe, VantageName(f"{name}-2")): ProbeState(UP) for probe, _ in verdicts for name in ("a", "b")}
    assert combine(healthy | crowd, require, quorum + 1) is Health.UP
