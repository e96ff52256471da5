"""Work that can wait for others: what is about to start takes no time from what answers meanwhile."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

NICE = 10
"""nice value; a tenth of a processor where others want all of it"""

_Result = TypeVar("_Result")


def unhurried(work: Callable[[], _Result]) -> _Result:
    """What ``work`` returns or raises. It is done by a thread of low priority, which has ended by then.

    Linux keeps the nice value by thread, so that of this one, which could not be taken back, stays as it is.
    """
    with ThreadPoolExecutor(1, initializer=_slow_down) as thread:
        return thread.submit(work).result()


def _slow_down() -> None:
    os.setpriority(os.PRIO_PROCESS, 0, NICE)  # of the thread that calls
