"""Long work in a thread beside those that answer: a little at a time, and between that interpreter and core are theirs.

A thread that wants the interpreter back waits for the switch interval, or for the end of a single call into C, whatever
that takes; on the same core it may also wait until the kernel thinks that the other one has had its share. So whoever
works on a whole snapshot does it service by service, through here. What answers never does.
"""

import gc
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

BITE = 0.00005
"""seconds of work between two pauses"""

PAUSE = 0.00005
"""seconds in a pause"""

_K = TypeVar("_K")
_T = TypeVar("_T")

_answering = threading.Event()
_making = threading.Event()


def begin() -> None:
    """From now on this process answers. Before that, and in others, there is nobody to be polite to."""
    _answering.set()


def politely(items: Iterable[_T]) -> Iterator[_T]:
    """``items``, with a pause before the next one whenever there has been work for a while."""
    return _with_pauses(items) if _answering.is_set() else iter(items)


def _with_pauses(items: Iterable[_T]) -> Iterator[_T]:
    due = time.perf_counter() + BITE
    for item in items:
        yield item
        if time.perf_counter() >= due:
            time.sleep(PAUSE)
            due = time.perf_counter() + BITE


@contextmanager
def uncollected() -> Iterator[None]:
    """Keeps the cyclic garbage collector out while much is made that stays, and has it look at that once an hour only.

    It would go through all of it time and again, in one call each. Nothing that is compiled is part of a cycle.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    _making.set()
    try:
        yield
    finally:
        gc.freeze()
        _making.clear()
        if was_enabled:
            gc.enable()


def is_making() -> bool:
    """Whether much is being made just now."""
    return _making.is_set()


def overlaid(base: Mapping[_K, _T], more: Mapping[_K, _T]) -> dict[_K, _T]:
    """``base`` with ``more`` laid over it. A plain copy is quick; to merge is not."""
    made = dict(base)
    for key in politely(more):
        made[key] = more[key]
    return made


def let_go(thing: object) -> None:
    """Empty dictionaries and lists, and those in tuples, of which this is the last that knows.

    To free what is in them takes as long as to make it.
    """
    if isinstance(thing, tuple):
        for part in thing:
            let_go(part)
    elif isinstance(thing, dict):
        for _ in politely(range(len(thing))):
            thing.popitem()
    elif isinstance(thing, list):
        for _ in politely(range(len(thing))):
            thing.pop()
