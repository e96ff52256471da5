"""What a nameserver answers, as data, and how one such value becomes the next.

Nothing here knows the wire: compiling is in ``zone`` and ``table``, framing in ``protocol``, files in ``disk``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec

from gslb.errors import SnapshotError
from gslb.model.names import ServiceName
from gslb.model.steering import Steering
from gslb.nameserver.settings import DEFAULTS, Settings
from gslb.nameserver.transfer.access import NOBODY, Transfer


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
    """The least message that leads from ``old`` to ``new``: a Full where more than services and serials differs."""
    same = old is not None and (old.publisher, old.settings, old.zones) == (new.publisher, new.settings, new.zones)
    if old is None or not same or old.serials.keys() - new.serials:
        return Full(new)
    before = {service.name: service for service in old.services}
    names = {service.name for service in new.services}
    return Change(
        generation=new.generation,
        base=old.generation,
        services=tuple(service for service in new.services if before.get(service.name) != service),
        removed=tuple(name for name in before if name not in names),
        publisher=new.publisher,
        serials={origin: serial for origin, serial in new.serials.items() if old.serials.get(origin) != serial},
    )


_decoder = msgspec.json.Decoder(Snapshot)


def encode(snapshot: Snapshot) -> bytes:
    """``snapshot`` as JSON."""
    return msgspec.json.encode(snapshot)


def decode(data: bytes) -> Snapshot:
    """The snapshot that ``encode`` made ``data`` of.

    Raises:
        SnapshotError: ``data`` is not such a snapshot.
    """
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise SnapshotError(f"not a snapshot: {error}") from error
