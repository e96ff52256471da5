"""How often something happened of late. Pure: time comes in as an argument, in monotonic seconds."""

import math
from collections import deque

SPAN = 10
"""Seconds that a meter looks back, the current one included."""


class Meter:
    """Counts events in buckets of one second and forgets those older than ``SPAN``. Holds at most ``SPAN`` buckets."""

    __slots__ = ("_buckets", "_since")

    def __init__(self, now: float) -> None:
        self._since = now
        self._buckets: deque[list[int]] = deque(maxlen=SPAN)

    def add(self, now: float) -> None:
        """Count one event. ``now`` never goes back."""
        second = math.floor(now)
        if not self._buckets or self._buckets[-1][0] != second:
            self._buckets.append([second, 0])
        self._buckets[-1][1] += 1

    def count(self, now: float) -> int:
        """Events in the seconds that the meter looks back."""
        oldest = math.floor(now) - SPAN + 1
        return sum(events for second, events in self._buckets if second >= oldest)

    def rate(self, now: float) -> float:
        """Events per second, over what of the span has passed already, yet at least one second."""
        start = max(self._since, math.floor(now) - SPAN + 1)
        return self.count(now) / max(now - start, 1.0)
