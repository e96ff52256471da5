"""Memory for what clients ask again: it is bounded, and no flood has it forget what is in use."""

from itertools import pairwise
from random import Random
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gslb.nameserver import kept
from gslb.nameserver.kept import Recent, Sightings


class Clock:
    """Takes the place of the module ``time`` of what is tested."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(kept, "time", made)
    return made


def held(recent: Recent[int, tuple[int, int]]) -> set[int]:
    return {*recent.young, *recent.old}


# Recent


def test_what_was_put_is_found_and_nothing_else(clock: Clock) -> None:
    recent: Recent[str, int] = Recent(8)
    recent.put("one", 1)
    recent.put("two", 2)
    recent.put("one", 3)
    assert [recent.get(key) for key in ("one", "two", "three")] == [3, 2, None]


def test_a_flood_is_bounded_at_any_speed(clock: Clock) -> None:
    recent: Recent[int, int] = Recent(100)
    for number in range(100_000):
        recent.put(number, number)
        clock.now += 0.0001 if number % 1000 else 5
        assert len(recent.young) <= 100
        assert len(recent.old) <= 100
    assert recent.young


@pytest.mark.parametrize("pace", [0.0001, 0.003, 0.4], ids=["fast", "middling", "slow"])
def test_what_is_used_every_second_stays_while_a_flood_comes(clock: Clock, pace: float) -> None:
    """However soon the flood has taken all room that there is for what is new."""
    recent: Recent[int, str] = Recent(100)
    regular = range(-40, 0)
    for key in regular:
        recent.put(key, "regular")
    used = clock.now
    for number in range(40_000):
        clock.now += pace
        recent.put(number, "flood")
        if clock.now - used > 0.9:
            used = clock.now
            assert [key for key in regular if recent.get(key) is None] == []
    assert clock.now > 1003


def test_what_is_used_in_the_midst_of_a_flood_is_found_even_where_it_cannot_move(clock: Clock) -> None:
    recent: Recent[int, str] = Recent(10)
    for key in range(5):
        recent.put(key, "first")
    clock.now += 2
    for key in range(100, 200):
        recent.put(key, "flood")  # which is full again at once
    for _ in range(3):
        assert [recent.get(key) for key in range(5)] == ["first"] * 5


def test_nothing_is_forgotten_twice_within_a_second(clock: Clock) -> None:
    recent: Recent[int, int] = Recent(10)
    forgotten = []
    for number in range(10_000):
        before = recent.old
        recent.put(number, number)
        if recent.old is not before:
            forgotten.append(clock.now)
        clock.now += 0.001
    assert 5 < len(forgotten) <= 11
    assert all(later - earlier >= 1 for earlier, later in pairwise(forgotten))


def test_what_has_not_been_used_makes_room(clock: Clock) -> None:
    recent: Recent[int, int] = Recent(10)
    for number in range(100):
        recent.put(number, number)
        clock.now += 2
    assert recent.get(0) is None
    assert recent.get(99) == 99


def test_what_costs_more_than_there_is_room_is_not_kept_and_evicts_nothing(clock: Clock) -> None:
    recent: Recent[str, int] = Recent(10, lambda cost: cost)
    recent.put("small", 1)
    for _ in range(10):
        clock.now += 2
        recent.put("large", 11)
    assert recent.get("large") is None
    assert recent.get("small") == 1


def test_what_has_grown_meanwhile_still_is_within_bounds(clock: Clock) -> None:
    recent: Recent[int, list[int]] = Recent(20, len)
    grown: list[int] = []
    for number in range(1000):
        grown.append(number)
        recent.put(0, grown)
        recent.put(number, [number])
        recent.get(0)
        clock.now += 0.3
        assert len(recent.young) <= 20
        assert len(recent.old) <= 20


class RecentMachine(RuleBasedStateMachine):
    """Any use of it, beside what was put last at each key."""

    MOST = 12
    keys: ClassVar = st.integers(0, 30)

    @initialize()
    def begin(self) -> None:
        self._patch, self._clock = pytest.MonkeyPatch(), Clock()
        self._patch.setattr(kept, "time", self._clock)
        self.recent: Recent[int, tuple[int, int]] = Recent(self.MOST, lambda value: value[1])
        self.last: dict[int, tuple[int, int]] = {}
        self.turned: list[float] = []

    def teardown(self) -> None:
        self._patch.undo()

    @rule(key=keys, number=st.integers(), cost=st.integers(1, 8))
    def put(self, key: int, number: int, cost: int) -> None:
        before = self.recent.old
        self.recent.put(key, (number, cost))
        self.last[key] = (number, cost)
        if self.recent.old is not before:
            self.turned.append(self._clock.now)

    @rule(key=keys)
    def get(self, key: int) -> None:
        known = key in held(self.recent)
        found = self.recent.get(key)
        assert (found is not None) == known
        if known:
            assert key in held(self.recent)

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.5]))
    def wait(self, seconds: float) -> None:
        self._clock.now += seconds

    @precondition(lambda self: hasattr(self, "recent"))
    @invariant()
    def is_bounded(self) -> None:
        for part in (self.recent.young, self.recent.old):
            assert sum(cost for _, cost in part.values()) <= self.MOST
        assert all(later - earlier >= 1 for earlier, later in pairwise(self.turned))


TestRecent = RecentMachine.TestCase


# Sightings


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=50))
def test_what_comes_twice_in_a_row_has_been_seen(marks: list[int]) -> None:
    sightings = Sightings()
    for mark in marks:
        for _ in range(64):
            if sightings.again(mark):
                break
        else:
            raise AssertionError(mark)
        assert sightings.again(mark)


def test_what_was_seen_is_told_from_what_was_not() -> None:
    sightings, random = Sightings(), Random(1)
    marks = [random.getrandbits(63) for _ in range(20_000)]
    first = sum(sightings.again(mark) for mark in marks)
    assert first <= 5
    assert sum(sightings.again(mark) for mark in marks) > 0.9 * len(marks)


def test_of_a_flood_of_what_never_came_hardly_any_is_taken_for_seen() -> None:
    """One in 65,536, that is 10 here; by chance as many as 40 hardly ever."""
    sightings, random = Sightings(), Random(2)
    assert sum(sightings.again(random.getrandbits(64) - 2**63) for _ in range(655_360)) <= 40


def test_hashes_of_packets_are_as_good_as_chance() -> None:
    sightings = Sightings()
    assert sum(sightings.again(hash(b"packet %d" % number)) for number in range(262_144)) <= 25


def test_two_that_share_a_slot_both_get_through() -> None:
    sightings = Sightings()
    one, other = 7 | 1 << 40, 7 | 2 << 40
    seen = [(sightings.again(one), sightings.again(other)) for _ in range(200)]
    assert any(first for first, _ in seen)
    assert any(second for _, second in seen)


def test_the_table_stays_as_large_as_it_is() -> None:
    sightings = Sightings()
    size = len(sightings._seen)
    for number in range(10_000):
        sightings.again(hash(str(number)))
    assert len(sightings._seen) == size


def test_what_is_put_in_place_of_another_lets_go_of_that(clock: Clock) -> None:
    retired: list[object] = []
    recent: Recent[str, list[int]] = Recent(16, retire=retired.append)
    first, second = [1], [2]
    recent.put("key", first)
    recent.put("key", first)
    assert retired == []
    recent.put("key", second)
    assert retired == [first]
    assert recent.get("key") is second
    assert clock.now
