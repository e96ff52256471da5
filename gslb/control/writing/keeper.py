"""Runs a writer; one that ends by a fault of its own, or of whoever it tells, is begun anew."""

import asyncio
from contextlib import suppress
from random import Random

from gslb.control.writing.backoff import QUICK
from gslb.control.writing.reports import Reports
from gslb.control.writing.writer import ZoneWriter
from providers.base import UnavailableError

WRITING = "writing"
"""work of a whole writer"""
STEADY = 600.0
"""Seconds after which a writer that was begun anew counts as one that works."""


async def kept(writer: ZoneWriter, random: Random) -> None:
    """Run ``writer`` until cancelled; whatever ends it before, it is begun anew after a wait that grows.

    Args:
        writer: the writer.
        random: spreads waits.
    """
    loop, site, ends = asyncio.get_running_loop(), writer.site, 0
    while True:
        began = loop.time()
        proof = loop.call_later(STEADY, writer.reports.worked, WRITING)
        try:
            await writer.run()
        except Exception as error:
            site.log.exception("a writer has ended and is begun anew")
            _tell(writer.reports, error)
        finally:
            proof.cancel()
        ends = 1 if loop.time() - began >= STEADY else ends + 1
        await asyncio.sleep(QUICK.wait(ends, random.random()))
        site.forget()


def _tell(reports: Reports, error: Exception) -> None:
    reason = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
    with suppress(Exception):  # it may be what has ended the writer
        reports.failed(WRITING, UnavailableError(f"unexpected {type(reason).__name__}: {reason}"), at_once=True)
