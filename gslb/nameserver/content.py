"""What a zone contains as far as a transfer can say it: record sets, in presentation form. Pure.

A transfer cannot express steering. Of a service it has the addresses of the rule that is for everybody, all of them and
without weights; nothing of a service that has none there. As in ``table``, a service takes the place of static A, AAAA
and CNAME records at its name. How answers are told apart by client, and whose turn it is, is not known here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import dns.exception
import dns.rdatatype

from gslb.errors import SnapshotError
from gslb.model.names import ServiceName
from gslb.model.steering import WITHHELD, RecordType, Steering
from gslb.nameserver.rrset import ancestors, wire_name
from gslb.nameserver.snapshot import Snapshot, Zone

OVERRIDDEN = frozenset({"A", "AAAA", "CNAME"})
"""static types that a service takes the place of"""

_STEERED = (RecordType.A, RecordType.AAAA)
_SERIAL = 2
"""which field of a SOA record is its serial (RFC 1035, section 3.3.13)"""


class RecordSet(NamedTuple):
    """An RRset (RFC 2181, section 5) in presentation form, with its rdata in order and each once."""

    name: str
    type: str
    ttl: int
    rdatas: tuple[str, ...]


def static_sets(zone: Zone) -> Iterator[RecordSet]:
    """The static record sets. Records of one set that differ in TTL get the least (RFC 2181, section 5.2)."""
    rdatas: dict[tuple[str, str], set[str]] = defaultdict(set)
    ttls: dict[tuple[str, str], int] = {}
    for record in zone.records:
        key = record.name, _mnemonic(record.type)
        rdatas[key].add(record.rdata)
        ttls[key] = min(record.ttl, ttls.get(key, record.ttl))
    return (RecordSet(*key, ttls[key], tuple(sorted(values))) for key, values in rdatas.items())


def service_sets(steering: Steering) -> Iterator[RecordSet]:
    """What a transfer has of a service: at most one set of each type that it is configured for."""
    rule = next((rule for rule in steering.rules if rule.match is None), None)
    if rule is None or rule.withheld >= WITHHELD:
        return
    for kind in _STEERED:
        values = {target.value for group in rule.groups for target in group.targets if target.type is kind}
        if values and kind in steering.types:
            yield RecordSet(steering.name, kind.value, steering.ttl, tuple(sorted(values)))


def home(name: ServiceName, origins: Mapping[bytes, str]) -> str | None:
    """The origin of the zone that a service is in, the closest one; None where there is none.

    Args:
        name: the service.
        origins: of all zones, as text by wire form.

    Raises:
        SnapshotError: it is no name.
    """
    return next((origins[suffix] for suffix in ancestors(wire_name(name)) if suffix in origins), None)


def wire_origins(zones: Iterable[Zone]) -> dict[bytes, str]:
    """The origins of ``zones`` as ``home`` needs them."""
    return {wire_name(zone.origin): zone.origin for zone in zones}


def serial_of(zone: Zone) -> int | None:
    """The serial that the SOA record of ``zone`` has by itself; None without one."""
    soa = next((record for record in zone.records if record.type == "SOA" and record.name == zone.origin), None)
    return None if soa is None else int(soa.rdata.split()[_SERIAL])


def numbered(rdata: str, serial: int) -> str:
    """The rdata of a SOA record, with another serial."""
    fields = rdata.split()
    fields[_SERIAL] = str(serial)
    return " ".join(fields)


def content(snapshot: Snapshot, origin: str) -> tuple[RecordSet, ...]:
    """All that a transfer of the zone has, in canonical order of names (RFC 4034, section 6.1), the SOA first.

    Raises:
        KeyError: there is no such zone.
        SnapshotError: there is something that is no name.
    """
    zone = next((zone for zone in snapshot.zones if zone.origin == origin), None)
    if zone is None:
        raise KeyError(origin)
    origins = wire_origins(snapshot.zones)
    services = [service for service in snapshot.services if home(service.name, origins) == origin]
    names = {service.name for service in services}
    sets = [each for each in static_sets(zone) if each.type not in OVERRIDDEN or each.name not in names]
    sets += [each for service in services for each in service_sets(service)]
    serial = snapshot.serials.get(origin)
    if serial is not None:
        sets = [_renumbered(each, serial) if _is_apex_soa(each, origin) else each for each in sets]
    return tuple(sorted(sets, key=lambda each: (*_place(each), not _is_apex_soa(each, origin), each.type)))


def _is_apex_soa(each: RecordSet, origin: str) -> bool:
    return each.type == "SOA" and each.name == origin


def _renumbered(soa: RecordSet, serial: int) -> RecordSet:
    return soa._replace(rdatas=tuple(numbered(rdata, serial) for rdata in soa.rdatas))


def _place(each: RecordSet) -> tuple[list[bytes]]:
    """Sorts names by their labels, the last one first."""
    labels = [suffix[1 : suffix[0] + 1] for suffix in ancestors(wire_name(each.name))]
    return (labels[::-1],)


@lru_cache(maxsize=256)
def _mnemonic(type_: str) -> str:
    """The usual name of a type, for one that was written as a number (RFC 3597, section 5)."""
    try:
        return dns.rdatatype.to_text(dns.rdatatype.from_text(type_))
    except (dns.exception.DNSException, ValueError) as error:
        raise SnapshotError(f"no type {type_!r}") from error
