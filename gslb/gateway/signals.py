"""SIGTERM and SIGINT as something to wait for."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_stop_signals(callback: Callable[[], object]) -> Iterator[None]:
    """Call ``callback`` on every SIGTERM and SIGINT within the block, in place of what they did. Main thread only."""
    loop = asyncio.get_running_loop()
    stops = (signal.SIGTERM, signal.SIGINT)
    for each in stops:
        loop.add_signal_handler(each, callback)
    try:
        yield
    finally:
        for each in stops:
            loop.remove_signal_handler(each)
