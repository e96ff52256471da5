"""The two clocks: monotonic seconds for every decision, UTC for people. The only place that converts."""

import math
import time
from datetime import UTC, datetime

STEP = 0.01
"""Seconds by which the clocks must part before that is taken for more than the time between reading the two."""


class Clock:
    """Reads the system's clocks. Tests pass an object of the same shape with a time of its own."""

    _offset = math.inf

    monotonic = staticmethod(time.monotonic)
    """Seconds that never jump and mean nothing outside this process."""

    def utc(self) -> datetime:
        """The wall clock, aware."""
        return datetime.now(UTC)

    def to_utc(self, moment: float) -> datetime:
        """The wall time of monotonic ``moment``, as the wall clock stands now.

        Moments keep their order and equal ones stay equal, so that the history tells causes before effects; only a
        step of the wall clock between two calls can change that.
        """
        offset = self.utc().timestamp() - self.monotonic()
        if abs(offset - self._offset) > STEP:
            self._offset = offset
        return datetime.fromtimestamp(moment + self._offset, UTC)

    def to_monotonic(self, moment: datetime) -> float:
        """The monotonic time of a wall time, as the wall clock stands now."""
        return self.monotonic() + (moment - self.utc()).total_seconds()
