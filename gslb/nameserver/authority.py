"""What the nameserver has to say: takes snapshots and changes in, and has them compiled, served and saved."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from random import Random

import structlog

from gslb.model.names import ServiceName
from gslb.nameserver.disk import Saver
from gslb.nameserver.responder import Responder
from gslb.nameserver.rrset import wire_name
from gslb.nameserver.snapshot import Change, Full, Snapshot, Version, apply
from gslb.nameserver.table import Table, compile_table, lower

log = structlog.get_logger(__name__)


class Authority:
    """Holds the snapshot in force. One change is applied at a time; answers go on meanwhile."""

    def __init__(self, responder: Responder, saver: Saver, random: Random) -> None:
        self._responder, self._saver, self._random = responder, saver, random
        self._table: Table | None = None
        self._lowered: frozenset[ServiceName] = frozenset()
        self._one_at_a_time = asyncio.Lock()

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
    def unlogged(self) -> int:
        """Queries that should have been written down and were not."""
        return self._responder.unlogged

    def served(self) -> Iterator[tuple[ServiceName, dict[str, int]]]:
        """How many answers of each service went to which region, where there were any."""
        for service in tuple(self._table.services.values()) if self._table else ():
            if counts := service.served.counts():
                yield service.steering.name, counts

    @contextlib.asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """Take nothing in meanwhile; who brings something waits."""
        async with self._one_at_a_time:
            yield

    def begin(self, table: Table, *, saved: bool) -> None:
        """Serve a table that was compiled before there was anything to serve; ``saved``: its snapshot is on disk.

        Raises:
            SnapshotError: its settings cannot be used.
        """
        self._adopt(table)
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
            await self._serve(snapshot)
            (self._saver.found if saved else self._saver.offer)(snapshot)

    async def take(self, order: Full | Change) -> bool:
        """Serve and save what ``order`` leads to; False if it is a change of something else than what is in force.

        Raises:
            SnapshotError: it cannot be compiled; what was served still is.
        """
        async with self._one_at_a_time:
            current = self._table.snapshot if self._table else None
            if isinstance(order, Full):
                snapshot = order.snapshot
            elif current is None or not order.leads_from(current):
                return False
            else:
                snapshot = apply(current, order)
            if snapshot != current:
                await self._serve(snapshot)
                self._saver.offer(snapshot)
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
                self._adopt(await asyncio.to_thread(lower, self._table, services, self._random))
            self._lowered = services
            log.debug("TTLs lowered", services=len(services))

    async def _serve(self, snapshot: Snapshot) -> None:
        self._adopt(await asyncio.to_thread(compile_table, snapshot, self._table, self._random, self._lowered))
        log.info("snapshot in force", generation=snapshot.generation, zones=len(snapshot.zones))

    def _adopt(self, table: Table) -> None:
        self._responder.adopt(table)  # which may refuse it
        self._table = table
