"""The whole of what is answered, compiled and immutable: a change makes a new table that takes the old one's place."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

import dns.name
import dns.tsig
import structlog
from msgspec import structs

from gslb.model.names import ServiceName
from gslb.model.steering import Steering
from gslb.nameserver.first import First
from gslb.nameserver.rrset import AAAA, CNAME, DS, A, ancestors, wire_name
from gslb.nameserver.served import Served
from gslb.nameserver.snapshot import Snapshot, Zone
from gslb.nameserver.tailored import Tailored, compile_steering
from gslb.nameserver.zone import CompiledZone, Node, compile_zone

log = structlog.get_logger(__name__)

_OVERRIDDEN = {A, AAAA, CNAME}


@dataclass(frozen=True, slots=True)
class CompiledService:
    """A compiled service, and what it was made of: what did not change is used again.

    Attributes:
        steering: as it was decided.
        lowered: its positive answers have the TTL of negative ones.
        zone: the one it is in, without services.
        first: whether any answer by ``steering`` was given.
        served: counts its answers, whatever the steering was.
        node: what is answered.
    """

    steering: Steering
    lowered: bool
    zone: CompiledZone
    first: First
    served: Served
    node: Node


@dataclass(frozen=True, slots=True)
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
    static: Mapping[str, tuple[Zone, CompiledZone]]
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
    bare = {zone.origin: zone for _, zone in static.values()}
    services: dict[bytes, CompiledService] = {}
    overlays: dict[bytes, dict[bytes, Node]] = defaultdict(dict)
    for steering in snapshot.services:
        name = wire_name(steering.name)
        zone = next((bare[suffix] for suffix in ancestors(name) if suffix in bare), None)
        if zone is None:
            log.warning("service is in no zone", service=steering.name)
            continue
        known = previous.services.get(name) if previous else None
        is_lowered = steering.name in lowered
        if known and known.zone is zone and known.steering == steering and known.lowered == is_lowered:
            services[name] = known
        else:
            first = _first(steering, snapshot.generation, known, news=previous is not None)
            served = known.served if known else Served()
            services[name] = _service(name, steering, zone, first, served, random, lowered=is_lowered)
        overlays[zone.origin][name] = services[name].node
    zones = {
        compiled.origin: compiled.with_nodes(overlays[compiled.origin], snapshot.serials.get(origin))
        for origin, (_, compiled) in static.items()
    }
    keys = {name: key for zone in zones.values() for name, key in zone.access.keys.items()}
    return Table(snapshot, zones, static, services, lowered, keys)


def lower(table: Table, lowered: frozenset[ServiceName], random: Random) -> Table:
    """``table`` with lower TTLs for the services ``lowered`` alone. The work is that of those that differ.

    Raises:
        SnapshotError: ``lowered`` has what is no name.
    """
    services = dict(table.services)
    overlays: dict[bytes, dict[bytes, Node]] = defaultdict(dict)
    for name in map(wire_name, lowered ^ table.lowered):
        known = services.get(name)
        if known:
            is_lowered = not known.lowered
            services[name] = _service(
                name, known.steering, known.zone, known.first, known.served, random, lowered=is_lowered
            )
            overlays[known.zone.origin][name] = services[name].node
    zones = {origin: zone.with_nodes(overlays[origin]) for origin, zone in table.zones.items()}
    return replace(table, zones=zones, services=services, lowered=lowered)


def _static(zone: Zone, previous: Table | None) -> tuple[Zone, CompiledZone]:
    known = previous.static.get(zone.origin) if previous else None
    return known if known and known[0] == zone else (zone, compile_zone(zone))


def _first(steering: Steering, generation: int, known: CompiledService | None, *, news: bool) -> First:
    """That of ``known``, if the steering is the same; else a new one, which is due if it is ``news``."""
    if known and known.steering == steering:
        return known.first
    return First(steering.name, generation, due=news)


def _service(
    name: bytes,
    steering: Steering,
    zone: CompiledZone,
    first: First,
    served: Served,
    random: Random,
    *,
    lowered: bool,
) -> CompiledService:
    given = structs.replace(steering, ttl=min(steering.ttl, steering.negative_ttl)) if lowered else steering
    tailored = compile_steering(given, random, first, served)
    return CompiledService(steering, lowered, zone, first, served, _overlay(name, given, zone, tailored))


def _overlay(name: bytes, steering: Steering, zone: CompiledZone, tailored: Mapping[int, Tailored]) -> Node:
    """The node of a service: it overrides static addresses and a CNAME, other static data stays."""
    below = zone.nodes.get(name) or Node({}, zone.soa_ttl)
    kept = {number: rrset for number, rrset in below.rrsets.items() if number not in _OVERRIDDEN}
    return replace(below, rrsets=kept, negative_ttl=steering.negative_ttl, alias=None, steered=tailored)
