"""The nameserver's end of the control socket. ``client`` is the other one."""

import asyncio
import contextlib
import os
from collections.abc import Sequence

import structlog

from gslb import __version__
from gslb.errors import SnapshotError
from gslb.nameserver.authority import Authority
from gslb.nameserver.disk import Saver
from gslb.nameserver.protocol import STATS_INTERVAL, Ack, Gap, Hello, ProtocolError, Stats, frame, read_order
from gslb.nameserver.tally import Tally, queries, responses

log = structlog.get_logger(__name__)

MAX_CONNECTIONS = 8
SLOW = 10.0
"""seconds a control process has to read what it is told"""


class ControlListener:
    """Takes orders from any number of control processes, the later ones as good as the earlier, and reports to each."""

    def __init__(self, authority: Authority, saver: Saver, tallies: Sequence[Tally]) -> None:
        self._authority, self._saver, self._tallies = authority, saver, tallies
        self._connections = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends or misbehaves."""
        if self._connections >= MAX_CONNECTIONS:
            log.warning("too many control connections", most=MAX_CONNECTIONS)
            writer.transport.abort()
            return
        self._connections += 1
        reporting = asyncio.create_task(self._report(writer))
        try:
            await self._obey(reader, writer)
        except (ProtocolError, SnapshotError) as error:
            log.error("control connection closed", reason=str(error))  # noqa: TRY400  the other side's fault
        except (OSError, EOFError, TimeoutError):
            log.info("control process left")
        except asyncio.CancelledError:  # the nameserver stops; asyncio would report that as a fault of this callback
            log.debug("control connection cancelled")
        finally:
            self._connections -= 1
            reporting.cancel()
            writer.transport.abort()

    async def _obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _send(writer, Hello(os.getpid(), __version__, self._authority.generation))
        while True:
            order = await read_order(reader)
            taken = await self._authority.take(order)
            generation = self._authority.generation
            await _send(writer, Ack(generation) if taken and generation is not None else Gap())

    async def _report(self, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            while True:
                await asyncio.sleep(STATS_INTERVAL)
                await _send(writer, self._stats())
        writer.transport.abort()

    def _stats(self) -> Stats:
        return Stats(
            queries=queries(self._tallies),
            responses=responses(self._tallies),
            dropped=sum(tally.dropped for tally in self._tallies),
            save_failed=self._saver.failed,
        )


async def _send(writer: asyncio.StreamWriter, message: Hello | Ack | Gap | Stats) -> None:
    writer.write(frame(message))
    async with asyncio.timeout(SLOW):
        await writer.drain()
