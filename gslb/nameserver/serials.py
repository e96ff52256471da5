"""Which serial each zone has: it rises when the content of a transfer changes, and only then (RFC 1982).

Numbers are given by the control process, so that all workers have the same. They are kept, so that they go on after a
restart; what was given right before a crash may not have been written down, but workers tell it. Where they are kept,
and when anybody is told of a change, is not known here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from gslb.model.names import ServiceName
from gslb.model.record import SerialRecord
from gslb.model.steering import Steering
from gslb.nameserver.content import (
    OVERRIDDEN,
    RecordSet,
    home,
    numbered,
    serial_of,
    service_sets,
    static_sets,
    wire_origins,
)
from gslb.nameserver.snapshot import Zone, differing

_SPACE = 2**32
_SUMS = 2**128
_UNKNOWN = ""
"""Digest of a zone of which it is not known what it had with its serial."""


def is_later(serial: int, than: int) -> bool:
    """Whether ``serial`` is greater than another one (RFC 1982, section 3.2)."""
    return 0 < (serial - than) % _SPACE < _SPACE // 2


def next_serial(last: int | None, own: int | None, now: float) -> int:
    """The serial of new content.

    Args:
        last: the one before; None: there was none.
        own: what the SOA record of the zone says; None: nothing.
        now: seconds since 1970.
    """
    found = int(now) % _SPACE if last is None else (last + 1) % _SPACE
    for other in (own, int(now) % _SPACE):
        if other is not None and is_later(other, found) and (last is None or is_later(other, last)):
            found = other
    return found or 1  # of which some servers think that it stands for none


@dataclass(frozen=True, slots=True)
class _Static:
    """A zone without services: the sum of its sets, and that of those at each name that a service would override."""

    zone: Zone
    total: int
    overridden: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Share:
    """What a service adds to the sum of its zone, less what it overrides."""

    steering: Steering
    origin: str | None
    sum: int


class Serials:
    """Gives serials. The digest of a zone is a sum of hashes of its sets: a service that changes costs its own only.

    Args:
        now: seconds since 1970.

    Attributes:
        save: takes what is to be kept whenever a serial is new.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.save: Callable[[Iterable[SerialRecord]], object] = lambda _: None
        self._now = now
        self._records: dict[str, SerialRecord] = {}
        self._zones: tuple[Zone, ...] = ()
        self._static: dict[str, _Static] = {}
        self._origins: dict[bytes, str] = {}
        self._shares: dict[ServiceName, _Share] = {}
        self._assigned: tuple[Steering, ...] = ()
        self._sums: dict[str, int] = {}
        self._serials: Mapping[str, int] = {}

    @property
    def records(self) -> tuple[SerialRecord, ...]:
        """All that is to be kept."""
        return tuple(self._records.values())

    def restore(self, records: Iterable[SerialRecord]) -> None:
        """Go on from what was kept."""
        self._records.update((record.zone, record) for record in records)

    def saw(self, serials: Mapping[str, int]) -> bool:
        """Somebody answers with these; whether any is later than what was given here, and so is to be overtaken."""
        ahead = False
        for origin, serial in serials.items():
            known = self._records.get(origin)
            if known is None or is_later(serial, known.serial):
                self._records[origin] = SerialRecord(origin, serial, _UNKNOWN)
                ahead = ahead or origin in self._serials
        return ahead

    def assign(self, zones: tuple[Zone, ...], steerings: Mapping[ServiceName, Steering]) -> Mapping[str, int]:
        """The serial of each zone by origin, if this is what is to be answered.

        Raises:
            SnapshotError: there is something that is no name.
        """
        if zones is not self._zones:
            self._take_zones(zones)
        wanted = tuple(steerings.values())
        changed, removed = differing(self._assigned, wanted)
        for name in removed:
            self._put(name, None)
        for steering in changed:
            self._put(steering.name, steering)
        self._assigned = wanted
        self._number()
        return self._serials

    def _take_zones(self, zones: tuple[Zone, ...]) -> None:
        self._static = {zone.origin: self._summed(zone) for zone in zones}
        self._zones, self._origins = zones, wire_origins(zones)
        self._sums = {origin: static.total for origin, static in self._static.items()}
        self._shares, shares = {}, self._shares
        for name, share in shares.items():
            self._put(name, share.steering)

    def _summed(self, zone: Zone) -> _Static:
        known = self._static.get(zone.origin)
        if known is not None and known.zone.records == zone.records:
            return _Static(zone, known.total, known.overridden)
        total, overridden = 0, defaultdict[str, int](int)
        for each in static_sets(zone):
            value = _hash(_without_serial(each, zone.origin))
            total += value
            if each.type in OVERRIDDEN:
                overridden[each.name] += value
        return _Static(zone, total % _SUMS, overridden)

    def _put(self, name: ServiceName, steering: Steering | None) -> None:
        """``steering`` is what the service has from now on; None: it is no more."""
        before = self._shares.pop(name, None)
        if before is not None and before.origin is not None:
            self._sums[before.origin] -= before.sum
        if steering is None:
            return
        origin = before.origin if before else home(name, self._origins)
        share = 0
        if origin is not None:
            share = sum(map(_hash, service_sets(steering))) - self._static[origin].overridden.get(name, 0)
            self._sums[origin] += share
        self._shares[name] = _Share(steering, origin, share)

    def _number(self) -> None:
        """Give a new serial to each zone whose content is another one."""
        changed = []
        for origin, static in self._static.items():
            digest = f"{self._sums[origin] % _SUMS:032x}"
            known = self._records.get(origin)
            if known is None or known.digest != digest:
                serial = next_serial(known.serial if known else None, serial_of(static.zone), self._now())
                self._records[origin] = SerialRecord(origin, serial, digest)
                changed.append(self._records[origin])
        if changed:
            self.save(changed)
        if changed or self._serials.keys() != self._static.keys():
            self._serials = {origin: self._records[origin].serial for origin in self._static}


def _without_serial(each: RecordSet, origin: str) -> RecordSet:
    if each.type != "SOA" or each.name != origin:
        return each
    return each._replace(rdatas=tuple(numbered(rdata, 0) for rdata in each.rdatas))


def _hash(each: RecordSet) -> int:
    text = "\0".join((each.name, each.type, str(each.ttl), *each.rdatas))
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest())
