"""embedded: gslb's own nameserver. Steering is what it speaks, so rendering is the identity.

Options: none; ``[nameserver]`` says where it listens. A worker that cannot be reached keeps answering what it has.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from gslb.model.names import ServiceName
from gslb.model.steering import Steering
from gslb.nameserver.client import Link
from gslb.nameserver.snapshot import Snapshot, Zone
from providers.base import Capabilities, Place

CAPABILITIES = Capabilities(publication=0.1, propagation=0.0)


class Embedded:
    """Publishes to every worker of the embedded nameserver."""

    name = "embedded"

    def __init__(self, sockets: Sequence[Path], zones: tuple[Zone, ...]) -> None:
        self.links = {path.stem: Link(path) for path in sockets}
        self._zones = zones

    def set_zones(self, zones: tuple[Zone, ...]) -> None:
        """Static data for the next ``publish``."""
        self._zones = zones

    def publish(self, generation: int, steerings: Mapping[ServiceName, Steering]) -> None:
        """Make ``steerings`` what every worker answers. Returns at once."""
        snapshot = Snapshot(generation, self._zones, tuple(steerings.values()))
        for link in self.links.values():
            link.publish(snapshot)

    async def settled(self, generation: int, timeout: float) -> bool:  # noqa: ASYNC109  see Provider
        """Whether every worker confirmed ``generation`` within ``timeout`` seconds."""
        outcomes = await asyncio.gather(*(link.acknowledged(generation, timeout) for link in self.links.values()))
        return all(outcomes)

    def places(self) -> tuple[Place, ...]:
        """The workers."""
        return tuple(Place(name, link.connected, link.acked) for name, link in self.links.items())

    async def run(self) -> None:
        """Keep a connection to every worker until cancelled."""
        async with asyncio.TaskGroup() as group:
            for link in self.links.values():
                group.create_task(link.run())
