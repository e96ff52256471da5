"""How many answers of a service went to each region: counted exactly, and without any work in Python for a query."""

from collections.abc import Iterator
from itertools import compress, repeat
from operator import length_hint
from typing import TypeVar

MOST = 2**62
"""answers that can be counted"""

NO_REGION = ""
"""stands for the region of what is answered without any address"""

_T = TypeVar("_T")

Counter = Iterator[bool]
"""Counts how often it was asked for the next item, from any thread: one that runs in C, and knows how many are left."""


class Served:
    """Counters of one service, by region. They go on when what the service answers is compiled anew."""

    def __init__(self) -> None:
        self._counters: dict[str, Counter] = {}

    @property
    def asked(self) -> bool:
        """Whether there was any answer."""
        return bool(self._counters)

    def counter(self, region: str) -> Counter:
        """The counter of ``region``."""
        return self._counters.setdefault(region, new_counter())

    def counts(self) -> dict[str, int]:
        """Answers so far, by region; those without any are left out."""
        counts = ((region, count_of(counter)) for region, counter in tuple(self._counters.items()))
        return {region: count for region, count in counts if count}


def new_counter() -> Counter:
    """One that has counted nothing."""
    return repeat(True, MOST)


def count_of(counter: Counter) -> int:
    """What it has counted."""
    return MOST - length_hint(counter)


def counted(items: Iterator[_T], counter: Counter) -> Iterator[_T]:
    """``items``, of which there is no end, each of them counted."""
    return compress(items, counter)
