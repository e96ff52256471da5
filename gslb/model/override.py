"""What people have ordered: it takes precedence over everything that probes say."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gslb.errors import RefusedError
from gslb.model.names import EndpointName, RegionName, ServiceName
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


def guard_drain(
    topology: Topology,
    overrides: Iterable[Override],
    new: Override,
    now: float,
    fit: Callable[[ServiceName, Endpoint], bool],
) -> None:
    """Refuse a drain that would take the last endpoint, or the last fit one, from a service.

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
        members = [e for member in service.members for e in topology.regions[member.region].endpoints]
        answering = [e for e in members if not any(order.covers(e) for order in orders)]
        left = [e for e in answering if not new.covers(e)]
        had, has = (any(fit(service.name, e) for e in endpoints) for endpoints in (answering, left))
        if answering and (not left or (had and not has)):
            what = "any healthy endpoint" if left else "any endpoint"
            raise RefusedError(
                "never-empty",
                f"draining {new.target} would leave {service.name.removesuffix('.')} without {what}",
                "undrain or mend another region first, or repeat with --force",
            )
