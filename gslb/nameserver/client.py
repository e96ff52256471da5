"""The control process's end: keeps a nameserver at the snapshot that is wanted, and tells what it last heard of it."""

import asyncio
import time
from pathlib import Path

import structlog

from gslb.nameserver.protocol import Ack, Gap, Hello, ProtocolError, Report, Stats, frame, read_report
from gslb.nameserver.snapshot import Full, Snapshot, diff

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""seconds between two attempts to connect; doubled from one to the next"""

FULL_INTERVAL = 60.0
"""seconds between two full snapshots, so that the two sides cannot drift apart"""

SILENCE = 5.0
"""seconds without any report after which the connection is given up"""

SLOW = 30.0
"""seconds the nameserver has to take what it is sent"""


class Link:
    """The connection to the nameserver that listens at ``path``. ``run`` keeps it; the rest may be called any time.

    Attributes:
        acked: the generation that this process of the nameserver has put in force; None while there is no connection.
        stats: the latest; kept when the connection is lost.
    """

    def __init__(self, path: Path) -> None:
        self.connected = False
        self.acked: int | None = None
        self.stats: Stats | None = None
        self._path = path
        self._wanted: Snapshot | None = None
        self._sent: Snapshot | None = None
        self._due = asyncio.Event()
        self._news = asyncio.Condition()
        self._pause = FIRST_PAUSE

    def publish(self, snapshot: Snapshot) -> None:
        """Want ``snapshot`` to be in force. Returns at once; of several in a row only the newest matters."""
        self._wanted = snapshot
        self._due.set()

    async def acknowledged(self, generation: int, timeout: float) -> bool:  # noqa: ASYNC109  the question has a deadline
        """Whether ``generation`` or a later one is in force within ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout), self._news:
                await self._news.wait_for(lambda: self.acked is not None and self.acked >= generation)
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Connect, and again whenever the connection is lost, until cancelled."""
        while True:
            try:
                await self._session()
            except* (OSError, EOFError, ProtocolError) as errors:
                if self.connected:
                    log.warning("nameserver lost", socket=str(self._path), reason=repr(errors.exceptions[0]))
            finally:
                self.connected, self.acked, self._sent = False, None, None
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)

    async def _session(self) -> None:
        async with asyncio.timeout(SILENCE):
            reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            hello = await _hear(reader)
            if not isinstance(hello, Hello):
                raise ProtocolError("no Hello")
            self.connected = True
            log.info("nameserver connected", pid=hello.pid, version=hello.version, generation=hello.generation)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(reader))
                tasks.create_task(self._send(writer))
        finally:
            writer.transport.abort()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            match await _hear(reader):
                case Ack(generation):
                    self._pause = FIRST_PAUSE
                    async with self._news:
                        self.acked = generation
                        self._news.notify_all()
                case Gap():
                    self._sent = None
                    self._due.set()
                case Stats() as stats:
                    self.stats = stats

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        """Send what is missing, as soon as something is; everything on connect, after a gap, and once in a while."""
        full_at = time.monotonic()
        while True:
            self._due.clear()
            wanted = self._wanted
            if wanted is not None and wanted is not self._sent:
                message = diff(self._sent, wanted)
                self._sent = wanted
                if isinstance(message, Full):
                    full_at = time.monotonic()
                writer.write(frame(message))
                async with asyncio.timeout(SLOW):
                    await writer.drain()
            try:
                async with asyncio.timeout(full_at + FULL_INTERVAL - time.monotonic()):
                    await self._due.wait()
            except TimeoutError:
                self._sent = None
                full_at = time.monotonic()


async def _hear(reader: asyncio.StreamReader) -> Report:
    async with asyncio.timeout(SILENCE):
        return await read_report(reader)
