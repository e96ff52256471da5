"""What the engine has to tell, and whom it asks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from gslb.control.vantage import Vantage
from gslb.model.address import IP
from gslb.model.combine import Health
from gslb.model.comeback import Comeback
from gslb.model.names import EndpointName, ServiceName
from gslb.model.observation import CheckKey, ProbeResult
from gslb.model.ramp import Climb, Pair
from gslb.model.record import Vote
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
    votes: tuple[Vote, ...] = ()


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

    def alarmed(self, key: CheckKey, services: Iterable[ServiceName], *, suspect: bool) -> None:
        """A check of these services has a failure that is not confirmed, or none any more."""

    def came_back(self, pair: Pair, state: Comeback | None) -> None:
        """A region has come a step further on its way back into a service, or all the way (None)."""

    def withheld(self, service: ServiceName, steering: Steering | None) -> None:
        """A frozen service would be answered otherwise, or is answered as it should be again (None)."""

    def failed(self, service: ServiceName, faults: tuple[str, ...]) -> None:
        """Steps of its policy have failed, and were left out; nothing: they work again."""


class Addresses(Protocol):
    """Current addresses of hosts."""

    def known(self, host: IP | str) -> IP | None:
        """The address as last resolved."""
