"""A provider in memory: zones that compare and set, settle late, spread over nameservers, and fail as they are told."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeVar

from gslb.control.writing.witness import Expected, Sighting
from gslb.model.address import Address
from gslb.model.expressible import Feature, Rendering, degraded, required
from gslb.model.names import ServiceName
from gslb.model.recordset import Key, RecordSet, by_key, is_reserved_for, markers, reserved_name
from gslb.model.steering import RecordType, Steering, groups_for
from gslb.model.zone_plan import ANSWERS, Change
from providers.base import (
    Account,
    Capabilities,
    CasConflictError,
    HostedZone,
    Lane,
    Receipt,
    RejectedError,
    Throttle,
    ThrottledError,
)

ZONE = "example.com."
FOREIGN = (
    RecordSet(ZONE, "SOA", ("ns1.example.net. hostmaster. 1 2 3 4 5",), 900),
    RecordSet(ZONE, "NS", ("ns1.example.net.",), 900),
    RecordSet("mail.example.com.", "A", ("198.51.100.1",), 300),
    RecordSet("s0.example.com.", "TXT", ('"v=spf1 -all"',), 300),
)
Records = frozenset[RecordSet]
T = TypeVar("T")


class Moment(Enum):
    """Where in a request something may go wrong."""

    ARRIVING = auto()
    """nothing has been done yet"""
    LEAVING = auto()
    """all has been done, and the answer is on its way"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that has had its turn."""

    number: int
    operation: str
    zone: str
    lane: Lane
    at: float
    changes: tuple[Change, ...] = ()

    @property
    def services(self) -> tuple[ServiceName, ...]:
        """Those that are written."""
        return tuple(change.service for change in self.changes)


Meddler = Callable[[Seen, Moment], Awaitable[None]]


async def leave_alone(_seen: Seen, _moment: Moment) -> None:
    """Nothing goes wrong."""


@dataclass
class Cloud:
    """What is held; shared by all accounts that are opened.

    Attributes:
        zones: contents, by origin.
        states: contents of each zone after each change, oldest first, with the moment.
        requests: all of them.
        settles: seconds from a change until it is settled.
        lags: seconds from a change until a nameserver has it, by its name.
        silent: nameservers that do not answer.
        latency: of a request, in seconds.
        prepares: seconds from the beginning of a change until it waits for its turn.
        meddle: called at each moment of each request; what it raises is what the account raises.
        page: record sets that one request reads.
    """

    zones: dict[str, dict[Key, RecordSet]] = field(default_factory=lambda: {ZONE: dict(by_key(FOREIGN))})
    states: dict[str, list[tuple[float, Records]]] = field(default_factory=dict)
    requests: list[Seen] = field(default_factory=list)
    settles: float = 0.0
    lags: dict[str, float] = field(default_factory=lambda: {"ns1.example.net.": 0.0, "ns2.example.net.": 0.0})
    silent: set[str] = field(default_factory=set)
    latency: float = 0.0
    prepares: float = 0.0
    meddle: Meddler = leave_alone
    page: int = 100
    private: bool = False
    opened: int = 0
    closed: int = 0
    looks: int = 0
    means: dict[str, str] = field(default_factory=dict)
    """zones that have taken the place of others, by origin"""
    changes: dict[str, float] = field(default_factory=dict)
    problem: Exception | None = None

    def __post_init__(self) -> None:
        for zone, held in self.zones.items():
            self.states[zone] = [(-1.0, frozenset(held.values()))]

    def held(self, zone: str = ZONE) -> Records:
        return frozenset(self.zones[zone].values())

    def answers(self, service: str, zone: str = ZONE) -> set[str]:
        """Values that are answered for a service by whatever rule."""
        return {
            value
            for record in self.zones[zone].values()
            if record.type in ANSWERS and (record.name == service or is_reserved_for(record.name, ServiceName(service)))
            for value in record.values
        }

    def asked(self, *operations: str) -> list[Seen]:
        """The requests of these operations; all of them without any."""
        return [seen for seen in self.requests if not operations or seen.operation in operations]

    def meddle_with(self, removed: Iterable[RecordSet] = (), added: Iterable[RecordSet] = (), zone: str = ZONE) -> None:
        """Somebody else changes the zone."""
        held = self.zones[zone]
        for record in removed:
            del held[record.key]
        for record in added:
            held[record.key] = record
        self._note(zone)

    def _note(self, zone: str) -> None:
        self.states.setdefault(zone, []).append((asyncio.get_running_loop().time(), self.held(zone)))

    def apply(self, zone: str, changes: Sequence[Change]) -> str:
        """All of ``changes``, or none."""
        after = dict(self.zones[zone])
        for record in (record for change in changes for record in change.removed):
            if after.pop(record.key, None) != record:
                raise CasConflictError(f"{record.name} {record.type} is not there so")
        for record in (record for change in changes for record in change.added):
            if after.setdefault(record.key, record) is not record:
                raise CasConflictError(f"{record.name} {record.type} is there")
        self.zones[zone] = after
        self._note(zone)
        receipt = f"C{len(self.changes)}"
        self.changes[receipt] = asyncio.get_running_loop().time()
        return receipt

    def seen_by(self, server: str, zone: str) -> Records:
        """What a nameserver answers from."""
        now = asyncio.get_running_loop().time()
        old = [held for at, held in self.states[zone] if at <= now - self.lags[server]]
        return old[-1] if old else self.states[zone][0][1]


@dataclass(frozen=True)
class Held:
    """The provider: one record set for each group of each rule, those of all but the last rule under reserved names."""

    cloud: Cloud
    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities(
            publication=30.0, propagation=10.0, batch_size=1000, batch_characters=32_000, rate=100.0, burst=100
        )
    )
    lacks: frozenset[Feature] = frozenset()
    refuses: Callable[[Sequence[RecordSet]], tuple[str, ...]] = lambda _records: ()

    def render(self, steering: Steering, without: frozenset[Feature] = frozenset()) -> Rendering:
        steering = degraded(steering, without)
        faults = [fault for kind in steering.types for fault in required(steering, kind) if fault.feature in self.lacks]
        kinds = [kind for kind in steering.types if kind not in {fault.type for fault in faults}]
        records = (record for kind in kinds for record in _records(steering, kind))
        return Rendering(tuple(records), tuple(faults))

    def problems(self, records: Sequence[RecordSet]) -> tuple[str, ...]:
        return self.refuses(records)

    def open(self, throttle: Throttle) -> Account:
        if self.cloud.problem is not None:
            raise self.cloud.problem
        self.cloud.opened += 1
        return HeldAccount(self.cloud, throttle)


def _records(steering: Steering, kind: RecordType) -> Iterable[RecordSet]:
    for number, rule in enumerate(steering.rules, 1):
        last = rule is steering.rules[-1]
        name = steering.name if last else reserved_name(steering.name, str(number))
        for group in groups_for(rule, kind):
            values = tuple(sorted(target.value for target in group.targets))
            routing = f"{rule.match or '*'} weight {group.weight}"
            yield RecordSet(name, kind.value, values, steering.ttl, group.region, routing, (float(group.weight),))


class HeldAccount:
    """An account."""

    def __init__(self, cloud: Cloud, throttle: Throttle) -> None:
        self._cloud, self._throttle = cloud, throttle

    async def _request(
        self, operation: str, zone: str, lane: Lane, do: Callable[[], T], changes: Sequence[Change] = ()
    ) -> T:
        cloud = self._cloud
        await self._throttle.take(lane)
        seen = Seen(len(cloud.requests), operation, zone, lane, asyncio.get_running_loop().time(), tuple(changes))
        cloud.requests.append(seen)
        if cloud.latency:
            await asyncio.sleep(cloud.latency / 2)
        try:
            await cloud.meddle(seen, Moment.ARRIVING)
        except ThrottledError:
            self._throttle.throttled()
            raise
        done = do()
        self._throttle.succeeded()
        await cloud.meddle(seen, Moment.LEAVING)
        if cloud.latency:
            await asyncio.sleep(cloud.latency / 2)
        return done

    async def zones(self, lane: Lane) -> tuple[HostedZone, ...]:
        private = self._cloud.private
        return await self._request(
            "zones", "", lane, lambda: tuple(HostedZone(zone, zone, private) for zone in self._cloud.zones)
        )

    async def zone(self, origin: str, lane: Lane) -> HostedZone:
        def find() -> HostedZone:
            if origin not in self._cloud.zones:
                raise RejectedError(f"there is no zone {origin}", "create it")
            return HostedZone(origin, self._cloud.means.get(origin, origin), self._cloud.private)

        return await self._request("zone", origin, lane, find)

    async def read(self, zone: HostedZone, lane: Lane, names: Collection[str] | None = None) -> tuple[RecordSet, ...]:
        held = self._cloud.zones[zone.id]
        pages = len(names) if names is not None else -(-len(held) // self._cloud.page)
        for _ in range(pages - 1):
            await self._request("read", zone.id, lane, lambda: None)
        return await self._request(
            "read",
            zone.id,
            lane,
            lambda: tuple(
                record for record in self._cloud.zones[zone.id].values() if names is None or record.name in names
            ),
        )

    async def apply(self, zone: HostedZone, changes: Sequence[Change], deadline: float, lane: Lane) -> Receipt:
        if self._cloud.prepares:
            await asyncio.sleep(self._cloud.prepares)
        receipt = await self._request("apply", zone.id, lane, lambda: self._cloud.apply(zone.id, changes), changes)
        return Receipt(zone, receipt)

    async def settled(self, receipt: Receipt, lane: Lane) -> bool:
        cloud = self._cloud
        return await self._request(
            "settled",
            receipt.zone.id,
            lane,
            lambda: asyncio.get_running_loop().time() >= cloud.changes[receipt.id] + cloud.settles,
        )

    async def nameservers(self, zone: HostedZone, lane: Lane) -> tuple[str, ...]:
        return await self._request(
            "nameservers", zone.id, lane, lambda: () if self._cloud.private else tuple(self._cloud.lags)
        )

    async def close(self) -> None:
        self._cloud.closed += 1


class HeldWitness:
    """Nameservers that answer what the cloud holds, each after a while of its own."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def look(self, asked: Mapping[Address, Sequence[Expected]]) -> Sighting:
        self._cloud.looks += 1
        behind = {
            server: frozenset(each.service for each in expected if not self._has(f"{server.host}.", each))
            for server, expected in asked.items()
            if f"{server.host}." not in self._cloud.silent
        }
        silent = {server: "no answer" for server in asked if f"{server.host}." in self._cloud.silent}
        return Sighting({server: names for server, names in behind.items() if names}, silent)

    def _has(self, server: str, expected: Expected) -> bool:
        zone = next(zone for zone in self._cloud.zones if expected.service.endswith(zone))
        held = self._cloud.seen_by(server, zone)
        found = markers(held).get(expected.service)
        if expected.generation is None:
            return found is None
        given = {(record.type, value) for record in held if record.name == expected.service for value in record.values}
        allowed = {(kind.value, value) for kind, values in expected.values.items() for value in values}
        answers = {(kind, value) for kind, value in given if kind in ANSWERS}
        return found is not None and found[0].generation >= expected.generation and answers <= allowed
