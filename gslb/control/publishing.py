"""Publishes at our own nameservers and at API providers, and knows how far what was published has come."""

import asyncio
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry

from gslb.config.configuration import Configuration
from gslb.control.chronicle import Chronicle
from gslb.control.clock import Clock
from gslb.control.outlets import writer_setups
from gslb.control.publisher import Publisher
from gslb.control.reach import Reach
from gslb.control.writing.fleet import Writers
from gslb.model.names import ServiceName
from gslb.model.record import PublicationRecord
from gslb.model.steering import Steering
from providers.embedded import Embedded

Generations = Callable[[ServiceName], int]
"""A generation for each service."""


class Publishing:
    """All places that answer, whoever runs them. None of them waits for another.

    Args:
        clock: both clocks.
        embedded: our own nameservers.
        lease: takes the lease under which is written at API providers, and returns its number.
        chronicle: writes down what is confirmed, and what goes wrong.
        registry: takes metrics.
        confirmed: told of the generations that all who answer for a service have, when that has changed.
        ended: told of those before which nobody can give answers any more, likewise.
    """

    def __init__(
        self,
        clock: Clock,
        embedded: Embedded,
        lease: Callable[[], int],
        chronicle: Chronicle,
        registry: CollectorRegistry,
        confirmed: Callable[[Generations], object],
        ended: Callable[[Generations], object],
    ) -> None:
        self._embedded, self._lease, self._chronicle = embedded, lease, chronicle
        self._fence: int | None = None
        self._on_confirmed, self._on_ended = confirmed, ended
        self.publisher = Publisher(clock, embedded, self._confirmed, self._ended)
        self.writers = Writers(clock, self, registry)
        self._reach = Reach(self.writers.over)

    @property
    def fence(self) -> int | None:
        """Number of the lease under which is written at API providers; None: nothing is."""
        return self._fence

    def configure(self, configuration: Configuration) -> None:
        """Publish these zones, each where it is to be."""
        elsewhere = configuration.elsewhere
        self._embedded.set_zones(configuration.zones, configuration.settings, elsewhere)
        self._reach.configure(elsewhere)
        if self._fence is None and configuration.providers:
            self._fence = self._lease()
        self.writers.configure(writer_setups(configuration, self._fence or 0))

    def publish(self, steerings: Mapping[ServiceName, Steering], changed: tuple[ServiceName, ...], at: float) -> None:
        """Publish ``steerings`` everywhere, as the newest generation; see Publisher."""
        self.publisher.publish(steerings, changed, at)
        self.writers.publish(self.publisher.generation, steerings, at)

    def is_here_only(self, service: ServiceName) -> bool:
        """Whether nobody but our own nameservers answers for ``service``."""
        return self.writers.over(service) is None

    def look_again(self) -> None:
        """One of our nameservers may give old answers again: nothing is over until all have been asked."""
        self._reach.ended = 0
        self.publisher.look_again()

    async def run(self) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.publisher.run())
            group.create_task(self.writers.run())

    def _confirmed(self, record: PublicationRecord) -> None:
        self._chronicle.publication(record)
        self._reach.confirmed = max(self._reach.confirmed, record.generation)
        self._on_confirmed(self._reach.confirmed_of)

    def _ended(self, generation: int) -> None:
        self._reach.ended = generation
        self._on_ended(self._reach.ended_of)

    # What writers tell; see gslb.control.writing.setup.Tell.

    def published(self, record: PublicationRecord) -> None:
        """A provider has confirmed."""
        self._chronicle.publication(record)

    def moved(self) -> None:
        """What is confirmed at providers has changed for something."""
        self._on_confirmed(self._reach.confirmed_of)
        self._on_ended(self._reach.ended_of)

    def trouble(
        self, provider: str, zone: str, text: str, services: tuple[ServiceName, ...] = (), *, over: bool = False
    ) -> None:
        """Something keeps ``services`` or all of a zone from being published, or has done so, or is over."""
        self._chronicle.trouble(provider, zone, text, services, over=over)

    def drift(self, provider: str, zone: str, services: tuple[ServiceName, ...]) -> None:
        """These services, and no others, are not there as they were written."""
        self._chronicle.drift(provider, zone, services)
