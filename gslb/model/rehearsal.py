"""What a service may come to answer: with all regions up, with none, and without those that have answered so far.

What it takes to say an answer grows with the regions that are in it (see ``expressible``). So it is enough to see every
tier of every rule whole, and each rule is followed by itself: from all regions up, whoever answers its clients is taken
away, until nobody is left. Where regions come back step by step (``ramp``), each of those that answer has a part of its
share as well, and what is behind it the rest.

Partial failures, and what people order, are no situations of their own; all that they can add is that some clients are
left without an answer, and a drain in steps what a ramp adds. Only record sets are counted for all rules together: when
regions of several rules fail at once, there may be more of them than in any situation here.
"""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

from msgspec import structs

from gslb.model.address import IP
from gslb.model.area import Area
from gslb.model.branch import Grown, Signals
from gslb.model.combine import Health
from gslb.model.names import EndpointName, RegionName, VantageName
from gslb.model.ramp import ramps_of
from gslb.model.steer import Standing, steer
from gslb.model.steering import NoAnswer, Rule, Steering, groups_for
from gslb.model.topology import Region, Service

SWAMPED = 1e12
"""requests per second that nobody has room for"""

HALF = Grown(0.5, "at half of its share")

_IPV4 = tuple(map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")))
_IPV6 = int(ip_address("2001:db8::"))


class Situation(NamedTuple):
    """Who is up, whether there is more demand than there is room for, and who has half of its share only."""

    up: frozenset[RegionName]
    swamped: bool = False
    held: RegionName | None = None


_State = tuple[Area | None, frozenset[RegionName]]
"""Whose answers are followed, and who is up."""


class Rehearsal:
    """One service in one situation after the other.

    Args:
        service: it.
        regions: all regions that it, or its fallback, names.
        vantages: whom each vantage point speaks for.
    """

    def __init__(
        self, service: Service, regions: Mapping[RegionName, Region], vantages: Mapping[VantageName, tuple[Area, ...]]
    ) -> None:
        self.service, self._regions = service, regions
        ramps = {region: Grown(plan.steps[-1], "at its last step") for region, plan in ramps_of(service).items()}
        self._signals = Signals(vantages=vantages, ramps=ramps)
        self._addresses = _addresses(service, regions)

    def answers(self, situation: Situation, steps: int | None = None) -> Steering:
        """What is answered then, by so many of the first steps of the policy; None: by all of them."""
        service = replace(self.service, policy=self.service.policy[:steps])
        if situation.swamped:
            service = replace(service, demand=SWAMPED)
        standings = {
            name: Standing(Health.UP if region in situation.up else Health.DOWN, None, None, 1.0, addresses)
            for (region, name), addresses in self._addresses.items()
        }
        signals = self._signals
        if situation.held is not None:
            signals = replace(signals, portions={situation.held: HALF})
        return steer(service, self._regions, standings, (), None, 0.0, signals=signals).steering

    def situations(self) -> Iterator[tuple[Situation, Steering]]:
        """Each situation with what is answered then: all regions up comes first."""
        everybody = Situation(frozenset(member.region for member in self.service.members))
        told = {everybody: self.answers(everybody)}
        yield everybody, told[everybody]
        yield from self._climbing(everybody, told[everybody])
        waiting = deque[_State]([(rule.match, everybody.up) for rule in told[everybody].rules])
        waiting.append((None, frozenset()))
        seen = set(waiting)
        swampable = any(getattr(step, "needs_demand", False) for step in self.service.policy)
        while waiting:
            match, up = waiting.popleft()
            for swamped in (False, True)[: 1 + swampable]:
                situation = Situation(up, swamped)
                if situation not in told:
                    told[situation] = self.answers(situation)
                    yield situation, told[situation]
                    yield from self._climbing(situation, told[situation])
                for state in _following(told[situation], match, up):
                    if state not in seen:
                        seen.add(state)
                        waiting.append(state)

    def _climbing(self, situation: Situation, steering: Steering) -> Iterator[tuple[Situation, Steering]]:
        """The same with each of those that answer on its way back."""
        if self.service.ramp:
            for region in sorted({group.region for rule in steering.rules for group in rule.groups}):
                climbing = situation._replace(held=region)
                yield climbing, self.answers(climbing)


def nobody(steering: Steering) -> Steering:
    """``steering`` when people have ordered everybody out."""
    return structs.replace(steering, rules=(Rule(None, (), no_answer=NoAnswer.SERVFAIL),))


def _following(steering: Steering, match: Area | None, up: frozenset[RegionName]) -> Iterator[_State]:
    """``up`` without those that answer clients by the rule for ``match``, which is there whoever is up (see Step)."""
    for rule in steering.rules:
        if rule.match == match:
            for kind in steering.types:
                yield match, up - {group.region for group in groups_for(rule, kind)}


def _addresses(
    service: Service, regions: Mapping[RegionName, Region]
) -> dict[tuple[RegionName, EndpointName], tuple[IP, ...]]:
    """What each endpoint publishes; of a host name such as nobody has (RFC 5737, RFC 3849).

    A name is taken to have addresses of those kinds that are stated elsewhere in the service, or of both.
    """
    names = dict.fromkeys([*(member.region for member in service.members), *filter(None, [service.fallback])])
    endpoints = [endpoint for name in names for endpoint in regions[name].endpoints]
    kinds = {address.version for e in endpoints for address in e.publish} or {4, 6}
    return {(e.region, e.name): e.publish or _unlikely(number, kinds) for number, e in enumerate(endpoints)}


def _unlikely(number: int, kinds: Collection[int]) -> tuple[IP, ...]:
    network = _IPV4[number // 256 % len(_IPV4)]
    both: tuple[IP, ...] = (network[number % 256], IPv6Address(_IPV6 + number))
    return tuple(address for address in both if address.version in kinds)
