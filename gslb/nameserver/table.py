"""The whole of what is answered, compiled and immutable: a change makes a new table that takes the old one's place."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

import dns.name
import dns.tsig
import msgspec
import structlog
from msgspec import structs

from gslb.model.names import ServiceName
from gslb.model.steering import Steering
from gslb.nameserver.first import First
from gslb.nameserver.polite import overlaid, politely
from gslb.nameserver.rrset import AAAA, CNAME, DS, ROOT, A, ancestors, parent, wire_name
from gslb.nameserver.served import Served
from gslb.nameserver.snapshot import Change, Snapshot, Zone, apply, differing
from gslb.nameserver.tailored import Tailored, compile_steering
from gslb.nameserver.zone import CompiledZone, Node, compile_zone

log = structlog.get_logger(__name__)

_OVERRIDDEN = {A, AAAA, CNAME}


_Static = Mapping[str, tuple[Zone, CompiledZone]]


class CompiledService(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A compiled service, and what it was made of: what did not change is used again.

    Attributes:
        steering: as it was decided.
        lowered: its positive answers have the TTL of negative ones.
        zone: the one it is in, without services.
        first: whether any answer by ``steering`` was given.
        served: counts its answers, whatever the steering was.
        tailored: what is answered, by type number.
    """

    steering: Steering
    lowered: bool
    zone: CompiledZone
    first: First
    served: Served
    tailored: Mapping[int, Tailored]

    def over(self, below: Node | None) -> Node:
        """Its node over what its name has: static addresses and a CNAME give way, other static data stays."""
        negative_ttl = self.steering.negative_ttl
        if below is None:
            return Node({}, negative_ttl, steered=self.tailored)
        kept = {number: rrset for number, rrset in below.rrsets.items() if number not in _OVERRIDDEN}
        return structs.replace(below, rrsets=kept, negative_ttl=negative_ttl, alias=None, steered=self.tailored)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Table:
    """Answers of one snapshot.

    Attributes:
        snapshot: what it was compiled from.
        zones: by origin in wire form, with the services laid over the static data.
        static: each zone without the services, and what it was made of, by origin as text.
        services: by name in wire form.
        lowered: services whose positive answers have the TTL of negative ones; some may not exist.
        keys: what requests may be signed with, by name.
    """

    snapshot: Snapshot
    zones: Mapping[bytes, CompiledZone]
    static: _Static
    services: Mapping[bytes, CompiledService]
    lowered: frozenset[ServiceName] = field(default_factory=frozenset)
    keys: Mapping[dns.name.Name, dns.tsig.Key] = field(default_factory=dict)

    def zone_for(self, name: bytes, type_: int) -> CompiledZone | None:
        """The closest zone that encloses ``name``; for DS at an apex the one that delegates it (RFC 4035, 3.1.4.1).

        A parent of ours that does not would deny the whole child (RFC 8020).
        """
        found = [zone for suffix in ancestors(name) if (zone := self.zones.get(suffix))]
        if type_ == DS and len(found) > 1 and found[0].origin == name:
            node = found[1].nodes.get(name)
            return found[1] if node and node.cut else found[0]
        return found[0] if found else None


def compile_table(
    snapshot: Snapshot,
    previous: Table | None,
    random: Random,
    lowered: frozenset[ServiceName] = frozenset(),
) -> Table:
    """Compile ``snapshot``, taking over from ``previous`` whatever is the same in both.

    Args:
        snapshot: what is to be answered.
        previous: what was answered before; None: nothing.
        random: where turns begin.
        lowered: services whose positive answers have the TTL of negative ones.

    Raises:
        SnapshotError: some part of it cannot be.
    """
    static = {zone.origin: _static(zone, previous) for zone in snapshot.zones}
    if previous is not None and lowered == previous.lowered and _is_same(static, previous.static):
        changed, removed = differing(previous.snapshot.services, snapshot.services)
        if not removed and not previous.snapshot.serials.keys() - snapshot.serials:  # the zone's own would be back
            return _amended(previous, snapshot, changed, random)
    bare = {zone.origin: zone for _, zone in static.values()}
    known = previous.services if previous else {}
    compiler = _Compiler(snapshot.generation, bare, known, lowered, random, news=previous is not None)
    services = compiler.services(snapshot.services)
    overlays: dict[bytes, dict[bytes, Node]] = defaultdict(dict)
    for name, service in politely(services.items()):
        overlays[service.zone.origin][name] = service.over(service.zone.nodes.get(name))
    zones = {
        zone.origin: zone.with_nodes(overlays[zone.origin], snapshot.serials.get(origin))
        for origin, (_, zone) in static.items()
    }
    keys = {name: key for zone in zones.values() for name, key in zone.access.keys.items()}
    return Table(snapshot, zones, static, services, lowered, keys)


def compile_change(table: Table, change: Change, random: Random) -> Table:
    """What ``change``, which is based on the snapshot of ``table``, makes of it: the same as compiling the whole.

    The work is that of the services that differ, and a copy of what points to them all, unless some went.

    Raises:
        SnapshotError: some part of it cannot be.
    """
    snapshot = apply(table.snapshot, change)
    if change.removed:
        return compile_table(snapshot, table, random, table.lowered)
    return _amended(table, snapshot, change.services, random)


def lower(table: Table, lowered: frozenset[ServiceName], random: Random) -> Table:
    """``table`` with lower TTLs for the services ``lowered`` alone. The work is that of those that differ.

    Raises:
        SnapshotError: ``lowered`` has what is no name.
    """
    known = (table.services.get(name) for name in map(wire_name, lowered ^ table.lowered))
    changed = [service.steering for service in known if service]
    return _amended(replace(table, lowered=lowered), table.snapshot, changed, random)


def remains(former: Table, table: Table) -> list[object]:
    """What ``former`` has and ``table`` has not."""
    found: list[object] = []
    for name, service in politely(former.services.items()):
        if table.services.get(name) is not service:
            found.append(service)
    for origin, zone in former.zones.items():
        nodes = table.zones[origin].nodes if origin in table.zones else {}
        found += [node for name, node in politely(zone.nodes.items()) if nodes.get(name) is not node]
    return found


def _amended(table: Table, snapshot: Snapshot, changed: Sequence[Steering], random: Random) -> Table:
    """``table`` for ``snapshot``, which has the same zones, and the same services but for those ``changed``.

    If nothing else differs either it is ``table``.
    """
    if not changed and snapshot.is_like(table.snapshot):
        return table
    bare = {zone.origin: zone for _, zone in table.static.values()}
    compiler = _Compiler(snapshot.generation, bare, table.services, table.lowered, random, news=True)
    made = compiler.services(changed)
    overlays: dict[bytes, dict[bytes, Node]] = defaultdict(dict)
    for name, service in politely(made.items()):
        overlays[service.zone.origin][name] = service.over(table.zones[service.zone.origin].nodes.get(name))
    numbers = {wire_name(origin): serial for origin, serial in snapshot.serials.items()}
    zones = {origin: zone.with_nodes(overlays[origin], numbers.get(origin)) for origin, zone in table.zones.items()}
    return replace(table, snapshot=snapshot, zones=zones, services=overlaid(table.services, made))


def _static(zone: Zone, previous: Table | None) -> tuple[Zone, CompiledZone]:
    known = previous.static.get(zone.origin) if previous else None
    return known if known and known[0] == zone else (zone, compile_zone(zone))


def _is_same(one: _Static, other: _Static) -> bool:
    return one.keys() == other.keys() and all(one[origin] is other[origin] for origin in one)


class _Compiler(msgspec.Struct, frozen=True):
    """Compiles services of one snapshot.

    Attributes:
        generation: of the snapshot.
        zones: without services, by origin.
        known: what was answered before: it is taken over where nothing is different.
        lowered: services whose positive answers have the TTL of negative ones.
        random: where turns begin.
        news: whether anything was answered before.
    """

    generation: int
    zones: Mapping[bytes, CompiledZone]
    known: Mapping[bytes, CompiledService]
    lowered: frozenset[ServiceName]
    random: Random
    news: bool

    def services(self, steerings: Iterable[Steering]) -> dict[bytes, CompiledService]:
        """Those that are in some zone, by name in wire form."""
        found = {}
        for steering in politely(steerings):
            name = wire_name(steering.name)
            zone = self._home(name)
            if zone is None:
                log.warning("service is in no zone", service=steering.name)
            else:
                found[name] = self._service(steering, zone, self.known.get(name))
        return found

    def _home(self, name: bytes) -> CompiledZone | None:
        while (zone := self.zones.get(name)) is None and name != ROOT:
            name = parent(name)
        return zone

    def _service(self, steering: Steering, zone: CompiledZone, known: CompiledService | None) -> CompiledService:
        lowered, same = steering.name in self.lowered, known is not None and known.steering == steering
        if known and same and known.zone is zone and known.lowered is lowered:
            return known
        first = known.first if known and same else First(steering.name, self.generation, due=self.news)
        served = known.served if known else Served()
        given = structs.replace(steering, ttl=min(steering.ttl, steering.negative_ttl)) if lowered else steering
        tailored = compile_steering(given, self.random, first, served)
        return CompiledService(steering, lowered, zone, first, served, tailored)
