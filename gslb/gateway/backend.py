"""A tiny server to put behind a gateway, for the demo and for tests."""

import asyncio
import json
from collections.abc import Callable
from contextlib import nullcontext

from aiohttp import web

from gslb.gateway.listeners import bind, make_runner
from gslb.gateway.signals import on_stop_signals
from gslb.model.address import Address

_LONGEST = 30.0
_TICK = 0.1


async def run_backend(
    listen: Address,
    name: str,
    region: str,
    stop: asyncio.Event | None = None,
    *,
    ready: Callable[[Address], None] | None = None,
) -> None:
    """Answer every path with who answers, until ``stop`` is set; None: until SIGTERM or SIGINT.

    ``/slow?seconds=1`` streams a line every 100 ms for that long, at most 30 s.

    Raises:
        ListenError: ``listen`` cannot be bound.
    """

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        who = {"region": region, "backend": name, "path": request.path}
        if request.path == "/slow":
            return await _slow(request, who)
        return web.Response(text=json.dumps(who) + "\n", content_type="application/json", headers={"X-Region": region})

    runner, stopped = make_runner(handle), stop or asyncio.Event()
    await runner.setup()
    with nullcontext() if stop else on_stop_signals(stopped.set):
        try:
            (address,) = await bind(runner, (listen,), "backend.listen")
            if ready:
                ready(address)
            await stopped.wait()
        finally:
            await runner.cleanup()


async def _slow(request: web.BaseRequest, who: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"X-Region": who["region"], "Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    for tick in range(_ticks(request.query.get("seconds", "1"))):
        await response.write(json.dumps(who | {"tick": tick}).encode() + b"\n")
        await asyncio.sleep(_TICK)
    return response


def _ticks(seconds: str) -> int:
    try:
        wanted = float(seconds)
    except ValueError:
        wanted = 1.0
    return round(max(0.0, min(wanted, _LONGEST)) / _TICK)
