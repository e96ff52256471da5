"""The control process's end: keeps a nameserver at the snapshot that is wanted, and tells what it last heard of it."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import structlog

from gslb.model.names import ServiceName
from gslb.model.watermark import Watermark
from gslb.nameserver.protocol import (
    Ack,
    Answered,
    Counts,
    Gap,
    Hello,
    Lower,
    Order,
    ProtocolError,
    Report,
    Saved,
    Stats,
    frames,
    read_report,
)
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

    Args:
        path: the Unix socket.
        publisher: whose snapshots are published here.
        on_regress: called with a generation that the nameserver answers from, or would after a restart, although it
            had left that behind: the newest file was damaged, say.
        on_answered: called with each first answer since a service has changed: service, generation, and when, in
            monotonic seconds.
        on_greeting: called once ``blank`` is known.
        on_serials: called with the serials of zones that the nameserver answers with when it is connected to.

    Attributes:
        acked: the generation that this process of the nameserver has put in force; None while there is no connection.
        saved: the generation of this publisher that it would start from; None while there is no connection, or it would
            start from none.
        stats: the latest; kept when the connection is lost.
        served: answers by service and region, likewise.
        blank: whether the nameserver had nothing to answer from when it was first connected to; None before that.
    """

    def __init__(
        self,
        path: Path,
        publisher: str = "",
        on_regress: Callable[[int], object] = lambda _: None,
        on_answered: Callable[[ServiceName, int, float], object] = lambda *_: None,
        on_greeting: Callable[[], object] = lambda: None,
        on_serials: Callable[[Mapping[str, int]], object] = lambda _: None,
    ) -> None:
        self.connected = False
        self.acked: int | None = None
        self.saved: int | None = None
        self.stats: Stats | None = None
        self.served: dict[ServiceName, dict[str, int]] = {}
        self.blank: bool | None = None
        self._path, self._on_regress, self._on_answered = path, on_regress, on_answered
        self._on_greeting, self._on_serials = on_greeting, on_serials
        self._publisher = publisher
        self._left_behind: tuple[Watermark, ...] = ()
        self._lowered: tuple[ServiceName, ...] = ()
        self._sent_lowered: tuple[ServiceName, ...] | None = None
        self._wanted: Snapshot | None = None
        self._sent: Snapshot | None = None
        self._due = asyncio.Event()
        self._news = asyncio.Condition()
        self._pause = FIRST_PAUSE

    def publish(self, snapshot: Snapshot) -> None:
        """Want ``snapshot`` to be in force. Returns at once; of several in a row only the newest matters."""
        self._wanted = snapshot
        self._due.set()

    def lower(self, services: tuple[ServiceName, ...]) -> None:
        """Want low TTLs for ``services``, at most ``protocol.MAX_LOWERED``, and for no others. Returns at once."""
        self._lowered = services
        self._due.set()

    async def acknowledged(self, generation: int, timeout: float) -> bool:  # noqa: ASYNC109  the question has a deadline
        """Whether ``generation`` or a later one is in force within ``timeout`` seconds."""
        return await self._within(timeout, lambda: self.acked is not None and self.acked >= generation)

    def recall(self, watermarks: Iterable[Watermark]) -> None:
        """Answers of before each of these had been left behind already when an earlier control process ran."""
        self._left_behind = tuple(watermarks)

    @property
    def watermark(self) -> Watermark | None:
        """What the nameserver has left behind since this process publishes, even after a restart of its own."""
        return next((mark for mark in self._left_behind if mark.publisher == self._publisher), None)

    async def durable(self, generation: int, timeout: float) -> bool:  # noqa: ASYNC109  likewise
        """Whether answers of before ``generation`` are left behind within ``timeout`` seconds, even after a restart.

        What was left behind remains so when the connection is lost, until ``on_regress`` is called.
        """
        return await self._within(timeout, lambda: self.has_durable(generation))

    def has_durable(self, generation: int) -> bool:
        """Whether answers of before ``generation`` are left behind, even after a restart."""
        return self.watermark is not None and self.watermark.generation >= generation

    async def _within(self, timeout: float, condition: Callable[[], bool]) -> bool:  # noqa: ASYNC109  likewise
        try:
            async with asyncio.timeout(timeout), self._news:
                await self._news.wait_for(condition)
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
                self.connected, self.acked, self.saved, self._sent = False, None, None, None
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)

    async def _session(self) -> None:
        async with asyncio.timeout(SILENCE):
            reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            hello = await _hear(reader)
            if not isinstance(hello, Hello):
                raise ProtocolError("no Hello")
            self.connected, self._sent_lowered = True, None
            self.served = {}  # it tells of all, and of none that it has forgotten
            self._greeted(hello)
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
                    await self._learn(generation, self.saved)
                case Saved(generation, publisher):
                    self._check(publisher, generation)
                    await self._learn(self.acked, generation if publisher == self._publisher else None)
                case Hello() as hello:
                    self._greeted(hello)
                case Answered(first):
                    for answer in first:
                        self._on_answered(answer.service, answer.generation, answer.at)
                case Gap():
                    self._sent = None
                    self._due.set()
                case Stats() as stats:
                    self.stats = stats
                case Counts(services):
                    self.served |= services

    def _greeted(self, hello: Hello) -> None:
        """What is answered may be another generation than what was sent last."""
        self.acked, self.saved, self._sent = None, None, None
        self._due.set()
        if self.blank is None:
            self.blank = hello.generation is None
            self._on_greeting()
        if hello.generation is not None:
            self._check(hello.publisher, hello.generation)
            self._on_serials(hello.serials)

    def _check(self, publisher: str, generation: int) -> None:
        """The nameserver answers from this, or would after a restart."""
        if not all(mark.covers(publisher, generation) for mark in self._left_behind):
            self._left_behind = ()
            self._on_regress(generation)

    async def _learn(self, acked: int | None, saved: int | None) -> None:
        """Take note of both, which are generations of this publisher."""
        async with self._news:
            self.acked, self.saved = acked, saved
            if acked is not None and saved is not None and saved <= acked:
                self._left_behind = (Watermark(self._publisher, saved),)
            self._news.notify_all()

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
                await _say(writer, message)
            if self._lowered != self._sent_lowered:  # after the snapshot: a confirmed failure ends it with a lower TTL
                self._sent_lowered = self._lowered
                await _say(writer, Lower(self._lowered))
            try:
                async with asyncio.timeout(full_at + FULL_INTERVAL - time.monotonic()):
                    await self._due.wait()
            except TimeoutError:
                self._sent = None
                full_at = time.monotonic()


async def _say(writer: asyncio.StreamWriter, message: Order) -> None:
    async with asyncio.timeout(SLOW):
        for each in frames(message):
            writer.write(each)
            await writer.drain()


async def _hear(reader: asyncio.StreamReader) -> Report:
    async with asyncio.timeout(SILENCE):
        return await read_report(reader)
