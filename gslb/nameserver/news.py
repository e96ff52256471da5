"""What other threads have to tell the control processes: that a snapshot is on disk, and first answers."""

import asyncio
import time
from collections import deque

from gslb.nameserver.first import First
from gslb.nameserver.protocol import FirstAnswer

MOST = 10_000
"""first answers that wait to be told; of more, the oldest are lost"""


class News:
    """Wakes the event loop in which it was made. ``note`` and ``ring`` are for any thread, the rest for that loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting = asyncio.Event()
        self._rung = False
        self._noted: deque[FirstAnswer] = deque(maxlen=MOST)

    def note(self, first: First) -> None:
        """A first answer is given now. It is noted twice where two threads do so at the same moment."""
        first.close()
        self._noted.append(FirstAnswer(first.service, first.generation, time.monotonic()))
        self.ring()

    def ring(self) -> None:
        """There is something to tell."""
        if not self._rung:
            self._rung = True
            self._loop.call_soon_threadsafe(self._waiting.set)

    async def heard(self) -> None:
        """Wait until there is something to tell."""
        await self._waiting.wait()
        self._waiting.clear()
        self._rung = False  # before anything is taken, so that what comes after that rings again

    def take(self) -> tuple[FirstAnswer, ...]:
        """The first answers noted since the last time, oldest first."""
        return tuple(self._noted.popleft() for _ in range(len(self._noted)))
