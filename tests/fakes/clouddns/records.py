"""Record sets: the form in which they are held, and the reading of one from JSON."""

from dataclasses import dataclass, replace
from typing import Any

from tests.fakes.clouddns import rrdata
from tests.fakes.clouddns.errors import Json, invalid
from tests.fakes.clouddns.fields import array, integer, table, text
from tests.fakes.clouddns.policies import Reader, values
from tests.fakes.clouddns.quota import Quota
from tests.fakes.clouddns.routing import Policy

Key = tuple[str, str]
"""Name and type."""
FIELDS = {"name", "type", "ttl", "rrdatas", "routingPolicy", "signatureRrdatas"}


@dataclass(frozen=True, slots=True)
class RecordSet:
    """Either records or a policy."""

    name: str
    type: str
    ttl: int
    rrdatas: tuple[str, ...] = ()
    policy: Policy | None = None

    @property
    def key(self) -> Key:
        return self.name, self.type

    @property
    def size(self) -> int:
        """Bytes of resource data, in text."""
        groups = [self.rrdatas] if self.policy is None else [data.values for data in self.policy.steers.data]
        return sum(len(value) for group in groups for value in group)

    @property
    def records(self) -> int:
        """How many the largest of its answers has."""
        groups = [self.rrdatas] if self.policy is None else [data.values for data in self.policy.steers.data]
        return max(map(len, groups))

    def matches(self, other: "RecordSet") -> bool:
        """Whether a deletion of the other one is a deletion of this one: in everything but the order of records."""
        policies = [None if each.policy is None else each.policy.matched for each in (self, other)]
        same = self.key == other.key and self.ttl == other.ttl and set(self.rrdatas) == set(other.rrdatas)
        return same and policies[0] == policies[1]

    def to_json(self) -> Json:
        data = {"rrdatas": list(self.rrdatas)} if self.policy is None else {"routingPolicy": self.policy.to_json()}
        return {"kind": "dns#resourceRecordSet", "name": self.name, "type": self.type, "ttl": self.ttl, **data}


@dataclass(frozen=True, slots=True)
class Origin:
    """What a record set has to fit into: the zone's name, whether it is public, and the quotas."""

    name: str
    public: bool
    quota: Quota

    def read(self, value: Any, field: str) -> RecordSet:
        """A record set from JSON; raises ApiError, 400, or 403 for a quota. ``field``: where it was in the request."""
        source = table(value, field, FIELDS)
        name, kind = text(source, "name", field), text(source, "type", field)
        field = named(field, name, kind)
        try:
            name = rrdata.name_in(name, self.name)
        except ValueError:
            raise invalid(f"{field}.name", source["name"]) from None
        if kind not in rrdata.TYPES:
            raise invalid(f"{field}.type", kind)
        if (kind == "SOA" and name != self.name) or (kind == "CNAME" and name == self.name):
            raise invalid(f"{field}.name", name)
        held = RecordSet(name, kind, integer(source, "ttl", field))
        given = array(source.get("rrdatas"), f"{field}.rrdatas")
        if source.get("routingPolicy") is None:
            return replace(held, rrdatas=values(kind, given, f"{field}.rrdata"))
        if given:
            raise invalid(f"{field}.rrdata", ", ".join(map(str, given)))
        reader = Reader(kind, self.public, self.quota.items_per_policy)
        return replace(held, policy=reader.policy(source["routingPolicy"], f"{field}.routingPolicy"))


def named(field: str, name: str, kind: str) -> str:
    """How Google points at a record set of a change: ``entity.change.additions[www.example.com.][A]``."""
    return field if field == "entity.rrset" else f"{field}[{name}][{kind}]"
