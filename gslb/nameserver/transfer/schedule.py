"""When secondaries are told of a zone: as soon as all workers answer with its new serial, and once at start.

A worker that is away must not keep them from a failover. So after a while they are told all the same, and again when it
is back: one that asked the wrong worker meanwhile has found nothing new.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from gslb.model.address import IP, Address, parse_address
from gslb.nameserver.snapshot import Snapshot
from gslb.nameserver.transfer.notifier import Notice, Notifier

log = structlog.get_logger(__name__)

PATIENCE = 5.0
"""seconds after which secondaries are told although not all workers have confirmed"""


class NotifySchedule:
    """Follows what is published.

    Args:
        listen: where the nameserver answers.
        settled: whether a generation, or a later one, is in force everywhere within some seconds.
    """

    def __init__(self, listen: Iterable[Address], settled: Callable[[int, float], Awaitable[bool]]) -> None:
        self._listen, self._settled = tuple(listen), settled
        self._newest: Snapshot | None = None
        self._due = asyncio.Event()
        self._told: dict[tuple[str, str], int] = {}
        self._early: set[tuple[str, str]] = set()

    def published(self, snapshot: Snapshot) -> None:
        """This is what is to be answered."""
        self._newest = snapshot
        self._due.set()

    async def run(self) -> None:
        """Tell secondaries until cancelled."""
        notifier = Notifier(sources(self._listen))
        try:
            while True:
                await self._due.wait()
                self._due.clear()
                await self._follow(notifier)
        finally:
            notifier.close()

    async def _follow(self, notifier: Notifier) -> None:
        """Wait until the newest snapshot is in force, but not for ever, then tell of what it changes."""
        while (snapshot := self._newest) is not None:
            settled = await self._settled(snapshot.generation, PATIENCE)
            if snapshot is self._newest:
                self._tell(notifier, snapshot, settled=settled)
                if settled:
                    return

    def _tell(self, notifier: Notifier, snapshot: Snapshot, *, settled: bool) -> None:
        wanted = {
            (zone.origin, text): (parse_address(text), Notice(zone.origin, serial, zone.transfer.notify_key))
            for zone in snapshot.zones
            if (serial := snapshot.serials.get(zone.origin)) is not None
            for text in zone.transfer.notify
        }
        notifier.forget_others([address for address, _ in wanted.values()])
        news = {key for key, (_, notice) in wanted.items() if self._told.get(key) != notice.serial}
        for key in sorted(news | (self._early & wanted.keys() if settled else set())):
            notifier.tell(*wanted[key])
        self._early = set() if settled else self._early | news
        self._told = {key: notice.serial for key, (_, notice) in wanted.items()}


def sources(listen: Iterable[Address]) -> dict[int, IP]:
    """Where messages come from, by version of IP: where the nameserver answers, if that is one address of its own."""
    found: dict[int, set[IP]] = {}
    for address in listen:
        if not isinstance(address.host, str):
            found.setdefault(address.host.version, set()).add(address.host)
    single = ((version, next(iter(hosts))) for version, hosts in found.items() if len(hosts) == 1)
    return {version: host for version, host in single if not host.is_unspecified}
