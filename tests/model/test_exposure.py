"""Until when resolvers may hold an answer with an endpoint: never forgotten too early, and bounded."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.exposure import ALLOWANCE, MOST, Answers, assumed, exposed_until, published, remembered, settled
from gslb.model.names import EndpointName

A, B, C = map(EndpointName, ("istanbul/0", "ankara/0", "izmir/0"))
BOTH = [A, B]


def changed(*versions: tuple[int, int, list[EndpointName]]) -> Answers:
    """What is known after these were published: generation, TTL, endpoints."""
    answers: Answers = ()
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
    assert published(answers, 2, 30, [B, A]) == answers
    assert len(published(answers, 2, 5, BOTH)) == 2


def test_the_longest_of_several_versions_counts() -> None:
    answers = settled(changed((1, 300, BOTH), (2, 5, BOTH), (3, 5, [B])), 3, 100.0)
    assert exposed_until(answers, A) == 400.0 + ALLOWANCE


@pytest.mark.parametrize(
    ("above", "until"), [(4, math.inf), (5, 130.0 + ALLOWANCE), (29, 130.0 + ALLOWANCE), (30, -math.inf)]
)
def test_answers_with_a_long_ttl_are_told_apart(above: int, until: float) -> None:
    answers = settled(changed((1, 30, BOTH), (2, 5, BOTH)), 2, 100.0)
    assert exposed_until(answers, A, above=above) == until


@pytest.mark.parametrize(("now", "kept"), [(129.9 + ALLOWANCE, 2), (130.0 + ALLOWANCE, 1)])
def test_only_what_no_resolver_can_hold_is_forgotten(now: float, kept: int) -> None:
    answers = settled(changed((1, 30, BOTH), (2, 5, [B])), 2, 100.0)
    assert len(remembered(answers, now)) == kept


def test_nothing_is_known_of_a_service_that_was_never_published() -> None:
    assert settled((), 5, 1.0) == ()
    assert remembered((), 1.0) == ()
    assert exposed_until((), A) == -math.inf


# what is assumed


def test_what_is_assumed_exposes_until_what_is_published_is_given_everywhere() -> None:
    answers = assumed(changed((1, 30, [B])), 20, [A])
    assert exposed_until(answers, A) == math.inf
    answers = settled(published(answers, 2, 5, [C]), 2, 100.0)
    assert exposed_until(answers, A) == 130.0 + ALLOWANCE
    assert exposed_until(answers, C) == math.inf


def test_with_nothing_known_it_has_the_ttl_that_is_said() -> None:
    answers = published(assumed((), 20, [A]), 1, 5, [B])
    assert exposed_until(settled(answers, 1, 100.0), A) == 120.0 + ALLOWANCE


def test_to_assume_again_what_is_not_refuted_makes_no_new_version() -> None:
    answers = assumed(assumed(changed((1, 30, [B])), 20, [A]), 50, [C])
    assert len(answers) == 2
    refuted = settled(answers, 1, 100.0)
    assert exposed_until(refuted, A) == exposed_until(refuted, C) == 150.0 + ALLOWANCE


def test_to_assume_once_more_what_was_refuted_puts_its_end_off() -> None:
    answers = settled(assumed(changed((1, 30, [B])), 30, [A]), 1, 100.0)
    again = assumed(answers, 30, [A])
    assert exposed_until(again, A) == math.inf
    assert exposed_until(settled(again, 1, 110.0), A) == 140.0 + ALLOWANCE


def test_whatever_is_assumed_and_refuted_in_turn_remains_bounded() -> None:
    answers = changed((1, 30, [B]))
    for turn in range(3 * MOST):
        answers = settled(assumed(answers, 30, [A]), 1, 100.0 + turn)
    assert len(answers) <= MOST
    assert exposed_until(answers, A) >= 100.0 + 3 * MOST - 1 + 30 + ALLOWANCE


@dataclass
class Everything:
    """Keeps every version for ever: who was in it, and since when every place has given something newer."""

    versions: list[tuple[int, int, frozenset[EndpointName]]] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    def publish(self, generation: int, ttl: int, endpoints: frozenset[EndpointName]) -> None:
        self.versions.append((generation, ttl, endpoints))
        self.ends.append(math.inf)

    def settle(self, generation: int, now: float) -> None:
        newest = max((found for found, _, _ in self.versions if found <= generation), default=-1)
        self.ends = [
            min(end, now) if found < newest else end
            for end, (found, _, _) in zip(self.ends, self.versions, strict=True)
        ]

    def until(self, endpoint: EndpointName, above: int) -> float:
        held = (
            end + ttl + ALLOWANCE
            for end, (_, ttl, endpoints) in zip(self.ends, self.versions, strict=True)
            if endpoint in endpoints and ttl > above
        )
        return max(held, default=-math.inf)


@dataclass
class Run:
    """What both say after the same events."""

    known: Answers
    everything: Everything
    now: float
    most: int


_events = st.lists(
    st.tuples(
        st.sampled_from(["publish", "publish", "settle", "forget"]),
        st.sampled_from([0, 5, 30]),
        st.frozensets(st.sampled_from([A, B, C])),
        st.integers(0, 4),
        st.sampled_from([0.0, 1.0, 6.0, 40.0]),
    ),
    max_size=60,
)


def run(events: list[tuple[str, int, frozenset[EndpointName], int, float]], *, crowd: bool = False) -> Run:
    """Play events; in a ``crowd`` each publication is many, so that versions have to be taken together."""
    known: Answers = ()
    everything, now, generation, most = Everything(), 0.0, 0, 0
    for what, ttl, endpoints, behind, passed in events:
        now += passed
        if what == "publish":
            for turn in range(MOST // 4 if crowd else 1):
                generation += 1
                known = published(known, generation, ttl + turn % 2, endpoints)
                everything.publish(generation, ttl + turn % 2, endpoints)
        elif what == "settle":
            known = settled(known, max(0, generation - behind), now)
            everything.settle(max(0, generation - behind), now)
        else:
            known = remembered(known, now)
        most = max(most, len(known))
    return Run(known, everything, now, most)


@given(_events, st.sampled_from([A, B, C]), st.sampled_from([-1, 0, 5, 29]))
def test_it_says_what_one_says_who_keeps_every_answer(
    events: list[tuple[str, int, frozenset[EndpointName], int, float]], endpoint: EndpointName, above: int
) -> None:
    after = run(events)
    told, truth = exposed_until(after.known, endpoint, above=above), after.everything.until(endpoint, above)
    assert max(told, after.now) == max(truth, after.now)


@given(_events, st.sampled_from([A, B, C]), st.sampled_from([-1, 0, 5, 29]))
def test_with_more_versions_than_are_told_apart_it_never_says_less_and_remains_bounded(
    events: list[tuple[str, int, frozenset[EndpointName], int, float]], endpoint: EndpointName, above: int
) -> None:
    after = run(events, crowd=True)
    assert after.most <= MOST
    assert max(exposed_until(after.known, endpoint, above=above), after.now) >= after.everything.until(endpoint, above)


def test_the_oldest_two_are_taken_for_one_that_is_held_as_long_as_either() -> None:
    answers = settled(changed((1, 300, [A]), (2, 5, [B]), (3, 5, [C])), 3, 100.0)
    for generation in range(4, MOST + 2):
        answers = published(answers, generation, 30 + generation % 2, [C])
    assert len(answers) == MOST
    assert exposed_until(answers, A) == exposed_until(answers, B) == 400.0 + ALLOWANCE


def test_taken_together_with_what_is_still_given_it_is_still_given() -> None:
    answers = changed((1, 30, [A]), (2, 5, [B]))
    for generation in range(3, MOST + 2):
        answers = published(answers, generation, 30 + generation % 2, [C])
    assert exposed_until(settled(answers, 1, 100.0), A) == math.inf
    assert exposed_until(settled(answers, MOST, 100.0), A) == 130.0 + ALLOWANCE
