"""What keeps services from being written: who is at fault where a request fails for several, and when to try again."""

from collections.abc import Sequence
from itertools import count

from gslb.config.providers import Drift
from gslb.control.writing.backoff import LONG, QUICK, Backoff
from gslb.control.writing.draft import Trouble
from gslb.control.writing.reports import Reports
from gslb.control.writing.site import Site, named
from gslb.control.writing.standing import Blocked
from gslb.model.names import ServiceName
from gslb.model.zone_plan import Change
from providers.base import ProviderError, RejectedError

SELDOM = 300.0
"""Longest time in seconds after which what others have in the way of a service is looked at again."""
SOON, TIMES = 3.0, 2
"""Seconds after which what was ours a moment ago is looked at again, and how often: a read may have been torn."""
AFTER_LOOK = 1.1
"""of the longest time between two looks for drift, which see it as well"""


class Suspicion:
    """Who is at fault in one zone.

    Args:
        site: the zone.
        reports: told of what is blocked.
    """

    def __init__(self, site: Site, reports: Reports) -> None:
        self._site, self._reports = site, reports
        self._groups = count(1)
        self._conflicts = self._unknown = 0
        self._silent: ServiceName | None = None

    def refused(self, changes: Sequence[Change], error: RejectedError) -> bool:
        """A request was refused; whether it is known now for whose sake."""
        return self._suspect(changes, Trouble(f"refused: {error.message}", error.remedy), LONG)

    def conflict(self, changes: Sequence[Change], error: ProviderError) -> None:
        """Something was not there as it was read.

        Somebody has been there; or what is read is not what is there, and so it will be the next time.
        """
        self._conflicts += 1
        services = [change.service for change in changes]
        self._site.conflict(f"{named(services)}: changed by somebody else meanwhile: {error.message}", services)
        if self._conflicts > 1 or self._site.standings[changes[0].service].group:
            text = "changed by somebody else whenever it is to be written"
            self._suspect(changes, Trouble(text, "see who else writes it"), QUICK)

    def unknown(self, changes: Sequence[Change], error: ProviderError) -> bool:
        """Nobody knows whether a request was taken; whether that may be so for all services, and not for one alone."""
        self._unknown += 1
        if self._unknown == 1 and not self._site.standings[changes[0].service].group:
            return True
        if not self._suspect(changes, Trouble(f"it is not known whether it is written: {error.message}"), QUICK):
            return True
        before, self._silent = self._silent, changes[0].service
        return before not in {None, self._silent}  # nothing has been taken since, of any service

    def written(self) -> None:
        """A request was taken."""
        self._conflicts = self._unknown = 0
        self._silent = None

    def _suspect(self, changes: Sequence[Change], trouble: Trouble, backoff: Backoff) -> bool:
        """One of these is at fault: of several, each half is tried by itself."""
        middle = len(changes) // 2
        if not middle:
            standing = self._site.standings[changes[0].service]
            standing.group = standing.group or next(self._groups)
            self.block(changes[0].service, trouble, backoff)
            return True
        for half in (changes[:middle], changes[middle:]):
            group = next(self._groups)
            for change in half:
                self._site.standings[change.service].group = group
        return False

    def block(self, service: ServiceName, trouble: Trouble, backoff: Backoff = LONG) -> None:
        """Nothing is written for ``service`` for a while."""
        site, standing = self._site, self._site.standings[service]
        standing.refusals += 1
        wait, doubtful = backoff.wait(standing.refusals, site.random.random()), False
        if trouble.elsewhere:
            marker, setup = standing.marker, site.setup
            ours = marker is not None and marker.owner == setup.owner
            doubtful = ours and trouble.unmarked and standing.refusals <= TIMES
            wait = SELDOM if setup.drift is Drift.OFF else min(SELDOM, setup.drift_interval * AFTER_LOOK)
            wait = SOON if doubtful else wait
        standing.blocked = Blocked(trouble.text, site.now, site.now + wait, trouble.remedy, trouble.elsewhere)
        if not doubtful:
            self._reports.blocked(service, trouble)
