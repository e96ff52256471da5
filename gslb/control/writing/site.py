"""What the two halves of a writer share: the zone that they write and look at, and whom they tell."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from gslb.control.clock import Clock
from gslb.control.writing.access import Access, Asking
from gslb.control.writing.call import Call
from gslb.control.writing.metrics import WriterMetrics
from gslb.control.writing.setup import Tell, WriterSetup
from gslb.control.writing.witness import Witness
from gslb.model.names import ServiceName
from gslb.model.record import PublicationRecord
from providers.base import Account, HostedZone, Lane

if TYPE_CHECKING:
    from gslb.control.writing.image import Image
    from gslb.control.writing.standing import Standing

log = structlog.get_logger(__name__)

T = TypeVar("T")

READ_LIMIT = 30.0
"""Seconds that a request which changes nothing may take; the opening of the account is part of the first one."""
MARGIN = 1.0
"""Seconds beyond its deadline after which a change is given up, if the account has not done so itself."""


class Site:
    """One zone at one provider.

    Args:
        setup: of the zone.
        access: to the account.
        clock: both clocks.
        metrics: of all writers.
        tell: whom to tell.
        moved: called when ``over`` has moved for some service.
        witness: asks nameservers.
        random: spreads waits.

    Attributes:
        awaited: whether a service that is published here no more is to be published elsewhere, and is not there yet.
    """

    def __init__(
        self,
        setup: WriterSetup,
        access: Access,
        clock: Clock,
        metrics: WriterMetrics,
        tell: Tell,
        moved: Callable[[], object],
        witness: Witness,
        random: Random,
    ) -> None:
        self.setup, self.access, self.clock, self.metrics = setup, access, clock, metrics
        self.tell, self.moved, self.witness, self.random = tell, moved, witness, random
        self.awaited: Callable[[ServiceName], bool] = lambda _: False
        self.hosted: HostedZone | None = None
        self.image: Image | None = None
        self.standings: dict[ServiceName, Standing] = {}
        self.generation = 0
        self.answered: float | None = None
        self._conflicts: set[ServiceName] = set()
        self.reread: Lane | None = None
        self.wake = asyncio.Event()
        self.log = log.bind(provider=setup.provider, zone=setup.zone)
        metrics.watch(self.labels, self.standings)

    @property
    def labels(self) -> tuple[str, str]:
        """Of metrics."""
        return self.setup.key

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        return self.clock.monotonic()

    def begin(self, operation: str, lane: Lane, *, hurry: bool = False) -> tuple[Call, Asking]:
        """A call that is to be made now; raises as ``Access.begin`` does."""
        limit = self.setup.deadline + MARGIN if operation == "apply" else READ_LIMIT
        asking = Asking(operation, self.setup.zone, lane, limit, hurry)
        return self.access.begin(asking), asking

    async def make(self, call: tuple[Call, Asking], work: Callable[[Account], Coroutine[Any, Any, T]]) -> T:
        """Make it; raises as ``Access.make`` does."""
        result = await self.access.make(*call, work)
        self.answered = self.now
        return result

    def look_again(self, lane: Lane) -> None:
        """Have the whole zone read."""
        self.reread = lane if self.reread is None else min(self.reread, lane)
        self.wake.set()

    def forget(self) -> None:
        """Nothing is known of what is there."""
        self.image = None
        for standing in self.standings.values():
            standing.lost()

    def conflict(self, text: str, services: Collection[ServiceName]) -> None:
        """Somebody else has been there; it is told once until what is wanted is there.

        Args:
            text: one line.
            services: those of whom that may be.
        """
        self.metrics.conflicts.labels(*self.labels).inc()
        if self._conflicts.issuperset(services):
            self.log.info(text)
        else:
            self._conflicts.update(services)
            self.trouble(text, services)

    def trouble(
        self, text: str, services: Collection[ServiceName], remedy: str = "", error: Exception | None = None
    ) -> None:
        """Something is to be known by people."""
        self.log.warning(text, **({"remedy": remedy} if remedy else {}), exc_info=error)
        self.tell.trouble(*self.labels, text, tuple(sorted(services)))

    def over(self, text: str, services: Collection[ServiceName] = ()) -> None:
        """What was to be known is over."""
        self.log.info(text)
        self.tell.trouble(*self.labels, text, tuple(sorted(services)), over=True)

    def confirm(self, services: Collection[ServiceName], *, witnessed: bool) -> None:
        """Every place gives what is there of these."""
        now, told = self.now, dict[tuple[int, float], list[ServiceName]]()
        self._conflicts.difference_update(services)
        for service in services:
            standing = self.standings[service]
            standing.confirm(self.generation)
            if standing.removed:
                del self.standings[service]
            elif (there := standing.there) is not None and (there.news or standing.tried == there.generation):
                told.setdefault((there.generation, there.at), []).append(service)
                if witnessed:
                    self.metrics.witnessed.labels(*self.labels).observe(now - there.at)
        for (generation, at), names in sorted(told.items()):
            at_utc = self.clock.to_utc(now)
            self.tell.published(PublicationRecord(at_utc, self.setup.place, generation, tuple(sorted(names)), now - at))
        if services:
            self.moved()


async def wait_for(event: asyncio.Event, seconds: float | None) -> None:
    """Wait for ``event``, for so long at most; None: for ever."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def named(services: Collection[ServiceName], most: int = 3) -> str:
    """Some of ``services``, for people."""
    names = [name.removesuffix(".") for name in sorted(services)]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
