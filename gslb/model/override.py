"""What people have ordered: it takes precedence over everything that probes say."""

from collections.abc import Iterable
from dataclasses import dataclass

from gslb.errors import RefusedError
from gslb.model.names import EndpointName, RegionName
from gslb.model.topology import Endpoint, Topology


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


def guard_drain(topology: Topology, overrides: Iterable[Override], new: Override, now: float) -> None:
    """Refuse a drain that would leave a service without any endpoint.

    Raises:
        RefusedError: rule ``never-empty``.
    """
    orders = [order for order in overrides if order.active(now)]
    for service in topology.services.values():
        endpoints = [e for member in service.members for e in topology.regions[member.region].endpoints]
        left = [e for e in endpoints if not any(order.covers(e) for order in [*orders, new])]
        if not left and any(new.covers(e) for e in endpoints):
            raise RefusedError(
                "never-empty",
                f"draining {new.target} would leave {service.name} without any endpoint",
                "undrain another region first, or repeat with --force to answer SERVFAIL",
            )
