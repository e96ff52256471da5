"""What people have ordered: it takes precedence over everything that probes say.

kind      what it does                                               whom it can be about
drain     takes out so that nobody notices; see ``model.drain``      endpoints, regions
out       in no answer, at once                                      endpoints, regions, services
up        healthy, whatever probes say                               endpoints, regions, services
weight    that base weight instead of the configured one             regions
ttl       that TTL instead of the configured ones                    services
freeze    no automatic change of what is answered                    services

Orders stand in the order in which they were given. Of those that say drain, out or up of an endpoint the newest counts;
likewise of two weights or two TTLs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from gslb.model.branch import Grown
from gslb.model.drain import Drain, Phase
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.topology import Endpoint, Service, Topology
from gslb.model.watermark import Watermark


class Kind(StrEnum):
    """What is ordered."""

    DRAIN = "drain"
    OUT = "out"
    UP = "up"
    WEIGHT = "weight"
    TTL = "ttl"
    FREEZE = "freeze"


_STATE = (Kind.DRAIN, Kind.OUT, Kind.UP)
Key = tuple[str, str, str | None]
"""What an order is about: aspect, target and services."""


@dataclass(frozen=True, slots=True)
class Override:
    """An order in force until it is lifted or expires.

    Attributes:
        kind: what is ordered.
        target: whom it is about: an endpoint, a region or a service, by its exact name or a glob (``ankara/*``).
        author: who ordered it.
        reason: why, in that person's words.
        created: monotonic seconds.
        expires: monotonic seconds, None for 'until lifted'.
        value: the weight, or the TTL in seconds.
        service: name or glob of the only services that it is about; None: all.
        drain: how far a drain has come; None for other kinds.
    """

    kind: Kind
    target: str
    author: str
    reason: str
    created: float
    expires: float | None = None
    value: int | None = None
    service: str | None = None
    drain: Drain | None = None

    @property
    def key(self) -> Key:
        """What it is about: a second order of the same key takes the place of the first."""
        return ("state" if self.kind in _STATE else self.kind.value), self.target, self.service

    @property
    def out(self) -> bool:
        """Whether it keeps its target out of all answers."""
        return self.kind is Kind.OUT or (self.drain is not None and self.drain.out)

    def active(self, now: float) -> bool:
        """Whether it still holds."""
        return self.expires is None or now < self.expires

    def concerns(self, service: ServiceName) -> bool:
        """Whether it is about ``service`` in some way, or about endpoints in its use."""
        return self.service is None or _matches(self.service, _plain(service))

    def covers(self, endpoint: Endpoint, service: ServiceName) -> bool:
        """Whether it is about ``endpoint`` in the use of ``service``."""
        return self.names(endpoint.name, endpoint.region, service)

    def names(self, endpoint: EndpointName, region: RegionName, service: ServiceName) -> bool:
        """Whether it is about an endpoint of these names, which need not be configured any more."""
        found = (endpoint, region, _plain(service))
        return any(_matches(self.target, name) for name in found) and self.concerns(service)


def _plain(service: ServiceName) -> str:
    return service.removesuffix(".")


_GLOB = frozenset("*?[")


def _matches(pattern: str, name: str) -> bool:
    if pattern.removesuffix(".") == name:  # brackets stand in names too
        return True
    return not _GLOB.isdisjoint(pattern) and fnmatchcase(name, pattern)


def state_order(overrides: Sequence[Override], endpoint: Endpoint, service: ServiceName) -> Override | None:
    """The drain, out or up that counts for ``endpoint`` in the use of ``service``.

    That is the newest; but as long as the newest is a drain that leaves it in the answers, what has kept it out before
    still does.
    """
    newest = None
    for order in reversed(overrides):
        if order.kind not in _STATE or not order.covers(endpoint, service):
            continue
        if order.kind is Kind.UP:
            return newest or order
        if order.out:
            return order
        newest = newest or order
    return newest


def weight_order(overrides: Sequence[Override], region: RegionName, service: ServiceName) -> Override | None:
    """The weight that counts for ``region`` in the use of ``service``."""
    for order in reversed(overrides):
        if order.kind is Kind.WEIGHT and _matches(order.target, region) and order.concerns(service):
            return order
    return None


def service_order(overrides: Sequence[Override], kind: Kind, service: ServiceName) -> Override | None:
    """The TTL or freeze that counts for ``service``."""
    for order in reversed(overrides):
        if order.kind is kind and _matches(order.target, _plain(service)) and order.concerns(service):
            return order
    return None


def about(order: Override, topology: Topology, service: Service) -> bool:
    """Whether ``order`` can make a difference to ``service``."""
    if order.kind in (Kind.TTL, Kind.FREEZE):
        return service_order((order,), order.kind, service.name) is not None
    if order.kind is Kind.WEIGHT:
        return any(weight_order((order,), member.region, service.name) for member in service.members)
    return any(order.covers(endpoint, service.name) for endpoint in topology.all_endpoints_of(service))


def leaving(overrides: Sequence[Override], service: Service) -> dict[RegionName, Grown]:
    """What the regions of ``service`` have of their normal share that a drain moves away step by step."""
    found = {}
    for member in service.members:
        for order in overrides:
            moving = order.drain is not None and order.drain.phase is Phase.MOVING
            if moving and order.drain and _matches(order.target, member.region) and order.concerns(service.name):
                found[member.region] = Grown(order.drain.share, f"on the way out, drained by {order.author}")
    return found


def watermark_of(order: Override | None) -> Watermark | None:
    """Before what the target of a drain was in an answer; None of what is not drained, or where nobody can say."""
    return order.drain.watermark if order is not None and order.drain is not None else None


def is_drained(order: Override | None) -> bool:
    """Whether ``order`` is a drain that has come to its end."""
    return order is not None and order.drain is not None and order.drain.phase is Phase.DRAINED


def all_out(topology: Topology, service: Service, overrides: Sequence[Override], now: float) -> bool:
    """Whether every endpoint of ``service`` is out by order."""
    orders = [order for order in overrides if order.active(now)]
    found = (state_order(orders, endpoint, service.name) for endpoint in topology.endpoints_of(service))
    return all(order is not None and order.out for order in found)
