"""What is to be written at a provider so that a zone says what was decided: the least of it, and nothing of others'.

A plan is made of what was read, so each of its changes says exactly what it removes. Written as such it fails where
somebody has been there meanwhile (compare and set).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from operator import attrgetter
from types import MappingProxyType

import msgspec

from gslb.model.names import ServiceName
from gslb.model.recordset import Key, Marker, RecordSet, by_key, is_reserved_for, marker_name, markers, read_marker

ANSWERS = frozenset({"A", "AAAA", "CNAME"})
"""types of the records that a service owns at its name"""

MARKER_TTL = 300
"""seconds"""


class Conflict(msgspec.Struct, frozen=True, gc=False):
    """Record sets in the way of a service that are not marked as ours; nothing is written for it until they are."""

    service: ServiceName
    records: tuple[RecordSet, ...]
    owner: str = ""
    """who has marked them; empty: nobody"""
    fence: int = 0
    """number of a later lease than ours, under which they were written; 0: that is not it"""


class Change(msgspec.Struct, frozen=True, gc=False):
    """What is to be written for one service, all of it at once.

    Attributes:
        service: whose.
        removed: exactly as they were read, the marker among them.
        added: what takes their place, the marker among them.
        kept: what stays beside that, and is not written.
    """

    service: ServiceName
    removed: tuple[RecordSet, ...]
    added: tuple[RecordSet, ...]
    kept: tuple[RecordSet, ...] = ()

    @property
    def after(self) -> tuple[RecordSet, ...]:
        """All that there is of the service then."""
        return *self.kept, *self.added

    @property
    def empties(self) -> bool:
        """Whether nothing is answered for the service after it, and something was before."""
        return has_answers(self.removed) and not has_answers(self.after)

    @property
    def renews(self) -> bool:
        """Whether nothing but the numbers of the marker differ."""
        pairs = ([read_marker(record) for record in records] for records in (self.removed, self.added))
        return all(len(found) == 1 and found[0] is not None for found in pairs)

    @property
    def size(self) -> int:
        """Records that are named in it: each value of a record set, and each record set that has none."""
        return sum(max(1, len(record.values)) for record in (*self.removed, *self.added))

    @property
    def characters(self) -> int:
        """Characters of the values in it."""
        return sum(record.characters for record in (*self.removed, *self.added))


class ZonePlan(msgspec.Struct, frozen=True, gc=False):
    """All that is to be written in a zone.

    Attributes:
        zone: its origin.
        changes: what brings new answers first, then what takes away, and what renews markers last.
        conflicts: services for which nothing can be written.
    """

    zone: str
    changes: tuple[Change, ...]
    conflicts: tuple[Conflict, ...]


def has_answers(records: Iterable[RecordSet]) -> bool:
    """Whether any of ``records`` is an answer."""
    return any(record.type in ANSWERS for record in records)


def plan_zone(
    zone: str,
    read: Sequence[RecordSet],
    desired: Mapping[ServiceName, Sequence[RecordSet]],
    owner: str,
    fence: int,
    generation: int = 0,
    adopted: Mapping[ServiceName, str] = MappingProxyType({}),
    *,
    renew: bool = False,
) -> ZonePlan:
    """The least that makes of ``read`` what is ``desired``.

    Nothing is written for a service that is as it should be: neither is its marker, unless its fence is to be ours. Nor
    is anything where somebody has written under a later lease than ours.

    Args:
        zone: origin.
        read: all record sets of the zone.
        desired: those of each service, without its marker. One that has none keeps its marker, so that its name is
            there (NODATA), and no wildcard answers for it (RFC 4592, section 2.2.2).
        owner: this installation.
        fence: number of our lease.
        generation: what markers are to say.
        adopted: services whose record sets are ours from now on, and whose they have been: an owner, or nobody ("").
            Where that is ourselves, a later lease than ours does not count, and the marker is written in any case.
        renew: replace markers of ours that were written under an older lease. Whoever holds that lease yet, and has
            read them, can write nothing from then on (compare and set).
    """
    held, marked = by_key(read), markers(read)
    ours = {service for service, (marker, _) in marked.items() if marker.owner == owner}
    grouped = by_service(held, {*desired, *ours})
    changes, conflicts = [], []
    for service in sorted({*desired, *ours}):
        marker, record = marked.get(service, (None, None))
        before, after = grouped[service], tuple(desired.get(service, ()))
        wanted = service in desired
        is_marked = (marker is not None) is wanted and (marker is None or marker.owner == owner)
        is_marked = is_marked and not (renew and is_stale(marker, owner, fence))
        if set(before) == set(after) and is_marked and adopted.get(service) != owner:
            continue
        obstacle = _obstacle(service, before, marker, owner, fence)
        if obstacle is not None and adopted.get(service) != obstacle.owner:
            conflicts.append(obstacle)
            continue
        new = (*after, Marker(service, owner, fence, generation).record(MARKER_TTL)) if wanted else ()
        old = (*before, record) if record is not None else before
        changes.append(_change(service, old, new))
    changes.sort(key=lambda change: (change.renews, not change.added, bool(change.removed), change.service))
    return ZonePlan(zone, tuple(changes), tuple(conflicts))


def is_stale(marker: Marker | None, owner: str, fence: int) -> bool:
    """Whether ``marker`` is of ``owner``, and was written under an older lease than that of ``fence``."""
    return marker is not None and marker.owner == owner and marker.fence < fence


def _obstacle(
    service: ServiceName, before: tuple[RecordSet, ...], marker: Marker | None, owner: str, fence: int
) -> Conflict | None:
    """Why nothing may be written for ``service``; None: it may."""
    if marker is None:
        return Conflict(service, before) if before else None
    if marker.owner != owner:
        return Conflict(service, before, marker.owner)
    return Conflict(service, before, owner, marker.fence) if marker.fence > fence else None


def by_service(
    held: Mapping[Key, RecordSet], services: AbstractSet[ServiceName]
) -> dict[ServiceName, tuple[RecordSet, ...]]:
    """What each of ``services`` has, or would have, without its marker; not going through all record sets for each.

    Of its own are its answers, what has a reserved name, and what is where its marker would be, and is none.
    """
    found: dict[ServiceName, list[RecordSet]] = {service: [] for service in services}
    for record in held.values():
        own = ServiceName(record.name)
        if own in found and record.type in ANSWERS:
            found[own].append(record)
            continue
        parent = record.name.partition(".")[2]
        for service in (ServiceName(parent), ServiceName(f"*.{parent}")):
            if service in found and (is_reserved_for(record.name, service) or _displaces_marker(record, service)):
                found[service].append(record)
    return {service: tuple(records) for service, records in found.items()}


def _displaces_marker(record: RecordSet, service: ServiceName) -> bool:
    """Whether no marker of ``service`` can be written beside ``record``, which is none."""
    is_in_place = record.name == marker_name(service) and record.type in {"TXT", "CNAME"}
    return is_in_place and read_marker(record) is None


def _change(service: ServiceName, old: Sequence[RecordSet], new: Sequence[RecordSet]) -> Change:
    """What differs; the markers go with it even where they are the same, so that they are compared."""
    kept = {record for record in set(old) & set(new) if record.type != "TXT"}
    removed, added, staying = (
        tuple(sorted(records, key=attrgetter("key"))) for records in (set(old) - kept, set(new) - kept, kept)
    )
    return Change(service, removed, added, staying)


def batches(changes: Iterable[Change], size: int, characters: int) -> Iterator[tuple[Change, ...]]:
    """``changes`` in order, in as few requests as a provider takes them in; those of one service stay together.

    Args:
        changes: what is to be written.
        size: records in a request, removed and added.
        characters: of values in a request.

    Raises:
        ValueError: a single change is too large.
    """
    batch: list[Change] = []
    spent_size = spent_characters = 0
    for change in changes:
        if change.size > size or change.characters > characters:
            raise ValueError(f"{change.service}: {change.size} records with {change.characters} characters of values")
        if batch and (spent_size + change.size > size or spent_characters + change.characters > characters):
            yield tuple(batch)
            batch, spent_size, spent_characters = [], 0, 0
        batch.append(change)
        spent_size += change.size
        spent_characters += change.characters
    if batch:
        yield tuple(batch)
