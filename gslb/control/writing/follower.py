"""Looks what came of what was written: settled, read back, and answered by the zone's own nameservers.

stage       what is asked                                          and then
settling    whether the provider's servers have it: 0.5 s to 5 s   reading
reading     whether it is there as it was written                  asking; what is not: the whole zone is read again
asking      whether the zone's nameservers answer so: 1 s to 10 s  confirmed

What was found as it should be, and not written just now, may be on its way all the same: it waits for as long as the
provider takes at most, and then begins with asking. So does what no server has answered for, unless the provider has
said that it is settled. Whatever is written anew meanwhile is followed anew: it includes what was before.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from math import inf

from gslb.control.writing.access import BarredError
from gslb.control.writing.backoff import LONG, QUICK
from gslb.control.writing.call import DroppedError
from gslb.control.writing.image import Image
from gslb.control.writing.reports import Reports
from gslb.control.writing.site import Site, named, wait_for
from gslb.control.writing.standing import Standing
from gslb.control.writing.witness import PORT, Expected, allowed_values
from gslb.model.address import Address
from gslb.model.names import ServiceName
from gslb.model.recordset import marker_name, read_marker
from gslb.model.zone_plan import Change
from providers.base import (
    AuthFailedError,
    HostedZone,
    Lane,
    ProviderError,
    Receipt,
    RejectedError,
    UnavailableError,
)

FIRST_POLL, LONGEST_POLL = 0.5, 5.0
"""Seconds between two questions whether a change is settled."""
FIRST_ASK, LONGEST_ASK = 1.0, 10.0
"""Seconds between two questions to nameservers that answer what is older."""
GROWTH = 1.5
"""of these pauses, from one to the next"""
SETTLES = 600.0
"""Seconds after which a change that is not settled is looked at in another way."""
SPREADS = 120.0
"""Seconds after which a nameserver that answers what is older is told of."""
SELDOM = 60.0
"""Seconds between two questions, after either."""
PAGE = 100
"""Record sets that come with one request where the whole zone is read; of names, each takes a request."""
SERVERS_KEPT = 3600.0
"""Seconds for which the names of a zone's servers are not asked for again."""


class Stage(Enum):
    """What is looked at next, and as what it is told of where it fails."""

    SETTLING = "settled"
    READING = "read back"
    ASKING = "nameservers"


@dataclass(slots=True)
class Following:
    """Something written, until it is confirmed.

    Attributes:
        services: in which version of their record sets.
        names: that were written.
        receipt: what the provider calls it; None: it was found there.
        began: when, in monotonic seconds.
        stage: what is next.
        due: when.
        spread: when all servers have it for certain, if neither the provider nor any of them says so.
        pause: seconds until it is asked again.
        asked: services that servers are to be asked for; None before that is known.
        late: it was told that this takes long.
        failures: in a row, of the API.
        heard: some server has answered.
    """

    services: dict[ServiceName, int]
    names: frozenset[str]
    receipt: Receipt | None
    began: float
    stage: Stage
    due: float
    spread: float
    pause: float = FIRST_POLL
    asked: dict[Address, frozenset[ServiceName]] | None = None
    late: bool = False
    failures: int = 0
    heard: bool = False

    def put_off(self, now: float, longest: float) -> None:
        """Ask again after a while, which grows."""
        self.due = now + (SELDOM if self.late else self.pause)
        self.pause = min(longest, self.pause * GROWTH)


class Follower:
    """Follows what is written in one zone.

    Args:
        site: the zone.
        reports: told of what takes long.
    """

    def __init__(self, site: Site, reports: Reports) -> None:
        self._site, self._reports = site, reports
        self._items: list[Following] = []
        self._wake = asyncio.Event()
        self._servers: tuple[HostedZone, float, tuple[Address, ...]] | None = None
        self._silent: frozenset[Address] = frozenset()

    def written(self, changes: Iterable[Change], receipt: Receipt) -> None:
        """Follow what was written."""
        changes = tuple(changes)
        records = (record for change in changes for record in (*change.removed, *change.after))
        stage = Stage.SETTLING if receipt.id else Stage.READING
        due = self._site.now + (FIRST_POLL if receipt.id else 0.0)
        self._add(
            [change.service for change in changes], frozenset(record.name for record in records), receipt, stage, due
        )

    def found(self, services: Collection[ServiceName]) -> None:
        """Follow what is as it should be, though it is not known since when."""
        self._add(services, frozenset(), None, Stage.ASKING, self._spread)

    @property
    def _spread(self) -> float:
        """When all servers have what is there now."""
        told = self._site.setup.options.capabilities
        return self._site.now + told.publication + told.propagation

    @property
    def _witnesses(self) -> bool:
        hosted = self._site.hosted
        asked = self._site.setup.nameservers or (hosted is not None and not hosted.private)
        return self._site.setup.witness and bool(asked)

    def _add(
        self,
        services: Collection[ServiceName],
        names: frozenset[str],
        receipt: Receipt | None,
        stage: Stage,
        due: float,
    ) -> None:
        followed = {}
        for service in services:
            standing = self._site.standings[service]
            if not standing.unsaid:
                standing.followed = True
                followed[service] = standing.version
        if followed:
            self._items.append(Following(followed, names, receipt, self._site.now, stage, due, self._spread))
            self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._wake.clear()
            item = self._next()
            if item is None:
                for stage in Stage:
                    self._reports.worked(stage.value)
            if item is None or item.due > self._site.now:
                await wait_for(self._wake, None if item is None else item.due - self._site.now)
            else:
                await self._look_at(item)

    def _next(self) -> Following | None:
        for item in self._items:
            item.services = {name: version for name, version in item.services.items() if self._is(name, version)}
        self._items = [item for item in self._items if item.services]
        return min(self._items, key=lambda item: item.due, default=None)

    def _is(self, service: ServiceName, version: int) -> bool:
        """Whether nothing has been written, or has come to light, since."""
        standing = self._site.standings.get(service)
        return standing is not None and standing.version == version and standing.followed

    async def _look_at(self, item: Following) -> None:
        now, stage = self._site.now, item.stage
        try:
            match stage:
                case Stage.SETTLING:
                    await self._settle(item)
                case Stage.READING:
                    await self._read(item)
                case Stage.ASKING:
                    await self._ask(item)
            item.failures = 0
            self._reports.worked(stage.value)
        except BarredError as error:
            item.due = now + error.seconds
        except DroppedError:
            item.due = now + FIRST_POLL
        except ProviderError as error:
            item.failures += 1
            if isinstance(error, RejectedError) and stage is Stage.SETTLING:
                item.stage = Stage.READING  # it is not remembered for ever
            else:
                self._reports.failed(stage.value, error)
            backoff = LONG if isinstance(error, AuthFailedError | RejectedError) else QUICK
            item.due = now + backoff.wait(item.failures, self._site.random.random())
        except Exception as error:  # noqa: BLE001  the others must be looked at, whatever this is
            text = self._site.access.bugs.note(error, self._site.setup.zone, "following")
            item.failures += 1
            self._reports.failed(stage.value, UnavailableError(text))
            item.due = now + LONG.wait(item.failures, self._site.random.random())

    async def _settle(self, item: Following) -> None:
        receipt = item.receipt
        assert receipt is not None  # noqa: S101  what was found begins later
        call = self._site.begin("settled", Lane.FOLLOWING)
        if await self._site.make(call, lambda account: account.settled(receipt, Lane.FOLLOWING)):
            self._settled(item)
            return
        now = self._site.now
        item.put_off(now, LONGEST_POLL)
        if not item.late and now - item.began >= SETTLES:
            item.late = True
            self._reports.late(item.services, f"not settled within {SETTLES:g} s")
            self._site.look_again(Lane.FOLLOWING)
            if self._witnesses:  # which tells just as well
                item.stage, item.due = Stage.READING, now

    def _settled(self, item: Following) -> None:
        item.stage, item.due, item.late, item.spread = Stage.READING, self._site.now, False, -inf
        seconds = self._site.metrics.settled.labels(*self._site.labels)
        for service, version in item.services.items():
            there = self._site.standings[service].there if self._is(service, version) else None
            if there is not None:
                seconds.observe(item.due - there.at)

    async def _read(self, item: Following) -> None:
        hosted, image = self._site.hosted, self._site.image
        assert hosted is not None  # noqa: S101  something was written there
        few = image is not None and len(item.names) * PAGE < image.size
        call = self._site.begin("read", Lane.FOLLOWING)
        read = await self._site.make(
            call, lambda account: account.read(hosted, Lane.FOLLOWING, item.names if few else None)
        )
        found = Image(read, item.services, self._site.setup.owner)
        astray = []
        for service, version in item.services.items():
            if self._is(service, version):
                standing = self._site.standings[service]
                if not standing.writing and not _is_there(standing, found, service):
                    astray.append(service)
        if astray:
            self._differ(astray)
        item.stage, item.due, item.pause = Stage.ASKING, self._site.now, FIRST_ASK

    def _differ(self, services: Collection[ServiceName]) -> None:
        self._site.conflict(f"{named(services)}: not there as written, though nothing but this was told", services)
        for service in services:
            self._site.standings[service].doubt()
        self._site.look_again(Lane.ROUTINE)

    async def _ask(self, item: Following) -> None:
        servers = await self._nameservers() if self._witnesses else ()
        if item.asked is None:
            item.asked = dict.fromkeys(servers, frozenset(item.services))
        asked = {server: some for server, names in item.asked.items() if (some := names & item.services.keys())}
        expected = {server: [self._expected(name) for name in sorted(names)] for server, names in asked.items()}
        sighting = await self._site.witness.look(expected) if expected else None
        behind = sighting.behind if sighting is not None else {}
        if sighting is not None:
            self._note(sighting.silent)
            item.heard |= bool(expected.keys() - sighting.silent.keys())
        if not item.heard and self._site.now < item.spread:
            item.due = item.spread
            return
        item.asked = dict(behind)
        waiting = frozenset[ServiceName]().union(*behind.values())
        present = [name for name, version in item.services.items() if self._is(name, version)]
        ready = [name for name in present if name not in waiting]
        if ready:
            self._reports.given(ready)
            self._site.confirm(ready, witnessed=item.heard)
        item.put_off(self._site.now, LONGEST_ASK)
        if behind and not item.late and self._site.now - item.began >= SPREADS:
            item.late = True
            slow = ", ".join(sorted(map(str, behind)))
            self._reports.late(waiting, f"older answers after {SPREADS:g} s at {slow}")

    async def _nameservers(self) -> tuple[Address, ...]:
        if self._site.setup.nameservers:
            return self._site.setup.nameservers
        hosted = self._site.hosted
        assert hosted is not None  # noqa: S101  as above
        if self._servers is None or self._servers[0] != hosted or self._site.now - self._servers[1] >= SERVERS_KEPT:
            call = self._site.begin("nameservers", Lane.FOLLOWING)
            names = await self._site.make(call, lambda account: account.nameservers(hosted, Lane.FOLLOWING))
            # The file of hosts has names without a dot at their end.
            self._servers = hosted, self._site.now, tuple(Address(name.removesuffix("."), PORT) for name in names)
        return self._servers[2]

    def _expected(self, service: ServiceName) -> Expected:
        standing, owner = self._site.standings[service], self._site.setup.owner
        there = standing.there
        if standing.removed or there is None or standing.marker is None:
            return Expected(service, owner, None, {})
        targets = (target for rule in there.steering.rules for group in rule.groups for target in group.targets)
        values = {(target.type, target.value) for target in targets}
        return Expected(service, owner, standing.marker.generation, allowed_values(values, there.steering.types))

    def _note(self, silent: Mapping[Address, str]) -> None:
        """Servers that do not answer hold nothing up: nobody else hears of them either."""
        self._site.metrics.silent.labels(*self._site.labels).inc(len(silent))
        if silent.keys() - self._silent:
            self._site.log.warning(
                "nameservers do not answer, and are not waited for",
                servers={str(server): why for server, why in silent.items()},
            )
        self._silent = frozenset(silent)


def _is_there(standing: Standing, found: Image, service: ServiceName) -> bool:
    """Whether what was read of a service is what was written."""
    held = found.of(service)
    markers = [marker for record in held if (marker := read_marker(record)) is not None]
    if standing.removed:
        return all(marker.owner != found.owner for marker in markers)
    answers = {record for record in held if record.name != marker_name(service)}
    return markers == [standing.marker] and answers == set(standing.answers)
