"""Regions, endpoints and services, as the configuration states them and with every default filled in."""

from dataclasses import dataclass, field
from enum import StrEnum

from gslb.model.address import IP, Address
from gslb.model.area import Area
from gslb.model.branch import Step
from gslb.model.combine import Require
from gslb.model.expressible import Feature
from gslb.model.names import EndpointName, ProbeName, RegionName, ServiceName


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One gateway.

    Attributes:
        name: region and probed address.
        region: where it is.
        probe: what probes connect to; a host name stands for one gateway and is re-resolved.
        publish: addresses to answer with; empty where the probed name's current address is published.
    """

    name: EndpointName
    region: RegionName
    probe: Address
    publish: tuple[IP, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """A set of gateways that fail together.

    Attributes:
        weight: base share of traffic, 0..255.
        capacity: requests per second, where stated.
        min_healthy: endpoints that must be in service before the region is.
        location: latitude and longitude in degrees, where stated.
        areas: whom it speaks for.
    """

    name: RegionName
    endpoints: tuple[Endpoint, ...]
    weight: int = 1
    capacity: float | None = None
    min_healthy: int = 1
    location: tuple[float, float] | None = None
    areas: tuple[Area, ...] = ()


class AllDown(StrEnum):
    """What to answer when no endpoint is fit."""

    ALL = "all"
    LAST_GOOD = "last-good"
    FALLBACK = "fallback"
    SERVFAIL = "servfail"
    NODATA = "nodata"


@dataclass(frozen=True, slots=True)
class Member:
    """A region in the use of one service."""

    region: RegionName
    weight: int


@dataclass(frozen=True, slots=True)
class Service:
    """One DNS name and how it is steered. Durations are seconds.

    Attributes:
        probes: which must pass; none: always up.
        policy: steps of the chain, in order.
        ttl_steady: TTL in calm.
        ttl_alert: TTL after a change, and of negative answers.
        hold: time without failure before a recovered endpoint answers again.
        fallback: the region that answers when all is down, with ``when_all_down = AllDown.FALLBACK``.
        max_shift: share of the traffic, 0..1, that scores may move within a minute.
        rto: longest acceptable time from a fault until no resolver answers with it, where stated.
        demand: requests per second to plan for, where stated.
        ttl_auto: seconds until an answer could change in calm, by which the TTL is then set; None: it is stated.
        ramp: seconds over which the share of a region grows that comes back; 0: at once.
        manual: a region that comes back waits until somebody lets it.
        degrade: what it does without at providers that cannot say it.
    """

    name: ServiceName
    members: tuple[Member, ...]
    probes: tuple[ProbeName, ...]
    policy: tuple[Step, ...]
    require: Require = "all"
    quorum: int = 1
    ttl_steady: int = 30
    ttl_alert: int = 5
    hold: float = 60.0
    answers: int = 4
    when_all_down: AllDown = AllDown.ALL
    fallback: RegionName | None = None
    max_shift: float = 1.0
    rto: float | None = None
    demand: float | None = None
    ttl_auto: float | None = None
    ramp: float = 0.0
    manual: bool = False
    degrade: frozenset[Feature] = frozenset()


@dataclass(frozen=True, slots=True)
class Topology:
    """All regions and services."""

    regions: dict[RegionName, Region] = field(default_factory=dict)
    services: dict[ServiceName, Service] = field(default_factory=dict)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All endpoints, in the order of the configuration."""
        return tuple(endpoint for region in self.regions.values() for endpoint in region.endpoints)

    def endpoints_of(self, service: Service) -> tuple[Endpoint, ...]:
        """Endpoints of the service's own regions, in its order."""
        return tuple(endpoint for member in service.members for endpoint in self.regions[member.region].endpoints)

    def all_endpoints_of(self, service: Service) -> tuple[Endpoint, ...]:
        """Those that the service may answer with: its own, and those of its fallback."""
        own = self.endpoints_of(service)
        if service.fallback is None or any(member.region == service.fallback for member in service.members):
            return own
        return own + self.regions[service.fallback].endpoints
