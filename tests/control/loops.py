"""Waiting on a real event loop: for a condition, or while something runs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

DEADLINE = 10.0


async def until(holds: Callable[[], object], within: float = DEADLINE) -> None:
    """Wait until ``holds()`` is true; fail after ``within`` seconds."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110  what is waited for is outside of this loop, or many things
            await asyncio.sleep(0.002)


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """``work`` as a task, ended with the context. What it raises is raised here."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
