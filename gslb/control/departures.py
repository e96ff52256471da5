"""Endpoints that say of themselves that they are draining: how far each is on its way out.

Health takes them out of the answers as long as there is anybody else. Nobody has ordered that, so it can be told anew
from what they say after a restart, and is not kept.
"""

import math
from collections.abc import Callable, Mapping

from gslb.control.clock import Clock
from gslb.control.health import ServiceEndpoint
from gslb.control.ledger import Ledger
from gslb.model.combine import Health
from gslb.model.drain import Drain, Facts, Phase, advance, next_moment
from gslb.model.fitness import Standing
from gslb.model.names import EndpointName, ServiceName
from gslb.model.record import OrderRecord

AUTHOR = "gateway"
REASON = "it says so itself"


class Departures:
    """Follows them.

    Args:
        clock: both clocks.
        ledger: until when resolvers may hold what.
        record: takes each phase, for the history.
    """

    def __init__(self, clock: Clock, ledger: Ledger, record: Callable[[OrderRecord], object]) -> None:
        self._clock, self._ledger, self._record = clock, ledger, record
        self._services: dict[EndpointName, set[ServiceName]] = {}
        self.states: dict[EndpointName, Drain] = {}

    def look(self, standings: Mapping[ServiceEndpoint, Standing], now: float) -> None:
        """Follow those that say so now, and forget those that do so no more."""
        said: dict[EndpointName, set[ServiceName]] = {}
        for (service, endpoint), standing in standings.items():
            if standing.health is Health.DRAINING:
                said.setdefault(endpoint, set()).add(service)
        self._services = said
        for endpoint in self.states.keys() - said.keys():
            del self.states[endpoint]
            self._tell("lifted", endpoint, now, "it does not say that it is draining any more")
        for endpoint in said.keys() - self.states.keys():
            self._set(endpoint, Drain(Phase.EMPTYING, now))

    def tick(self, now: float) -> float:
        """Go on as the ledger allows; returns when there may be more, in monotonic seconds."""
        moment = math.inf
        for endpoint, drain in tuple(self.states.items()):
            facts = self.facts(endpoint)
            after = advance(drain, facts, now)
            if after is not drain:
                self._set(endpoint, after)
            if (due := next_moment(after, facts)) > now:
                moment = min(moment, due)
        return moment

    def facts(self, endpoint: EndpointName) -> Facts:
        """What its way out depends on."""
        held = (self._ledger.exposed_until(service, endpoint) for service in self._services[endpoint])
        return Facts(-math.inf, max(held, default=-math.inf))

    def services(self, endpoint: EndpointName) -> list[ServiceName]:
        """For which it says so."""
        return sorted(self._services[endpoint])

    def _set(self, endpoint: EndpointName, drain: Drain) -> None:
        self.states[endpoint] = drain
        self._tell(drain.phase.value, endpoint, drain.since, REASON)

    def _tell(self, action: str, endpoint: EndpointName, moment: float, reason: str) -> None:
        at_utc = self._clock.to_utc(moment)
        self._record(OrderRecord(at_utc, action, endpoint, AUTHOR, reason))
