"""The gateway as a running thing: start, drain, close. Forwarding is in ``proxy``, its own pages in ``pages``."""

import asyncio
from contextlib import suppress

import structlog
from aiohttp import web

from gslb.gateway.admission import admit
from gslb.gateway.listeners import bind, make_runner, reset
from gslb.gateway.pages import Pages, refusal_page
from gslb.gateway.pool import Pool
from gslb.gateway.proxy import Proxy
from gslb.gateway.refusal import CutShortError, RefusalError
from gslb.gateway.session import open_session
from gslb.gateway.traffic import Traffic
from gslb.gateway.watch import check_all, watch
from gslb.model.address import Address
from gslb.model.gateway import Gateway

log = structlog.get_logger(__name__)

_DRAIN_POLL = 0.01
"""Seconds between looks at the connections left; aiohttp does not tell when one ends."""


class RegionalGateway:
    """One regional gateway. Made inside a running loop; ``start``, then ``drain`` if there is time, then ``close``."""

    def __init__(self, settings: Gateway, *, version: str, config_version: str) -> None:
        self._settings = settings
        self._runner = make_runner(self._handle)
        self._pool = Pool(settings.upstreams, settings.upstream_retry)
        self._traffic = Traffic()
        self._pages = Pages(settings, self._pool, self._traffic, version, config_version)
        self._session = open_session(settings)
        self._proxy = Proxy(settings, self._session, self._pool, self._traffic.metrics)
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> tuple[Address, ...]:
        """Check the upstreams once, so that the first health document is true, and listen.

        Raises:
            ListenError: an address cannot be bound.
        """
        settings = self._settings
        await check_all(self._pool, settings.connect_timeout)
        await self._runner.setup()
        addresses = await bind(self._runner, settings.listen, f"gateways.{settings.region}.listen")
        self._watch = asyncio.create_task(watch(self._pool, settings.connect_timeout))
        log.info("gateway serves", region=settings.region, listen=[str(address) for address in addresses])
        return addresses

    async def drain(self) -> None:
        """Say 'draining', take requests for ``drain_delay`` more, then none, and let those in flight finish.

        Returns when all have, responses sent, or after ``drain_timeout``.
        """
        log.info("gateway drains", region=self._settings.region, in_flight=len(self._traffic.active))
        self._pages.draining = self._proxy.closing = True
        await asyncio.sleep(self._settings.drain_delay)
        for site in self._runner.sites:
            await site.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_timeout):
                await self._last_connection_closed()

    async def close(self) -> None:
        """Cut what is still in flight and release everything."""
        if self._traffic.active:
            log.warning("requests cut", region=self._settings.region, requests=len(self._traffic.active))
        for connection in tuple(self._traffic.active):
            reset(connection)
        await self._runner.cleanup()
        await self._session.close()
        if self._watch:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        log.info("gateway closed", region=self._settings.region)

    async def _last_connection_closed(self) -> None:
        server = self._runner.server
        while server and server.connections:
            # Requests that have just been read get to their handler first.
            await asyncio.sleep(_DRAIN_POLL)
            for connection in server.connections:
                # aiohttp's own shutdown would throw away the rest of a body that is still being received.
                if connection not in self._traffic.active:
                    connection.force_close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        response: web.StreamResponse | None = self._pages.find(request)
        if response is None:
            response = await self._follow(request)
        if self._pages.draining:
            response.force_close()
        return response

    async def _follow(self, request: web.BaseRequest) -> web.StreamResponse:
        with self._traffic.following(request) as record:
            response, record.outcome = await self._answer(request)
            return response

    async def _answer(self, request: web.BaseRequest) -> tuple[web.StreamResponse, str]:
        try:
            target = admit(request.method, request.raw_path, request.version, request.headers)
            response = await self._proxy.forward(request, target)
        except RefusalError as refusal:
            response = refusal_page(refusal)
        except CutShortError as cut:
            reset(request.protocol)
            return cut.response, "gone" if cut.by_client else "cut"
        return response, f"{response.status // 100}xx"
