"""What one zone needs for itself: an apex, addresses of its nameservers, and records that can be answered."""

from gslb.config.names import is_below
from gslb.config.reader import Reader
from gslb.config.zones import ZoneSection
from gslb.errors import SnapshotError
from gslb.nameserver.snapshot import Zone
from gslb.nameserver.zone import compile_zone


def check_zone(reader: Reader, at: tuple[str, ...], section: ZoneSection, zone: Zone) -> None:
    """The zone has an apex, it knows where its nameservers are, and the embedded nameserver can answer from it."""
    before = len(reader.problems)
    apex = {record.type for record in zone.records if record.name == zone.origin}
    if not {"SOA", "NS"} <= apex:
        remedy = 'write nameservers = { "ns1.NAME." = ["ADDRESS"] }, or name a file that has both'
        reader.fault((*at, "nameservers"), "the zone has no SOA or NS record", remedy)
    _check_nameservers(reader, (*at, "nameservers"), section, zone)
    if len(reader.problems) > before:
        return
    try:
        compile_zone(zone)
    except SnapshotError as error:
        reader.fault((*at, "file"), str(error), "correct this record of the master file")


def _check_nameservers(reader: Reader, at: tuple[str, ...], section: ZoneSection, zone: Zone) -> None:
    """The zone holds the addresses of the nameservers inside it, and of no others."""
    addressed = {record.name for record in zone.records if record.type in ("A", "AAAA")}
    for name, addresses in section.nameservers.items():
        inside = is_below(name, zone.origin)
        if addresses and not inside:
            reader.fault((*at, name), "is outside of the zone, which cannot hold its addresses", "write [] for them")
        elif inside and name not in addressed:
            reader.fault((*at, name), "has no address", 'write its addresses, as in ["192.0.2.53"]')
