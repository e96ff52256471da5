"""The HTTP client towards the upstreams: aiohttp without the help that a proxy must not give."""

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from gslb.model.gateway import Gateway

CONNECT_ERRORS = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""No connection could be made, so no byte of the request was sent."""


class UpstreamLostError(aiohttp.ClientError):
    """The connection broke after the request, or a part of it, was sent."""


def open_session(settings: Gateway) -> aiohttp.ClientSession:
    """Return a session that adds no header, keeps no cookie, decodes nothing and sends every request once.

    Each request has a connection of its own. aiohttp does not notice bytes that an upstream left in a kept connection,
    nor can it tell a connection that has just been closed: the one gives a client another's response, the other fails
    requests that may not be sent twice.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True, limit=0),
        timeout=aiohttp.ClientTimeout(total=None, connect=settings.connect_timeout, sock_read=settings.idle_timeout),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        auto_decompress=False,
        middlewares=(_send_once,),
    )


async def _send_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keep aiohttp from sending an idempotent request again on its own: it does so on the errors it knows."""
    try:
        return await handler(request)
    except CONNECT_ERRORS:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise UpstreamLostError(str(error)) from error
