"""What a nameserver answers, as data, and how one such value becomes the next.

Nothing here knows the wire: compiling is in ``zone`` and ``table``, framing in ``protocol``, files in ``disk``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec

from gslb.errors import SnapshotError
from gslb.model.names import ServiceName
from gslb.model.steering import Steering
from gslb.nameserver.polite import let_go, politely
from gslb.nameserver.settings import DEFAULTS, Settings
from gslb.nameserver.transfer.access import NOBODY, Transfer

PORTION = 16
"""services that are written or read at a time: one call for all of them would keep answers waiting"""

MOST_CHANGED = 256
"""services in a change, which is read in one call"""


@dataclass(frozen=True, slots=True)
class Record:
    """One static record.

    Attributes:
        name: owner, absolute, in lower case.
        ttl: seconds.
        type: mnemonic, or ``TYPE65280`` (RFC 3597, section 5).
        rdata: presentation form, every name in it absolute.
    """

    name: str
    ttl: int
    type: str
    rdata: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone and its static records, the SOA and NS of its apex among them.

    Attributes:
        origin: absolute, in lower case.
        records: static data.
        transfer: who may transfer it.
    """

    origin: str
    records: tuple[Record, ...]
    transfer: Transfer = NOBODY


class Version(NamedTuple):
    """Which snapshot: ``generation`` alone says that only among those of one publisher."""

    publisher: str
    generation: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a nameserver answers, and how.

    Attributes:
        generation: grows with every change by ``publisher``.
        zones: static data.
        services: what is answered at their names.
        publisher: one control process.
        settings: how it behaves.
        serials: of zones by origin; without one, that in the zone's own SOA record counts.
    """

    generation: int
    zones: tuple[Zone, ...]
    services: tuple[Steering, ...]
    publisher: str = ""
    settings: Settings = DEFAULTS
    serials: Mapping[str, int] = field(default_factory=dict)

    @property
    def version(self) -> Version:
        """Which one this is."""
        return Version(self.publisher, self.generation)

    def is_like(self, other: "Snapshot") -> bool:
        """Whether it is the same as ``other`` but for the services."""
        mine, others = (self.version, self.settings, self.serials), (other.version, other.settings, other.serials)
        return mine == others and self.zones == other.zones


class Full(msgspec.Struct, frozen=True, tag="full"):
    """Replaces whatever the nameserver has, whatever its generation."""

    snapshot: Snapshot


class Change(msgspec.Struct, frozen=True, tag="change"):
    """Leads from a publisher's snapshot of generation ``base`` to that of ``generation``: zones are the same.

    ``services`` and ``serials`` are those that differ.
    """

    generation: int
    base: int
    services: tuple[Steering, ...]
    removed: tuple[ServiceName, ...]
    publisher: str = ""
    serials: Mapping[str, int] = {}  # msgspec copies it

    def leads_from(self, snapshot: Snapshot) -> bool:
        """Whether ``snapshot`` is what this is based on."""
        return snapshot.version == (self.publisher, self.base)


def apply(snapshot: Snapshot, change: Change) -> Snapshot:
    """``snapshot`` after ``change``, which must be based on it."""
    services = {service.name: service for service in snapshot.services}
    for name in change.removed:
        services.pop(name, None)
    services.update((service.name, service) for service in change.services)
    return replace(
        snapshot,
        generation=change.generation,
        services=tuple(services.values()),
        publisher=change.publisher,
        serials={**snapshot.serials, **change.serials},
    )


def diff(old: Snapshot | None, new: Snapshot) -> Change | Full:
    """What leads from ``old`` to ``new``: a Full where more than services and serials differs, or too many of these.

    A Change is read in one go, and the snapshot that it leads to is not made ready for those who ask.
    """
    same = old is not None and (old.publisher, old.settings, old.zones) == (new.publisher, new.settings, new.zones)
    if old is None or not same or old.serials.keys() - new.serials:
        return Full(new)
    services, removed = differing(old.services, new.services)
    if len(services) + len(removed) > MOST_CHANGED:
        return Full(new)
    return Change(
        generation=new.generation,
        base=old.generation,
        services=services,
        removed=removed,
        publisher=new.publisher,
        serials={origin: serial for origin, serial in new.serials.items() if old.serials.get(origin) != serial},
    )


def differing(old: Sequence[Steering], new: Sequence[Steering]) -> tuple[tuple[Steering, ...], tuple[ServiceName, ...]]:
    """The services of ``new`` that ``old`` does not have so, and the names of those that ``new`` does not have at all.

    Mostly both are the same values in the same order, but for a few.
    """
    pairs = [pair for pair in politely(zip(old, new, strict=False)) if pair[0] is not pair[1]]
    if len(old) == len(new) and all(before.name == after.name for before, after in politely(pairs)):
        changed = tuple([after for before, after in politely(pairs) if before != after])
        let_go(pairs)
        return changed, ()
    let_go(pairs)
    known = {service.name: service for service in politely(old)}
    names = {service.name for service in politely(new)}
    changed = tuple([service for service in politely(new) if known.get(service.name) != service])
    removed = tuple(name for name in known if name not in names)
    let_go(known)
    return changed, removed


_decoder = msgspec.json.Decoder(Snapshot)
_encoder = msgspec.json.Encoder()
_SERVICES = b'"services":['
"""Within a string of JSON no quotation mark is without a backslash before it."""


def encode(snapshot: Snapshot) -> Iterator[bytes]:
    """``snapshot`` as JSON, in parts."""
    head, _, tail = _encoder.encode(replace(snapshot, services=())).partition(_SERVICES)
    yield head + _SERVICES
    for index, portion in enumerate(portions(snapshot.services)):
        yield portion[1:-1] if index == 0 else b"," + portion[1:-1]
    yield tail


def portions(services: Sequence[Steering]) -> Iterator[bytes]:
    """``services`` as arrays in JSON, some of them in each."""
    for start in range(0, len(services), PORTION):
        yield _encoder.encode(services[start : start + PORTION])


def decode(data: bytes) -> Snapshot:
    """The snapshot that ``encode`` made ``data`` of.

    Raises:
        SnapshotError: ``data`` is not such a snapshot.
    """
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise SnapshotError(f"not a snapshot: {error}") from error
