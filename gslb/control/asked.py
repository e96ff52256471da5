"""Attempts that somebody has asked for and waits for."""

import asyncio
from collections.abc import Collection

from gslb.model.observation import CheckKey, ProbeResult


class Asked:
    """Hands the next result of a check to those who wait for it."""

    def __init__(self) -> None:
        self._waiting: dict[CheckKey, list[asyncio.Future[ProbeResult]]] = {}

    def deliver(self, result: ProbeResult) -> None:
        """A result has come in."""
        if self._waiting:
            for waiting in self._waiting.pop(result.key, ()):
                if not waiting.done():
                    waiting.set_result(result)

    async def next_results(self, keys: Collection[CheckKey], patience: float) -> list[ProbeResult]:
        """The next result of each of ``keys``, as far as they come within ``patience`` seconds."""
        loop = asyncio.get_running_loop()
        waits: list[asyncio.Future[ProbeResult]] = [loop.create_future() for _ in keys]
        for key, wait in zip(keys, waits, strict=True):
            self._waiting.setdefault(key, []).append(wait)
        try:
            done, _ = await asyncio.wait(waits, timeout=patience) if waits else (set(), None)
        finally:
            self._forget(keys, waits)
        return sorted((wait.result() for wait in done), key=lambda result: result.at)

    def _forget(self, keys: Collection[CheckKey], waits: list[asyncio.Future[ProbeResult]]) -> None:
        for key, wait in zip(keys, waits, strict=True):
            wait.cancel()
            left = [other for other in self._waiting.get(key, ()) if other is not wait]
            if left:
                self._waiting[key] = left
            else:
                self._waiting.pop(key, None)
