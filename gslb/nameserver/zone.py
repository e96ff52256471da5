"""A zone compiled for look-ups: every name with its RRsets, zone cuts, wildcards and empty non-terminals (RFC 4592).

Static data only; ``table`` lays the services over it.
"""

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec
from msgspec import structs

from gslb.errors import SnapshotError
from gslb.nameserver.additional import HELPFUL, RDATA, targets
from gslb.nameserver.polite import overlaid, politely
from gslb.nameserver.rrset import (
    AAAA,
    CNAME,
    DNAME,
    DS,
    NS,
    SOA,
    WILDCARD,
    A,
    Owned,
    RRset,
    ancestors,
    make_rrset,
    parent,
    wire_name,
    wire_rdata,
)
from gslb.nameserver.snapshot import Zone
from gslb.nameserver.tailored import Tailored
from gslb.nameserver.transfer.access import Access, make_access

_SERIALS = 2**32
_SERIAL, _SERIAL_END = -20, -16
"""where the rdata of a SOA record has its serial, counted from the end (RFC 1035, section 3.3.13)"""


@dataclass(frozen=True, slots=True)
class Cut:
    """A delegation: the NS RRset of the child, and the addresses we know of its servers (RFC 9471).

    Attributes:
        servers: the NS RRset.
        glue: addresses of servers within the child, without which it cannot be reached.
        others: addresses of servers elsewhere in our zone, in other children of it, say.
    """

    servers: Owned
    glue: tuple[Owned, ...] = ()
    others: tuple[Owned, ...] = ()


class Node(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What one name has. A node without anything is an empty non-terminal.

    Attributes:
        rrsets: static data by type number.
        negative_ttl: most seconds for which negative answers may be kept.
        alias: where a CNAME here leads, in wire form and lower case.
        redirect: where a DNAME leads the names below (RFC 6672), likewise.
        cut: set where the zone ends and a child begins.
        steered: a service's answers by type number.
        additional: what helps with static data, by its type number.
    """

    rrsets: Mapping[int, RRset]
    negative_ttl: int
    alias: bytes | None = None
    redirect: bytes | None = None
    cut: Cut | None = None
    steered: Mapping[int, Tailored] = {}  # msgspec copies it
    additional: Mapping[int, tuple[Owned, ...]] = {}


class Found(NamedTuple):
    """Which node answers; None where the name does not exist.

    ``owner`` is where the node is. ``exact`` says that it is the name itself: no wildcard, cut or DNAME stands for it.
    """

    node: Node | None
    owner: bytes
    exact: bool


@dataclass(frozen=True, slots=True)
class CompiledZone:
    """A zone by name.

    Attributes:
        origin: its apex.
        nodes: by name in wire form and lower case.
        soa_rdata: of the SOA record.
        soa_ttl: of that in negative answers (RFC 2308, section 3).
        access: who may transfer it.
        helpers: names that records point to: what they have may be in the additional section of others.
    """

    origin: bytes
    nodes: Mapping[bytes, Node]
    soa_rdata: bytes
    soa_ttl: int
    access: Access
    helpers: frozenset[bytes] = frozenset()
    _negative: dict[int, RRset] = field(default_factory=dict, compare=False)

    @property
    def soa(self) -> RRset:
        """The SOA at the apex."""
        return self.nodes[self.origin].rrsets[SOA]

    @property
    def serial(self) -> int:
        """Of its SOA."""
        return int.from_bytes(self.soa_rdata[_SERIAL:_SERIAL_END])

    def find(self, name: bytes, type_: int) -> Found:
        """The node that answers for ``name``, which is in this zone (RFC 1034, section 4.3.2; RFC 4592)."""
        path = ancestors(name)
        closest = self.origin
        for step in reversed(path[: path.index(self.origin) + 1]):
            node = self.nodes.get(step)
            if node is None:
                wildcard = WILDCARD + closest
                return Found(self.nodes.get(wildcard), wildcard, exact=False)
            if (node.cut and not (type_ == DS and step == name)) or (node.redirect and step != name):
                return Found(node, step, exact=False)
            closest = step
        return Found(self.nodes[name], name, exact=True)

    def negative(self, ttl: int) -> RRset:
        """The SOA for negative answers that may be kept at most ``ttl`` seconds."""
        found = self._negative.get(ttl)
        if found is None:
            found = self._negative[ttl] = make_rrset(SOA, min(ttl, self.soa_ttl), [self.soa_rdata])
        return found

    def with_nodes(self, nodes: Mapping[bytes, Node], serial: int | None = None) -> "CompiledZone":
        """This zone with ``nodes`` laid over it, and the names between them and the apex made to exist.

        Its SOA stays, with the number ``serial``, if one is given.
        """
        if not nodes and serial in {None, self.serial}:
            return self
        merged = overlaid(self.nodes, nodes)
        changed = {name for name, node in politely(nodes.items()) if self._has_other_records(name, node)}
        for name in politely(nodes):
            if name not in self.nodes:
                changed |= _fill(merged, name, self.soa_ttl)
        rdata = self.soa_rdata if serial is None else _numbered(self.soa_rdata, serial)
        head = self.soa.bodies[0][:RDATA]
        apex = merged[self.origin]
        merged[self.origin] = structs.replace(apex, rrsets={**apex.rrsets, SOA: RRset(SOA, (head + rdata,))})
        zone = replace(self, nodes=merged, soa_rdata=rdata, _negative={})
        return zone if self.helpers.isdisjoint(changed) else _helped(zone)

    def _has_other_records(self, name: bytes, node: Node) -> bool:
        """Whether static records of ``name`` would be others by ``node``: only these help with those of other names."""
        known = self.nodes.get(name)
        return known is None or known.rrsets != node.rrsets

    def authoritative(self, name: bytes, types: Iterable[int]) -> Iterator[Owned]:
        """The static RRsets of ``types`` that ``name`` has, or gets from a wildcard; none if it is not of this zone."""
        if self.origin not in ancestors(name):
            return
        node, _, exact = self.find(name, A)
        if node and not node.cut and (exact or not node.redirect):
            yield from ((name, node.rrsets[type_]) for type_ in types if type_ in node.rrsets)


def compile_zone(zone: Zone) -> CompiledZone:
    """Make ``zone`` ready for look-ups.

    Raises:
        SnapshotError: a record outside of the zone, one that cannot be read, an apex without SOA, a key that is none.
    """
    origin = wire_name(zone.origin)
    names = _gather(zone, origin)
    soa = names.get(origin, {}).get(SOA)
    if soa is None:
        raise SnapshotError(f"zone {zone.origin} has no SOA")
    soa_rdata = soa.bodies[0][RDATA:]
    (ttl,) = struct.unpack_from(">I", soa.bodies[0], 4)
    (minimum,) = struct.unpack_from(">I", soa_rdata, len(soa_rdata) - 4)
    soa_ttl = min(ttl, minimum)
    nodes = {name: _node(name, names, soa_ttl, origin) for name in politely(names)}
    for name in politely(names.keys() - {origin}):
        _fill(nodes, name, soa_ttl)
    return _helped(CompiledZone(origin, nodes, soa_rdata, soa_ttl, make_access(zone.transfer)))


def _numbered(soa: bytes, serial: int) -> bytes:
    """The rdata of a SOA record with another serial."""
    if not 0 <= serial < _SERIALS:
        raise SnapshotError(f"{serial} is no serial")
    return soa[:_SERIAL] + serial.to_bytes(4) + soa[_SERIAL_END:]


_Names = Mapping[bytes, Mapping[int, RRset]]


def _gather(zone: Zone, origin: bytes) -> _Names:
    """RRsets by name and type. Records of one set that differ in TTL get the least (RFC 2181, section 5.2)."""
    rdatas: dict[tuple[bytes, int], list[bytes]] = defaultdict(list)
    ttls: dict[tuple[bytes, int], int] = {}
    for record in politely(zone.records):
        name = wire_name(record.name)
        number, rdata = wire_rdata(record.type, record.rdata)
        if origin not in ancestors(name):
            raise SnapshotError(f"{record.name} is not in zone {zone.origin}")
        rdatas[name, number].append(rdata)
        ttls[name, number] = min(record.ttl, ttls.get((name, number), record.ttl))
    names: dict[bytes, dict[int, RRset]] = defaultdict(dict)
    for (name, number), values in rdatas.items():
        names[name][number] = make_rrset(number, ttls[name, number], values)
    return names


def _node(name: bytes, names: _Names, negative_ttl: int, origin: bytes) -> Node:
    rrsets = names[name]
    if name.startswith(WILDCARD):  # neither delegates nor redirects (RFC 4592, sections 4.2 and 4.4)
        return Node(rrsets, negative_ttl, _target(rrsets, CNAME))
    cut = Cut((name, rrsets[NS])) if NS in rrsets and name != origin else None
    return Node(rrsets, negative_ttl, _target(rrsets, CNAME), _target(rrsets, DNAME), cut)


def _target(rrsets: Mapping[int, RRset], type_: int) -> bytes | None:
    return rrsets[type_].bodies[0][RDATA:].lower() if type_ in rrsets else None


def _fill(nodes: dict[bytes, Node], name: bytes, negative_ttl: int) -> set[bytes]:
    """Add the empty non-terminals above ``name`` (RFC 4592, section 2.2.2), and tell which. The apex is there."""
    missing = set[bytes]()
    while (name := parent(name)) not in nodes:
        nodes[name] = Node({}, negative_ttl)
        missing.add(name)
    return missing


def _helped(zone: CompiledZone) -> CompiledZone:
    """``zone`` with glue at its cuts and additional data at its other nodes."""
    nodes = dict(zone.nodes)
    helpers: set[bytes] = set()
    for name, node in politely(zone.nodes.items()):
        pointing = {type_: tuple(targets(name, node.rrsets[type_])) for type_ in HELPFUL.keys() & node.rrsets.keys()}
        if node.cut:
            nodes[name] = structs.replace(node, cut=_with_glue(node.cut, pointing[NS], zone))
        elif pointing:
            nodes[name] = structs.replace(node, additional=_additional(name, pointing, zone))
        helpers.update(target for found in pointing.values() for target in found)
    return replace(zone, nodes=nodes, helpers=frozenset(helpers))


def _with_glue(cut: Cut, servers: Iterable[bytes], zone: CompiledZone) -> Cut:
    child = cut.servers[0]
    found = [(child in ancestors(server), owned) for server in servers for owned in _addresses(server, zone)]
    inside, outside = (tuple(owned for within, owned in found if within is wanted) for wanted in (True, False))
    return Cut(cut.servers, inside, outside)


def _addresses(server: bytes, zone: CompiledZone) -> Iterable[Owned]:
    """Those of a name server, below a cut too."""
    node = zone.nodes.get(server)
    if node is None:
        return zone.authoritative(server, (A, AAAA))
    return [(server, node.rrsets[kind]) for kind in (A, AAAA) if kind in node.rrsets]


def _additional(
    name: bytes, pointing: Mapping[int, Iterable[bytes]], zone: CompiledZone
) -> Mapping[int, tuple[Owned, ...]]:
    """What helps with the RRsets of ``name``, each once, and nothing that is the answer itself."""
    found = {
        type_: dict.fromkeys(
            owned
            for target in names
            for owned in zone.authoritative(target, HELPFUL[type_])
            if (target, owned[1].type) != (name, type_)
        )
        for type_, names in pointing.items()
    }
    return {type_: tuple(owned) for type_, owned in found.items() if owned}
