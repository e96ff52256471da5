"""Starts probes at a steady rate, one task each, and takes down how late it was."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from time import monotonic

from benchmarks.account import Account

TICK = 0.001
"""Seconds between two looks at what is due."""


async def pace(rate: float, account: Account, probe: Callable[[int], Coroutine[None, None, bool]]) -> None:
    """Run ``probe(0)``, ``probe(1)`` and on, ``rate`` of them per second, until nobody asks for the account any more.

    All endpoints share one interval, so their turns need no heap. A probe returns whether it succeeded.
    """
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def counted(number: int) -> None:
        account.failed += not await probe(number)

    number, zero = 0, monotonic()
    gc.freeze()
    while not account.over.is_set():
        while (late := monotonic() - zero - number / rate) >= 0:
            account.late.append(late)
            task = loop.create_task(counted(number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
        await asyncio.sleep(TICK)
