"""Serves the API on a loopback address and on a Unix socket beside the state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from gslb.errors import ListenError
from gslb.model.address import Address


@asynccontextmanager
async def serving(app: web.Application, listen: Address, socket: Path) -> AsyncIterator[None]:
    """Serve ``app`` while the context lasts.

    Raises:
        ListenError: an address is taken or not allowed.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        socket.unlink(missing_ok=True)
        for site, name in (
            (web.TCPSite(runner, str(listen.host), listen.port), str(listen)),
            (web.UnixSite(runner, str(socket)), str(socket)),
        ):
            try:
                await site.start()
            except OSError as error:
                remedy = "stop what listens there, or set api.listen to another address"
                raise ListenError(name, "api.listen", error.strerror or str(error), remedy) from None
        socket.chmod(0o600)
        yield
    finally:
        await runner.cleanup()
        socket.unlink(missing_ok=True)
