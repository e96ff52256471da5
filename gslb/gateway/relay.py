"""The response of an upstream on its way to the client."""

import asyncio

import aiohttp
from aiohttp import hdrs, web
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDict

from gslb.gateway.headers import has_control, sendable, to_client, via
from gslb.gateway.refusal import CutShortError, RefusalError
from gslb.gateway.upload import CLIENT_PATIENCE

_SWITCHING_PROTOCOLS = 101


class RelayedResponse(web.StreamResponse):
    """A response with the upstream's header fields, where aiohttp would add some of its own."""

    async def _prepare_headers(self) -> None:
        """Take out again what was added; Date stays, a proxy has to add it (RFC 9110, section 6.6.1)."""
        missing = [name for name in (hdrs.CONTENT_TYPE, hdrs.SERVER) if name not in self.headers]
        await super()._prepare_headers()
        for name in missing:
            self.headers.popall(name, None)


def begin(upstream: aiohttp.ClientResponse, region: str) -> RelayedResponse:
    """Return the response for the client, not sent yet.

    Raises:
        RefusalError: 502; the upstream's header cannot be passed on safely.
    """
    version, reason = upstream.version or (1, 1), upstream.reason or ""
    if upstream.status == _SWITCHING_PROTOCOLS:
        raise RefusalError(502, "the upstream switched protocols without being asked to")
    if upstream.headers.get(hdrs.TRANSFER_ENCODING, "chunked").lower() != "chunked":
        raise RefusalError(502, "the upstream used a transfer coding other than chunked")
    if has_control(reason) or any(has_control(value) for value in upstream.headers.values()):
        raise RefusalError(502, "the upstream sent a control character in its header")
    fields = to_client(upstream.headers.items(), via=via(version, region))
    return RelayedResponse(status=upstream.status, reason=sendable(reason), headers=CIMultiDict(fields))


async def relay(
    upstream: aiohttp.ClientResponse, response: web.StreamResponse, request: web.BaseRequest, idle_timeout: float
) -> None:
    """Send ``response`` with the body of ``upstream``, at the pace of the slower side.

    Raises:
        CutShortError: one of the two sides broke off, or the upstream was silent for ``idle_timeout`` seconds.
    """
    connection = upstream.connection
    protocol = connection.protocol if connection else None
    try:
        await response.prepare(request)
        while chunk := await _read(upstream, response, idle_timeout):
            async with asyncio.timeout(CLIENT_PATIENCE):
                await response.write(chunk)
        # The end of the connection is the end of such a body, and aiohttp takes a reset for one too.
        if _ends_with_connection(upstream) and protocol is not None and _was_reset(protocol):
            raise CutShortError(response, by_client=False)
        async with asyncio.timeout(CLIENT_PATIENCE):
            await response.write_eof()
    except (ConnectionError, TimeoutError):
        raise CutShortError(response, by_client=True) from None


async def _read(upstream: aiohttp.ClientResponse, response: web.StreamResponse, idle_timeout: float) -> bytes:
    """Read what there is. aiohttp's own timeout does not run once it has met a malformed chunk, nor does it tell."""
    try:
        async with asyncio.timeout(idle_timeout):
            return await upstream.content.readany()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise CutShortError(response, by_client=False) from error


def _ends_with_connection(upstream: aiohttp.ClientResponse) -> bool:
    return hdrs.CONTENT_LENGTH not in upstream.headers and hdrs.TRANSFER_ENCODING not in upstream.headers


def _was_reset(protocol: ResponseHandler) -> bool:
    return isinstance(protocol.exception(), aiohttp.ClientOSError)
