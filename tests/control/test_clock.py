"""Two clocks: what is later on one is later on the other."""

from datetime import UTC, datetime, timedelta

import pytest

from gslb.control.clock import Clock


class Jittery(Clock):
    """Time passes between two readings, now more and now less."""

    def __init__(self) -> None:
        self.now, self.jump, self._reading = 1000.0, 0.0, 0

    def monotonic(self) -> float:
        self._reading += 1
        return self.now + (self._reading * 7 % 5) / 1000

    def utc(self) -> datetime:
        self._reading += 1
        return datetime.fromtimestamp(self.now + self.jump + (self._reading * 3 % 4) / 1000, UTC)


def test_moments_keep_their_order_and_equal_ones_stay_equal() -> None:
    clock = Jittery()
    moments = [900.0, 900.0, 900.0, 900.000002, 900.0005, 950.0, 1000.0]
    shown = [clock.to_utc(moment) for moment in moments]
    assert shown == sorted(shown)
    assert len(set(shown)) == len(set(moments))


def test_a_wall_clock_that_was_set_is_followed() -> None:
    clock = Jittery()
    before = clock.to_utc(900.0)
    clock.jump = 3600.0
    assert clock.to_utc(900.0) - before == pytest.approx(timedelta(hours=1), abs=timedelta(milliseconds=10))


def test_there_and_back_is_the_same_moment() -> None:
    clock = Clock()
    now = clock.monotonic()
    assert clock.to_monotonic(clock.to_utc(now - 100)) == pytest.approx(now - 100, abs=0.05)
    assert abs(clock.to_utc(now) - datetime.now(UTC)) < timedelta(seconds=1)
