"""The projects and their zones."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.fakes.clouddns import rrdata
from tests.fakes.clouddns.change import Change, Wanted
from tests.fakes.clouddns.errors import already_exists, invalid, not_empty, not_found, quota_exceeded
from tests.fakes.clouddns.quota import Quota
from tests.fakes.clouddns.records import Origin
from tests.fakes.clouddns.zone import Zone

_ZONE_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(slots=True)
class Store:
    """All that the fake holds; not safe for threads by itself.

    Attributes:
        clock: seconds.
        quota: of each project.
        projects: zones by project and name.
        delays: how long each change takes to reach all servers, or each of them by name. Seconds.
    """

    clock: Callable[[], float]
    quota: Quota
    projects: dict[str, dict[str, Zone]]
    delays: float | Mapping[str, float] = 0.0
    _numbers: int = field(default=0)

    def zones(self, project: str) -> dict[str, Zone]:
        try:
            return self.projects[project]
        except KeyError:
            raise not_found("parameters.project", project) from None

    def zone(self, project: str, name: str) -> Zone:
        """By name, or by number; raises ApiError."""
        for zone in self.zones(project).values():
            if name in {zone.name, str(zone.number)}:
                return zone
        raise not_found("parameters.managedZone", name)

    def create(self, project: str, name: str, dns_name: str, *, public: bool = True, description: str = "") -> Zone:
        """A new zone; raises ApiError."""
        zones = self.zones(project)
        if not _ZONE_NAME.fullmatch(name):
            raise invalid("entity.managedZone.name", name)
        try:
            origin = rrdata.name_in(dns_name, dns_name.lower())
        except ValueError:
            raise invalid("entity.managedZone.dnsName", dns_name) from None
        if name in zones:
            raise already_exists("entity.managedZone", name)
        if len(zones) >= self.quota.zones:
            raise quota_exceeded(["managed zones"])
        self._numbers += 1
        shard = "abcde"[self._numbers % 5]
        servers = [f"ns-cloud-{shard}{each}.googledomains.com." for each in range(1, 5)]
        zone = Zone(
            name,
            1_000_000_000_000_000_000 + self._numbers,
            Origin(origin, public, self.quota),
            tuple(servers if public else ["ns-gcp-private.googledomains.com."]),
            description,
            datetime.now(UTC),
        )
        zone.found(self.clock())
        zones[name] = zone
        return zone

    def delete(self, project: str, name: str) -> None:
        """Raises ApiError where there is more in the zone than its apex."""
        zone = self.zone(project, name)
        if any(key not in {(zone.origin.name, "SOA"), (zone.origin.name, "NS")} for key in zone.held):
            raise not_empty(zone.name)
        del self.projects[project][zone.name]

    def apply(self, zone: Zone, wanted: Wanted) -> Change:
        """Make a change now; raises ApiError."""
        delays = self.delays
        if not isinstance(delays, Mapping):
            delays = dict.fromkeys(zone.servers, delays)
        return zone.apply(wanted, self.clock(), delays)
