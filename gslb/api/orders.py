"""Orders over the API: drains, what is forced, and freezes. See docs/orders.md."""

import math
from typing import Annotated, Any, Literal, Self

from aiohttp import web
from pydantic import Field, model_validator

from gslb.api.request import CONTROLLER, Author, Named, Why, author_in_query, read_body
from gslb.api.views import View, moment_view
from gslb.control.controller import Controller
from gslb.control.departures import AUTHOR, REASON
from gslb.control.drains import Progress
from gslb.control.guard import Consent, find_target
from gslb.control.ordering import Request
from gslb.model.drain import Drain
from gslb.model.names import EndpointName
from gslb.model.options import Duration, Options, PositiveDuration
from gslb.model.override import Kind, Override

FORCED = (Kind.OUT, Kind.UP, Kind.WEIGHT, Kind.TTL)
_VALUED = ("weight", "ttl")


class _OrderRequest(Options):
    """What all orders say."""

    reason: Why
    author: Author
    service: Annotated[Named | None, Field(description="name or glob of the only services that it is about")] = None
    force: Annotated[bool, Field(description="even past the safety rules that allow that")] = False
    confirm: Annotated[str | None, Field(max_length=100, description="the token that a refusal has named")] = None

    def request(self, kind: Kind, target: str, duration: float | None, **more: Any) -> Request:
        """The order as control takes it; ``more`` is what only its kind says."""
        consent = Consent(self.force, self.confirm)
        return Request(kind, target, self.author, self.reason, duration, service=self.service, consent=consent, **more)


class DrainRequest(_OrderRequest):
    """Body of ``POST /v1/drains``."""

    target: Annotated[Named, Field(description="region or endpoint")]
    duration: Annotated[PositiveDuration | None, Field(description="lifted by itself after this time")] = None
    now: Annotated[bool, Field(description="do not wait until longer TTLs have passed")] = False
    ramp: Annotated[Duration, Field(description="time over which the share of a region is moved away")] = 0.0


class OrderRequest(_OrderRequest):
    """Body of ``POST /v1/orders``."""

    kind: Annotated[Literal["out", "up", "weight", "ttl", "freeze"], Field(description="what is ordered")]
    target: Annotated[Named, Field(description="endpoint, region or service, or a glob of such names")]
    value: Annotated[int | None, Field(description="the weight, or the TTL in seconds")] = None
    duration: Annotated[PositiveDuration, Field(description="lifted by itself after this time")]

    @model_validator(mode="after")
    def _has_a_value(self) -> Self:
        if (self.kind in _VALUED) is (self.value is None):
            needs = "needs a value" if self.value is None else "takes no value"
            raise ValueError(f"{self.kind} {needs}; only weight and ttl have one")
        return self


async def index(request: web.Request) -> web.Response:
    """All orders in force, and how far drains are."""
    controller = request.app[CONTROLLER]
    return web.json_response({"orders": orders_view(controller), "durable": controller.store.durable})


async def drain(request: web.Request) -> web.Response:
    """Take a region or an endpoint out so that nobody notices."""
    controller, order = request.app[CONTROLLER], await read_body(request, DrainRequest)
    find_target(controller.engine, order.target)
    return _give(
        controller, order.request(Kind.DRAIN, order.target, order.duration, at_once=order.now, ramp=order.ramp)
    )


async def undrain(request: web.Request) -> web.Response:
    """Lift a drain."""
    return _lifted(request, [Kind.DRAIN])


async def give(request: web.Request) -> web.Response:
    """Force an endpoint, a region or a service, or freeze answers."""
    controller, order = request.app[CONTROLLER], await read_body(request, OrderRequest)
    return _give(controller, order.request(Kind(order.kind), order.target, order.duration, value=order.value))


async def lift(request: web.Request) -> web.Response:
    """Lift what was forced of a target: ``?kind=ttl`` only that, ``?kind=freeze`` a freeze."""
    text = request.query.get("kind")
    kinds = [*FORCED, Kind.FREEZE]
    if text is not None and text not in kinds:
        raise web.HTTPBadRequest(text=f"{text!r} is no kind of order; write one of {', '.join(kinds)}")
    return _lifted(request, FORCED if text is None else [Kind(text)])


def _lifted(request: web.Request, kinds: "list[Kind] | tuple[Kind, ...]") -> web.Response:
    controller, author = request.app[CONTROLLER], author_in_query(request)
    lifted = controller.lift(request.match_info["target"], author, kinds, request.query.get("service"))
    views = [order_view(controller, order) for order in lifted]
    return web.json_response({"lifted": views, "durable": controller.store.durable})


def _give(controller: Controller, request: Request) -> web.Response:
    """Put an order into force, and say so; ``durable`` says whether it would survive a crash."""
    order = controller.order(request)
    return web.json_response({**order_view(controller, order), "durable": controller.store.durable}, status=201)


def orders_view(controller: Controller) -> list[View]:
    """All orders in force, oldest first, and then the endpoints that say of themselves that they are draining."""
    reported = controller.departures.states.items()
    orders = [order_view(controller, order) for order in controller.orders.in_force]
    return orders + [_departure_view(controller, endpoint, drain) for endpoint, drain in reported]


def order_view(controller: Controller, order: Override) -> View:
    """One order; of a drain also how far it is."""
    progress = controller.ordering.progress(order)
    return {
        "kind": order.kind,
        "target": order.target,
        "service": order.service,
        "value": order.value,
        "author": order.author,
        "reason": order.reason,
        "created": moment_view(controller, order.created),
        "expires": moment_view(controller, order.expires),
        "automatic": False,
        "drain": progress and order.drain and _drain_view(controller, order.drain, progress),
    }


def _departure_view(controller: Controller, endpoint: EndpointName, drain: Drain) -> View:
    """The same of an endpoint that leaves without an order."""
    facts, services = controller.departures.facts(endpoint), controller.departures.services(endpoint)
    return {
        "kind": Kind.DRAIN,
        "target": endpoint,
        "service": None,
        "value": None,
        "author": AUTHOR,
        "reason": REASON,
        "created": moment_view(controller, drain.since),
        "expires": None,
        "automatic": True,
        "drain": _drain_view(controller, drain, Progress(facts, facts.exposed_until, tuple(services))),
    }


def _drain_view(controller: Controller, drain: Drain, progress: Progress) -> View:
    return {
        "phase": drain.phase,
        "since": moment_view(controller, drain.since),
        "share": drain.share,
        "done_at": _finite(controller, progress.done_at),
        "exposed_until": _finite(controller, progress.facts.exposed_until),
        "blocked": progress.facts.blocked,
        "services": [name.removesuffix(".") for name in progress.services],
    }


def _finite(controller: Controller, moment: float) -> str | None:
    return None if math.isinf(moment) else moment_view(controller, moment)
