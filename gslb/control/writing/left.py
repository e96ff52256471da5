"""Places that a reload has taken zones off: their records stay there, and go on being answered."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from gslb.control.writing.draft import adoption
from gslb.control.writing.setup import WriterSetup
from gslb.control.writing.site import Site, named
from gslb.control.writing.standing import Standing
from gslb.model.names import ServiceName

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Floor:
    """What a place may give of a service that was under way when it was left.

    Attributes:
        over: the newest generation of which it gave nothing older.
        until: when all of its servers give what was written last, in monotonic seconds.
    """

    over: int
    until: float


class Left:
    """What is known of such places."""

    def __init__(self) -> None:
        self._floors: dict[Key, dict[ServiceName, Floor]] = {}

    def leave(self, site: Site) -> float:
        """The zone of ``site`` is published there no more; in how many seconds something may be over, if it may."""
        told = site.setup.options.capabilities
        spread = told.publication + told.propagation
        there = {name: it for name, it in site.standings.items() if _is_there(site, name)}
        if there:
            site.log.warning(
                "published there no more: the records stay, and go on being answered", services=named([*there])
            )
        floors = {name: Floor(it.over, _until(it, site.now + spread)) for name, it in there.items() if _moves(it)}
        if floors:
            self._floors[site.setup.key] = floors
        return spread if any(floor.until < inf for floor in floors.values()) else inf

    def back(self, key: Key) -> None:
        """A zone is published there, again perhaps."""
        self._floors.pop(key, None)

    def over(self, service: ServiceName, now: float) -> Iterator[int]:
        """As ``ZoneWriter.over``, of each place."""
        for floors in self._floors.values():
            floor = floors.get(service)
            if floor is not None and now < floor.until:
                yield floor.over


def _is_there(site: Site, service: ServiceName) -> bool:
    """Whether something of ours may be there. Where nothing was ever read nobody knows, and nothing was written."""
    if site.image is None:
        return site.hosted is not None
    return service in site.image.ours


def _moves(standing: Standing) -> bool:
    return standing.writing or standing.pending or not standing.confirmed


def _until(standing: Standing, spread: float) -> float:
    """When all servers give what is wanted, if it was written by now."""
    return inf if standing.writing or standing.pending else spread


def warn_of_owner(site: Site, setup: WriterSetup) -> None:
    """Tell what it takes to write services on under another owner, if that is what ``setup`` brings."""
    if site.setup.owner == setup.owner or site.image is None:
        return
    services = sorted(site.image.ours & setup.services)
    if services:
        site.log.warning(
            "another owner: what the former one has marked is not written until it is adopted",
            owner=site.setup.owner,
            services=named(services),
            remedy=f"run {adoption(services[0], setup.provider, site.setup.owner)}, for each of them",
        )
