"""Record sets, and what a batch does with them: values without behaviour of their own."""

from dataclasses import dataclass
from enum import StrEnum

from tests.fakes.route53.names import order

DEFAULT = "*"
"""The location of all that no other record set of the name speaks for."""


@dataclass(frozen=True, slots=True)
class Weighted:
    weight: int


@dataclass(frozen=True, slots=True)
class Latency:
    region: str


@dataclass(frozen=True, slots=True)
class Geolocation:
    """Either a continent, or a country and perhaps one of its subdivisions."""

    continent: str = ""
    country: str = ""
    subdivision: str = ""


@dataclass(frozen=True, slots=True)
class Geoproximity:
    """One of region, local zone group and coordinates; those as they were written, latitude first."""

    region: str = ""
    local_zone: str = ""
    coordinates: tuple[str, str] | None = None
    bias: int | None = None


@dataclass(frozen=True, slots=True)
class Failover:
    role: str


@dataclass(frozen=True, slots=True)
class Multivalue:
    pass


@dataclass(frozen=True, slots=True)
class Cidr:
    collection: str
    location: str


Routing = Weighted | Latency | Geolocation | Geoproximity | Failover | Multivalue | Cidr


@dataclass(frozen=True, slots=True)
class Alias:
    zone: str
    name: str
    evaluate_health: bool


Key = tuple[str, str, str]
"""Name, type and identifier: what tells one record set from another."""


@dataclass(frozen=True, slots=True)
class RecordSet:
    """One record set. ``name`` is canonical, ``identifier`` is empty for a simple one."""

    name: str
    type: str
    identifier: str = ""
    routing: Routing | None = None
    ttl: int | None = None
    values: tuple[str, ...] = ()
    alias: Alias | None = None
    health_check: str = ""

    @property
    def key(self) -> Key:
        return self.name, self.type, self.identifier

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it is in a list."""
        return order(self.name), self.type, self.identifier

    def same(self, other: "RecordSet") -> bool:
        """Whether all is alike; the order of values does not count."""
        return self.compared() == other.compared()

    def compared(self) -> tuple[object, ...]:
        routing = self.routing
        if isinstance(routing, Geoproximity):
            routing = Geoproximity(routing.region, routing.local_zone, routing.coordinates, routing.bias or 0)
        return self.key, routing, self.ttl, frozenset(self.values), self.alias, self.health_check


class Action(StrEnum):
    CREATE = "CREATE"
    DELETE = "DELETE"
    UPSERT = "UPSERT"


@dataclass(frozen=True, slots=True)
class Change:
    action: Action
    record_set: RecordSet


def bracketed(record_set: RecordSet) -> str:
    """As Route 53 names one that it looked for."""
    identifier = f", set-identifier='{record_set.identifier}'" if record_set.identifier else ""
    return f"resource record set [name='{record_set.name}', type='{record_set.type}'{identifier}]"


def described(record_set: RecordSet) -> str:
    """As Route 53 names one that it does not want."""
    identifier = f", SetIdentifier {record_set.identifier}" if record_set.identifier else ""
    return f"RRSet with DNS name {record_set.name}, type {record_set.type}{identifier}"
