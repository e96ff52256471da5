"""What a nameserver does about its memory while it answers: a little at a time, and never in the way."""

import asyncio
import gc
import time

from gslb.nameserver.polite import collect
from gslb.nameserver.reclaim import Reclaimer

INTERVAL = 1.0
"""seconds between two looks"""

FULL = 3600.0
"""seconds at least between two passes of the garbage collector over everything: a tenth of a second without answers"""


async def tidy(reclaimer: Reclaimer) -> None:
    """Free what is out of use, and look for cyclic garbage among what is new, until cancelled.

    The collector would go over all that is kept ready, in whichever thread happens to make an object, each time that
    there is a quarter more of it. Hardly anything here is ever part of a cycle.
    """
    gc.disable()
    try:
        due = time.monotonic() + FULL
        while True:
            await asyncio.sleep(INTERVAL)
            await asyncio.to_thread(reclaimer.reclaim)
            is_due = time.monotonic() >= due
            collect(everywhere=is_due)
            due += FULL if is_due else 0.0
    finally:
        gc.enable()
