"""What was read of a zone beside what is wanted there: what is as it should be, and what has drifted."""

from collections.abc import Collection

from gslb.config.providers import Drift
from gslb.control.writing.draft import Trouble, draft
from gslb.control.writing.follower import Follower
from gslb.control.writing.image import Image
from gslb.control.writing.reports import Reports
from gslb.control.writing.site import Site
from gslb.control.writing.standing import Standing
from gslb.control.writing.suspicion import Suspicion
from gslb.model.names import ServiceName
from gslb.model.recordset import Marker, RecordSet, read_marker
from gslb.model.zone_plan import is_stale

UNDONE = Trouble("changed by somebody else whenever it is repaired", "see who else writes it")


class Comparison:
    """Compares for one zone.

    Args:
        site: the zone.
        follower: looks at what is there, and was not written just now.
        reports: told of drift.
        suspicion: told of repairs that somebody undoes.
    """

    def __init__(self, site: Site, follower: Follower, reports: Reports, suspicion: Suspicion) -> None:
        self._site, self._follower, self._reports, self._suspicion = site, follower, reports, suspicion

    def take(self, image: Image) -> None:
        """The zone was read."""
        site = self._site
        site.image, site.reread = image, None
        for service in image.ours - site.setup.services:
            if service not in site.standings:
                site.standings[service] = Standing()
                site.standings[service].remove(site.now)
        for service, standing in site.standings.items():
            if standing.removed and service in image.ours:
                standing.lost()
        gone = [name for name, it in site.standings.items() if it.removing and not it.removed and not image.knows(name)]
        self.is_as_wanted(image, gone)  # somebody else has removed them
        self._compare(image)
        for standing in site.standings.values():
            standing.reconsider(site.now)

    def _compare(self, image: Image) -> None:
        """See whether what should be there is."""
        site = self._site
        services = [name for name, it in site.standings.items() if it.aligned and image.knows(name)]
        seen = draft(site.setup, image, site.standings, services, site.generation, renew=True)
        self.is_as_wanted(image, seen.as_wanted)
        repair = site.setup.drift is Drift.REPAIR
        for service in {*services} - {*seen.as_wanted}:
            # Who holds an older lease had nothing to write there: that is undone in any case.
            _, marker = parted(image.of(service))
            undone = repair or is_stale(marker, site.setup.owner, site.setup.fence)
            standing = site.standings[service]
            standing.astray(site.now, repair=undone)
            if undone and standing.contested(site.now):
                standing.refusals = standing.repairs - 2
                self._suspicion.block(service, UNDONE)
        self._reports.drifted()

    def is_as_wanted(self, image: Image, services: Collection[ServiceName]) -> None:
        """These are there, and nothing is to be written."""
        fresh, known = [], []
        for service in services:
            standing = self._site.standings[service]
            was_pending = standing.pending
            if standing.found(*parted(image.of(service))):
                fresh.append(service)
            elif was_pending and standing.confirmed:
                known.append(service)
        self._reports.free(services)
        self._follower.found(fresh)
        self._site.confirm(known, witnessed=False)


def parted(records: Collection[RecordSet]) -> tuple[tuple[RecordSet, ...], Marker | None]:
    """The answers among the record sets of a service, and its marker."""
    markers = {record: marker for record in records if (marker := read_marker(record)) is not None}
    return tuple(record for record in records if record not in markers), next(iter(markers.values()), None)
