"""How fit each endpoint is to answer for a service, and until when that holds.

    in service    up, its region has at least min_healthy such endpoints
    short         up, but its region has fewer than min_healthy
    hold          up again, but not yet for `hold` since its last failure
    draining      says of itself that it is draining
    unknown       not probed to a verdict yet, or its name not resolved
    down          probes say so
    out           ordered out by people: drained, on the way there, or forced

What people force up is in service whatever probes say.

The fittest level that has any endpoint answers, down to ``unknown``; ``down`` answers only where when_all_down says so,
and ``out`` never.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from gslb.model.address import IP
from gslb.model.branch import QUIET, Reason, Signals, Verdict
from gslb.model.combine import Health
from gslb.model.drain import Phase
from gslb.model.duration import format_duration
from gslb.model.names import EndpointName, RegionName
from gslb.model.override import Kind, Override, is_drained, service_order, state_order, weight_order
from gslb.model.steering import Steering, address_type
from gslb.model.topology import Endpoint, Member, Region, Service


class Fitness(IntEnum):
    """Levels of fitness, fittest first."""

    IN_SERVICE = 0
    SHORT = 1
    HOLD = 2
    DRAINING = 3
    UNKNOWN = 4
    DOWN = 5
    OUT = 6


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one endpoint in the use of one service.

    Attributes:
        health: combined health.
        since: when that health was reached; None where it is as it was at the start.
        last_failure: when its health was last seen to be down; None for never.
        score: 0..1.
        addresses: published addresses as they are now; empty while a host name has not been resolved.
        detail: one line for people: what probes say.
    """

    health: Health
    since: float | None
    last_failure: float | None
    score: float
    addresses: tuple[IP, ...]
    detail: str = ""


def hold_of(service: Service) -> float:
    """Seconds that a recovered endpoint waits after its last failure.

    Never shorter than the TTL: a faster failback would move clients that have not yet seen the failover.
    """
    return max(service.hold, service.ttl_steady)


def halvings(service: Service) -> list[int]:
    """The TTLs of ``ttl = "auto"``: from the steady one down to the alert one, longest first."""
    found = [service.ttl_steady]
    while found[-1] // 2 > service.ttl_alert:
        found.append(found[-1] // 2)
    return found


def calm_ttl(service: Service, horizon: float | None = None) -> int:
    """The TTL in calm: with ``ttl = "auto"`` the longest of the halved ones below ``horizon`` seconds.

    That is, by default, the time until an answer could change when nothing has happened.
    """
    if service.ttl_auto is None:
        return service.ttl_steady
    limit = service.ttl_auto if horizon is None else min(horizon, service.ttl_auto)
    return next((ttl for ttl in halvings(service) if ttl < limit), service.ttl_alert)


class View:
    """The arguments of one decision, and what is asked of them more than once.

    Attributes:
        endpoints: those of the service's own regions.
        carried: record types that the addresses of each endpoint go into, those of the fallback included.
        types: record types that the service's endpoints publish, drained ones included.
        faults: takes what steps of the policy fail with.

    Args:
        service: what is decided.
        regions: all regions that it, or its fallback, names.
        standings: of their endpoints.
        overrides: the orders in force at ``now``.
        now: monotonic seconds.
        signals: what is measured beside.
        before: the steering in force.
    """

    def __init__(
        self,
        service: Service,
        regions: Mapping[RegionName, Region],
        standings: Mapping[EndpointName, Standing],
        overrides: tuple[Override, ...],
        now: float,
        signals: Signals = QUIET,
        before: Steering | None = None,
    ) -> None:
        self.service, self.regions, self.standings, self.overrides = service, regions, standings, overrides
        self.now, self.signals, self.before = now, signals, before
        self.faults: list[str] = []
        self.endpoints = tuple([e for member in service.members for e in regions[member.region].endpoints])
        self._standby = regions[service.fallback].endpoints if service.fallback else ()
        names = [e.name for e in (*self.endpoints, *self._standby)]
        self.carried = {name: set(map(address_type, standings[name].addresses)) for name in names}
        self.types = tuple(sorted({kind for e in self.endpoints for kind in self.carried[e.name]}))
        orders = [(e.name, self.order_on(e)) for e in self.endpoints] if self.overrides else ()
        self._forced_up = {name for name, order in orders if order is not None and order.kind is Kind.UP}
        self._calm_again = self._ends_of_changes()

    def order_on(self, endpoint: Endpoint) -> Override | None:
        """The drain, out or up that counts for ``endpoint``."""
        return state_order(self.overrides, endpoint, self.service.name) if self.overrides else None

    def out_by(self, endpoint: Endpoint) -> Override | None:
        """The order that keeps ``endpoint`` out."""
        order = self.order_on(endpoint)
        return order if order is not None and order.out else None

    def weight(self, member: Member) -> int:
        """The base weight of a region."""
        order = weight_order(self.overrides, member.region, self.service.name) if self.overrides else None
        return member.weight if order is None or order.value is None else order.value

    def score(self, name: EndpointName) -> float:
        """The score that counts for an endpoint."""
        standing = self.standings[name]
        return 1.0 if name in self._forced_up and standing.health is not Health.UP else standing.score

    def classify(self) -> dict[EndpointName, tuple[Fitness, str]]:
        """Fitness of every endpoint, and a line that says why."""
        found = {endpoint.name: self._fitness(endpoint) for endpoint in self.endpoints}
        for member in self.service.members:
            _demote_short(self.regions[member.region], found, self._forced_up)
        return found

    def _fitness(self, endpoint: Endpoint) -> tuple[Fitness, str]:
        standing = self.standings[endpoint.name]
        order = self.order_on(endpoint)
        if order is not None and order.out:
            return Fitness.OUT, f"{_how(order)} by {order.author}: {order.reason}"
        if order is not None and order.kind is Kind.UP and standing.addresses:
            really = standing.detail or f"probes say {standing.health}"
            return Fitness.IN_SERVICE, f"forced up by {order.author}: {order.reason}; really: {really}"
        if standing.health is Health.UP and self._held(standing):
            return Fitness.HOLD, "up again, waiting out its hold"
        if standing.health is Health.UP and not standing.addresses:
            return Fitness.UNKNOWN, "its name has not been resolved to an address yet"
        return _FITNESS[standing.health], standing.detail or f"probes say {standing.health}"

    def _held(self, standing: Standing) -> bool:
        return standing.last_failure is not None and self.now < standing.last_failure + hold_of(self.service)

    def ttl(self) -> tuple[int, str]:
        """Alert for `hold` after a change of health or an order, and while an endpoint is draining; and why."""
        service = self.service
        order = service_order(self.overrides, Kind.TTL, service.name) if self.overrides else None
        if order is not None and order.value is not None:
            return order.value, f"forced by {order.author}: {order.reason}"
        draining = self._draining()
        if draining is not None:
            return service.ttl_alert, f"alert: {draining} is draining"
        if any(moment > self.now for moment in self._calm_again):
            return service.ttl_alert, f"alert: something changed in the last {format_duration(hold_of(service))}"
        if service.ttl_auto is not None:
            horizon = min([moment - self.now for moment in self._moments()] + [service.ttl_auto])
            return calm_ttl(service, horizon), _auto(horizon)
        return service.ttl_steady, "steady"

    def _draining(self) -> str | None:
        """Who is on the way out."""
        for endpoint in (*self.endpoints, *self._standby):
            if self.standings[endpoint.name].health is Health.DRAINING:
                return endpoint.name
            order = self.order_on(endpoint)
            if order is not None and order.drain is not None and order.drain.phase is not Phase.DRAINED:
                return order.target
        return None

    def _ends_of_changes(self) -> list[float]:
        """When the changes so far stop being news."""
        changes = [s for e in self.endpoints if (s := self.standings[e.name].since) is not None]
        if self.overrides:
            changes += [order.created for order in self.overrides if self._is_news(order)]
        if self.signals.lifted is not None:
            changes.append(self.signals.lifted)
        return [change + hold_of(self.service) for change in changes] if changes else []

    def _is_news(self, order: Override) -> bool:
        """Whether it moves traffic; a drain has a TTL of its own on the way, and is no news at its end."""
        if order.kind is Kind.WEIGHT:
            return any(weight_order((order,), m.region, self.service.name) for m in self.service.members)
        moves = order.kind in (Kind.OUT, Kind.UP)
        return moves and any(order.covers(e, self.service.name) for e in (*self.endpoints, *self._standby))

    def next_at(self) -> float | None:
        """The first moment at which time alone can change the decision."""
        moments = self._moments()
        if self.service.ttl_auto is not None:  # nearer and nearer to any of them, the TTL is halved
            moments = [moment - ttl for moment in moments for ttl in (0, *halvings(self.service))]
        return min((moment for moment in moments if moment > self.now), default=None)

    def _moments(self) -> list[float]:
        """When time alone changes who answers, or that things are calm again."""
        moments = [order.expires for order in self.overrides if order.expires is not None] + self._calm_again
        for endpoint in self.endpoints:
            standing = self.standings[endpoint.name]
            if standing.last_failure is not None and standing.health is Health.UP:
                moments.append(standing.last_failure + hold_of(self.service))
        return [moment for moment in moments if moment > self.now]


def _auto(horizon: float) -> str:
    """Why an automatic TTL is what it is."""
    if horizon == math.inf:
        return "auto: nothing is probed"
    return f"auto: the answer could change in {format_duration(round(horizon, 1))}"


def _demote_short(region: Region, found: dict[EndpointName, tuple[Fitness, str]], forced: set[EndpointName]) -> None:
    """Too few endpoints of a region are none, but for those that people have forced up."""
    serving = [e.name for e in region.endpoints if found[e.name][0] is Fitness.IN_SERVICE]
    if len(serving) < region.min_healthy:
        text = f"{region.name} has {len(serving)} healthy endpoints, min_healthy is {region.min_healthy}"
        found.update((name, (Fitness.SHORT, text)) for name in serving if name not in forced)


def _how(order: Override) -> str:
    """How an order keeps its target out."""
    if order.kind is Kind.OUT:
        return "forced out"
    return "drained" if is_drained(order) else "being drained"


def reason(endpoint: EndpointName, fitness: Fitness, text: str, *, answers: bool) -> Reason:
    """Why ``endpoint`` is in or out."""
    return Reason(_STEP[fitness], endpoint, Verdict.IN if answers else Verdict.OUT, text)


_FITNESS = {
    Health.UP: Fitness.IN_SERVICE,
    Health.DRAINING: Fitness.DRAINING,
    Health.UNKNOWN: Fitness.UNKNOWN,
    Health.DOWN: Fitness.DOWN,
}
_STEP = {
    Fitness.IN_SERVICE: "health",
    Fitness.SHORT: "min_healthy",
    Fitness.HOLD: "hold",
    Fitness.DRAINING: "health",
    Fitness.UNKNOWN: "health",
    Fitness.DOWN: "health",
    Fitness.OUT: "override",
}
