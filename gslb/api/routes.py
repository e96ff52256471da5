"""The routes of the API. Errors are problem documents (RFC 9457) that say what to do."""

import asyncio
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import Field

from gslb.api import orders
from gslb.api.auth import guard
from gslb.api.history import history_view
from gslb.api.request import CONTROLLER, Author, Named, Why, answering_service, find_service, read_body
from gslb.api.views import explain_view, result_view, status_view
from gslb.control.controller import Controller
from gslb.control.reload import reload_file
from gslb.errors import ConfigError, RefusedError
from gslb.model.address import IPNetwork, client_network
from gslb.model.duration import parse_duration
from gslb.model.options import Options

ONE_AT_A_TIME = web.AppKey("one_at_a_time", asyncio.Lock)
MAX_HISTORY = 5_000
MAX_BODY = 64 * 1024


class ResumeRequest(Options):
    """Body of ``POST /v1/ramps/resume``."""

    service: Annotated[Named, Field(description="DNS name")]
    region: Annotated[Named, Field(description="who waits to answer, or whose share was withdrawn")]
    reason: Why
    author: Author


class ProbeRequest(Options):
    """Body of ``POST /v1/probes``."""

    target: Annotated[Named, Field(description="region or endpoint")]


def make_app(controller: Controller, token: str) -> web.Application:
    """The application that serves ``controller``; what changes state needs ``token``."""
    app = web.Application(middlewares=[problems, guard(token)], client_max_size=MAX_BODY)
    app[CONTROLLER] = controller
    app[ONE_AT_A_TIME] = asyncio.Lock()
    app.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/metrics", metrics),
            web.get("/v1/status", status),
            web.get("/v1/explain", explain),
            web.get("/v1/decisions", decisions),
            web.get("/v1/history", history),
            web.get("/v1/orders", orders.index),
            web.post("/v1/orders", orders.give),
            web.delete("/v1/orders/{target:.+}", orders.lift),
            web.post("/v1/drains", orders.drain),
            web.delete("/v1/drains/{target:.+}", orders.undrain),
            web.post("/v1/ramps/resume", resume),
            web.post("/v1/probes", probe),
            web.post("/v1/reload", reload),
        ]
    )
    return app


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors into problem documents."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:  # noqa: PLR2004  RFC 9110, section 15.5
            raise
        headers = {name: value for name, value in error.headers.items() if name in ("WWW-Authenticate", "Allow")}
        return _problem(error.status, error.text or error.reason, headers=headers)
    except RefusedError as error:
        return _problem(409, str(error).partition("\n")[0], remedy=error.remedy, rule=error.rule)
    except ConfigError as error:
        return _problem(422, "the configuration has faults", problems=[str(problem) for problem in error.problems])


def _problem(status: int, detail: str, *, headers: dict[str, str] | None = None, **more: Any) -> web.Response:
    body = {"status": status, "detail": detail, **more}
    return web.json_response(body, status=status, content_type="application/problem+json", headers=headers)


async def healthz(request: web.Request) -> web.Response:
    """200 once every service has been decided, 503 before."""
    complete = request.app[CONTROLLER].engine.complete
    return web.json_response({"state": "ok" if complete else "starting"}, status=200 if complete else 503)


async def metrics(request: web.Request) -> web.Response:
    """Prometheus metrics."""
    controller = request.app[CONTROLLER]
    async with request.app[ONE_AT_A_TIME]:
        controller.refresh_gauges()
        body = await asyncio.to_thread(controller.metrics.text)  # megabytes, with thousands of endpoints
    return web.Response(body=body, content_type="text/plain", charset="utf-8")


async def status(request: web.Request) -> web.Response:
    """Everything at a glance."""
    controller = request.app[CONTROLLER]
    return web.json_response({**status_view(controller), "orders": orders.orders_view(controller)})


async def explain(request: web.Request) -> web.Response:
    """Why a name answers what it answers: ``?name=api.example.com``, to one client: ``&client=192.0.2.1``.

    In the answer, ``asked`` is that name, and ``name`` that of the service, which may be a wildcard above it.
    """
    controller = request.app[CONTROLLER]
    asked = request.query.get("name", "")
    name = answering_service(controller, asked)
    client = await controller.client(_network(request.query["client"])) if "client" in request.query else None
    view = explain_view(controller, name, client)
    return web.json_response({**view, "asked": asked.lower().removesuffix(".")})


async def decisions(request: web.Request) -> web.Response:
    """The steering of every service in full, as ``gslb.model.steering`` has it."""
    controller = request.app[CONTROLLER]
    found = controller.engine.decisions
    view = {
        "generation": controller.publisher.generation,
        "lease": controller.publishing.fence,
        "services": {name: found[name].steering for name in sorted(found)},
    }
    async with request.app[ONE_AT_A_TIME]:
        body = await asyncio.to_thread(msgspec.json.encode, view)  # megabytes, with thousands of services
    return web.Response(body=body, content_type="application/json")


def _network(text: str) -> IPNetwork:
    try:
        return client_network(text)
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from None


async def history(request: web.Request) -> web.Response:
    """What happened, oldest first: ``?since=1h&limit=1000``."""
    controller = request.app[CONTROLLER]
    try:
        since = controller.clock.utc() - timedelta(seconds=parse_duration(request.query.get("since", "1h")))
        limit = min(MAX_HISTORY, int(request.query.get("limit", "1000")))
    except (ValueError, OverflowError) as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    async with request.app[ONE_AT_A_TIME]:
        records = await controller.store.history(since, max(1, limit))
        # Megabytes, and probes run on this loop: so in a thread, and one answer at a time.
        body = await asyncio.to_thread(lambda: msgspec.json.encode({"history": [history_view(r) for r in records]}))
    return web.Response(body=body, content_type="application/json")


async def resume(request: web.Request) -> web.Response:
    """Let a region answer that waits, or a share grow again that was withdrawn."""
    controller, order = request.app[CONTROLLER], await read_body(request, ResumeRequest)
    name = find_service(controller, order.service)
    controller.resume(name, order.region, order.author, order.reason)
    return web.json_response({"service": name.removesuffix("."), "region": order.region}, status=201)


async def probe(request: web.Request) -> web.Response:
    """Probe a region or an endpoint now."""
    controller, order = request.app[CONTROLLER], await read_body(request, ProbeRequest)
    results = await controller.probe(order.target)
    return web.json_response({"results": [result_view(controller, result) for result in results]})


async def reload(request: web.Request) -> web.Response:
    """Read the configuration file again. ``replacing`` has keys for which processes are being replaced."""
    reloaded = await reload_file(request.app[CONTROLLER])
    return web.json_response({"configuration": reloaded.version, "replacing": reloaded.replacing})
