import contextlib
import gc
import threading

import pytest

from gslb.nameserver import polite
from gslb.nameserver.polite import let_go, politely, uncollected


class Time:
    """Stands in for ``time``: it passes by work and by pauses only."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(self.now)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    found = Time()
    monkeypatch.setattr(polite, "time", found)
    monkeypatch.setattr(polite, "_answering", threading.Event())
    polite.begin()
    return found


def test_there_is_a_pause_after_each_bite_of_work(clock: Time) -> None:
    done = []
    for item in politely(range(10)):
        done.append(item)
        clock.now += polite.BITE / 2
    assert done == list(range(10))
    assert len(clock.pauses) == 5


def test_little_work_is_not_held_up(clock: Time) -> None:
    assert list(politely(range(1000))) == list(range(1000))
    assert clock.pauses == []


def test_before_anything_answers_there_are_no_pauses(clock: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polite, "_answering", threading.Event())
    for _ in politely(range(10)):
        clock.now += polite.BITE
    assert clock.pauses == []


def test_what_is_laid_over_takes_the_place_of_what_was_there() -> None:
    base = {"a": 1, "b": 2}
    assert polite.overlaid(base, {"b": 3, "c": 4}) == {"a": 1, "b": 3, "c": 4}
    assert base == {"a": 1, "b": 2}


def test_what_is_let_go_is_forgotten() -> None:
    items = [object(), object()]
    let_go(items)
    assert items == []


def test_the_collector_is_back_whatever_happens() -> None:
    seen = []
    with contextlib.suppress(KeyError), uncollected():
        seen.append(gc.isenabled())
        raise KeyError
    assert [*seen, gc.isenabled()] == [False, True]
    gc.unfreeze()
