"""Cyclic garbage is collected without long passes, and none of it stays for good."""

import asyncio
import contextlib
import gc
import weakref
from collections.abc import Iterator

import pytest

from gslb.nameserver import tidy
from gslb.nameserver.polite import uncollected
from gslb.nameserver.reclaim import Reclaimer
from gslb.nameserver.tidy import MOST_YOUNG, Collector
from tests.waiting import until


class Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _nothing_is_left_of_others() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


def cycle() -> "weakref.ref[Cycle]":
    return weakref.ref(Cycle())


def many() -> list[list[int]]:
    return [[number] for number in range(MOST_YOUNG + 100)]


def test_garbage_is_found_among_what_is_new() -> None:
    watch = cycle()
    Collector().look()
    assert watch() is None


def test_too_much_that_is_new_is_put_aside_and_the_next_is_looked_at_again() -> None:
    collector, aside, kept = Collector(), cycle(), many()
    collector.look()
    assert gc.get_freeze_count() > len(kept)
    watch = cycle()
    collector.look()
    assert watch() is None
    assert aside() is not None


@pytest.mark.parametrize("limit", ["FULL", "MOST_ASIDE"])
def test_what_was_put_aside_is_looked_at_in_the_end(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(tidy, limit, 0)
    collector, aside, kept = Collector(), cycle(), many()
    for _ in range(2):
        collector.look()
    assert aside() is None
    assert gc.get_freeze_count() > len(kept)


def test_nothing_is_collected_while_much_is_made_but_after_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidy, "FULL", 0)
    collector, watch = Collector(), cycle()
    with uncollected():
        collector.look()
        assert watch() is not None
    collector.look()
    assert watch() is None


async def test_it_goes_on_until_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidy, "INTERVAL", 0.001)
    reclaimer, items = Reclaimer(), {"key": "value"}
    reclaimer.retire(items)
    task = asyncio.create_task(tidy.tidy(reclaimer))
    watch = cycle()
    await until(lambda: not items and watch() is None)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert gc.isenabled()
