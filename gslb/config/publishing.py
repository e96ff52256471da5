"""Where everything is published: zones by provider, and which zone a service is in."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gslb.config.names import closest
from gslb.config.providers import ProviderSetup
from gslb.model.names import ServiceName
from providers import EMBEDDED
from providers.base import Capabilities
from providers.embedded import CAPABILITIES


@dataclass(frozen=True, slots=True)
class Publishing:
    """Zones, providers and who publishes what.

    Attributes:
        zones: names of the providers of each zone, by origin; ``embedded`` is the own nameserver.
        providers: all others, by name.
    """

    zones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    providers: Mapping[str, ProviderSetup] = field(default_factory=dict)

    def zone_of(self, service: str) -> str:
        """The origin of the zone that ``service`` is in: of nested ones the innermost.

        Raises:
            KeyError: it is in none, which no service of a configuration is.
        """
        found = closest(service, self.zones)
        if found is None:
            raise KeyError(service)
        return found

    def names(self, service: str) -> tuple[str, ...]:
        """Where ``service`` is published."""
        return self.zones[self.zone_of(service)]

    def setups(self, service: str) -> tuple[ProviderSetup, ...]:
        """Where it is published, but for the embedded nameserver."""
        return tuple(self.providers[name] for name in self.names(service) if name != EMBEDDED)

    def capabilities(self, name: str) -> Capabilities:
        """What a provider can do, the embedded nameserver included."""
        return CAPABILITIES if name == EMBEDDED else self.providers[name].capabilities

    def shown(self, name: str) -> str:
        """A provider with its type, for people."""
        return name if name == EMBEDDED else str(self.providers[name])

    def slowest(self, service: str) -> str:
        """The provider whose servers are the last to answer by a decision about ``service``."""
        return max(self.names(service), key=self.delay)

    def delay(self, name: str) -> float:
        """Longest from a decision until all servers of a provider answer by it, in seconds."""
        capabilities = self.capabilities(name)
        return capabilities.publication + capabilities.propagation

    def strictest(self, service: str) -> str:
        """The provider of ``service`` with the highest floor for TTLs."""
        return max(self.names(service), key=lambda name: self.capabilities(name).min_ttl)

    def outlets(self, services: Iterable[ServiceName]) -> dict[tuple[str, str], tuple[ServiceName, ...]]:
        """Those of ``services`` that are published there, for each provider and zone; none, where there are none."""
        found: dict[str, list[ServiceName]] = defaultdict(list)
        for service in services:
            found[self.zone_of(service)].append(service)
        return {(name, origin): tuple(found[origin]) for origin, names in self.zones.items() for name in names}

    def elsewhere(self, services: Iterable[ServiceName]) -> frozenset[ServiceName]:
        """Those of ``services`` that are not published by the embedded nameserver."""
        if all(EMBEDDED in names for names in self.zones.values()):
            return frozenset()
        return frozenset(service for service in services if EMBEDDED not in self.names(service))
