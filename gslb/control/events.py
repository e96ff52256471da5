"""What the engine has to tell, and whom it asks."""

from dataclasses import dataclass
from typing import Protocol

from gslb.control.vantage import Vantage
from gslb.model.address import IP
from gslb.model.combine import Health
from gslb.model.names import EndpointName, ServiceName
from gslb.model.observation import ProbeResult
from gslb.model.ramp import Climb, Pair
from gslb.model.steer import Decision
from gslb.model.steering import Steering


@dataclass(frozen=True, slots=True)
class Transition:
    """The health of an endpoint changed for ``services``, alike for all of them."""

    at: float
    endpoint: EndpointName
    before: Health
    after: Health
    services: tuple[ServiceName, ...]
    evidence: tuple[ProbeResult, ...]
    detail: str


@dataclass(frozen=True, slots=True)
class Change:
    """The steering of a service changed."""

    at: float
    trigger: str
    before: Steering | None
    decision: Decision


class Listener(Protocol):
    """Who wants to know."""

    def transition(self, transition: Transition) -> None:
        """An endpoint's health changed."""

    def changed(self, changes: tuple[Change, ...]) -> None:
        """Steerings changed, by one event."""

    def doubted(self, vantage: Vantage) -> None:
        """A vantage point has begun to doubt itself, or has stopped."""

    def climbed(self, pair: Pair, state: Climb | None) -> None:
        """The ramp of a region has begun, was withdrawn, or is to begin anew (None)."""

    def failed(self, service: ServiceName, faults: tuple[str, ...]) -> None:
        """Steps of its policy have failed, and were left out; nothing: they work again."""


class Addresses(Protocol):
    """Current addresses of hosts."""

    def known(self, host: IP | str) -> IP | None:
        """The address as last resolved."""
