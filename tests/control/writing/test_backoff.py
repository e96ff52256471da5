"""Waits grow and part; an account that fails is tried by one call at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gslb.control.writing.backoff import EXTRA, LONG, QUICK, Backoff
from gslb.control.writing.breaker import PROBE, TOLERATED, Breaker

chances = st.floats(0, 1)


@given(st.sampled_from([QUICK, LONG]), st.integers(1, 10**6), chances)
def test_a_wait_is_within_its_bounds(backoff: Backoff, failures: int, chance: float) -> None:
    assert backoff.least <= backoff.wait(failures, chance) <= backoff.most


@given(st.sampled_from([QUICK, LONG]), st.integers(1, 100), chances, chances)
def test_waits_grow_with_failures_and_with_chance(backoff: Backoff, failures: int, one: float, two: float) -> None:
    assert backoff.wait(failures, one) <= backoff.wait(failures + 1, one)
    assert backoff.wait(failures, min(one, two)) <= backoff.wait(failures, max(one, two))


def test_the_bounds_are_what_is_said_of_them() -> None:
    assert [QUICK.wait(failures, 1.0) for failures in (1, 2, 3, 7, 8, 9)] == [0.5, 1, 2, 32, 60, 60]
    assert QUICK.wait(9, 0.0) == 0
    assert [LONG.wait(failures, 1.0) for failures in (1, 2, 3, 4)] == [60, 120, 240, 300]
    assert LONG.wait(4, 0.0) == 30


def opened(at: float = 0.0, chance: float = 1.0) -> Breaker:
    breaker = Breaker()
    for _ in range(TOLERATED):
        assert breaker.admit(at) == 0
        breaker.failed(at, QUICK, chance)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row_and_tells_once() -> None:
    breaker = Breaker()
    told = [breaker.failed(0.0, QUICK, 1.0) for _ in range(TOLERATED + 3)]
    assert told == [False] * (TOLERATED - 1) + [True] + [False] * 3
    assert not breaker.closed
    assert breaker.until == 0.5  # those that had begun before make it no longer


def test_a_success_in_between_starts_over() -> None:
    breaker = Breaker()
    for _ in range(3):
        for _ in range(TOLERATED - 1):
            assert not breaker.failed(0.0, QUICK, 1.0)
        assert not breaker.succeeded()
    assert breaker.closed


def test_after_the_wait_one_call_tries_and_the_others_ask_again() -> None:
    breaker = opened()
    assert breaker.admit(0.3) == pytest.approx(0.2)
    assert breaker.admit(0.5) == 0
    assert 0 < breaker.admit(0.5) <= EXTRA
    breaker.failed(1.0, QUICK, 1.0)
    assert breaker.admit(1.0) == pytest.approx(1.0)  # twice as long
    assert breaker.admit(2.0) == 0
    assert breaker.succeeded()
    assert [breaker.admit(2.0) for _ in range(5)] == [0] * 5


def test_an_urgent_call_does_not_wait_but_keeps_from_the_one_before() -> None:
    breaker = opened()
    for failures in range(8):
        breaker.admit(1000.0 * failures + 500)
        breaker.failed(1000.0 * failures + 500, QUICK, 1.0)
    assert breaker.admit(7500.2) == pytest.approx(60, abs=0.3)
    assert breaker.admit(7500.2, hurry=True) == pytest.approx(EXTRA - 0.2)
    assert breaker.admit(7501.0, hurry=True) == 0


def test_of_a_call_that_says_nothing_nobody_waits_for_ever() -> None:
    breaker = opened()
    assert breaker.admit(1.0) == 0
    assert breaker.admit(1.0 + PROBE - 0.5) == pytest.approx(0.5)
    assert breaker.admit(1.0 + PROBE) == 0
    breaker.undecided()
    assert breaker.admit(1.0 + PROBE) == 0


class BreakerMachine(RuleBasedStateMachine):
    """Whatever happens, an open breaker lets one call through at a time, and no two urgent ones within a second."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.now = Breaker(), 0.0
        self.probes: list[float] = []
        self.probing = False

    @rule(seconds=st.sampled_from([0.0, 0.1, 0.7, 3.0, 61.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule(hurry=st.booleans())
    def ask(self, *, hurry: bool) -> None:
        was_open = not self.breaker.closed
        waits = self.breaker.admit(self.now, hurry=hurry)
        assert waits >= 0
        if waits == 0 and was_open:
            assert not self.probing or self.now - self.probes[-1] >= PROBE
            self.probes.append(self.now)
            self.probing = True

    @rule(chance=chances)
    def fail(self, chance: float) -> None:
        before = self.breaker.until
        self.breaker.failed(self.now, QUICK, chance)
        if before is not None and not self.probing:
            assert self.breaker.until == before
        self.probing = False

    @rule()
    def succeed(self) -> None:
        self.breaker.succeeded()
        self.probing = False
        assert self.breaker.closed

    @rule()
    def give_up(self) -> None:
        self.breaker.undecided()
        self.probing = False

    @invariant()
    def nobody_waits_for_longer_than_the_longest_wait(self) -> None:
        if self.breaker.until is not None:
            assert self.breaker.until <= self.now + QUICK.most


TestBreaker = BreakerMachine.TestCase
