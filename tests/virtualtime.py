"""An event loop on which hours pass at once: time goes on when nobody has anything to do before the next timer."""

import asyncio
import selectors
import threading
from collections.abc import Callable, Mapping

WORK = ("open",)
"""Names of threads that are waited for in real time: what they do takes no time here."""
PAUSE = 0.01


class _Selector(selectors.DefaultSelector):
    """Never waits; says by how much time would have passed."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        while not (ready := super().select(PAUSE if _busy() else 0)) and _busy():
            pass
        if not ready and timeout is None:
            return super().select(None)
        if not ready:
            self.elapsed += max(0.0, timeout or 0.0)
        return ready


def _busy() -> bool:
    return any(thread.name in WORK for thread in threading.enumerate())


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with a time of its own, which starts at 0."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._virtual.elapsed


VIRTUAL: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] = {"virtual": VirtualLoop}
