"""A clock that stands still until it is told otherwise."""

import threading
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Clock:
    """Seconds since 1970, as ``time.time`` has them."""

    now: float = field(default_factory=time.time)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds
