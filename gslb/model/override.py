"""What people have ordered: it takes precedence over everything that probes say."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gslb.errors import RefusedError
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.steering import RecordType, address_type
from gslb.model.topology import Endpoint, Service, Topology


@dataclass(frozen=True, slots=True)
class Override:
    """A region or an endpoint drained by hand: it is in no answer until the order is lifted or expires.

    Attributes:
        target: the region or endpoint.
        author: who ordered it.
        reason: why, in that person's words.
        created: monotonic seconds.
        expires: monotonic seconds, None for 'until lifted'.
    """

    target: RegionName | EndpointName
    author: str
    reason: str
    created: float
    expires: float | None = None

    def active(self, now: float) -> bool:
        """Whether it still holds."""
        return self.expires is None or now < self.expires

    def covers(self, endpoint: Endpoint) -> bool:
        """Whether it is about ``endpoint``."""
        return self.target in (endpoint.name, endpoint.region)


def guard_drain(
    topology: Topology,
    overrides: Iterable[Override],
    new: Override,
    now: float,
    fit: Callable[[ServiceName, Endpoint], bool],
) -> None:
    """Refuse a drain that would take the last endpoint, or the last fit one, of a record type from a service.

    Args:
        topology: regions and services.
        overrides: all orders so far, expired ones included.
        new: the drain.
        now: monotonic seconds.
        fit: whether an endpoint could answer for a service, if it were not drained.

    Raises:
        RefusedError: rule ``never-empty``.
    """
    orders = [order for order in overrides if order.active(now)]
    for service in topology.services.values():
        answering = [e for e in topology.endpoints_of(service) if not any(order.covers(e) for order in orders)]
        for kind in sorted({kind for endpoint in answering for kind in _kinds(endpoint)}):
            carrying = [e for e in answering if kind in _kinds(e)]
            left = [e for e in carrying if not new.covers(e)]
            had, has = (any(fit(service.name, e) for e in endpoints) for endpoints in (carrying, left))
            if not left or (had and not has):
                what = "healthy endpoint" if left else "endpoint"
                raise RefusedError(
                    "never-empty",
                    f"draining {new.target} would leave {service.name.removesuffix('.')} without any {what} ({kind})",
                    "undrain or mend another region first, or repeat with --force",
                )


def _kinds(endpoint: Endpoint) -> set[RecordType]:
    """The record types it publishes. What a host name resolves to is not known here: it is taken for an A record."""
    return {address_type(ip) for ip in endpoint.publish} or {RecordType.A}


def all_drained(topology: Topology, service: Service, overrides: Iterable[Override], now: float) -> bool:
    """Whether every endpoint of ``service`` is out by order."""
    orders = [order for order in overrides if order.active(now)]
    return all(any(order.covers(endpoint) for order in orders) for endpoint in topology.endpoints_of(service))
