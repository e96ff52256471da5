"""Drains at work: each goes on as the exposure ledger allows."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from gslb.control.ledger import Ledger
from gslb.model.drain import Drain, Facts, Phase, advance, drained_at, next_moment
from gslb.model.exposure import ALLOWANCE
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.override import Key, Kind, Override, service_order
from gslb.model.topology import Topology
from gslb.model.watermark import Watermark

RETRY = 1.0
"""Seconds until a drain that must not go on is looked at again."""

Blocked = Callable[[Override, tuple[Override, ...]], str | None]
"""Why an order, one of those in force, must not take its target out of the answers just now; None where it may."""
Pairs = Mapping[ServiceName, tuple[EndpointName, ...]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a drain is, for people. Moments are monotonic seconds, and infinite where nobody can say.

    Attributes:
        facts: what it depends on.
        done_at: when it will be drained if nothing else happens.
        services: in whose answers its target was.
    """

    facts: Facts
    done_at: float
    services: tuple[ServiceName, ...]


class Drains:
    """Advances drains.

    Args:
        ledger: until when resolvers may hold what.
        blocked: asked before a drain takes its target out.
        watermark: says what all places are known to have left behind.
    """

    def __init__(self, ledger: Ledger, blocked: Blocked, watermark: Callable[[], Watermark | None]) -> None:
        self._ledger, self._blocked, self._watermark = ledger, blocked, watermark
        self._topology = Topology()
        self._pairs: dict[tuple[str, str | None], Pairs] = {}
        self._held_up: dict[Key, str] = {}

    def configure(self, topology: Topology) -> None:
        """These are the services and endpoints from now on."""
        self._topology, self._pairs = topology, {}

    def advance(self, orders: tuple[Override, ...], now: float) -> tuple[tuple[Override, Override], ...]:
        """The drains among ``orders`` that have come a step further: as they were, and as they are."""
        moved, in_force, self._held_up = [], orders, {}
        for order in orders:
            if order.drain is None:
                continue
            facts = self._facts(order, order.drain, orders)
            if advance(order.drain, facts, now).out and not order.drain.out and not order.drain.forced:
                # Asked once, and only when it is due: with thousands of services that takes a while.
                facts = replace(facts, blocked=self._blocked(order, in_force))
                if facts.blocked is not None:
                    self._held_up[order.key] = facts.blocked
            drain = advance(order.drain, facts, now)
            if drain is not order.drain:
                after = replace(order, drain=drain)
                moved.append((order, after))
                # Of two that are ready at the same moment, the second must see that the first has left.
                in_force = tuple(after if each is order else each for each in in_force)
        return tuple(moved)

    def next_moment(self, orders: tuple[Override, ...], now: float) -> float:
        """When there may be more to advance, in monotonic seconds."""
        moments = [math.inf]
        for order in orders:
            if order.drain is not None:
                moment = next_moment(order.drain, self._facts(order, order.drain, orders))
                moments.append(moment if moment > now else now + RETRY)
        return min(moments)

    def progress(self, order: Override, drain: Drain, orders: tuple[Override, ...], now: float) -> Progress:
        """How far the drain that ``order`` is has come."""
        facts, pairs = self._facts(order, drain, orders), self._of(order)
        alert = max((self._alert(name, orders) for name in pairs), default=0)
        done_at = drained_at(drain, facts, alert + ALLOWANCE, now)
        return Progress(facts, math.inf if facts.blocked else done_at, tuple(pairs))

    def _facts(self, order: Override, drain: Drain, orders: tuple[Override, ...]) -> Facts:
        """What the drain depends on, whatever other orders say of its endpoints."""
        pairs, ledger, long = self._of(order), self._ledger, -math.inf
        exposed = max((ledger.exposed_until(s, e) for s, each in pairs.items() for e in each), default=-math.inf)
        if drain.phase is Phase.LOWERING:
            above = {name: self._alert(name, orders) for name in pairs}
            held = (ledger.exposed_until(s, e, above=above[s]) for s, each in pairs.items() for e in each)
            long = max(held, default=-math.inf)
        return Facts(long, exposed, self._held_up.get(order.key), self._watermark())

    def _alert(self, name: ServiceName, orders: tuple[Override, ...]) -> int:
        """The TTL that the service has while it is drained."""
        order, service = service_order(orders, Kind.TTL, name), self._topology.services.get(name)
        if order is not None and order.value is not None:
            return order.value
        return service.ttl_alert if service is not None else 0

    def _of(self, order: Override) -> Pairs:
        """Endpoints that the drain is about, by service."""
        about = order.target, order.service
        if about not in self._pairs:
            found = {name: tuple(self._members(order, name)) for name in self._services()}
            self._pairs[about] = {name: endpoints for name, endpoints in found.items() if endpoints}
        return self._pairs[about]

    def _services(self) -> Iterable[ServiceName]:
        """Those that are configured, and those that are not any more but whose answers may be held."""
        return dict.fromkeys((*self._topology.services, *self._ledger.services))

    def _members(self, order: Override, name: ServiceName) -> Iterator[EndpointName]:
        service = self._topology.services.get(name)
        present = self._topology.all_endpoints_of(service) if service is not None else ()
        for endpoint in present:
            if order.covers(endpoint, name):
                yield endpoint.name
        for former in self._ledger.exposed(name).keys() - {endpoint.name for endpoint in present}:
            if order.names(former, RegionName(former.partition("/")[0]), name):
                yield former
