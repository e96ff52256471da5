"""Nameservers of zones: what the parent of a zone must have for it, and what is missing (RFC 1034, section 4.2.2)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from gslb.config.collisions import Placed, placed
from gslb.config.faults import key_path
from gslb.config.names import closest, is_below, suffixes
from gslb.errors import Problem
from gslb.model.names import ServiceName
from gslb.nameserver.snapshot import Record, Zone

_ADDRESSES = {"A", "AAAA"}


def for_parent(zone: Zone) -> tuple[Record, ...]:
    """What the parent of ``zone`` must have: its NS record set, and the addresses of nameservers inside (glue)."""
    servers = tuple(record for record in zone.records if record.type == "NS" and record.name == zone.origin)
    inside = {record.rdata.lower() for record in servers}
    glue = tuple(record for record in zone.records if record.type in _ADDRESSES and record.name in inside)
    return servers + glue


def asked_of_parents(zones: Iterable[Zone]) -> Iterator[tuple[str, tuple[Record, ...]]]:
    """Of each zone whose parent is somebody else's, its origin and what that parent must have."""
    by_origin = {zone.origin: placed(zone, "", "", None) for zone in zones}
    for origin, zone in by_origin.items():
        if parent_of(origin, by_origin) is None:
            yield origin, for_parent(zone.zone)


def parent_of(origin: str, zones: Mapping[str, Placed]) -> Placed | None:
    """The zone that delegates to ``origin``, where it is configured here too."""
    _, _, above = origin.partition(".")
    found = closest(above, zones) if above else None
    if found is None:
        return None
    cut = zones[found].cut_above(above)
    return zones[found] if cut is None else None  # below a cut somebody else is the parent


def delegation_warnings(zones: Sequence[Placed], services: Collection[ServiceName]) -> Iterator[Problem]:
    """Nameservers that cannot be found, and configured zones that no configured parent leads to."""
    by_origin = {zone.zone.origin: zone for zone in zones}
    for zone in zones:
        for record in zone.zone.records:
            if record.type == "NS":
                yield from _unreachable(zone, record, by_origin, services)
        parent = parent_of(zone.zone.origin, by_origin)
        if parent is not None:
            yield from _undelegated(zone, parent)


def _unreachable(
    zone: Placed, record: Record, zones: Mapping[str, Placed], services: Collection[ServiceName]
) -> Iterator[Problem]:
    """Of nameservers inside a zone we know the addresses (RFC 9471), and they are no aliases (RFC 2181, 10.3)."""
    server = record.rdata.lower()
    home = closest(server, zones)
    if not is_below(server, zone.zone.origin) or home is None:
        return
    types = zone.types.get(server, frozenset()) | zones[home].types.get(server, frozenset())
    if "CNAME" in types:
        message = f"{server}, a nameserver of {record.name}, is an alias (CNAME), which resolvers may not follow"
        yield zone.problem(record.name, "NS", message, "give it addresses of its own")
    elif not types & _ADDRESSES and server not in services and _needed(zone, zones[home], record.name, server):
        message = f"{server}, a nameserver of {record.name}, has no address"
        yield zone.problem(record.name, "NS", message, f"add the A or AAAA record of {server}")


def _needed(zone: Placed, home: Placed, owner: str, server: str) -> bool:
    """Whether nobody but us tells the address of ``server``: no other delegation leads to it, and no wildcard."""
    cut = home.cut_above(server)
    if cut is not None and (cut[0] != owner or cut[1] != "NS"):
        return False
    wild = (f"*.{suffix}" for suffix in suffixes(server) if is_below(suffix, home.zone.origin))
    return zone.zone.origin != home.zone.origin or not any(home.types.get(w, frozenset()) & _ADDRESSES for w in wild)


def _undelegated(zone: Placed, parent: Placed) -> Iterator[Problem]:
    """The parent has the NS record set of the zone."""
    origin, at = zone.zone.origin, key_path(("zones", zone.key))
    wanted = for_parent(zone.zone)
    theirs = {r.rdata.lower() for r in parent.zone.records if r.type == "NS" and r.name == origin}
    ours = {r.rdata.lower() for r in wanted if r.type == "NS"}
    if theirs == ours:
        return
    if theirs:
        message = f"its nameservers are not those that {parent.zone.origin} names: {parent.where(origin, 'NS')}"
    else:
        message = f"its parent {parent.zone.origin}, configured here too, does not delegate to it"
    home = parent.file.path if parent.file else f"a master file for {parent.zone.origin}"
    lines = "; ".join(presentation(record) for record in wanted)
    yield Problem(zone.config, at, message, f"have in {home}: {lines}")


def undelegated(config: str, zones: Sequence[Placed], published: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    """Zones of other providers whose parent is one of ``zones`` and does not lead to them.

    Args:
        config: the configuration file.
        zones: those of the embedded nameserver.
        published: names of the providers of every zone, by origin.
    """
    by_origin = {zone.zone.origin: zone for zone in zones}
    for origin in published.keys() - by_origin:
        parent = by_origin.get(closest(origin.partition(".")[2] or ".", published) or "")
        if parent is not None and parent.cut_above(origin) is None:
            home = parent.file.path if parent.file else f"a master file for {parent.zone.origin}"
            message = f"its parent {parent.zone.origin}, which the embedded nameserver has, does not delegate to it"
            remedy = f"have in {home} the NS records that {', '.join(published[origin])} has for it"
            yield Problem(config, key_path(("zones", origin.removesuffix("."))), message, remedy)


def presentation(record: Record) -> str:
    """``record`` as a line of a master file (RFC 1035, section 5.1)."""
    return f"{record.name} {record.ttl} IN {record.type} {record.rdata}"
