"""What escalations see of regions, and the orders they give: the port of ``control.escalation`` on this controller."""

from collections.abc import Callable, Iterable, Iterator

from gslb.control.engine import Engine
from gslb.control.escalation import Given, Sight
from gslb.control.health import newest_report
from gslb.control.ordering import Ordering, Request
from gslb.control.orders import Orders
from gslb.errors import RefusedError
from gslb.model.combine import Health
from gslb.model.fitness import Standing
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.override import Kind, Override, service_order, state_order, weight_order
from gslb.model.topology import Region

AUTHOR = "escalation "
"""What the author of an order begins with that an escalation gives. People's names do not."""


class Helper:
    """What escalations see and order.

    Args:
        engine: knows how regions do.
        orders: those in force.
        ordering: takes new ones.
        ordered: called after orders have changed.
    """

    def __init__(self, engine: Engine, orders: Orders, ordering: Ordering, ordered: Callable[[], object]) -> None:
        self._engine, self._orders, self._ordering, self._ordered = engine, orders, ordering, ordered

    @property
    def doubtful(self) -> bool:
        """Whether some vantage point doubts its own network."""
        return any(vantage.doubt is not None for vantage in self._engine.votes.vantages.values())

    def sight(self, service: ServiceName, region: RegionName) -> Sight:
        """What is seen now of a region in the use of a service."""
        found = self._engine.topology.regions[region].endpoints
        orders = [state_order(self._orders.in_force, endpoint, service) for endpoint in found]
        leaving = all(order is not None and order.kind is not Kind.UP for order in orders)
        up = [standing for e in found if (standing := self._standing(service, e.name)).health is Health.UP]
        score = sum(standing.score for standing in up) / len(up) if up else 1.0
        saturations = [self._saturation(service, endpoint.name) for endpoint in found]
        known = [saturation for saturation in saturations if saturation is not None]
        frozen = service_order(self._orders.in_force, Kind.FREEZE, service) is not None
        return Sight(bool(up), leaving, score, max(known, default=None), frozen)

    def _standing(self, service: ServiceName, endpoint: EndpointName) -> Standing:
        return self._engine.standings[service, endpoint]

    def _saturation(self, service: ServiceName, endpoint: EndpointName) -> float | None:
        report = newest_report(self._engine.checks_of(service, endpoint))
        return None if report is None else report.saturation

    def given(self) -> Iterator[Given]:
        """The orders in force whose author is an escalation."""
        for order in self._orders.in_force:
            if order.author.startswith(AUTHOR) and order.service and order.kind in (Kind.WEIGHT, Kind.DRAIN):
                weight = order.value if order.kind is Kind.WEIGHT else None
                yield Given(order.author, RegionName(order.target), order.service, weight)

    def order_weight(self, region: RegionName, services: str, weight: int, author: str, reason: str) -> None:
        """Give the region this base weight; it stands as long as orders may, unless it is lifted before."""
        longest = self._ordering.guard.limits.max_override
        self._give(Request(Kind.WEIGHT, region, author, reason, longest, value=weight, service=services))

    def order_drain(self, region: RegionName, services: str, author: str, reason: str) -> None:
        """Drain the region."""
        self._give(Request(Kind.DRAIN, region, author, reason, service=services))

    def lift(self, order: Given) -> None:
        """Lift this order."""
        if order in self.given():
            kind = Kind.DRAIN if order.weight is None else Kind.WEIGHT
            self._ordering.lift(order.region, order.author, (kind,), order.services)
            self._ordered()

    def _give(self, request: Request) -> None:
        """Give an order, unless people have said something else: that is theirs to lift.

        Raises:
            RefusedError: they have, or a safety rule forbids it.
        """
        wanted = Override(request.kind, request.target, request.author, request.reason, 0.0, service=request.service)
        region = self._engine.topology.regions[RegionName(request.target)]
        services = tuple(self._concerned(wanted, region.name))
        self._refuse_frozen(services)
        for order in self._orders.in_force:
            theirs = order.author != wanted.author and order.key == wanted.key
            if theirs or (_overruled(order, wanted) and any(_counts(order, region, each) for each in services)):
                raise RefusedError(
                    "taken", f"{order.author} has ordered {order.kind} of {order.target}", "lift that first"
                )
        self._ordering.give(request)
        self._ordered()

    def _concerned(self, wanted: Override, region: RegionName) -> Iterator[ServiceName]:
        """The services that the region is a member of and that ``wanted`` is about."""
        for name, service in self._engine.topology.services.items():
            if wanted.concerns(name) and any(member.region == region for member in service.members):
                yield name

    def _refuse_frozen(self, services: Iterable[ServiceName]) -> None:
        for service in services:
            if (freeze := service_order(self._orders.in_force, Kind.FREEZE, service)) is not None:
                what = f"{freeze.author} has frozen {service.removesuffix('.')}"
                raise RefusedError("frozen", what, "lift the freeze first: gslb unfreeze")


def _overruled(order: Override, wanted: Override) -> bool:
    """Whether people have given ``order``, and ``wanted`` is of the same aspect, so that it would count."""
    return not order.author.startswith(AUTHOR) and order.key[0] == wanted.key[0]


def _counts(order: Override, region: Region, service: ServiceName) -> bool:
    """Whether ``order`` is about the weight of the region, or about an endpoint in it, in the use of ``service``."""
    if order.kind is Kind.WEIGHT:
        return weight_order((order,), region.name, service) is not None
    return any(order.covers(endpoint, service) for endpoint in region.endpoints)
