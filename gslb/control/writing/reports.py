"""What people are told of a zone: each thing once, when it begins and when it is over.

what                                               services  is over
requests fail                                      all       when one like them is answered
one is blocked                                     one       when it is there as it is wanted, and stays so
answers of one cannot be said                      one       when all of them can
what was written is not answered so after a while  some      when it is
others have changed what was written               some      when nothing is changed
"""

from collections.abc import Collection, Iterable

from gslb.control.writing.draft import Trouble
from gslb.control.writing.site import Site, named
from gslb.model.names import ServiceName
from providers.base import AuthFailedError, NotOwnedError, ProviderError, RejectedError

LASTING = (AuthFailedError, RejectedError, NotOwnedError)
"""Errors that do not pass by themselves."""
TOLD_AFTER = 3
"""Failures in a row that may pass by themselves, before people are told."""
ANSWERED = "requests are answered again"
LEFT = "configured otherwise"


class Reports:
    """Tells what has changed since it was told last.

    Args:
        site: the zone.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._failures: dict[str, tuple[int, ProviderError]] = {}
        self._logged: dict[str, type[ProviderError]] = {}
        self._told: dict[str, type[ProviderError]] = {}
        self._blocked: dict[ServiceName, str] = {}
        self._unsaid: dict[ServiceName, str] = {}
        self._late: set[ServiceName] = set()
        self._drifted: tuple[ServiceName, ...] = ()

    @property
    def failing(self) -> ProviderError | None:
        """What some work has failed with that has not succeeded since."""
        return next((error for _, error in self._failures.values()), None)

    def failed(self, work: str, error: ProviderError, *, at_once: bool = False) -> int:
        """Some work has failed; returns how often in a row. Other work that succeeds meanwhile does not count.

        Args:
            work: what it is.
            error: why.
            at_once: to be told though it may pass by itself.
        """
        kind, failures = type(error), self._failures.get(work, (0, error))[0] + 1
        self._failures[work] = failures, error
        if self._logged.get(work) is not kind:
            self._logged[work] = kind
            self._site.log.warning("request failed", work=work, reason=error.message, remedy=error.remedy)
        if self._told.get(work) is not kind and (at_once or isinstance(error, LASTING) or failures >= TOLD_AFTER):
            is_known = kind in self._told.values()
            self._told[work] = kind
            if not is_known:
                self._site.tell.trouble(*self._site.labels, error.message)
        return failures

    def worked(self, work: str) -> None:
        """Such work has succeeded, or there is none to be done any more."""
        if self._failures.pop(work, None) is None:
            return
        del self._logged[work]
        if self._told.pop(work, None) is not None and not self._told:
            self._site.over(ANSWERED)
        else:
            self._site.log.info(ANSWERED, work=work)

    def blocked(self, service: ServiceName, trouble: Trouble) -> None:
        """A service cannot be written."""
        if self._blocked.get(service) != trouble.text:
            self._blocked[service] = trouble.text
            text = f"{named([service])}: {trouble.text}"
            self._site.trouble(text, [service], trouble.remedy, trouble.error)

    def free(self, services: Iterable[ServiceName]) -> None:
        """These are there as they are wanted; where somebody undoes that again and again, it is not over yet."""
        now, standings = self._site.now, self._site.standings
        for service in services:
            if service in standings and standings[service].contested(now):
                continue
            if self._blocked.pop(service, None) is not None:
                standing = standings.get(service)
                text = "removed" if standing is not None and standing.removing else "published again"
                self._site.over(f"{named([service])}: {text}", [service])

    def said(self, services: Iterable[ServiceName]) -> None:
        """What can be said of these has been looked at."""
        for service in services:
            standing = self._site.standings.get(service)
            text = "; ".join(fault.text for fault in standing.unsaid) if standing is not None else ""
            before = self._unsaid.pop(service, "")
            if text:
                self._unsaid[service] = text
            if text and text != before:
                remedy = "its answers of that type stay as they are; degrade it, or publish it elsewhere"
                self._site.trouble(f"{named([service])}: cannot be said there: {text}", [service], remedy)
            elif before and not text:
                self._site.over(f"{named([service])}: can be said there", [service])

    def late(self, services: Collection[ServiceName], text: str) -> None:
        """It takes long until everybody is given what was written of these."""
        self._late |= {*services}
        self._site.trouble(f"{named(services)}: {text}", services)

    def given(self, services: Collection[ServiceName]) -> None:
        """Everybody is given what was written of these."""
        back = self._late & {*services}
        if back:
            self._late -= back
            self._site.over(f"{named(back)}: answered everywhere as written", back)

    def drifted(self) -> None:
        """It was looked whether somebody else has changed something."""
        now, standings = self._site.now, sorted(self._site.standings.items())
        present = tuple(name for name, standing in standings if standing.drifted or standing.contested(now))
        if present != self._drifted:
            self._drifted = present
            self._site.log.warning("drift", services=present) if present else self._site.log.info("no drift any more")
            self._site.tell.drift(*self._site.labels, present)

    def leave(self) -> None:
        """Nobody looks any more; whoever looks from now on tells anew."""
        if self._told:
            self._site.over(LEFT)
        services = self._late.union(self._blocked, self._unsaid)
        if services:
            self._site.over(f"{named(services)}: {LEFT}", services)
        if self._drifted:
            self._site.tell.drift(*self._site.labels, ())
