"""Where clients are, for those who ask why one is answered as it is. Read when first asked, since that is seldom."""

import asyncio
from pathlib import Path

from gslb.geo.locator import Locator
from gslb.model.address import IPNetwork
from gslb.model.location import Client


class Places:
    """The databases at ``paths``, as they are now. Which these are takes a restart to change."""

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self._paths = paths
        self._locator: Locator | None = None
        self._one_at_a_time = asyncio.Lock()

    async def client(self, network: IPNetwork) -> Client:
        """Whoever asks from ``network``, and where that is."""
        async with self._one_at_a_time:
            if self._locator is None:
                self._locator = await asyncio.to_thread(Locator, self._paths)
            else:
                await asyncio.to_thread(self._locator.refresh)
            located = self._locator.locate(network.network_address)
        return Client(network, located.location)
