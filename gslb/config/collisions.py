"""Zones, their master files and services side by side: which names two of them claim, and what nobody would see.

What one zone needs for itself is in ``zonecheck``, what its parent needs in ``delegation``.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gslb.config.faults import key_path
from gslb.config.names import closest, is_below, suffixes
from gslb.config.zonefile import MasterFile
from gslb.errors import Problem
from gslb.model.names import ServiceName
from gslb.nameserver.snapshot import Zone

_STEERED = ("A", "AAAA", "CNAME")
_BESIDE_ALIAS = {"CNAME", "RRSIG", "NSEC"}
"""types that a name with a CNAME may have (RFC 2181, section 10.1; RFC 4035, section 2.5)"""
_AT_CUT = {"NS", "DS", "RRSIG", "NSEC"}
"""types that the parent has at a delegation"""

Types = Mapping[str, frozenset[str]]
"""Record types by name."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A zone, its records by name, and where they stand.

    Attributes:
        zone: all of its records.
        config: the configuration file.
        key: the key below ``[zones]``.
        file: its master file, if it has one.
        types: record types by name.
        servers: names that an NS record of the zone leads to.
    """

    zone: Zone
    config: str
    key: str
    file: MasterFile | None
    types: Types
    servers: frozenset[str]

    def cut_above(self, name: str) -> tuple[str, str] | None:
        """The delegation or DNAME, as owner and type, on account of which this zone does not answer for ``name``."""
        for owner in reversed([s for s in suffixes(name) if is_below(s, self.zone.origin)]):
            types = self.types.get(owner, frozenset())
            if "NS" in types and owner != self.zone.origin and not owner.startswith("*."):
                return owner, "NS"
            if "DNAME" in types and owner != name:
                return owner, "DNAME"
        return None

    def line(self, name: str, type_: str) -> int | None:
        """The line of the master file that gives ``name`` such a record; None where the configuration does."""
        return self.file.line(name, type_) if self.file else None

    def where(self, name: str, type_: str) -> str:
        """``file:line`` of such a record, or the key that it is made from."""
        line = self.line(name, type_)
        return f"{self.file.path}:{line}" if self.file and line else key_path(("zones", self.key, "nameservers"))

    def problem(self, name: str, type_: str, message: str, remedy: str) -> Problem:
        """What is wrong with such a record, at its place."""
        line = self.line(name, type_)
        if self.file and line:
            return Problem(self.file.path, key_path(("zones", self.key)), message, remedy, line)
        return Problem(self.config, key_path(("zones", self.key, "nameservers")), message, remedy)


def placed(zone: Zone, config: str, key: str, file: MasterFile | None) -> Placed:
    """``zone`` with its records by name."""
    types: dict[str, set[str]] = defaultdict(set)
    for record in zone.records:
        types[record.name].add(record.type)
    frozen = {name: frozenset(kinds) for name, kinds in types.items()}
    servers = frozenset(record.rdata.lower() for record in zone.records if record.type == "NS")
    return Placed(zone, config, key, file, frozen, servers)


def collisions(zones: Sequence[Placed], services: Iterable[ServiceName]) -> Iterator[Problem]:
    """Every name that two of zone files, zones and services claim."""
    by_origin = {zone.zone.origin: zone for zone in zones}
    for name in services:
        origin = closest(name, by_origin)
        if origin is not None:
            yield from _of_service(by_origin[origin], name)
    for zone in zones:
        yield from _of_aliases(zone)
        yield from _hidden(zone, by_origin)


def _of_service(zone: Placed, name: ServiceName) -> Iterator[Problem]:
    """A service has its name for itself, other types than it answers aside, and the zone does not give it away."""
    plain = name.removesuffix(".")
    at = key_path(("services", plain))
    for kind in _STEERED:
        if kind in zone.types.get(name, ()):
            message = f"{plain} has a static {kind} record too: {zone.where(name, kind)}"
            yield Problem(zone.config, at, message, "remove the record, or give the service another name")
    if (cut := zone.cut_above(name)) is not None:
        owner, kind = cut
        lies = "is at" if owner == name else "lies below"
        message = f"{lies} the {kind} record of {owner}, so it is not answered here: {zone.where(owner, kind)}"
        yield Problem(zone.config, at, message, "remove that record, or serve the name where it leads to")


def _of_aliases(zone: Placed) -> Iterator[Problem]:
    """A CNAME stands alone at its name (RFC 2181, section 10.1); DNAME and NS are together at an apex only."""
    for name, types in zone.types.items():
        others = types - _BESIDE_ALIAS
        if "CNAME" in types and others:
            # Within one file dnspython has found it already: one of them comes from the configuration.
            what = "is the apex, which has SOA and NS" if name == zone.zone.origin else f"has {_listed(others)} too"
            other = next((zone.where(name, kind) for kind in sorted(others) if not zone.line(name, kind)), "")
            message = f"{name} is an alias (CNAME), but {what}" + (f", from {other}" if other else "")
            yield zone.problem(name, "CNAME", message, "a CNAME has its name for itself; give addresses instead")
        if {"DNAME", "NS"} <= types and name != zone.zone.origin:
            message = f"{name} has DNAME and NS, which lead to different places (RFC 6672, section 2.3)"
            yield zone.problem(name, "DNAME", message, "keep one of them")


def _hidden(zone: Placed, by_origin: Mapping[str, Placed]) -> Iterator[Problem]:
    """No record lies in a more specific zone, which would be asked in its stead; what delegates to it does."""
    for name, types in zone.types.items():
        owner = closest(name, by_origin)
        if owner is None or owner == zone.zone.origin:
            continue
        allowed = (_AT_CUT if name == owner else set()) | ({"A", "AAAA"} if name in zone.servers else set())
        for kind in sorted(types - allowed):
            message = f"the {kind} record of {name} is hidden: such names are answered from zone {owner}"
            yield zone.problem(name, kind, message, f"move it to zone {owner}, {_home(by_origin[owner])}")


def _home(zone: Placed) -> str:
    return zone.file.path if zone.file else f"for which {key_path(('zones', zone.key, 'file'))} may name a file"


def _listed(kinds: Iterable[str]) -> str:
    return " and ".join(sorted(kinds))
