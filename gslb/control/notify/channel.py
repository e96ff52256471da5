"""One channel: a bounded queue, delivered in order, tried again for as long as it takes."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from gslb.config.notify import Section, WebhookSection
from gslb.control.notify.email import EmailSender
from gslb.control.notify.waiting import Kept, Sender, UndeliveredError, Waiting
from gslb.control.notify.webhook import WebhookSender
from gslb.model.event import Event
from gslb.store.status import Status

log = structlog.get_logger(__name__)

MOST_WAITING = 1000
"""Events; of more, the oldest is lost."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait after a failure, in seconds.

    Attributes:
        first: after the first one; twice that after the next, and so on.
        most: in the end.
        most_asked: where the receiver asks for a time.
    """

    first: float = 1.0
    most: float = 60.0
    most_asked: float = 300.0

    def wait(self, failures: int, asked: float | None) -> float:
        """Seconds to wait after so many failures in a row; ``asked`` is what the receiver said of it."""
        usual = min(self.most, self.first * 2.0 ** min(failures - 1, 30))
        return usual if asked is None else max(usual, min(self.most_asked, asked))


class Meters:
    """The metrics of all channels. Outcomes: delivered, retried, rejected, lost."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = "channel", "outcome"
        self.total = Counter("gslb_notifications", "Events by what became of them", labels, registry=registry)
        self.waiting = Gauge("gslb_notifications_waiting", "Events not delivered yet", labels[:1], registry=registry)

    def forget(self, channel: str) -> None:
        """Nothing waits in a channel that is no more."""
        with suppress(KeyError):  # it was never counted
            self.waiting.remove(channel)


def make_sender(options: Section, node: str) -> Sender:
    """What delivers for a channel."""
    return WebhookSender(options, node) if isinstance(options, WebhookSection) else EmailSender(options, node)


class Channel:
    """One channel, from what was kept of it.

    Args:
        name: key below ``[notify]``.
        options: whom it tells of what.
        node: name of this controller.
        kept: what waits from before.
        pace: of retries.
        meters: of all channels.
        changed: called when what is to be kept has changed.
    """

    def __init__(
        self,
        name: str,
        options: Section,
        node: str,
        kept: Kept,
        pace: Pace,
        meters: Meters,
        changed: Callable[[], None],
    ) -> None:
        self.name, self.changes = name, 0
        self._pace, self._meters, self._changed = pace, meters, changed
        self._length = meters.waiting.labels(name)
        self._queue, self._lost, self._busy = deque(kept.waiting), kept.lost, 0
        self._wake = asyncio.Event()
        bad, good = f"notifications are not delivered: {name}", f"notifications are delivered again: {name}"
        self._status = Status(bad, good)
        self.configure(options, node)
        self._note()

    def configure(self, options: Section, node: str) -> None:
        """Go on with other options, at once."""
        self._options, self._failures = options, 0
        self._sender = make_sender(options, node)
        self._wake.set()

    @property
    def kept(self) -> Kept:
        """What is to be delivered yet."""
        return Kept(tuple(self._queue), self._lost)

    def offer(self, waiting: Waiting) -> None:
        """Deliver ``waiting`` if the channel tells of such events. Returns at once."""
        if not self._tells_of(waiting.event):
            return
        if (fault := waiting.fault) is not None:
            log.error("notification cannot be made", channel=self.name, event_name=waiting.event.name, reason=fault)
            self._count("rejected")
            return
        if len(self._queue) >= MOST_WAITING:
            del self._queue[self._busy]  # not one that is on its way
            self._lost += 1
            self._count("lost")
        self._queue.append(waiting)
        self._wake.set()
        self._note()

    def _tells_of(self, event: Event) -> bool:
        options = self._options
        return (
            event.name in options.events
            and event.severity.rank >= options.severity.rank
            and any(event.concerns(pattern) for pattern in options.services)
        )

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._wake.clear()
            if self._queue:
                await self._pause(await self._deliver())
            else:
                await self._wake.wait()

    async def _deliver(self) -> float:
        """One delivery; returns the seconds to wait before the next."""
        sender = self._sender
        batch, lost = tuple(islice(self._queue, sender.most)), self._lost
        self._busy = len(batch)
        try:
            await sender.deliver(batch, lost)
        except UndeliveredError as error:
            if error.again:
                return self._put_off(error)
            self._end("rejected", str(error))
        except Exception:  # the next ones must not wait behind what cannot be told
            log.exception("notification cannot be made", channel=self.name)
            self._end("rejected", "it cannot be made")
        else:
            self._lost -= lost
            self._end("delivered")
        finally:
            self._busy = 0
        return 0.0

    def _put_off(self, error: UndeliveredError) -> float:
        self._failures += 1
        self._status.failed(error)
        self._count("retried", self._busy)
        return self._pace.wait(self._failures, error.after)

    def _end(self, outcome: str, reason: str = "") -> None:
        """What is on its way needs no further attempt."""
        gone = [self._queue.popleft() for _ in range(self._busy)]
        self._count(outcome, len(gone))
        self._failures = 0
        if outcome == "delivered":
            self._status.worked()
        for each in gone if reason else ():
            log.error("notification is refused", channel=self.name, text=each.event.text, id=each.id, reason=reason)
        self._note()

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until the options are others."""
        sender, end = self._sender, asyncio.get_running_loop().time() + seconds
        with suppress(TimeoutError):
            async with asyncio.timeout_at(end):
                while seconds and self._sender is sender:
                    self._wake.clear()
                    await self._wake.wait()

    def _count(self, outcome: str, number: int = 1) -> None:
        self._meters.total.labels(self.name, outcome).inc(number)

    def _note(self) -> None:
        self.changes += 1
        self._length.set(len(self._queue))
        self._changed()
