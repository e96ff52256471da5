"""What the gateway says of itself. Pure."""

from dataclasses import dataclass

from gslb.model.observation import ServingState

SCHEMA = 1
"""Version of the health document."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What the health document is made of.

    Attributes:
        load: requests per second.
        capacity: requests per second it is built for; None where not stated.
        errors: share of 5xx, 0..1; those of upstreams, the gateway's own, and responses that an upstream broke off.
        in_flight: requests being forwarded.
        healthy: upstreams that can be connected to.
        total: upstreams configured.
    """

    draining: bool
    load: float
    capacity: float | None
    errors: float
    in_flight: int
    healthy: int
    total: int

    @property
    def state(self) -> ServingState:
        """What a client can expect here, the worst first.

        ========================  ===========  ==================================
        healthy upstreams         draining     state
        ========================  ===========  ==================================
        none                      yes or no    unavailable (the only HTTP 503)
        any                       yes          draining
        some                      no           degraded
        all                       no           ok
        ========================  ===========  ==================================
        """
        if not self.healthy:
            return ServingState.UNAVAILABLE
        if self.draining:
            return ServingState.DRAINING
        return ServingState.OK if self.healthy == self.total else ServingState.DEGRADED

    @property
    def saturation(self) -> float:
        """Load / capacity; 0.0 where no capacity is stated."""
        return self.load / self.capacity if self.capacity else 0.0


def health_document(condition: Condition, *, region: str, version: str, config_version: str) -> dict[str, object]:
    """Health document, ready for JSON."""
    return {
        "schema": SCHEMA,
        "state": condition.state.value,
        "region": region,
        "load": round(condition.load, 3),
        "saturation": round(condition.saturation, 4),
        "errors": round(condition.errors, 4),
        "in_flight": condition.in_flight,
        "upstreams": {"healthy": condition.healthy, "total": condition.total},
        "version": version,
        "config_version": config_version,
    }
