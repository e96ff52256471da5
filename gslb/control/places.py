"""Where clients are, for those who ask why one is answered as it is. Read when first asked, since that is seldom."""

import asyncio
from pathlib import Path

from gslb.geo.locator import Locator
from gslb.model.address import IPNetwork
from gslb.model.location import Client


class Places:
    """The databases that a configuration names, as they are now."""

    def __init__(self) -> None:
        self._paths: tuple[Path, ...] = ()
        self._locator: Locator | None = None
        self._one_at_a_time = asyncio.Lock()

    async def client(self, network: IPNetwork, paths: tuple[Path, ...]) -> Client:
        """Whoever asks from ``network``, located by the files at ``paths``."""
        async with self._one_at_a_time:
            if self._locator is None or paths != self._paths:
                self._locator, self._paths = await asyncio.to_thread(Locator, paths), paths
            else:
                await asyncio.to_thread(self._locator.refresh)
            located = self._locator.locate(network.network_address)
        return Client(network, located.location)
