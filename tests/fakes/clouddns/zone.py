"""A managed zone: what it holds, what it held at each moment, and which of its servers knows of it."""

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from tests.fakes.clouddns import change as changes
from tests.fakes.clouddns.change import Change, Wanted
from tests.fakes.clouddns.errors import Json
from tests.fakes.clouddns.records import Key, Origin, RecordSet

APEX_TTL = 21600


@dataclass(slots=True)
class Zone:
    """Use only with the lock of the fake held, except through the methods of the fake itself.

    Attributes:
        name: of the managed zone; ``origin.name`` is its DNS name.
        number: id that the server gave it.
        servers: names of its nameservers.
        changes: all that were made, that which made the apex being the first.
        held: record sets as they are now.
        history: for each record set, the numbers of the changes that altered it, and what it was from then on.
    """

    name: str
    number: int
    origin: Origin
    servers: tuple[str, ...]
    description: str
    created: datetime
    changes: list[Change] = field(default_factory=list)
    held: dict[Key, RecordSet] = field(default_factory=dict)
    history: dict[Key, tuple[list[int], list[RecordSet | None]]] = field(default_factory=dict)
    _sorted: list[Key] = field(default_factory=list)

    @property
    def visibility(self) -> str:
        return "public" if self.origin.public else "private"

    def found(self, now: float) -> None:
        """Make the apex, as a change that all servers have at once."""
        data = f"{self.servers[0]} cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"
        apex = [
            RecordSet(self.origin.name, "SOA", APEX_TTL, (data,)),
            RecordSet(self.origin.name, "NS", APEX_TTL, self.servers),
        ]
        self._commit(
            Wanted(tuple(apex)), {record.key: record for record in apex}, now, dict.fromkeys(self.servers, now)
        )

    def apply(self, wanted: Wanted, now: float, delays: Mapping[str, float]) -> Change:
        """Check a change and make it, with the next serial; raises ApiError, having altered nothing."""
        difference = changes.applied(self.held, wanted, self.origin)
        soa = (self.origin.name, "SOA")
        if soa not in difference:
            difference[soa] = raised(self.held[soa])
        return self._commit(wanted, difference, now, {server: now + delays.get(server, 0) for server in self.servers})

    def add(self, records: Iterable[RecordSet], now: float) -> None:
        """Add records unchecked, on all servers at once; those that are there stay as they are."""
        new = {record.key: record for record in records if record.key not in self.held}
        self._commit(Wanted(tuple(new.values())), new, now, dict.fromkeys(self.servers, now))

    def _commit(
        self,
        wanted: Wanted,
        difference: Mapping[Key, RecordSet | None],
        now: float,
        visible: Mapping[str, float],
    ) -> Change:
        change = Change(len(self.changes), wanted, datetime.now(UTC), now, visible)
        self.changes.append(change)
        for key, record in difference.items():
            numbers, values = self.history.setdefault(key, ([], []))
            numbers.append(change.id)
            values.append(record)
            self._hold(key, record)
        return change

    def _hold(self, key: Key, record: RecordSet | None) -> None:
        if record is None:
            del self.held[key]
            self._sorted.remove(key)
        else:
            if key not in self.held:
                insort(self._sorted, key)
            self.held[key] = record

    def page(self, after: Key | None, most: int, name: str | None, kind: str | None) -> list[RecordSet]:
        """Up to ``most`` record sets by name and type, those after a key, and one more where there are more."""
        start = 0 if after is None else bisect_right(self._sorted, after)
        if name is not None:
            wanted = (self.held.get((name, each)) for each in ([kind] if kind else _types(self.held, name)))
            return [record for record in wanted if record and (after is None or record.key > after)][: most + 1]
        return [self.held[key] for key in self._sorted[start : start + most + 1]]

    def settle(self, now: float) -> None:
        """Let all servers have all changes, now."""
        for index, change in enumerate(self.changes):
            if max(change.visible.values()) > now:
                visible = {server: min(at, now) for server, at in change.visible.items()}
                self.changes[index] = replace(change, visible=visible)

    def version(self, at: float | None, server: str | None) -> int:
        """The number of the last change that a server, or None the API, has at a moment; None is the end of time."""
        if at is None:
            return len(self.changes) - 1
        known = [
            change.id for change in self.changes if (change.at if server is None else change.visible[server]) <= at
        ]
        return max(known, default=-1)

    def record(self, key: Key, version: int) -> RecordSet | None:
        """A record set as it was after a change."""
        numbers, values = self.history.get(key, ([], []))
        index = bisect_right(numbers, version)
        return values[index - 1] if index else None

    def names(self, version: int) -> set[str]:
        """All names that had a record set after a change."""
        return {key[0] for key in self.history if self.record(key, version) is not None}

    def to_json(self) -> Json:
        return {
            "kind": "dns#managedZone",
            "name": self.name,
            "dnsName": self.origin.name,
            "description": self.description,
            "id": str(self.number),
            "nameServers": list(self.servers),
            "creationTime": self.created.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            "visibility": self.visibility,
        }


def _types(held: Mapping[Key, RecordSet], name: str) -> list[str]:
    return sorted(kind for each, kind in held if each == name)


def raised(soa: RecordSet) -> RecordSet:
    """The SOA record with the next serial (RFC 1982 arithmetic is for those who compare them)."""
    fields = soa.rrdatas[0].split(" ")
    fields[2] = str((int(fields[2]) + 1) % 2**32)
    return replace(soa, rrdatas=(" ".join(fields),))
