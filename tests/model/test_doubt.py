"""When silence is the network's fault, and since when it is certainly the target's own."""

import math
from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.doubt import NEVER, UNSAID, UNTRIED, Heard, answered, doubtful, fell_silent, hear, silent, trusted_until
from gslb.model.names import RegionName
from gslb.model.observation import Cause, Observation

ISTANBUL, ANKARA, IZMIR = (RegionName(name) for name in ("istanbul", "ankara", "izmir"))
SAID = set(Cause) - {Cause.TIMEOUT, Cause.UNREACHABLE, Cause.RESOLVE, Cause.LOCAL, Cause.FORBIDDEN}

_times = st.just(NEVER) | st.integers(0, 12).map(float)
_moments = st.integers(-1, 13).map(float)
_heard = st.lists(st.builds(Heard, st.sampled_from([ISTANBUL, ANKARA, IZMIR]), _times, _times), max_size=14)
_observations = st.builds(
    lambda cause: Observation(ok=cause is None, latency=0.01, cause=cause), st.none() | st.sampled_from(Cause)
)


def failed(cause: Cause) -> Observation:
    return Observation(ok=False, latency=0.5, cause=cause)


def seen(silent: int, of: int, *, regions: tuple[RegionName, ...] = (ISTANBUL, ANKARA)) -> list[Heard]:
    """So many targets that fell silent, and the others, each in the next of ``regions``."""
    targets = [Heard(regions[index % len(regions)], answered=1.0) for index in range(of)]
    return [replace(target, silent=2.0) for target in targets[:silent]] + targets[silent:]


@pytest.mark.parametrize(
    ("silent", "of", "doubt"),
    [
        (4, 4, False),
        (3, 5, False),
        (4, 5, True),
        (4, 6, False),
        (5, 6, True),
        (5, 7, False),
        (6, 7, True),
        (7, 10, False),
        (8, 10, True),
        (79, 100, False),
        (80, 100, True),
        (3999, 5000, False),
        (4000, 5000, True),
    ],
)
def test_four_fifths_of_five_or_more_are_needed(silent: int, of: int, *, doubt: bool) -> None:
    assert doubtful(seen(silent, of)) is doubt


def test_two_regions_are_needed() -> None:
    assert not doubtful(seen(10, 10, regions=(ISTANBUL,)))
    one_region = [Heard(ISTANBUL, 1.0, 2.0)] * 8 + [Heard(ANKARA, 1.0)] * 2
    assert not doubtful(one_region)
    assert doubtful([*one_region[:7], Heard(ANKARA, 1.0, 2.0), *one_region[8:]])


def test_what_answered_to_an_attempt_of_the_same_moment_has_not_fallen_silent() -> None:
    assert fell_silent([Heard(ISTANBUL, answered=2.0, silent=2.0), Heard(ISTANBUL)]) == []
    assert fell_silent([Heard(ISTANBUL, silent=2.0)])


@given(_heard)
def test_doubt_is_the_rule_as_it_is_stated(heard: list[Heard]) -> None:
    silent = [target for target in heard if target.silent > target.answered]
    regions = {target.region for target in silent}
    assert doubtful(heard) is (len(heard) >= 5 and 5 * len(silent) >= 4 * len(heard) and len(regions) >= 2)


def come_silent(heard: Iterable[Heard], begun: float, which: Iterable[bool]) -> list[Heard]:
    """All that is not known of attempts begun since ``begun`` comes in: silence from ``which``, an answer from others.

    Whoever has answered since counts as that, whatever has happened to it later: that is another silence.
    """
    return [
        replace(target, silent=NEVER)
        if target.answered >= begun
        else replace(target, silent=begun if silent else NEVER, answered=target.answered if silent else begun)
        for target, silent in zip(heard, which, strict=True)
    ]


@given(_heard, _moments, st.data())
def test_silence_that_is_trusted_cannot_turn_out_to_be_doubtful(
    heard: list[Heard], begun: float, data: st.DataObject
) -> None:
    if begun > trusted_until(heard):
        return
    which = data.draw(st.lists(st.booleans(), min_size=len(heard), max_size=len(heard)))
    assert not doubtful(come_silent(heard, begun, which))
    assert not doubtful(come_silent(heard, begun, [True] * len(heard)))


@given(_heard, _moments)
def test_silence_is_trusted_as_soon_as_it_can_be(heard: list[Heard], begun: float) -> None:
    """What is not trusted would be in doubt if the whole rest fell silent too."""
    assert doubtful(come_silent(heard, begun, [True] * len(heard))) is (begun > trusted_until(heard))


@given(_heard)
def test_where_the_rule_cannot_apply_silence_is_always_trusted(heard: list[Heard]) -> None:
    applies = len(heard) >= 5 and len({target.region for target in heard}) >= 2
    assert (trusted_until(heard) == math.inf) is not applies


@given(_heard, st.randoms(use_true_random=False))
def test_the_order_of_targets_does_not_matter(heard: list[Heard], random: Random) -> None:
    shuffled = random.sample(heard, len(heard))
    assert doubtful(shuffled) is doubtful(heard)
    assert trusted_until(shuffled) == trusted_until(heard)


@given(st.lists(st.tuples(_observations, st.integers(0, 9).map(float)), max_size=10), st.randoms())
def test_the_order_in_which_outcomes_come_in_does_not_matter(
    outcomes: list[tuple[Observation, float]], random: Random
) -> None:
    def after(sequence: list[tuple[Observation, float]]) -> Heard:
        heard = Heard(ISTANBUL)
        for observation, at in sequence:
            heard = hear(heard, observation, at)
        return heard

    assert after(random.sample(outcomes, len(outcomes))) == after(outcomes)


@given(_heard.filter(bool), _moments, st.data())
def test_one_more_answer_never_leads_to_doubt_or_mistrust(heard: list[Heard], at: float, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(heard) - 1))
    better = list(heard)
    better[index] = hear(heard[index], Observation(ok=True, latency=0.01), at)
    assert doubtful(better) <= doubtful(heard)
    assert trusted_until(better) >= trusted_until(heard)


@pytest.mark.parametrize("cause", sorted(SAID))
def test_whatever_somebody_has_said_is_no_silence(cause: Cause) -> None:
    heard = hear(Heard(ISTANBUL, silent=1.0), failed(cause), 2.0)
    assert heard == Heard(ISTANBUL, answered=2.0, silent=1.0)
    assert fell_silent([heard]) == []


@pytest.mark.parametrize("cause", [Cause.TIMEOUT, Cause.UNREACHABLE, Cause.RESOLVE])
def test_silence_is_a_time_limit_an_unreachable_network_or_a_name_that_nobody_resolves(cause: Cause) -> None:
    assert hear(Heard(ISTANBUL, answered=1.0), failed(cause), 2.0) == Heard(ISTANBUL, answered=1.0, silent=2.0)


@pytest.mark.parametrize("cause", [Cause.LOCAL, Cause.FORBIDDEN])
def test_an_attempt_that_was_not_made_is_neither_answer_nor_silence(cause: Cause) -> None:
    for heard in (Heard(ISTANBUL, answered=1.0), Heard(ISTANBUL, silent=1.0)):
        assert hear(heard, failed(cause), 2.0) == heard
    assert not answered(failed(cause))


def test_only_said_causes_and_success_are_answers() -> None:
    assert answered(Observation(ok=True, latency=0.1))
    assert {cause for cause in Cause if answered(failed(cause))} == SAID
    assert {cause for cause in Cause if silent(failed(cause))} == UNSAID == set(Cause) - SAID - UNTRIED


@given(_heard)
def test_the_newest_word_is_the_later_of_answer_and_silence(heard: list[Heard]) -> None:
    for target in heard:
        assert target.newest == max(target.answered, target.silent)


def test_silence_is_trusted_when_all_regions_but_one_have_answered_however_few_targets_that_are() -> None:
    heard = [Heard(ISTANBUL, 1.0, 2.0)] * 8 + [Heard(ANKARA, 5.0), Heard(IZMIR, 4.0)]
    assert trusted_until(heard) == 4.0
    assert trusted_until([*heard, Heard(ANKARA, 3.0)]) == 3.0
    assert trusted_until([*heard, Heard(IZMIR, 1.0, 2.0)]) == 1.0
