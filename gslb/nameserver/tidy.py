"""What a nameserver does about its memory while it answers: a little at a time, and never in the way."""

import asyncio
import gc
import time

from gslb.nameserver.polite import is_making
from gslb.nameserver.reclaim import Reclaimer

INTERVAL = 0.1
"""seconds between two looks"""

RECLAIM = 10
"""looks from one time that what is out of use is freed to the next"""

MOST_YOUNG = 20_000
"""new objects that the garbage collector goes over in one call, which takes some milliseconds; TCP connections leave
fewer between two looks, however many there are"""

FULL = 3600.0
"""seconds at most between two passes of the garbage collector over all: some tenths of a second without answers"""

MOST_ASIDE = 2_000_000
"""objects that are put aside until then; of more, the pass comes at once"""


class Collector:
    """Looks for cyclic garbage in short passes.

    Left to itself it would go over all that is kept ready, in whichever thread happens to make an object, each time
    that there is a quarter more of it. Hardly anything here is ever part of a cycle, but for what asyncio makes for
    each TCP connection. Where too much is new at once to be gone over, it is put aside: mostly it is what answers are
    made of, when many are asked for the first time.
    """

    def __init__(self) -> None:
        self._due, self._aside = time.monotonic() + FULL, 0

    def look(self) -> None:
        """Collect what is garbage among what is new, or among all if it is time; nothing while much is being made."""
        young = gc.get_count()[0]
        if is_making():
            return
        if time.monotonic() >= self._due or self._aside > MOST_ASIDE:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._due, self._aside = time.monotonic() + FULL, 0
        elif young > MOST_YOUNG:
            gc.freeze()
            self._aside += young
        else:
            gc.collect(1)


async def tidy(reclaimer: Reclaimer) -> None:
    """Free what is out of use, and collect garbage, until cancelled."""
    gc.disable()
    try:
        collector = Collector()
        while True:
            for _ in range(RECLAIM):
                await asyncio.sleep(INTERVAL)
                collector.look()
            await asyncio.to_thread(reclaimer.reclaim)
    finally:
        gc.enable()
