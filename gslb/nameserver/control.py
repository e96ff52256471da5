"""The nameserver's end of the control socket. ``client`` is the other one."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

import structlog

from gslb import __version__
from gslb.errors import SnapshotError
from gslb.model.names import ServiceName
from gslb.nameserver.authority import Authority
from gslb.nameserver.disk import Saver
from gslb.nameserver.handover import Predecessor, hand_over
from gslb.nameserver.news import News
from gslb.nameserver.protocol import (
    COUNTS_INTERVAL,
    MAX_COUNTS,
    MAX_FIRST,
    STATS_INTERVAL,
    Ack,
    Answered,
    Counts,
    FirstAnswer,
    Gap,
    Hello,
    Leave,
    Lower,
    ProtocolError,
    Report,
    Saved,
    Stats,
    Taken,
    TakeOver,
    TcpStats,
    frame,
    read_order,
)
from gslb.nameserver.tally import Tally, latency, queries, responses

log = structlog.get_logger(__name__)

MAX_CONNECTIONS = 8
SLOW = 10.0
"""seconds a control process has to read what it is told"""

FORGET = 60.0
"""seconds for which TTLs stay lowered when the connection on which that was ordered has ended"""

GATHER = 0.05
"""seconds for which news are gathered before the next are told"""


class ControlListener:
    """Takes orders from any number of control processes, the later ones as good as the earlier, and reports to each."""

    def __init__(
        self,
        authority: Authority,
        saver: Saver,
        tallies: Sequence[Tally],
        news: News,
        connections: Callable[[], TcpStats] = TcpStats,
        transfers: Mapping[str, int] = MappingProxyType({}),
        overflowed: Callable[[], int] = int,
        predecessor: Predecessor | None = None,
    ) -> None:
        self._authority, self._saver, self._tallies, self._news = authority, saver, tallies, news
        self._tcp, self._transfers, self._overflowed = connections, transfers, overflowed
        self._predecessor = predecessor
        self._connections, self._closed = 0, False
        self._counted: dict[str, int] = {}
        self._left = time.monotonic()
        self._greeted: set[asyncio.StreamWriter] = set()
        self._lowering: asyncio.StreamWriter | None = None
        self._told = saver.saved
        self._forgetting: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Tell every control process what is new, until cancelled."""
        while True:
            await self._news.heard()
            if self._greeted:  # else the news wait for somebody
                self._tell(*self._newly_saved(), *_in_parts(self._news.take()))
            await asyncio.sleep(GATHER)

    @property
    def away(self) -> float:
        """Seconds for which there has been no control process; 0 while there is one."""
        return 0.0 if self._greeted else time.monotonic() - self._left

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Have no control process meanwhile: what it would be told might not be so any more."""
        self._closed = True
        for writer in tuple(self._greeted):
            writer.transport.abort()
        try:
            yield
        finally:
            self._closed = False

    def expect_control(self) -> None:
        """TTLs were lowered by order of a control process that a predecessor of this process has heard."""
        self._await_end_of_lowering(None)

    def greet(self) -> None:
        """Say again what is answered: not what was ordered last, but what somebody had read from disk."""
        self._told = None
        self._tell(self._hello(), *self._newly_saved())

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends or misbehaves."""
        if self._closed:
            writer.transport.abort()
            return
        if self._connections >= MAX_CONNECTIONS:
            log.warning("too many control connections", most=MAX_CONNECTIONS)
            writer.transport.abort()
            return
        self._connections += 1
        reporting = asyncio.create_task(self._report(writer))
        try:
            await self._obey(reader, writer, reporting)
        except (ProtocolError, SnapshotError, PermissionError) as error:
            log.error("control connection closed", reason=str(error))  # noqa: TRY400  the other side's fault
        except (OSError, EOFError, TimeoutError):
            log.info("control process left")
        except asyncio.CancelledError:  # the nameserver stops; asyncio would report that as a fault of this callback
            log.debug("control connection cancelled")
        finally:
            self._connections -= 1
            self._greeted.discard(writer)
            self._left = time.monotonic()
            reporting.cancel()
            writer.transport.abort()
            if writer is self._lowering:
                self._await_end_of_lowering(writer)

    def _await_end_of_lowering(self, writer: asyncio.StreamWriter | None) -> None:
        task = asyncio.create_task(self._forget(writer))
        self._forgetting.add(task)
        task.add_done_callback(self._forgetting.discard)

    async def _obey(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reporting: asyncio.Task[None]
    ) -> None:
        self._greeted.add(writer)
        _write(writer, self._hello(), self._saved())
        self._news.ring()  # maybe some have waited for this connection
        while True:
            order = await read_order(reader)
            if isinstance(order, Lower):
                self._lowering = writer
                await self._authority.lower(frozenset(order.services))
            elif isinstance(order, TakeOver):
                reporting.cancel()
                self._greeted.discard(writer)
                await self._hand_over(order, reader, writer)
                return
            elif isinstance(order, Leave | Taken):
                raise ProtocolError(f"{type(order).__name__} before TakeOver")
            else:
                taken = await self._authority.take(order)
                version = self._authority.version
                await _send(writer, Ack(version.generation) if taken and version is not None else Gap())

    async def _hand_over(self, order: TakeOver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._predecessor is None or self._closed:
            raise ProtocolError("this process does not hand over its place")
        self._tell(*_in_parts(self._news.take()))
        await hand_over(self._predecessor, order, reader, writer)

    async def _forget(self, writer: asyncio.StreamWriter | None) -> None:
        """A control process that died with TTLs lowered must not leave them so for ever."""
        await asyncio.sleep(FORGET)
        if writer is self._lowering:  # nobody has said anything since
            await self._authority.lower(frozenset())

    async def _report(self, writer: asyncio.StreamWriter) -> None:
        told: dict[ServiceName, dict[str, int]] = {}
        due = time.monotonic()
        with contextlib.suppress(OSError, TimeoutError):
            while True:
                await asyncio.sleep(STATS_INTERVAL)
                await _send(writer, self.stats)
                if time.monotonic() >= due:
                    due += COUNTS_INTERVAL
                    news = await asyncio.to_thread(self._served, told)
                    for part in _parts(news):
                        await _send(writer, part)
        writer.transport.abort()

    def _served(self, told: dict[ServiceName, dict[str, int]]) -> dict[ServiceName, dict[str, int]]:
        """Counts by service that differ from those that were ``told``, which from now on they are."""
        news = {name: counts for name, counts in self._authority.served() if told.get(name) != counts}
        told |= news
        return news

    def _tell(self, *messages: Report | None) -> None:
        """Say ``messages`` to all; who does not read them is left when the next Stats are due."""
        for writer in self._greeted:
            _write(writer, *messages)

    def _hello(self) -> Hello:
        version = self._authority.version
        if version is None:
            return Hello(os.getpid(), __version__, None)
        return Hello(os.getpid(), __version__, version.generation, version.publisher, self._authority.serials)

    def _newly_saved(self) -> Iterator[Saved | None]:
        if self._saver.saved != self._told:
            self._told = self._saver.saved
            yield self._saved()

    def _saved(self) -> Saved | None:
        saved = self._saver.saved
        return None if saved is None else Saved(saved.generation, saved.publisher)

    def _rising(self, counts: dict[str, int]) -> dict[str, int]:
        """``counts``, none of them less than it was: of a batch in hand, a part may be counted elsewhere already."""
        self._counted |= {name: count for name, count in counts.items() if count > self._counted.get(name, 0)}
        return dict(self._counted)

    @property
    def stats(self) -> Stats:
        """What this process has done."""
        return Stats(
            queries=queries(self._tallies),
            responses=self._rising(responses(self._tallies, self._authority.counters)),
            dropped=sum(tally.dropped for tally in self._tallies),
            save_failed=self._saver.failed,
            limited=sum(tally.limited for tally in self._tallies),
            unlogged=self._authority.unlogged,
            tcp=self._tcp(),
            transfers=dict(self._transfers),
            latency=latency(tally for tally in self._tallies if tally.transport == "udp"),
            overflowed=self._overflowed(),
        )


def _parts(news: Mapping[ServiceName, dict[str, int]]) -> Iterator[Counts]:
    items = iter(news.items())
    while part := dict(islice(items, MAX_COUNTS)):
        yield Counts(part)


def _in_parts(first: tuple[FirstAnswer, ...]) -> Iterator[Answered]:
    for start in range(0, len(first), MAX_FIRST):
        yield Answered(first[start : start + MAX_FIRST])


def _write(writer: asyncio.StreamWriter, *messages: Report | None) -> None:
    for message in messages:
        if message is not None:
            writer.write(frame(message))


async def _send(writer: asyncio.StreamWriter, message: Report) -> None:
    _write(writer, message)
    async with asyncio.timeout(SLOW):
        await writer.drain()
