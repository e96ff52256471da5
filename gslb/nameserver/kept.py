"""Bounded memory for what clients ask again: nobody can make it grow, or have it forget what is in use."""

import time
from array import array
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

_SLOTS = 2**18
_MARK = 40
"""how far a hash is shifted for the part of it that is kept; what is below tells the slot"""

_HALF = 2**15

_PAUSE = 1.0
"""seconds at least between two times that something is forgotten: what is used that often stays"""

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Sightings:
    """What has been seen once, of late: so that a flood of what never comes again costs no memory.

    A table of parts of hashes, of fixed size. The newer overwrites the older, but only at times, so that two that come
    in turn and share a slot do not keep each other out. Of things that were never seen, one in 65,536 is taken for
    seen.
    """

    __slots__ = ("_chance", "_seen")

    def __init__(self) -> None:
        self._seen = array("H", bytes(2 * _SLOTS))
        self._chance = 0

    def again(self, mark: int) -> bool:
        """Whether what has this hash has been seen before; from now on it has."""
        slot, part = mark % _SLOTS, mark >> _MARK & 0xFFFF or 1  # 0 says that there is nothing yet
        seen = self._seen[slot]
        if seen == part:
            return True
        self._chance = (self._chance * 25173 + part) & 0xFFFF
        if not seen or self._chance >= _HALF:
            self._seen[slot] = part
        return False


def _one(_: object) -> int:
    return 1


class Recent(Generic[_K, _V]):
    """A mapping that forgets what has not been used of late, once it is full.

    It has a young part and an old one. What is new goes to the young part, up to half of its room. When that is taken
    the young part becomes the old one, and what was old is forgotten; what is found in the old part moves to the young
    one, for which the other half is left. If the room for what is new is taken again so soon that what is in use could
    not have moved, nothing new is taken in for a while. So whatever is used every second stays, if it is not more than
    half of what there is room for.

    Args:
        most: cost of all items in one of the two parts.
        cost: of an item. One that costs more than half of all is not kept.
        retire: takes what is forgotten, to free it at leisure.

    Attributes:
        young: that part, for whoever is in a hurry.
        old: the other one; what is found there by ``get`` moves.
    """

    __slots__ = ("_cost", "_exchange", "_most", "_new", "_retire", "_since", "_spent", "old", "young")

    def __init__(self, most: int, cost: Callable[[_V], int] = _one, retire: Callable[[object], object] = bool) -> None:
        self.young: dict[_K, _V] = {}
        self.old: dict[_K, _V] = {}
        self._most, self._cost, self._retire = most, cost, retire
        self._exchange = Lock()
        self._spent, self._new, self._since = 0, 0, 0.0

    @property
    def parts(self) -> tuple[dict[_K, _V], dict[_K, _V]]:
        """Both, to be let go of."""
        return self.young, self.old

    def peek(self, key: _K) -> _V | None:
        """What is there for ``key``, which is not taken for a use of it."""
        return self.young.get(key) or self.old.get(key)

    def get(self, key: _K) -> _V | None:
        """What was put there for ``key``, if it is still there."""
        found = self.young.get(key)
        if found is None and key in self.old:
            with self._exchange:
                found = self.young.get(key) or self.old.get(key)
                if found is not None and key not in self.young and self._spent + self._cost(found) <= self._most:
                    self._spent += self._cost(found)
                    self.young[key] = found
                    self.old.pop(key, None)
        return found

    def put(self, key: _K, value: _V) -> None:
        """Keep ``value`` for ``key``, if there is room."""
        cost, room = self._cost(value), self._most // 2
        if cost > room:
            return
        with self._exchange:
            if (self._new + cost > room or self._spent + cost > self._most) and not self._forget():
                return
            self._spent += cost
            self._new += cost
            former = self.young.get(key)
            self.young[key] = value
            if former is not None and former is not value:
                self._retire(former)

    def _forget(self) -> bool:
        """Let go of what is old, if there has been time enough for what is in use to move."""
        now = time.monotonic()
        if now - self._since < _PAUSE:
            return False
        former, self.old, self.young = self.old, self.young, {}
        self._spent, self._new, self._since = 0, 0, now
        self._retire(former)
        return True
