"""The pages that the gateway answers by itself: the health document and the metrics."""

import json
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address

from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST

from gslb.gateway.pool import Pool
from gslb.gateway.refusal import RefusalError
from gslb.gateway.state import Condition, health_document
from gslb.gateway.traffic import Traffic
from gslb.model.gateway import Gateway
from gslb.model.observation import ServingState


class Pages:
    """Own pages, for GET and HEAD. ``version`` is that of gslb, ``config_version`` that of the configuration."""

    def __init__(self, settings: Gateway, pool: Pool, traffic: Traffic, version: str, config_version: str) -> None:
        self._settings, self._pool, self._traffic = settings, pool, traffic
        self._version, self._config_version = version, config_version
        self.draining = False

    def find(self, request: web.BaseRequest) -> web.Response | None:
        """Return the page that ``request`` asks for; None where it is to be forwarded."""
        path = request.raw_path.partition("?")[0]
        if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            return None
        if path == self._settings.health_path:
            return self._health()
        if path == self._settings.metrics_path and self._may_see_metrics(request.remote):
            return self._metrics()
        return None

    def _health(self) -> web.Response:
        condition = self._condition()
        document = health_document(
            condition,
            region=self._settings.region,
            version=self._version,
            config_version=self._config_version,
        )
        unavailable = condition.state is ServingState.UNAVAILABLE
        return web.Response(
            status=HTTPStatus.SERVICE_UNAVAILABLE if unavailable else HTTPStatus.OK,
            text=json.dumps(document),
            content_type="application/json",
            headers={hdrs.CACHE_CONTROL: "no-store"},
        )

    def _metrics(self) -> web.Response:
        text = self._traffic.metrics.render(self._condition().state)
        return web.Response(body=text, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST})

    def _condition(self) -> Condition:
        return Condition(
            draining=self.draining,
            load=self._traffic.load(),
            capacity=self._settings.capacity,
            errors=self._traffic.errors(),
            in_flight=len(self._traffic.active),
            healthy=self._pool.healthy,
            total=self._pool.total,
        )

    def _may_see_metrics(self, remote: str | None) -> bool:
        if remote is None:
            return False
        client = ip_address(remote)
        # A socket for both families shows IPv4 clients so.
        client = (isinstance(client, IPv6Address) and client.ipv4_mapped) or client
        return any(client in network for network in self._settings.metrics_allow)


def refusal_page(refusal: RefusalError) -> web.Response:
    """Say why the gateway refuses. After a fault of the client the connection is closed: its bytes may be anything."""
    response = web.Response(status=refusal.status, text=f"{refusal}\n", headers={hdrs.CACHE_CONTROL: "no-store"})
    if refusal.retry_after is not None:
        response.headers[hdrs.RETRY_AFTER] = str(refusal.retry_after)
    if refusal.status not in (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT):
        response.force_close()
    return response
