"""So many at a time, the others in the order in which they came."""

from collections import deque
from collections.abc import Callable


class Slots:
    """A bound on what is under way.

    Args:
        most: so many at a time.
    """

    def __init__(self, most: int) -> None:
        self._most, self._used = most, 0
        self._waiting: deque[Callable[[], None]] = deque()
        self._calling = False

    @property
    def free(self) -> bool:
        """Whether there is one left."""
        return self._used < self._most

    def take(self) -> None:
        """Use one."""
        self._used += 1

    def wait(self, turn: Callable[[], None]) -> None:
        """Have ``turn`` called once there is one free; it takes it, or leaves it to the next."""
        self._waiting.append(turn)

    def give(self) -> None:
        """Give one back. What has its turn may give back at once: that is served here, and does not nest."""
        self._used -= 1
        if self._calling:
            return
        self._calling = True
        try:
            while self._waiting and self.free:
                self._waiting.popleft()()
        finally:
            self._calling = False
