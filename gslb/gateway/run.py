"""A gateway from start to end, as a process of its own or inside one."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import nullcontext

from gslb.gateway.gateway import RegionalGateway
from gslb.gateway.signals import on_stop_signals
from gslb.model.address import Address
from gslb.model.gateway import Gateway


async def run_gateway(
    settings: Gateway,
    *,
    version: str,
    config_version: str,
    ready: Callable[[tuple[Address, ...]], None] | None = None,
    stop: asyncio.Event | None = None,
) -> int:
    """Serve until told to stop, drain, and return the exit code 0.

    Args:
        settings: of this region's gateway.
        version: of gslb, for the health document.
        config_version: of the configuration, for the health document.
        ready: called with the addresses bound once the gateway serves.
        stop: set it to drain. None: SIGTERM or SIGINT drains, and a second one ends at once.

    Raises:
        ListenError: an address cannot be bound.
        GslbError: aiohttp runs without its C parser.
    """
    draining, hurry = stop or asyncio.Event(), asyncio.Event()
    gateway = RegionalGateway(settings, version=version, config_version=config_version)

    def on_signal() -> None:
        (hurry if draining.is_set() else draining).set()

    with nullcontext() if stop else on_stop_signals(on_signal):
        try:
            addresses = await gateway.start()
            if ready:
                ready(addresses)
            await draining.wait()
            await _either(gateway.drain(), hurry.wait())
        finally:
            await gateway.close()
    return 0


async def _either(*waits: Coroutine[object, object, object]) -> None:
    """Wait for the first of ``waits`` and cancel the others; an error of it is raised here."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
