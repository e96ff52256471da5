"""Changes of a zone, and a writer that makes them: in the process of a test, or in one that is killed at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from gslb.control.writing.witness import DnsWitness, Expected, Sighting
from gslb.model.address import Address, parse_address
from gslb.model.area import parse_area
from gslb.model.names import ServiceName
from gslb.model.recordset import RecordSet, read_marker
from gslb.model.steering import RecordType, Rule, Steering
from gslb.model.zone_plan import ANSWERS
from providers.base import Provider
from tests.control.loops import running
from tests.control.writing.rig import Rig, until
from tests.e2e.clouds import Brisk, Records
from tests.nameserver.support import group, service

ZONE = "example.com."
ONE, TWO = ServiceName(f"api.{ZONE}"), ServiceName(f"www.{ZONE}")
FAST = {"rate": 1000.0, "burst": 1000}

_ISTANBUL = ["203.0.113.1", "203.0.113.2", "2001:db8::1", "2001:db8::2"]
_ANKARA = ["203.0.113.3", "203.0.113.4", "2001:db8::3"]
_IZMIR = ["203.0.113.5", "2001:db8::5"]
_BOTH = (RecordType.A, RecordType.AAAA)


def _everywhere(name: ServiceName) -> Steering:
    return service(name, (60, _ISTANBUL), (30, _ANKARA), (10, _IZMIR), types=_BOTH)


def _survivors(name: ServiceName) -> Steering:
    return service(name, (30, _ANKARA), (10, _IZMIR), types=_BOTH)


def _by_network(network: str) -> Steering:
    there = Rule(parse_area(network), (group("istanbul", *_ISTANBUL),))
    return replace(_everywhere(ONE), rules=(there, *_everywhere(ONE).rules))


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a zone says before and after; services that are not there after it are removed."""

    before: tuple[Steering, ...]
    after: tuple[Steering, ...]
    types: tuple[str, ...] = ("route53", "clouddns")

    @property
    def services(self) -> tuple[ServiceName, ...]:
        """Those that are published in the end."""
        return tuple(steering.name for steering in self.after)

    @property
    def removed(self) -> tuple[ServiceName, ...]:
        return tuple(steering.name for steering in self.before if steering.name not in self.services)


SCENARIOS: Mapping[str, Scenario] = {
    "creation": Scenario((), (_everywhere(ONE),)),
    "failover": Scenario((_everywhere(ONE), _everywhere(TWO)), (_survivors(ONE), _everywhere(TWO))),
    "removal": Scenario((_everywhere(ONE), _everywhere(TWO)), (_everywhere(ONE),)),
    "networks": Scenario((_by_network("198.51.100.0/24"),), (_by_network("198.51.0.0/16"),), ("route53",)),
}


class Redirected:
    """A witness that asks one nameserver on loopback in place of all that a zone has.

    Args:
        server: that one.
    """

    def __init__(self, server: str) -> None:
        self._server, self._witness = parse_address(server), DnsWitness()

    async def look(self, asked: Mapping[Address, Sequence[Expected]]) -> Sighting:
        """See Witness."""
        expected = next(iter(asked.values()))
        seen = await self._witness.look({self._server: expected})
        return Sighting(
            {server: seen.behind[self._server] for server in asked if seen.behind},
            {server: seen.silent[self._server] for server in asked if seen.silent},
        )


async def publish(provider: Provider, server: str, scenario: Scenario, fence: int) -> Rig:
    """Make the change, until it is confirmed; ``server`` is the zone's nameserver."""
    rig = Rig(servers=Redirected(server), seed=fence)
    rig.generation = 10 * fence
    rig.configure(rig.setup(scenario.services, options=Brisk(provider), fence=fence, **FAST))

    def confirmed() -> bool:
        place = rig.place()
        published = rig.over(*scenario.services) == [rig.generation] * len(scenario.services)
        return published and not place.pending and not place.unconfirmed and not place.error

    async with running(rig.writers.run()):
        rig.publish(*scenario.after)
        await until(confirmed, 30)
    return rig


def answers_of(state: Records, name: ServiceName) -> Records:
    """The record sets of a service in a zone of these scenarios, without its marker."""
    own = (record for record in state if record.name == name or record.name.endswith(f".{name}"))
    return frozenset(record for record in own if read_marker(record) is None and record.type != "TXT")


def is_answered(state: Records, name: ServiceName) -> bool:
    return any(record.name == name and record.type in ANSWERS for record in state)


def rendered(provider: Provider, steerings: Sequence[Steering], name: ServiceName) -> Records:
    """What a service has if ``steerings`` are published; nothing, if it is not among them."""
    own = (provider.render(steering) for steering in steerings if steering.name == name)
    found: set[RecordSet] = set()
    for rendering in own:
        assert not rendering.faults
        found.update(rendering.records)
    return frozenset(found)
