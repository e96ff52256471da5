"""A bounded number of upstream connections in use, and a bounded queue for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gslb.gateway.refusal import RefusalError

_BUSY = "all connections to the upstreams are in use"


class Slots:
    """``limit`` requests hold a slot; as many again wait for one, each at most ``patience`` seconds."""

    def __init__(self, limit: int, patience: float) -> None:
        self._limit, self._patience = limit, patience
        self._free = asyncio.Semaphore(limit)
        self._waiting = 0

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold a slot.

        Raises:
            RefusalError: 503 with Retry-After; too many wait already, or none became free in time.
        """
        await self._wait()
        try:
            yield
        finally:
            self._free.release()

    async def _wait(self) -> None:
        if self._waiting >= self._limit:
            raise RefusalError(503, _BUSY, retry_after=1)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise RefusalError(503, _BUSY, retry_after=1) from None
        finally:
            self._waiting -= 1
