"""Entry of the process with a region's small backends: ``REGION ADDRESS ADDRESS ...``."""

import asyncio
import signal
import sys

import uvloop

from gslb.gateway.backend import run_backend
from gslb.model.address import parse_address


async def _run(region: str, addresses: list[str]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        for index, address in enumerate(addresses, 1):
            group.create_task(run_backend(parse_address(address), f"{region}-{index}", region, stop))


if __name__ == "__main__":
    uvloop.run(_run(sys.argv[1], sys.argv[2:]))
