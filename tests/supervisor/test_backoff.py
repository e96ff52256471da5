from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gslb.supervisor.backoff import LONGEST_DELAY, STEADY, next_restart

short_lives = st.floats(0, STEADY, exclude_max=True)


def delays(lives: list[float]) -> list[float]:
    """The delays before the restarts of a process that lived so long each time."""
    quick_exits, waited = 0, []
    for lived in lives:
        delay, quick_exits = next_restart(quick_exits, lived)
        waited.append(delay)
    return waited


def test_the_first_restart_is_immediate_and_each_further_one_waits_twice_as_long_up_to_ten_seconds() -> None:
    assert delays([0.0] * 10) == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_a_process_that_lived_for_ten_seconds_starts_over() -> None:
    assert delays([0.0, 0.0, 0.0, STEADY, 0.0]) == [0.0, 0.1, 0.2, 0.0, 0.1]


@given(st.lists(short_lives, min_size=2, max_size=50))
def test_without_a_steady_life_the_delay_never_shrinks(lives: list[float]) -> None:
    assert all(earlier <= later for earlier, later in pairwise(delays(lives)))


@given(st.integers(0, 10**9), st.floats(0, 1e9))
def test_the_delay_is_bounded_however_often_and_late_a_process_ends(quick_exits: int, lived: float) -> None:
    delay, _ = next_restart(quick_exits, lived)
    assert 0.0 <= delay <= LONGEST_DELAY
