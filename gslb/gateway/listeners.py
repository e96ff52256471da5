"""The HTTP server towards the clients: what aiohttp is told, and binding its addresses."""

import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from aiohttp import http_parser, web
from aiohttp.http_exceptions import HttpProcessingError

from gslb.errors import GslbError, ListenError
from gslb.gateway.upload import CLIENT_PATIENCE
from gslb.model.address import Address

_BACKLOG = 1024
_CLOSE_PATIENCE = 1.0

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def make_runner(handler: Handler) -> web.ServerRunner:
    """Return a server that calls ``handler`` for each well-formed request and cancels it when the client leaves.

    Request lines and header fields are bounded by aiohttp (8190 bytes each, 128 fields), pipelined requests too. A
    header that takes longer than ``CLIENT_PATIENCE`` ends the connection, as does idling that long.

    Raises:
        GslbError: aiohttp runs without its C parser; the other one is laxer about what is a request.
    """
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise GslbError(
            "aiohttp runs without its C parser, so requests could be smuggled past the gateway\n"
            "    install an aiohttp wheel for this platform, and unset AIOHTTP_NO_EXTENSIONS"
        )
    server = web.Server(
        handler,
        handler_cancellation=True,
        access_log=None,
        logger=_quiet_logger(),
        auto_decompress=False,
        keepalive_timeout=CLIENT_PATIENCE,
    )
    return web.ServerRunner(server, shutdown_timeout=_CLOSE_PATIENCE)


async def bind(runner: web.ServerRunner, addresses: tuple[Address, ...], key: str) -> tuple[Address, ...]:
    """Listen on every address and return them as bound; port 0 has become a real one.

    Raises:
        ListenError: one of them cannot be bound; ``key`` is where it was configured.
    """
    for address in addresses:
        try:
            await web.TCPSite(runner, str(address.host), address.port, backlog=_BACKLOG).start()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            remedy = "stop what listens there (ss -ltnp shows it), or choose an address of this machine that is free"
            raise ListenError(str(address), key, reason, remedy) from error
    return tuple(Address(ip_address(host), port) for host, port, *_ in runner.addresses)


def reset(connection: web.RequestHandler) -> None:
    """Break the client's connection so that it shows: a close would look like the end of a body without length."""
    transport = connection.transport
    if transport and not transport.is_closing():
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


class _NotTheClientsFault(logging.Filter):
    """Lets through what went wrong here. Malformed requests come from anyone, with a stack trace each."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError)


def _quiet_logger() -> logging.Logger:
    logger = logging.getLogger(__name__)
    if not logger.filters:
        logger.addFilter(_NotTheClientsFault())
    return logger
