"""A provider to configure: what it can say, and how fast it is, are options of it."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from gslb.model.expressible import Feature, Inexpressible, Rendering, degraded, required
from gslb.model.options import CONFIDENTIAL, Duration, Options
from gslb.model.recordset import RecordSet
from gslb.model.steering import RecordType, Steering, groups_for
from providers.base import Account, Capabilities, Throttle


class Login(Options):
    """A table in the table."""

    user: Annotated[str, Field(description="who")] = ""
    phrase: Annotated[str, CONFIDENTIAL, Field(repr=False, description="what lets one in")] = ""


class Acme(Options):
    """DNS by Acme."""

    account: Annotated[str, Field(description="number of the account")] = ""
    login: Annotated[Login, Field(description="how to get in")] = Login()
    lacks: Annotated[list[str], Field(description="features that it cannot say")] = []  # noqa: RUF012  pydantic copies it
    most: Annotated[int, Field(description="groups that it takes for a name")] = 100
    longest: Annotated[int, Field(description="characters that it takes in a name")] = 255
    heaviest: Annotated[int, Field(description="highest weight that it takes")] = 255
    floor: Annotated[int, Field(description="lowest TTL")] = 0
    settling: Annotated[Duration, Field(description="until it confirms")] = 2.0
    spreading: Annotated[Duration, Field(description="from there until all servers answer so")] = 58.0
    requests: Annotated[float, Field(description="a second")] = 5.0

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(self.settling, self.spreading, self.floor, rate=self.requests, burst=10)

    def render(self, steering: Steering, without: frozenset[Feature] = frozenset()) -> Rendering:
        said, records, faults = degraded(steering, without), list[RecordSet](), list[Inexpressible]()
        for kind in said.types:
            found = self._faults(said, kind)
            faults += found
            if not found:
                records += [
                    RecordSet(said.name, kind, (target.value,), said.ttl, f"{number}-{group.region}")
                    for number, rule in enumerate(said.rules)
                    for group in groups_for(rule, kind)
                    for target in group.targets
                ]
        return Rendering(tuple(records), tuple(faults))

    def _faults(self, steering: Steering, kind: RecordType) -> list[Inexpressible]:
        lacking = {Feature.GAP, *self.lacks}
        found = [fault for fault in required(steering, kind) if fault.feature in lacking]
        groups = sum(len(groups_for(rule, kind)) for rule in steering.rules)
        if groups > self.most:
            found.append(Inexpressible(kind, Feature.SIZE, f"{groups} groups for {steering.name}"))
        return [*found, *self._weights(steering, kind)]

    def _weights(self, steering: Steering, kind: RecordType) -> Iterator[Inexpressible]:
        weights = {group.weight for rule in steering.rules for group in groups_for(rule, kind)}
        for weight in sorted(weights):
            if weight > self.heaviest:
                yield Inexpressible(kind, Feature.SIZE, f"a weight of {weight}")

    def problems(self, records: Sequence[RecordSet]) -> tuple[str, ...]:
        return tuple(f"the name {r.name} has {len(r.name)} characters" for r in records if len(r.name) > self.longest)

    def open(self, throttle: Throttle) -> Account:
        raise NotImplementedError
