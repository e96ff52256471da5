"""All zones of a file: who publishes each, and what the embedded nameserver has of those that it does."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gslb.config.collisions import Placed, placed
from gslb.config.faults import suggest
from gslb.config.keys import read_keys
from gslb.config.reader import Reader
from gslb.config.sources import Sources
from gslb.config.transfer import build_transfer
from gslb.config.zonecheck import check_zone
from gslb.config.zonefile import MasterFile, complete, read_zone_file
from gslb.config.zones import ZoneSection
from gslb.errors import ConfigError
from gslb.nameserver.snapshot import Zone
from gslb.nameserver.transfer.access import TsigKey
from providers import EMBEDDED

_OURS = tuple(name for name in ZoneSection.model_fields if name != "providers")
"""what only the embedded nameserver reads"""


@dataclass(frozen=True, slots=True)
class ZoneSet:
    """All zones.

    Attributes:
        published: names of the providers of each, by origin.
        placed: those of the embedded nameserver, likewise.
    """

    published: dict[str, tuple[str, ...]] = field(default_factory=dict)
    placed: dict[str, Placed] = field(default_factory=dict)


def read_zones(reader: Reader, path: Path, sources: Sources, providers: Mapping[str, object], *, kept: bool) -> ZoneSet:
    """Zones by origin, with their static records, and who may transfer them.

    Args:
        reader: collects the faults.
        path: the configuration file.
        sources: reads master files.
        providers: all [providers] by name; those with faults of their own count as existing.
        kept: as for ``read_keys``.
    """
    keys, found = read_keys(reader, kept=kept), ZoneSet()
    for key, table in reader.tables("zones").items():
        at = ("zones", key)
        section, origin = reader.parse(ZoneSection, table, at), reader.dns_name(key, at)
        if origin is None:
            continue
        if origin in found.published:
            reader.fault(at, "is the name of another zone too", "keep one of them")
            continue
        # One with faults is without records, so that its services are not blamed for them.
        found.published[origin] = tuple(section.providers) if section else ()
        found.placed[origin] = placed(Zone(origin, ()), str(path), key, None)
        if section is None:
            continue
        _check_providers(reader, (*at, "providers"), section, providers)
        if EMBEDDED in section.providers:
            found.placed[origin] = _place(reader, path, sources, key, origin, section, keys)
        elif providers.keys() >= set(section.providers):
            del found.placed[origin]
            _refuse_ours(reader, at, section)
    return found


def _check_providers(
    reader: Reader, at: tuple[str | int, ...], section: ZoneSection, providers: Collection[str]
) -> None:
    """Each of them exists, and is named once."""
    known = {EMBEDDED, *providers}
    for index, name in enumerate(section.providers):
        if name not in known:
            remedy = f"define [providers.{name}], or: {suggest(name, known)}"
            reader.fault(at, f"no provider {name!r}", remedy)
        elif name in section.providers[:index]:
            reader.fault(at, f"{name!r} is named twice", "name each provider once")


def _refuse_ours(reader: Reader, at: tuple[str, ...], section: ZoneSection) -> None:
    """What the embedded nameserver would read is not stated where it does not publish the zone."""
    for name in _OURS:
        if name in section.model_fields_set:
            text = f"is for the embedded nameserver, and this zone is published at {', '.join(section.providers)} only"
            reader.fault((*at, name), text, f'remove it, or add "{EMBEDDED}" to providers')


def _place(
    reader: Reader,
    path: Path,
    sources: Sources,
    key: str,
    origin: str,
    section: ZoneSection,
    keys: Mapping[str, TsigKey | None],
) -> Placed:
    at = ("zones", key)
    try:
        file = _master_file(path, sources, origin, section)
    except ConfigError as error:
        reader.problems += error.problems
        return placed(Zone(origin, ()), str(path), key, None)
    transfer = build_transfer(reader, (*at, "transfer"), section.transfer, keys)
    zone = Zone(origin, complete(origin, section, file.records if file else ()), transfer)
    check_zone(reader, at, section, zone)
    return placed(zone, str(path), key, file)


def _master_file(path: Path, sources: Sources, origin: str, section: ZoneSection) -> MasterFile | None:
    if section.file is None:
        return None
    return read_zone_file(path.parent / section.file, origin, sources)
