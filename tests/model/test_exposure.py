"""Until when resolvers may hold an answer with an endpoint: never forgotten too early, and bounded."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.exposure import (
    ALLOWANCE,
    MAX_TTLS,
    NOTHING,
    Answers,
    Former,
    assumed,
    exposed_until,
    published,
    refuted,
    remembered,
    settled,
    shifted,
)
from gslb.model.names import EndpointName

A, B, C = map(EndpointName, ("istanbul/0", "ankara/0", "izmir/0"))
BOTH = [A, B]


def changed(*versions: tuple[int, int, list[EndpointName]]) -> Answers:
    """What is known after these were published: generation, TTL, endpoints."""
    answers = NOTHING
    for generation, ttl, endpoints in versions:
        answers = published(answers, generation, ttl, endpoints)
    return answers


def test_what_is_published_exposes_until_something_newer_is_given_everywhere() -> None:
    answers = changed((1, 30, BOTH))
    assert exposed_until(answers, A) == math.inf
    assert exposed_until(answers, C) == -math.inf


def test_after_that_it_exposes_for_its_ttl_and_the_allowance() -> None:
    answers = settled(changed((1, 30, BOTH), (2, 5, [B])), 2, 100.0)
    assert exposed_until(answers, A) == 100.0 + 30 + ALLOWANCE
    assert exposed_until(answers, B) == math.inf


def test_a_publication_that_is_not_settled_ends_nothing() -> None:
    answers = changed((1, 30, BOTH), (2, 5, [B]))
    assert settled(answers, 0, 100.0) == answers
    assert exposed_until(settled(answers, 1, 100.0), A) == math.inf


def test_to_settle_a_generation_without_news_settles_the_newest_before_it() -> None:
    """Other services have changed in generations 3 to 7."""
    answers = settled(changed((1, 30, BOTH), (2, 5, [B]), (8, 5, [C])), 7, 100.0)
    assert exposed_until(answers, A) == 130.0 + ALLOWANCE
    assert exposed_until(answers, B) == math.inf


def test_an_end_is_not_put_off_when_more_is_settled() -> None:
    answers = settled(changed((1, 30, BOTH), (2, 5, [B])), 2, 100.0)
    later = settled(published(answers, 3, 5, [C]), 3, 200.0)
    assert exposed_until(later, A) == 130.0 + ALLOWANCE
    assert exposed_until(later, B) == 205.0 + ALLOWANCE


def test_what_comes_back_is_exposed_again() -> None:
    answers = settled(changed((1, 30, BOTH), (2, 5, [B]), (3, 30, BOTH)), 3, 100.0)
    assert exposed_until(answers, A) == math.inf


def test_the_same_answers_are_no_new_version() -> None:
    answers = changed((1, 30, BOTH))
    assert published(answers, 2, 30, [B, A]) is answers
    assert published(answers, 2, 5, BOTH) != answers


def test_the_longest_of_several_versions_counts() -> None:
    answers = settled(changed((1, 300, BOTH), (2, 5, BOTH), (3, 5, [B])), 3, 100.0)
    assert exposed_until(answers, A) == 400.0 + ALLOWANCE


@pytest.mark.parametrize(
    ("above", "until"), [(4, math.inf), (5, 130.0 + ALLOWANCE), (29, 130.0 + ALLOWANCE), (30, -math.inf)]
)
def test_answers_with_a_long_ttl_are_told_apart(above: int, until: float) -> None:
    answers = settled(changed((1, 30, BOTH), (2, 5, BOTH)), 2, 100.0)
    assert exposed_until(answers, A, above=above) == until


@pytest.mark.parametrize(("now", "kept"), [(129.9 + ALLOWANCE, {A, B}), (130.0 + ALLOWANCE, {B})])
def test_only_what_no_resolver_can_hold_is_forgotten(now: float, kept: set[EndpointName]) -> None:
    answers = settled(changed((1, 30, BOTH), (2, 5, [B])), 2, 100.0)
    assert answers.next_end == 130.0 + ALLOWANCE
    assert remembered(answers, now).exposed_endpoints == kept


def test_nothing_is_left_of_a_service_without_answers_once_no_resolver_holds_one() -> None:
    answers = settled(changed((1, 30, BOTH), (2, 0, [])), 2, 100.0)
    assert not remembered(answers, 129.0 + ALLOWANCE).is_over
    assert remembered(answers, 130.0 + ALLOWANCE).is_over


def test_a_service_is_settled_when_every_place_gives_what_was_published_last() -> None:
    answers = changed((1, 30, BOTH), (2, 5, [B]))
    assert not answers.is_settled
    assert not settled(answers, 1, 100.0).is_settled
    assert settled(answers, 2, 100.0).is_settled
    assert not assumed(settled(answers, 2, 100.0), 30, [A]).is_settled


def test_a_generation_is_confirmed_once_no_place_can_give_older_answers() -> None:
    answers = changed((1, 30, BOTH), (2, 5, [B]), (4, 5, [C]))
    assert [settled(answers, generation, 1.0).confirmed for generation in (0, 1, 2, 3, 4, 5)] == [0, 1, 2, 3, 4, 4]
    assert settled(settled(answers, 4, 1.0), 2, 2.0).confirmed == 4


def test_by_another_clock_all_ends_are_shifted_and_none_comes_to_lie_in_the_future() -> None:
    answers = settled(changed((1, 30, BOTH), (2, 5, [B]), (3, 30, [C])), 2, 100.0)
    assert exposed_until(shifted(answers, -90.0, 50.0), A) == 40.0 + ALLOWANCE
    assert exposed_until(shifted(answers, -10.0, 50.0), A) == 80.0 + ALLOWANCE
    assert exposed_until(shifted(answers, -10.0, 50.0), B) == math.inf


def test_nothing_is_known_of_a_service_that_was_never_published() -> None:
    assert settled(NOTHING, 5, 1.0) == remembered(NOTHING, 1.0) == NOTHING
    assert exposed_until(NOTHING, A) == -math.inf
    assert NOTHING.is_over


# what is assumed


def test_what_is_assumed_exposes_until_what_is_published_is_given_everywhere() -> None:
    answers = assumed(changed((1, 30, [B])), 20, [A])
    assert exposed_until(answers, A) == math.inf
    answers = settled(published(answers, 2, 5, [C]), 2, 100.0)
    assert exposed_until(answers, A) == 130.0 + ALLOWANCE
    assert exposed_until(answers, C) == math.inf


def test_with_nothing_known_it_has_the_ttl_that_is_said() -> None:
    answers = published(assumed(NOTHING, 20, [A]), 1, 5, [B])
    assert exposed_until(settled(answers, 1, 100.0), A) == 120.0 + ALLOWANCE


def test_what_is_assumed_twice_is_held_with_the_longer_ttl() -> None:
    answers = settled(assumed(assumed(changed((1, 30, [B])), 20, [A]), 50, [A, C]), 1, 100.0)
    assert exposed_until(answers, A) == exposed_until(answers, C) == 150.0 + ALLOWANCE
    assert exposed_until(answers, A, above=30) == 150.0 + ALLOWANCE


def test_what_is_assumed_goes_on_until_what_was_published_last_is_given_everywhere() -> None:
    answers = assumed(settled(changed((1, 30, BOTH), (4, 30, [B])), 4, 50.0), 30, [A])
    assert exposed_until(settled(answers, 3, 100.0), A) == math.inf
    assert exposed_until(settled(answers, 4, 100.0), A) == 130.0 + ALLOWANCE


def test_what_is_assumed_before_anything_is_published_goes_on_until_the_first_is_given_everywhere() -> None:
    answers = published(published(assumed(NOTHING, 30, [A]), 3, 30, [B]), 5, 30, [C])
    assert exposed_until(settled(answers, 2, 100.0), A) == math.inf
    assert exposed_until(settled(answers, 3, 100.0), A) == 130.0 + ALLOWANCE
    assert exposed_until(settled(answers, 3, 100.0), B) == math.inf


def test_if_nothing_had_been_given_before_what_was_assumed_is_not_so() -> None:
    answers = refuted(published(published(assumed(NOTHING, 30, BOTH), 1, 30, [A]), 2, 5, [A]))
    assert exposed_until(answers, B) == -math.inf
    assert exposed_until(answers, A, above=5) == math.inf
    assert refuted(assumed(NOTHING, 30, BOTH)).is_over


def test_to_assume_once_more_what_had_ended_puts_its_end_off() -> None:
    answers = settled(assumed(changed((1, 30, [B])), 30, [A]), 1, 100.0)
    again = assumed(answers, 30, [A])
    assert exposed_until(again, A) == math.inf
    assert exposed_until(settled(again, 1, 110.0), A) == 140.0 + ALLOWANCE


def test_whatever_is_assumed_and_settled_in_turn_remains_bounded() -> None:
    answers = changed((1, 30, [B]))
    for turn in range(3 * MAX_TTLS):
        answers = settled(assumed(answers, 30, [A]), 1, 100.0 + turn)
    assert answers.exposed_endpoints == {A, B}
    assert [len(held) for held in answers.former.values()] == [1]
    assert exposed_until(answers, A) == 100.0 + 3 * MAX_TTLS - 1 + 30 + ALLOWANCE


@dataclass
class Given:
    """Answers of one version, or that were assumed: over once every place gives ``newer``, if that is known."""

    ttl: int
    endpoints: frozenset[EndpointName]
    newer: int | None = None
    ended: float = math.inf


@dataclass
class Everything:
    """Keeps every version for ever: who was in it, and since when every place has given something newer."""

    given: list[Given] = field(default_factory=list)
    newest: int | None = None

    def publish(self, generation: int, ttl: int, endpoints: frozenset[EndpointName]) -> None:
        for each in self.given:
            if each.newer is None:
                each.newer = generation
        self.given.append(Given(ttl, endpoints))
        self.newest = generation

    def assume(self, ttl: int, endpoints: frozenset[EndpointName]) -> None:
        self.given.append(Given(ttl, endpoints, self.newest))

    def settle(self, generation: int, now: float) -> None:
        for each in self.given:
            if each.newer is not None and each.newer <= generation:
                each.ended = min(each.ended, now)

    def until(self, endpoint: EndpointName, above: int) -> float:
        held = (
            each.ended + each.ttl + ALLOWANCE for each in self.given if endpoint in each.endpoints and each.ttl > above
        )
        return max(held, default=-math.inf)


@dataclass
class Run:
    """What both say after the same events."""

    known: Answers
    everything: Everything
    now: float
    ttls: int


FEW, MANY = st.sampled_from([0, 5, 30]), st.integers(0, 30)
LONGEST = 300
Event = tuple[str, int, frozenset[EndpointName], int, float]


def _events(ttls: st.SearchStrategy[int]) -> st.SearchStrategy[list[Event]]:
    event = st.tuples(
        st.sampled_from(["publish", "publish", "settle", "forget", "assume"]),
        ttls,
        st.frozensets(st.sampled_from([A, B, C])),
        st.integers(0, 4),
        st.sampled_from([0.0, 1.0, 6.0, 40.0]),
    )
    return st.lists(event, max_size=60)


def run(events: list[Event], assume: int = LONGEST) -> Run:
    """Play events. With the longest TTL of all, what is assumed is not held longer than is said."""
    known, everything, now, generation, most = NOTHING, Everything(), 0.0, 0, 0
    for what, ttl, endpoints, behind, passed in events:
        now += passed
        if what == "publish":
            generation += 1
            known = published(known, generation, ttl, endpoints)
            everything.publish(generation, ttl, endpoints)
        elif what == "settle":
            known = settled(known, max(0, generation - behind), now)
            everything.settle(max(0, generation - behind), now)
        elif what == "assume":
            known = assumed(known, assume, endpoints)
            everything.assume(assume, endpoints)
        else:
            known = remembered(known, now)
        most = max(most, len(known.former))
    return Run(known, everything, now, most)


_above = st.sampled_from([-1, 0, 5, 29, 30, 299])


@given(_events(FEW), st.sampled_from([A, B, C]), _above)
def test_it_says_what_one_says_who_keeps_every_answer(events: list[Event], endpoint: EndpointName, above: int) -> None:
    after = run(events)
    told, truth = exposed_until(after.known, endpoint, above=above), after.everything.until(endpoint, above)
    assert max(told, after.now) == max(truth, after.now)


@given(_events(FEW))
def test_it_ends_when_nothing_is_held_and_is_settled_when_nothing_is_open(events: list[Event]) -> None:
    after = run(events)
    ends = [each.ended + each.ttl + ALLOWANCE for each in after.everything.given if each.endpoints]
    assert bool(remembered(after.known, after.now).exposed_endpoints) == any(end > after.now for end in ends)
    newest = after.everything.newest
    if newest is not None:
        assert settled(after.known, newest, after.now).is_settled


@given(_events(MANY), st.sampled_from([A, B, C]), _above)
def test_with_more_ttls_than_are_told_apart_it_never_says_less_and_remains_bounded(
    events: list[Event], endpoint: EndpointName, above: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gslb.model.exposure.MAX_TTLS", 2)
        after = run(events, assume=15)
    assert after.ttls <= 2
    assert max(exposed_until(after.known, endpoint, above=above), after.now) >= after.everything.until(endpoint, above)


def test_of_too_many_ttls_the_two_lowest_are_taken_for_the_higher_one() -> None:
    answers = NOTHING
    for generation in range(1, MAX_TTLS + 3):
        answers = settled(
            published(answers, generation, 10 * generation, [A, B][: generation % 2 + 1]), generation, 5.0
        )
    assert len(answers.former) == MAX_TTLS
    assert answers.former[20] == {A: Former(3, 5.0), B: Former(2, 5.0)}


def test_who_stays_in_the_answers_is_not_remembered_as_having_left() -> None:
    assert changed((1, 30, BOTH), (2, 30, [B])).former == {30: {A: Former(2)}}


def test_taken_together_what_was_assumed_at_first_does_not_end_what_was_published_later() -> None:
    answers = published(published(assumed(NOTHING, 20, [A]), 1, 10, [A]), 2, 30, [C])
    for generation in range(3, MAX_TTLS + 4):
        answers = published(answers, generation, 10 * generation + 10, [C])
    assert 10 not in answers.former
    assert exposed_until(settled(answers, 1, 100.0), A) == math.inf
    assert exposed_until(settled(answers, 2, 100.0), A) >= 120.0 + ALLOWANCE


def test_taken_together_it_is_held_as_long_as_either_and_given_while_either_is() -> None:
    answers = settled(changed((1, 10, [A]), (2, 20, [A, B]), (3, 30, [C])), 2, 50.0)
    for generation in range(4, MAX_TTLS + 3):
        answers = published(answers, generation, 10 * generation, [C])
    assert 10 not in answers.former
    assert exposed_until(answers, A) == exposed_until(answers, B) == math.inf
    over = settled(answers, 3, 100.0)
    assert exposed_until(over, A) == exposed_until(over, B) == 120.0 + ALLOWANCE
