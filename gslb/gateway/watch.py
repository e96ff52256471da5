"""TCP checks of the upstreams in the background, so that their health is known without traffic."""

import asyncio

import structlog

from gslb.gateway.pool import Pool, Upstream
from gslb.model.address import Address

log = structlog.get_logger(__name__)

INTERVAL = 1.0
"""Seconds between the end of a check and the next one."""


async def check_all(pool: Pool, patience: float) -> None:
    """Check every upstream once, all at the same time; ``patience`` seconds each."""
    await asyncio.gather(*(_check(pool, upstream, patience) for upstream in pool))


async def watch(pool: Pool, patience: float) -> None:
    """Check every upstream until cancelled. A slow check of one does not hold up the others."""
    async with asyncio.TaskGroup() as group:
        for upstream in pool:
            group.create_task(_watch_one(pool, upstream, patience))


async def _watch_one(pool: Pool, upstream: Upstream, patience: float) -> None:
    while True:
        await asyncio.sleep(INTERVAL)
        await _check(pool, upstream, patience)


async def _check(pool: Pool, upstream: Upstream, patience: float) -> None:
    before, error = upstream.healthy, await _connect(upstream.address, patience)
    if error:
        pool.failed(upstream, asyncio.get_running_loop().time())
    else:
        pool.connected(upstream)
    if upstream.healthy != before:
        log.info("upstream changed", upstream=str(upstream.address), healthy=upstream.healthy, error=error)


async def _connect(address: Address, patience: float) -> str:
    """Connect and close. Return what went wrong, or ""."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(patience):
            transport, _ = await loop.create_connection(asyncio.Protocol, str(address.host), address.port)
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return str(error)
    transport.close()
    return ""
