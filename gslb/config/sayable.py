"""What providers cannot say of a service: found before it happens, with the step of the policy that asks for it.

Each service is rehearsed in every situation that it may come into (``gslb.model.rehearsal``), and what it would answer
there is rendered by each provider of its zone but the embedded nameserver, which can say everything.

A fence where nobody inside is left has no answer for some clients, which a provider may not say beside one for others.
With ``when_all_down`` servfail or nodata that comes of failures alone, so it is refused. With the other values it takes
people who order everybody inside out of service. Then nothing is written, so that the fence stays closed: what is
answered there stays as it is, and the drain does not end.
"""

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from msgspec import structs

from gslb.config.hearing import Heard, Said, hear, refused
from gslb.config.providers import ProviderSetup
from gslb.config.publishing import Publishing
from gslb.config.reader import Reader
from gslb.config.wayouts import at_home, key_of, message_of, ways_out
from gslb.model.area import Area
from gslb.model.expressible import MATCHED, Feature
from gslb.model.names import ServiceName, VantageName
from gslb.model.options import Options
from gslb.model.recordset import is_reserved_for, marker_name
from gslb.model.rehearsal import Rehearsal
from gslb.model.steering import Steering
from gslb.model.topology import Service, Topology
from policies.fence import Fence

Warned = tuple[tuple[str, ...], str, str]
"""Key path, message and remedy of what is allowed but hardly meant."""
_NAMELESS = ServiceName("")


@dataclass(frozen=True, slots=True)
class _Shape:
    """Services that need the same of a provider: the first one, what it answers, and what came of it, by provider."""

    rehearsal: Rehearsal
    heard: Heard
    said: dict[str, Said] = field(default_factory=dict)


class Sayable:
    """Checks one service after the other, those that differ in names and weights only at the cost of one.

    Args:
        reader: collects the problems.
        topology: services and regions.
        publishing: who publishes what.
        vantages: whom each vantage point speaks for.
        owner: who marks records.
    """

    def __init__(
        self,
        reader: Reader,
        topology: Topology,
        publishing: Publishing,
        vantages: Mapping[VantageName, tuple[Area, ...]],
        owner: str,
    ) -> None:
        self._reader, self._topology, self._publishing = reader, topology, publishing
        self._vantages, self._owner = vantages, owner
        self._shapes: dict[Hashable, _Shape] = {}
        self._broken: set[str] = set()

    def check(self, service: Service) -> Iterator[Warned]:
        """Every provider can say what ``service`` may come to answer; yields its degradations of no effect."""
        setups, zone = self._publishing.setups(service.name), self._publishing.zone_of(service.name)
        at, fence = ("services", service.name.removesuffix("."), "degrade"), _stands_on(service)
        if service.degrade and not setups:
            text = f"has no effect: zone {zone.removesuffix('.')} is published at the embedded nameserver only"
            yield at, text, "remove it, or publish the zone at another provider too"
            return
        for feature in sorted(service.degrade & fence):
            text = f"{feature.value!r} would open the fence, which stands on it"
            self._reader.fault(at, text, f"remove it; or {at_home(zone)}")
        used = {feature for setup in setups for feature in self._at(service, setup, zone, fence)}
        for feature in sorted(service.degrade - fence - used):
            yield at, f"{feature.value!r} has no effect: no provider of the zone needs it", "remove it"
        if setups:
            self._check_name(service, zone)

    def _at(self, service: Service, setup: ProviderSetup, zone: str, fence: Collection[Feature]) -> frozenset[Feature]:
        """Check ``service`` at one provider; returns the degradations that it needs."""
        if setup.name in self._broken:
            return service.degrade
        try:
            said = self._said(service, setup)
        except Exception as error:  # noqa: BLE001  somebody else's provider may raise anything
            self._broken.add(setup.name)
            text = f"cannot say what it would publish for {service.name}: {type(error).__name__}: {error}"
            self._reader.fault(("providers", setup.name), text, "correct or remove the distribution that provides it")
            return service.degrade
        for each in said.unsayable:
            remedy = ways_out(service, zone, each, fence)
            self._reader.fault(key_of(service, each), message_of(service, setup, each), remedy)
        for text in (*said.refused, *said.refused_later):
            at = ("services", service.name.removesuffix("."))
            self._reader.fault(at, f"{setup} would refuse it: {text}", f"change that; or {at_home(zone)}")
        return said.needed

    def _said(self, service: Service, setup: ProviderSetup) -> Said:
        shape = self._shape(service)
        first, calm = shape.rehearsal.service, shape.heard[0][0]
        if setup.name not in shape.said:
            shape.said[setup.name] = hear(setup, shape.rehearsal, shape.heard, self._owner)
        said = shape.said[setup.name]
        if first is service:
            return said
        # Names and weights may be refused. What is wrong with the answers of failures is not asked once more.
        rendering = setup.provider.render(self._calm(service, shape), service.degrade)
        if {fault.feature for fault in rendering.faults} != said.unsayable_in(calm):
            own = self._rehearsed(service)
            return hear(setup, own.rehearsal, own.heard, self._owner)
        return said.of(service, first, refused(setup, service, [rendering], self._owner))

    def _calm(self, service: Service, shape: _Shape) -> Steering:
        """What ``service``, which is of that shape, answers with all regions up."""
        situation, steering = shape.heard[0]
        if service.members == shape.rehearsal.service.members:
            return structs.replace(steering, name=service.name)
        return Rehearsal(service, self._topology.regions, self._vantages).answers(situation)

    def _shape(self, service: Service) -> _Shape:
        policy = tuple(
            (type(step), step.model_dump_json() if isinstance(step, Options) else step) for step in service.policy
        )
        members = service.members
        if not any(getattr(step, "ranks_by_weight", True) for step in service.policy):
            members = tuple(replace(member, weight=min(member.weight, 1)) for member in members)
        key = (replace(service, name=_NAMELESS, policy=(), members=members), policy)
        if key not in self._shapes:
            self._shapes[key] = self._rehearsed(service)
        return self._shapes[key]

    def _rehearsed(self, service: Service) -> _Shape:
        rehearsal = Rehearsal(service, self._topology.regions, self._vantages)
        return _Shape(rehearsal, tuple(rehearsal.situations()))

    def _check_name(self, service: Service, zone: str) -> None:
        """It is no name that is there for another service, such as that of its marker."""
        _, _, parent = service.name.partition(".")
        for other in (ServiceName(parent), ServiceName(f"*.{parent}")):
            taken = service.name == marker_name(other) or is_reserved_for(service.name, other)
            if taken and other in self._topology.services and self._publishing.zone_of(other) == zone:
                at, text = ("services", service.name.removesuffix(".")), f"is a name that is needed for {other}"
                self._reader.fault(at, f"{text} at the providers of its zone", "give it another name")


def _stands_on(service: Service) -> frozenset[Feature]:
    """What it takes to say for whom the fences of ``service`` are."""
    around = (area for step in service.policy if isinstance(step, Fence) for area in step.around)
    return frozenset(MATCHED[area.kind] for area in around)
