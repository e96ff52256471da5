"""Writes one zone at one provider: one request after the other, the most urgent first.

Between any two requests it looks what is wanted now, so of any number of decisions the newest is written. A request
that is about something less urgent is given up for one that is more so, as long as it waits for its turn; a look at the
zone for urgent ones only, and not again and again.

what fails                       what is done
nothing was there as read        the zone is read again; the second time in a row one of the services is suspected
not known                        the zone is read again, after a wait; the second time in a row likewise
refused                          its services are tried by halves until it is known which is; that one waits long
throttled, unavailable           a wait that grows from half a second to a minute
credentials, the zone itself     a wait that grows from half a minute to five

Drift, which is what somebody else has changed of ours, comes to light whenever the zone is read. Where it is reported
only, the next decision for the service is written over it: by its marker it is ours.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from math import inf
from typing import Any, TypeVar

from gslb.config.providers import Drift
from gslb.control.writing.access import BarredError
from gslb.control.writing.backoff import EXTRA, LONG, QUICK
from gslb.control.writing.call import Call, DroppedError
from gslb.control.writing.comparison import Comparison, parted
from gslb.control.writing.draft import draft, first_batch
from gslb.control.writing.follower import Follower
from gslb.control.writing.image import Image
from gslb.control.writing.reports import LASTING, Reports
from gslb.control.writing.setup import WriterSetup
from gslb.control.writing.site import Site, wait_for
from gslb.control.writing.standing import Standing
from gslb.control.writing.suspicion import Suspicion
from gslb.model.names import ServiceName
from gslb.model.steering import Steering
from gslb.model.zone_plan import Change
from providers.base import (
    Account,
    CasConflictError,
    Lane,
    NotOwnedError,
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    UnavailableError,
)

T = TypeVar("T")

PLANNING = "planning"
"""work that is no request"""
MOST_GIVEN_UP = 2
"""Times in a row that a look at the zone is given up for what is urgent."""
LINGER = 1.0
"""Seconds that a change of nothing but TTLs waits for others of its kind."""


class ZoneWriter:
    """The writer of one zone.

    Args:
        site: the zone.
    """

    def __init__(self, site: Site) -> None:
        self.site, self.reports = site, Reports(site)
        self.failing = False
        self.retry_at = -inf
        self._follower = Follower(site, self.reports)
        self._suspicion = Suspicion(site, self.reports)
        self._comparison = Comparison(site, self._follower, self.reports, self._suspicion)
        self._call: Call | None = None
        self._work, self._looks_given_up = PLANNING, 0
        self.barred = self._hurry = self._seeks = False
        self._tried_at = -inf
        self._look_at = self._next_look()

    # what the fleet asks

    def configure(self, setup: WriterSetup) -> None:
        """Go on with another setup for the same zone of the same account."""
        site = self.site
        before, site.setup = site.setup, setup
        for service, standing in site.standings.items():
            if standing.removing and service in setup.services:
                standing.keep()
            elif not standing.removing and service not in setup.services:
                standing.remove(site.now)
            if before.without.get(service) != setup.without.get(service):
                standing.rendered = standing.there = None
        if before.owner != setup.owner:
            site.forget()
        if (before.owner, before.fence, before.services) != (setup.owner, setup.fence, setup.services):
            site.look_again(Lane.ROUTINE)
        self._look_at = min(self._look_at, self._next_look())
        site.wake.set()

    def publish(self, generation: int, steerings: Mapping[ServiceName, Steering], at: float) -> None:
        """Have what ``steerings`` say of this zone's services written; returns at once."""
        site, now, moved, again = self.site, self.site.now, False, []
        if not site.generation:
            site.wake.set()  # what is to be removed has waited for this
        site.generation = generation
        for service in site.setup.services & steerings.keys():
            standing = site.standings.setdefault(service, Standing())
            if standing.want(steerings[service], generation, at, now):
                site.wake.set()
                if standing.pending:
                    self._hasten(standing, now)
                else:
                    again.append(service)  # what is there is wanted again
            moved |= standing.advance(generation)
        self.reports.free(name for name in again if site.standings[name].blocked is None)
        certain = [name for name in again if site.standings[name].confirmed and not site.standings[name].writing]
        site.confirm(certain, witnessed=False)
        if moved:
            site.moved()

    def _hasten(self, standing: Standing, now: float) -> None:
        """What is less urgent is given up, and what failed is tried before its time, but not more than once."""
        lane = standing.lane
        if self._call is not None and lane < self._call.lane:
            self._drop(self._call, lane)
        if lane is Lane.URGENT:
            self._hurry = True
            self.retry_at = min(self.retry_at, max(now, self._tried_at + EXTRA))

    def _drop(self, call: Call, lane: Lane) -> None:
        """Give up what is under way; a look begins anew afterwards, and would never come to its end."""
        if self._work == "read":
            if lane is not Lane.URGENT or self._looks_given_up >= MOST_GIVEN_UP:
                return
            self._looks_given_up += 1
        call.drop()

    def over(self, service: ServiceName) -> int | None:
        """The newest generation of which nothing older can be given for a service; None: it is not published here."""
        standing = self.site.standings.get(service)
        if standing is None:
            return 0 if service in self.site.setup.services else None
        return standing.over

    def reconsider(self) -> None:
        """See at once whether what others have in the way is still there."""
        if any(
            standing.blocked is not None and standing.blocked.elsewhere for standing in self.site.standings.values()
        ):
            self.site.look_again(Lane.ROUTINE)

    def publishes(self, service: ServiceName) -> bool | None:
        """Whether what a service has here was confirmed once, and is there; None: it is not to be."""
        if service not in self.site.setup.services:
            return None
        standing = self.site.standings.get(service)
        return standing is not None and standing.over > 0 and standing.there is not None

    def look_elsewhere(self) -> None:
        """Something is confirmed somewhere: what waits for that here may be removed."""
        if any(standing.removing and not standing.removed for standing in self.site.standings.values()):
            self.site.wake.set()

    def recovered(self) -> None:
        """The account works again."""
        self.retry_at = min(self.retry_at, self._tried_at + EXTRA)
        self.site.wake.set()

    # the loop

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write())
            group.create_task(self._follower.run())

    async def _write(self) -> None:
        while True:
            self.site.wake.clear()
            pause = self._pause()
            if pause > 0:
                if self.retry_at <= self.site.now:
                    self._rest()
                await wait_for(self.site.wake, pause)
            else:
                await self._attempt()

    def _rest(self) -> None:
        """Nothing is to be done at present."""
        self.reports.worked(PLANNING)
        if not any(standing.pending for standing in self.site.standings.values()):
            self.reports.worked("apply")  # whatever has failed, it is not wanted any more, or there all the same

    def _pause(self) -> float:
        """Seconds until there is something to do."""
        site, now = self.site, self.site.now
        if self.retry_at > now:
            return self.retry_at - now
        if self._seeks or site.hosted is None or site.image is None or site.reread is not None:
            return 0.0
        due = (self._due(name, standing) for name, standing in site.standings.items() if self._is_known(name))
        return max(0.0, min(min(due, default=inf), self._look_at) - now)

    def _due(self, service: ServiceName, standing: Standing) -> float:
        if not standing.pending or not self.site.generation:
            return inf
        if standing.removing and self.site.awaited(service):
            return inf  # or nobody would answer for it
        if standing.blocked is not None:
            return standing.blocked.until
        return standing.since + LINGER if standing.lane is Lane.COSMETIC else -inf

    def _is_known(self, service: ServiceName) -> bool:
        return self.site.image is not None and self.site.image.knows(service)

    async def _attempt(self) -> None:
        try:
            await self._step()
        except DroppedError:
            return  # for what is more urgent, which is next
        except BarredError as error:
            self.barred, self.retry_at = True, self.site.now + error.seconds
        except ProviderError as error:
            self._failed(error)
        except Exception as error:  # noqa: BLE001  a plug-in may have said what makes no sense; the others go on
            self.site.image, self._work = None, PLANNING  # requests may be answered all the same
            self._failed(UnavailableError(self.site.access.bugs.note(error, self.site.setup.zone, "planning")))

    def _failed(self, error: ProviderError) -> None:
        self.barred, self.failing = False, True
        self._seeks |= isinstance(error, RejectedError)
        backoff = LONG if isinstance(error, LASTING) else QUICK
        failures = self.reports.failed(self._work, error)
        self.retry_at = self.site.now + backoff.wait(failures, self.site.random.random())

    def _worked(self) -> None:
        self.barred = self.failing = False
        self.retry_at = -inf
        self.reports.worked(self._work)

    async def _step(self) -> None:
        """Make one request, if there is one to be made."""
        site, now = self.site, self.site.now
        expecting = [standing for standing in site.standings.values() if standing.expects_change(now)]
        if expecting or self._look_at <= now:
            for standing in expecting:
                standing.await_change()
            site.look_again(Lane.COSMETIC)
            self._look_at = self._next_look()
        if site.hosted is None or self._seeks:
            await self._find()
        elif site.image is None:
            await self._read(self._lane)
        elif (batch := self._batch()) is not None:
            await self._apply(*batch)
        elif site.reread is not None:
            await self._read(site.reread)

    async def _find(self) -> None:
        """Ask which zone is meant: another one may have taken its place."""
        site = self.site
        found = await self._make("zone", self._lane, lambda account, lane: account.zone(site.setup.zone, lane))
        self._seeks = False
        if site.hosted != found:
            site.hosted = found
            site.forget()

    async def _make(self, operation: str, lane: Lane, work: Callable[[Account, Lane], Coroutine[Any, Any, T]]) -> T:
        call, asking = self.site.begin(operation, lane, hurry=self._hurry)
        self._call, self._tried_at, self._hurry, self._work = call, self.site.now, False, operation
        try:
            result = await self.site.make((call, asking), lambda account: work(account, lane))
        finally:
            self._call = None
        self._worked()
        return result

    @property
    def _lane(self) -> Lane:
        """Of what is to be read before anything can be written."""
        present = min((it.lane for it in self.site.standings.values() if it.pending), default=Lane.ROUTINE)
        return min(present, Lane.ROUTINE if self.site.reread is None else self.site.reread)

    def _next_look(self) -> float:
        setup = self.site.setup
        if setup.drift is Drift.OFF:
            return inf
        return self.site.now + setup.drift_interval * (0.9 + 0.2 * self.site.random.random())

    # reading

    async def _read(self, lane: Lane) -> None:
        """Read all of the zone, and see what of it is not as it was written."""
        hosted, setup = self.site.hosted, self.site.setup
        assert hosted is not None  # noqa: S101  comes first
        read = await self._make("read", lane, lambda account, lane: account.read(hosted, lane))
        self._looks_given_up = 0
        if self.site.setup is not setup:
            return  # other services: once more
        self._comparison.take(Image(read, setup.services, setup.owner))

    # writing

    def _batch(self) -> tuple[Lane, tuple[Change, ...]] | None:
        """What is to be written next; notes what need not, or cannot be."""
        site, now = self.site, self.site.now
        due = {name: self._due(name, it) for name, it in site.standings.items() if self._is_known(name)}
        services = {name for name, moment in due.items() if moment <= now}
        if not services or site.image is None:
            return None
        cosmetic = {name for name, it in site.standings.items() if it.lane is Lane.COSMETIC}
        if services & cosmetic:
            services |= {name for name in cosmetic if due.get(name, inf) <= now + LINGER}  # they go together
        if any(site.standings[name].removing for name in services):
            # Whoever is refused for being one of too many is so beside all others, and not by itself later on.
            removed = {name for name, it in site.standings.items() if it.removing and it.pending}
            services |= {name for name in removed if not site.awaited(name)}
        found = draft(site.setup, site.image, site.standings, sorted(services), site.generation, renew=True)
        self.reports.said(services)
        self._comparison.is_as_wanted(site.image, found.as_wanted)
        for service, trouble in found.troubles.items():
            self._suspicion.block(service, trouble)
        return first_batch(site.setup, found.changes, site.standings) if found.changes else None

    async def _apply(self, lane: Lane, changes: tuple[Change, ...]) -> None:
        site = self.site
        hosted, image, deadline = site.hosted, site.image, site.setup.deadline
        assert hosted is not None  # noqa: S101  comes first
        assert image is not None  # noqa: S101  likewise
        wanted = {
            change.service: site.standings[change.service].begin(lane, renews=change.renews) for change in changes
        }
        try:
            receipt = await self._make(
                "apply", lane, lambda account, lane: account.apply(hosted, changes, deadline, lane)
            )
        except OutcomeUnknownError as error:
            self._forget(changes)
            if self._suspicion.unknown(changes, error):
                raise
        except (CasConflictError, NotOwnedError) as error:
            self._worked()
            site.image = None
            self._suspicion.conflict(changes, error)
        except RejectedError as error:
            self._worked()
            self._seeks = self._suspicion.refused(changes, error)  # it may be the zone that is not what it was
        else:
            self._suspicion.written()
            image.apply(changes)
            site.metrics.writes.labels(*site.labels).inc()
            for change in changes:
                site.standings[change.service].wrote(*parted(change.after), wanted[change.service])
            self.reports.free(wanted)
            self.reports.drifted()
            self._follower.written(changes, receipt)
        finally:
            for service in wanted:
                site.standings[service].writing = False
                if site.standings[service].advance(site.generation):
                    site.moved()

    def _forget(self, changes: Sequence[Change]) -> None:
        """These may have been written, or not."""
        self.site.image = None
        for change in changes:
            self.site.standings[change.service].lost()
