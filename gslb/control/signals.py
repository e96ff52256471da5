"""What is measured beside health and scores, as decisions see it: latencies, demand, and stated configurations.

Looked at once a second at most: latencies and demand of those services whose policy has a step that needs them
(``needs_latency``, ``needs_demand``), configurations of those regions of which one has been heard to change.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from statistics import median

from gslb.control.health import CheckState, ServiceEndpoint, newest_report
from gslb.model.area import Area
from gslb.model.branch import Grown, Signals, Step
from gslb.model.combine import Health
from gslb.model.damping import damped
from gslb.model.demand import follow_demand
from gslb.model.names import EndpointName, RegionName, ServiceName, VantageName
from gslb.model.observation import CheckKey, HealthReport
from gslb.model.steer import Standing
from gslb.model.topology import Topology

PERIOD = 1.0
"""Seconds between two looks at least."""
LATENCY_TOLERANCE = 0.10
DEMAND_TOLERANCE = 0.05

Checks = Mapping[CheckKey, CheckState]
Standings = Mapping[ServiceEndpoint, Standing]
Keys = Mapping[ServiceEndpoint, tuple[CheckKey, ...]]
News = Iterator[tuple[ServiceName, str]]
"""Services to decide again, and why."""
Place = tuple[VantageName, RegionName]
Watched = tuple[tuple[ServiceEndpoint, CheckKey], ...]


class Latencies:
    """How far regions are from vantage points, for the services that ask."""

    def __init__(self) -> None:
        self._watched: dict[ServiceName, dict[Place, Watched]] = {}
        self._figures: dict[ServiceName, dict[Place, float]] = {}

    def configure(self, topology: Topology, keys: Keys) -> None:
        """Watch what these services need."""
        self._watched = {name: _places(topology, keys, name) for name in _asking(topology, "needs_latency")}
        self._figures = {name: self._figures.get(name, {}) for name in self._watched}

    @property
    def needed(self) -> bool:
        """Whether any service asks."""
        return bool(self._watched)

    def of(self, service: ServiceName) -> dict[VantageName, dict[RegionName, float]]:
        """Seconds from each vantage point to each region, where known."""
        found: dict[VantageName, dict[RegionName, float]] = {}
        for (vantage, region), figure in self._figures.get(service, {}).items():
            found.setdefault(vantage, {})[region] = figure
        return found

    def look(self, checks: Checks, counts: Callable[[CheckKey], bool], standings: Standings) -> News:
        """Measure again."""
        for service, places in self._watched.items():
            former, figures = self._figures[service], {}
            for place, watched in places.items():
                healthy = [key for pair, key in watched if standings[pair].health is Health.UP]
                figure = _figure(former.get(place), healthy, checks, counts)
                if figure is not None:
                    figures[place] = figure
                if figure != former.get(place):
                    yield service, _distance(place, figure)
            self._figures[service] = figures


def _places(topology: Topology, keys: Keys, name: ServiceName) -> dict[Place, Watched]:
    found: dict[Place, list[tuple[ServiceEndpoint, CheckKey]]] = {}
    for endpoint in topology.endpoints_of(topology.services[name]):
        pair = (name, endpoint.name)
        for key in keys[pair]:
            found.setdefault((key.vantage, endpoint.region), []).append((pair, key))
    return {place: tuple(watched) for place, watched in found.items()}


def _figure(
    former: float | None, healthy: list[CheckKey], checks: Checks, counts: Callable[[CheckKey], bool]
) -> float | None:
    """What a vantage point measures to a region; as before while its word does not count."""
    counting = [key for key in healthy if counts(key)]
    if healthy and not counting:
        return former
    known = [latency.recent for key in counting if (latency := checks[key].latency) is not None and latency.warm]
    return damped(former, median(known) if known else None, LATENCY_TOLERANCE)


def _distance(place: Place, figure: float | None) -> str:
    vantage, region = place
    return f"latency from {vantage} to {region} is " + ("not known" if figure is None else f"{figure * 1000:.0f} ms")


class Demands:
    """What is asked of the services that want to know, in requests per second."""

    def __init__(self) -> None:
        self._endpoints: dict[ServiceName, dict[ServiceEndpoint, tuple[CheckKey, ...]]] = {}
        self._followed: dict[ServiceName, float | None] = {}
        self._figures: dict[ServiceName, float | None] = {}
        self._looked = 0.0

    def configure(self, topology: Topology, keys: Keys) -> None:
        """Watch what these services need."""
        self._endpoints = {
            name: {(name, e.name): keys[name, e.name] for e in topology.endpoints_of(topology.services[name])}
            for name in _asking(topology, "needs_demand")
        }
        self._followed = {name: self._followed.get(name) for name in self._endpoints}
        self._figures = {name: self._figures.get(name) for name in self._endpoints}

    @property
    def needed(self) -> bool:
        """Whether any service asks."""
        return bool(self._endpoints)

    def of(self, service: ServiceName) -> float | None:
        """Requests per second; None where nobody says, or nobody asks."""
        return self._figures.get(service)

    def look(self, checks: Checks, standings: Standings, now: float) -> News:
        """Count again."""
        elapsed, self._looked = now - self._looked, now
        for service, endpoints in self._endpoints.items():
            followed = follow_demand(self._followed[service], _counted(endpoints, checks, standings), elapsed)
            self._followed[service] = followed
            former, figure = self._figures[service], damped(self._figures[service], followed, DEMAND_TOLERANCE)
            self._figures[service] = figure
            if figure != former:
                yield service, "demand is " + ("not known" if figure is None else f"{figure:.0f} requests/s")


def _counted(
    endpoints: Mapping[ServiceEndpoint, tuple[CheckKey, ...]], checks: Checks, standings: Standings
) -> float | None:
    """The load that endpoints state. One that is down has none, whatever it said last."""
    loads = [
        (pair, report.load)
        for pair, keys in endpoints.items()
        if (report := newest_report(checks[key] for key in keys)) is not None and report.load is not None
    ]
    return sum(load for pair, load in loads if standings[pair].health in _SERVING) if loads else None


_SERVING = (Health.UP, Health.DRAINING)


class Configurations:
    """Versions of their configuration that the gateways of each region state."""

    def __init__(self) -> None:
        self._endpoints: dict[RegionName, dict[EndpointName, set[CheckKey]]] = {}
        self._regions: dict[CheckKey, set[RegionName]] = {}
        self._services: dict[RegionName, set[ServiceName]] = {}
        self.stale: set[RegionName] = set()
        self.stated: Mapping[RegionName, str] = {}

    def configure(self, topology: Topology, keys: Keys) -> None:
        """Watch the regions of these services."""
        self._endpoints, self._regions, self._services = {}, {}, {}
        regions = {endpoint.name: endpoint.region for endpoint in topology.endpoints}
        seen: set[tuple[EndpointName, int]] = set()
        for (service, endpoint), watched in keys.items():
            region = regions[endpoint]
            self._services.setdefault(region, set()).add(service)
            if (endpoint, id(watched)) in seen:
                continue  # services that ask the same of an endpoint share one tuple of checks
            seen.add((endpoint, id(watched)))
            self._endpoints.setdefault(region, {}).setdefault(endpoint, set()).update(watched)
            for key in watched:
                self._regions.setdefault(key, set()).add(region)
        self.stated = {region: self.stated.get(region, "") for region in self._endpoints}
        self.stale = set(self._endpoints)

    def heard(self, key: CheckKey, before: HealthReport | None, after: HealthReport | None) -> None:
        """A check has brought another health document, or none any more."""
        if _version(before) != _version(after):
            self.stale |= self._regions[key]

    def look(self, checks: Checks) -> News:
        """Count again where one has changed."""
        stale, self.stale = sorted(self.stale), set()
        for region in stale:
            version = self._most_stated(region, checks)
            if version != self.stated[region]:
                self.stated = {**self.stated, region: version}
                text = f"configuration of {region} is {version or 'not known'}"
                yield from ((service, text) for service in sorted(self._services[region]))

    def _most_stated(self, region: RegionName, checks: Checks) -> str:
        """Of two that are stated equally often the one that was until now: half of a roll-out changes nothing."""
        endpoints = self._endpoints[region].values()
        versions = (_version(newest_report(checks[key] for key in keys)) for keys in endpoints)
        counted = Counter(version for version in versions if version)
        return max(counted, key=lambda version: (counted[version], version == self.stated[region], version), default="")


def _version(report: HealthReport | None) -> str:
    return report.configuration if report is not None else ""


def _asking(topology: Topology, need: str) -> Iterable[ServiceName]:
    """Services with a step that has the attribute ``need`` set."""
    services = topology.services.values()
    return [service.name for service in services if any(_needs(step, need) for step in service.policy)]


def _needs(step: Step, need: str) -> bool:
    return hasattr(type(step), need) and bool(getattr(step, need))  # asking a class takes a tenth of the time


class Readings:
    """All of it together.

    Attributes:
        due: when to look next, in monotonic seconds.
    """

    def __init__(self) -> None:
        self._latencies, self._demands, self._configurations = Latencies(), Demands(), Configurations()
        self._areas: Mapping[VantageName, tuple[Area, ...]] = {}
        self._looked = -math.inf
        self.due = math.inf

    def configure(self, topology: Topology, keys: Keys, areas: Mapping[VantageName, tuple[Area, ...]]) -> None:
        """Watch what these services need; ``areas`` are those that each vantage point speaks for."""
        self._areas = areas
        for part in (self._latencies, self._demands, self._configurations):
            part.configure(topology, keys)

    def heard(self, key: CheckKey, before: HealthReport | None, after: HealthReport | None) -> None:
        """A check has brought another health document, or none any more."""
        self._configurations.heard(key, before, after)
        if self._configurations.stale:
            self.due = min(self.due, self._looked + PERIOD)

    def look(
        self, checks: Checks, counts: Callable[[CheckKey], bool], standings: Standings, now: float
    ) -> dict[ServiceName, list[str]]:
        """Measure and count again; returns the services to decide again, and why."""
        news: dict[ServiceName, list[str]] = {}
        for look in (
            self._latencies.look(checks, counts, standings),
            self._demands.look(checks, standings, now),
            self._configurations.look(checks),
        ):
            for service, text in look:
                news.setdefault(service, []).append(text)
        self._looked = now
        self.due = now + PERIOD if self._latencies.needed or self._demands.needed else math.inf
        return news

    def of(self, service: ServiceName, shift: float, ramps: Mapping[RegionName, Grown]) -> Signals:
        """What decisions on a service see, with what scores may move and how far its ramps are."""
        latencies, demand = self._latencies.of(service), self._demands.of(service)
        return Signals(self._areas, latencies, demand, self._configurations.stated, shift, ramps)
