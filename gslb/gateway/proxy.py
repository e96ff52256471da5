"""One request, from its admission to the end of its response."""

import asyncio

import aiohttp
import structlog
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from gslb.gateway.headers import to_upstream, via
from gslb.gateway.metrics import Metrics
from gslb.gateway.pool import Pool, Upstream
from gslb.gateway.refusal import CutShortError, RefusalError
from gslb.gateway.relay import begin, relay
from gslb.gateway.session import CONNECT_ERRORS
from gslb.gateway.slots import Slots
from gslb.gateway.upload import Upload
from gslb.model.gateway import Gateway

log = structlog.get_logger(__name__)


class Proxy:
    """Forwards requests to the upstreams of ``pool``.

    Attributes:
        closing: from now on every response asks its client to close the connection.
    """

    def __init__(self, settings: Gateway, session: aiohttp.ClientSession, pool: Pool, metrics: Metrics) -> None:
        self._settings, self._session, self._pool, self._metrics = settings, session, pool, metrics
        self._slots = Slots(settings.max_connections, settings.connect_timeout)
        self.closing = False

    async def forward(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        """Answer ``request`` with what an upstream answers to ``target``, an origin-form request target.

        Raises:
            RefusalError: 408, 413: the body; 502: no upstream, or a broken one; 503: too busy; 504: a silent one.
            CutShortError: the response broke off.
        """
        upload = Upload(request, self._settings.max_body, self._settings.idle_timeout)
        async with self._slots.held():
            upstream, answer = await self._reach(request, target, upload)
            try:
                async with answer:
                    return await self._pass_on(answer, request)
            except (RefusalError, CutShortError) as error:
                if not (isinstance(error, CutShortError) and error.by_client):
                    self._metrics.upstream_failed(str(upstream.address), "broken")
                raise

    async def _pass_on(self, answer: aiohttp.ClientResponse, request: web.BaseRequest) -> web.StreamResponse:
        response = begin(answer, self._settings.region)
        if self.closing:
            response.force_close()
        await relay(answer, response, request, self._settings.idle_timeout)
        return response

    async def _reach(
        self, request: web.BaseRequest, target: str, upload: Upload
    ) -> tuple[Upstream, aiohttp.ClientResponse]:
        """Ask one upstream after the other until one can be connected to; then there is no way back."""
        loop = asyncio.get_running_loop()
        for upstream in self._pool.order(loop.time()):
            try:
                return upstream, await self._ask(upstream, request, target, upload)
            except CONNECT_ERRORS as error:
                self._pool.failed(upstream, loop.time())
                self._metrics.upstream_failed(str(upstream.address), "connect")
                log.warning("upstream not connected", upstream=str(upstream.address), error=str(error))
        raise RefusalError(502, "no upstream can be connected to")

    async def _ask(
        self, upstream: Upstream, request: web.BaseRequest, target: str, upload: Upload
    ) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout(None) as deadline:
                upload.watched_by(deadline)
                return await self._session.request(
                    request.method,
                    # Built with the query inside the path: yarl would drop a question mark without a query.
                    URL.build(scheme="http", authority=str(upstream.address), path=target, encoded=True),
                    headers=self._fields(request),
                    data=upload if request.can_read_body else None,
                    allow_redirects=False,
                )
        except CONNECT_ERRORS:
            raise
        except TimeoutError:
            raise upload.refusal or self._failed(upstream, "timeout", 504) from None
        except aiohttp.ClientError as error:
            raise upload.refusal or self._failed(upstream, "broken", 502) from error
        finally:
            upload.watched_by(None)

    def _fields(self, request: web.BaseRequest) -> CIMultiDict[str]:
        fields = to_upstream(
            request.headers.items(),
            client=request.remote or "unknown",
            host=request.headers[hdrs.HOST],
            via=via(request.version, self._settings.region),
        )
        return CIMultiDict(fields)

    def _failed(self, upstream: Upstream, reason: str, status: int) -> RefusalError:
        self._metrics.upstream_failed(str(upstream.address), reason)
        return RefusalError(status, f"the upstream did not answer: {reason}")
