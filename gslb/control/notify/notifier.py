"""Takes the records of the history, and tells of them over all channels."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import structlog
from prometheus_client import CollectorRegistry

from gslb.config.notify import Section
from gslb.control.notify.channel import Channel, Meters, Pace
from gslb.control.notify.spool import Spool
from gslb.control.notify.waiting import Kept, Waiting
from gslb.model.event import event_of
from gslb.model.record import HistoryRecord

log = structlog.get_logger(__name__)

SAVE_EVERY = 1.0
"""Seconds between two savings of what waits: how old a copy is that a crash leaves behind."""


class Notifier:
    """All channels.

    Args:
        channels: their options, by name.
        node: name of this controller.
        folder: for what waits, and for nothing else.
        registry: of metrics.
        pace: of retries.
        save_every: seconds between two savings.
    """

    def __init__(
        self,
        channels: Mapping[str, Section],
        node: str,
        folder: Path,
        registry: CollectorRegistry,
        pace: Pace | None = None,
        save_every: float = SAVE_EVERY,
    ) -> None:
        self._node, self._spool, self._meters = node, Spool(folder), Meters(registry)
        self._pace, self._save_every = pace or Pace(), save_every
        self._channels: dict[str, Channel] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._saved: dict[Channel, int] = {}
        self._gone: dict[str, Kept] = {}
        self._running = False
        self._dirty = asyncio.Event()
        for name, options in channels.items():
            self._add(name, options, self._spool.read(name))
        self._gone = self._spool.others(self._channels)
        self._dirty.set()

    def configure(self, channels: Mapping[str, Section]) -> None:
        """Go on with other channels; what waits in one whose name stays goes on waiting there."""
        for name in self._channels.keys() - channels.keys():
            self._remove(name)
        for name, options in channels.items():
            if name in self._channels:
                self._channels[name].configure(options, self._node)
            else:
                self._add(name, options, Kept())
        self._dirty.set()

    def offer(self, record: HistoryRecord) -> None:
        """Tell of ``record`` if there is something to tell. Returns at once, and never raises."""
        if not self._channels:
            return
        try:
            self._offer(record)
        except Exception:  # what decides must not stop because nobody can be told
            log.exception("record cannot be told of", record=type(record).__name__)

    def _offer(self, record: HistoryRecord) -> None:
        event = event_of(record)
        if event is None:
            return
        waiting = Waiting(uuid4().hex, event)
        for channel in self._channels.values():
            channel.offer(waiting)

    async def run(self) -> None:
        """Deliver until cancelled, whatever fails; what waits is saved on the way out."""
        self._running = True
        for channel in self._channels.values():
            self._start(channel)
        saving: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        saving.set_result(None)
        try:
            while True:
                await self._dirty.wait()
                self._dirty.clear()
                saving = asyncio.ensure_future(self._save())
                await asyncio.shield(saving)  # two at a time could leave the older one behind
                await asyncio.sleep(self._save_every)
        finally:
            self._running = False
            tasks = tuple(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(saving, *tasks, return_exceptions=True)
            self._spool.write(self._gone | {name: channel.kept for name, channel in self._channels.items()})

    async def _save(self) -> None:
        changes, gone = {channel: channel.changes for channel in self._channels.values()}, self._gone
        fresh = [channel for channel in changes if self._saved.get(channel) != changes[channel]]
        if await self._written(gone | {channel.name: channel.kept for channel in fresh}):
            self._saved = changes
            self._gone = {name: kept for name, kept in self._gone.items() if name not in gone}
        else:
            self._dirty.set()

    async def _written(self, kept: Mapping[str, Kept]) -> bool:
        try:
            return await asyncio.to_thread(self._spool.write, kept)
        except RuntimeError as error:  # no further thread is to be had
            log.error("waiting notifications cannot be saved", reason=str(error))  # noqa: TRY400  no trace needed
            return False

    def _add(self, name: str, options: Section, kept: Kept) -> None:
        self._gone = {other: nothing for other, nothing in self._gone.items() if other != name}
        self._channels[name] = channel = Channel(
            name, options, self._node, kept, self._pace, self._meters, self._dirty.set
        )
        if self._running:
            self._start(channel)

    def _remove(self, name: str) -> None:
        channel = self._channels.pop(name)
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
        if channel.kept.waiting:
            log.warning("notifications are dropped with their channel", channel=name, number=len(channel.kept.waiting))
        self._meters.forget(name)
        self._gone = self._gone | {name: Kept()}

    def _start(self, channel: Channel) -> None:
        work = self._keep_running(channel)
        self._tasks[channel.name] = asyncio.get_running_loop().create_task(work, name=f"notify {channel.name}")

    async def _keep_running(self, channel: Channel) -> None:
        while True:
            try:
                await channel.run()
            except Exception:  # the others, and control, go on
                log.exception("notifications are interrupted", channel=channel.name)
            await asyncio.sleep(self._pace.most)
