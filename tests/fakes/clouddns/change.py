"""Changes: checked as a whole against what a zone holds, before any of it is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.fakes.clouddns.errors import (
    Json,
    already_exists,
    bad_apex,
    cname_conflict,
    condition_not_met,
    not_found,
    quota_exceeded,
    required,
)
from tests.fakes.clouddns.fields import array, table
from tests.fakes.clouddns.records import Key, Origin, RecordSet, named

CHANGE_FIELDS = {"additions", "deletions", "id", "startTime", "status", "isServing"}
_ADDITIONS, _DELETIONS = "entity.change.additions", "entity.change.deletions"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a change asks for; ``field`` is None, or how errors call the one record set of a request of ``rrsets``."""

    additions: tuple[RecordSet, ...] = ()
    deletions: tuple[RecordSet, ...] = ()
    field: str | None = None

    def added(self, record: RecordSet) -> str:
        return self.field or named(_ADDITIONS, record.name, record.type)

    def deleted(self, record: RecordSet) -> str:
        return self.field or named(_DELETIONS, record.name, record.type)


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was made; when each server answers by it, in seconds of the fake's clock."""

    id: int
    wanted: Wanted
    started: datetime
    at: float
    visible: Mapping[str, float]

    def to_json(self, now: float) -> Json:
        """As ``changes.get`` answers: it is done when all servers have it."""
        lists = {"additions": self.wanted.additions, "deletions": self.wanted.deletions}
        return {
            "kind": "dns#change",
            **{name: [record.to_json() for record in records] for name, records in lists.items() if records},
            "startTime": self.started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            "id": str(self.id),
            "status": "done" if now >= max(self.visible.values()) else "pending",
        }


def read(value: Any, origin: Origin) -> Wanted:
    """A change from JSON; raises ApiError where a part of it is not valid by itself."""
    source = table(value, "change", CHANGE_FIELDS)
    additions = array(source.get("additions"), "additions")
    deletions = array(source.get("deletions"), "deletions")
    if not additions and not deletions:
        raise required("entity.change")
    exceeded = [
        f"{what} per change"
        for what, given, most in (
            ("additions", additions, origin.quota.additions),
            ("deletions", deletions, origin.quota.deletions),
        )
        if len(given) > most
    ]
    if exceeded:
        raise quota_exceeded(exceeded)
    return Wanted(
        tuple(origin.read(each, _ADDITIONS) for each in additions),
        tuple(origin.read(each, _DELETIONS) for each in deletions),
    )


def applied(held: Mapping[Key, RecordSet], wanted: Wanted, origin: Origin) -> dict[Key, RecordSet | None]:
    """What is different after a change, None being gone. Raises ApiError where a rule forbids it; alters nothing."""
    _within_quota(held, wanted, origin)
    _deletable(held, wanted)
    _addable(held, wanted)
    difference: dict[Key, RecordSet | None] = {record.key: None for record in wanted.deletions}
    difference |= {record.key: record for record in wanted.additions}
    _keeps_apex(wanted, difference, origin)
    _keeps_aliases_alone(held, wanted, difference)
    return difference


def _within_quota(held: Mapping[Key, RecordSet], wanted: Wanted, origin: Origin) -> None:
    quota = origin.quota
    everything: Sequence[RecordSet] = wanted.additions + wanted.deletions
    exceeded = {
        "total rrdata size per change": sum(record.size for record in everything) > quota.rrdata_size,
        "resource records per rrset": any(record.records > quota.records_per_set for record in wanted.additions),
        "rrsets per managed zone": len(held) + len(wanted.additions) - len(wanted.deletions) > quota.sets_per_zone,
    }
    if any(exceeded.values()):
        raise quota_exceeded([dimension for dimension, beyond in exceeded.items() if beyond])


def _deletable(held: Mapping[Key, RecordSet], wanted: Wanted) -> None:
    gone: set[Key] = set()
    for record in wanted.deletions:
        there = held.get(record.key)
        if there is None or record.key in gone:
            raise not_found(wanted.deleted(record), f"{record.name} ({record.type})")
        if not there.matches(record):
            raise condition_not_met(wanted.deleted(record))
        gone.add(record.key)


def _addable(held: Mapping[Key, RecordSet], wanted: Wanted) -> None:
    there = held.keys() - {record.key for record in wanted.deletions}
    for record in wanted.additions:
        if record.key in there:
            raise already_exists(wanted.added(record), f"{record.name} ({record.type})")
        there.add(record.key)


def _keeps_apex(wanted: Wanted, difference: Mapping[Key, RecordSet | None], origin: Origin) -> None:
    for record in wanted.deletions:
        if record.key in {(origin.name, "SOA"), (origin.name, "NS")} and difference[record.key] is None:
            raise bad_apex(wanted.deleted(record), record.type)


def _keeps_aliases_alone(
    held: Mapping[Key, RecordSet], wanted: Wanted, difference: Mapping[Key, RecordSet | None]
) -> None:
    added = {record.name for record in wanted.additions}
    types: dict[str, set[str]] = {name: set() for name in added}
    for name, kind in held:
        if name in added:
            types[name].add(kind)
    for (name, kind), record in difference.items():
        if name in added:
            (types[name].discard if record is None else types[name].add)(kind)
    for record in wanted.additions:
        if "CNAME" in types[record.name] and len(types[record.name]) > 1:
            raise cname_conflict(wanted.added(record))
