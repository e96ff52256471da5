"""What the nameserver has to say: takes snapshots and changes in, and has them compiled, served and saved."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from random import Random
from weakref import ref

import structlog

from gslb.model.names import ServiceName
from gslb.nameserver.disk import Saver
from gslb.nameserver.polite import let_go, politely, uncollected
from gslb.nameserver.protocol import Opener, Parcel
from gslb.nameserver.ready import Ready
from gslb.nameserver.responder import Responder
from gslb.nameserver.rrset import wire_name
from gslb.nameserver.served import Counter
from gslb.nameserver.snapshot import Change, Full, Snapshot, Version
from gslb.nameserver.table import Table, compile_change, compile_table, lower, remains
from gslb.nameserver.wire import Rcode

PATIENCE = 1.0
"""seconds for which listeners may take to end what they are at: that is microseconds, but a process can be stopped"""

_LOOK = 0.0005

log = structlog.get_logger(__name__)


class Authority:
    """Holds the snapshot in force. One change is applied at a time; answers go on meanwhile."""

    def __init__(self, responder: Responder, saver: Saver, random: Random) -> None:
        self._responder, self._saver, self._random = responder, saver, random
        self._table: Table | None = None
        self._lowered: frozenset[ServiceName] = frozenset()
        self._opener = Opener()
        self._one_at_a_time = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def version(self) -> Version | None:
        """Of the snapshot in force; None if there is none yet."""
        return self._table.snapshot.version if self._table else None

    @property
    def snapshot(self) -> Snapshot | None:
        """The one in force; None if there is none yet."""
        return self._table.snapshot if self._table else None

    @property
    def lowered(self) -> frozenset[ServiceName]:
        """Services whose positive answers have the TTL of negative ones."""
        return self._lowered

    @property
    def serials(self) -> dict[str, int]:
        """Of the zones that are answered, by origin."""
        zones = self._table.snapshot.zones if self._table else ()
        compiled = self._table.zones if self._table else {}
        return {zone.origin: compiled[wire_name(zone.origin)].serial for zone in zones}

    @property
    def counters(self) -> Mapping[Rcode, Counter]:
        """Of responses that were not built."""
        return self._responder.counters

    @property
    def unlogged(self) -> int:
        """Queries that should have been written down and were not."""
        return self._responder.unlogged

    def served(self) -> Iterator[tuple[ServiceName, dict[str, int]]]:
        """How many answers of each service went to which region, where there were any. For a thread beside others."""
        for service in politely(tuple(self._table.services.values()) if self._table else ()):
            if counts := service.served.counts():
                yield service.steering.name, counts

    @contextlib.asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """Take nothing in meanwhile; who brings something waits."""
        async with self._one_at_a_time:
            yield

    async def begin(self, table: Table, *, saved: bool) -> None:
        """Serve a table that was compiled before there was anything to serve; ``saved``: its snapshot is on disk.

        Raises:
            SnapshotError: its settings cannot be used.
        """
        await self._adopt(table)
        self._lowered = table.lowered
        if saved:
            self._saver.found(table.snapshot)
        else:
            self._saver.offer(table.snapshot)

    async def load(self, snapshot: Snapshot, *, saved: bool = True) -> None:
        """Serve a snapshot that is on disk already; ``saved``: where a restart of this process looks first.

        Raises:
            SnapshotError: it cannot be compiled; what was served still is.
        """
        async with self._one_at_a_time:
            known, (table, ready) = self._table, await asyncio.to_thread(self._compile, Full(snapshot))
            await self._adopt(table, ready)
            (self._saver.found if saved else self._saver.offer)(snapshot)
            if known is not None and table is not known:
                self._retire(known, table)

    async def take(self, order: Full | Parcel | Change) -> bool:
        """Serve and save what ``order`` leads to; False if it is a change of something else than what is in force.

        Raises:
            SnapshotError: it cannot be compiled; what was served still is.
        """
        async with self._one_at_a_time:
            known, ready = self._table, None
            if not isinstance(order, Change):
                table, ready = await asyncio.to_thread(self._compile, order)
            elif known is not None and order.leads_from(known.snapshot):
                table = await asyncio.to_thread(compile_change, known, order, self._random)
            else:
                return False
            if table is not known:
                await self._adopt(table, ready)
                self._saver.offer(table.snapshot)
                if known is not None and not isinstance(order, Change):
                    self._retire(known, table)
            return True

    async def lower(self, services: frozenset[ServiceName]) -> None:
        """Give positive answers of ``services``, and of no others, with the TTL of negative ones.

        Raises:
            SnapshotError: there is no such name; what was lowered still is.
        """
        async with self._one_at_a_time:
            if services == self._lowered:
                return
            if self._table:
                await self._adopt(await asyncio.to_thread(lower, self._table, services, self._random))
            self._lowered = services
            log.debug("TTLs lowered", services=len(services))

    def _compile(self, order: Full | Parcel) -> tuple[Table, Ready | None]:
        """The table, and what is ready for it: maybe all has changed, and who asks then is not to wait for that.

        Nor is the table to wait for long: it takes half as much again at most.
        """
        with uncollected():
            began = time.monotonic()
            snapshot = self._opener.open(order) if isinstance(order, Parcel) else order.snapshot
            table = compile_table(snapshot, self._table, self._random, self._lowered)
            took = time.monotonic() - began
            return table, None if table is self._table else self._responder.prepare(table, took / 2)

    async def _adopt(self, table: Table, ready: Ready | None = None) -> None:
        """Answer from ``table``, and return when no answer by the former one can follow."""
        self._responder.adopt(table, ready)  # which may refuse it
        self._table = table
        log.info("snapshot in force", generation=table.snapshot.generation, zones=len(table.snapshot.zones))
        under_way = self._responder.reclaimer.under_way()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while under_way():  # noqa: ASYNC110  a listener is not to be burdened with telling
                    await asyncio.sleep(_LOOK)

    def _retire(self, former: Table, table: Table) -> None:
        task = asyncio.create_task(_free(former, table))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


async def _free(former: Table, table: Table) -> None:
    """Free what ``table`` has taken the place of a little at a time, and not in the thread that uses it last.

    To free ten thousand services at once would keep answers waiting.
    """
    left = await asyncio.to_thread(remains, former, table)
    gone, loop = asyncio.Event(), asyncio.get_running_loop()
    watch = ref(former, lambda _: loop.call_soon_threadsafe(gone.set))
    del former, table
    await gone.wait()
    del watch
    await asyncio.to_thread(let_go, left)
