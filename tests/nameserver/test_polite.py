import contextlib
import gc
import threading
from collections.abc import Iterator
from weakref import ref

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


class Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def uncollected_yet() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.usefixtures("uncollected_yet")
def test_cyclic_garbage_is_found_among_what_is_new() -> None:
    watch = ref(Cycle())
    assert polite.collect(everywhere=False)
    assert watch() is None


@pytest.mark.usefixtures("uncollected_yet")
def test_too_much_that_is_new_is_put_aside_until_all_is_gone_through() -> None:
    watch, kept = ref(Cycle()), [[number] for number in range(polite.MOST_YOUNG + 100)]
    assert not polite.collect(everywhere=False)
    assert polite.collect(everywhere=False)
    assert watch() is not None
    assert polite.collect(everywhere=True)
    assert watch() is None
    assert gc.get_freeze_count() > len(kept)


@pytest.mark.usefixtures("uncollected_yet")
def test_nothing_is_collected_while_much_is_made() -> None:
    watch = ref(Cycle())
    with uncollected():
        assert not polite.collect(everywhere=True)
    assert watch() is not None


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
