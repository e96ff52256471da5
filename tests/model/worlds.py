"""Small worlds to steer in: builders for decision tables, strategies for properties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from ipaddress import ip_address
from typing import Any

from hypothesis import strategies as st
from msgspec import structs

from gslb.model.address import IP, Address
from gslb.model.branch import QUIET, Branch, Context, Signals, Step
from gslb.model.combine import Health
from gslb.model.distribution import distribution
from gslb.model.drain import Drain, Phase
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.override import Kind, Override, state_order
from gslb.model.steer import Decision, Standing, steer
from gslb.model.steering import RecordType, Steering
from gslb.model.topology import AllDown, Endpoint, Member, Region, Service

NAME = ServiceName("api.example.com.")
A, AAAA = RecordType.A, RecordType.AAAA


@dataclass(frozen=True, slots=True)
class Identity:
    """A policy step that changes nothing."""

    name: str = "identity"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        return (branch,)


@dataclass(frozen=True, slots=True)
class Tiers:
    """A policy step like failover: each region is a tier of its own, in the order of the configuration."""

    name: str = "tiers"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        return (structs.replace(branch, tiers=tuple((candidate,) for tier in branch.tiers for candidate in tier)),)


@dataclass(frozen=True, slots=True)
class World:
    """The arguments of steer(), but for the time."""

    service: Service
    regions: Mapping[RegionName, Region]
    standings: Mapping[EndpointName, Standing]
    overrides: tuple[Override, ...] = ()
    last_good: Steering | None = None
    signals: Signals = QUIET
    before: Steering | None = None

    def at(self, now: float) -> Decision:
        return steer(
            self.service,
            self.regions,
            self.standings,
            self.overrides,
            self.last_good,
            now,
            signals=self.signals,
            before=self.before,
        )

    @property
    def own(self) -> tuple[Endpoint, ...]:
        """Endpoints of the service's own regions."""
        return tuple(e for member in self.service.members for e in self.regions[member.region].endpoints)

    def drained(self, now: float) -> set[EndpointName]:
        orders = [order for order in self.overrides if order.active(now)]
        everyone = (e for region in self.regions.values() for e in region.endpoints)
        found = {e.name: state_order(orders, e, self.service.name) for e in everyone}
        return {name for name, order in found.items() if order is not None and order.out}

    def carries(self, name: EndpointName, kind: RecordType) -> bool:
        return any((ip.version == 4) is (kind is A) for ip in self.standings[name].addresses)


def gateway(*addresses: str, health: Health = Health.UP, **known: Any) -> Standing:
    """What is known of one endpoint; calm and with a full score unless said otherwise."""
    settings = {"since": None, "last_failure": None, "score": 1.0} | known
    return Standing(health, addresses=tuple(ip_address(text) for text in addresses), **settings)


def down(*addresses: str, **known: Any) -> Standing:
    return gateway(*addresses, health=Health.DOWN, **known)


def order(
    kind: Kind, target: str, value: int | None = None, service: str | None = None, *, expires: float | None = None
) -> Override:
    """Any order but a drain, given at 0."""
    return Override(kind, target, "ayse", "outage", 0.0, expires, value, service)


def drain(target: str, phase: Phase = Phase.DRAINED, *, expires: float | None = None) -> Override:
    """A drain, given at 0, that has come to ``phase``."""
    return Override(Kind.DRAIN, target, "ayse", "kernel update", 0.0, expires, drain=Drain(phase, 0.0, 30.0))


def region(name: str, standings: Sequence[Standing], **settings: Any) -> Region:
    """A region whose endpoints are called ``name/0``, ``name/1`` and so on."""
    endpoints = tuple(
        Endpoint(EndpointName(f"{name}/{i}"), RegionName(name), Address(f"{name}-{i}", 80), standing.addresses)
        for i, standing in enumerate(standings)
    )
    return Region(RegionName(name), endpoints, **settings)


def world(
    gateways: Mapping[str, Sequence[Standing]],
    *overrides: Override,
    members: Mapping[str, int] | None = None,
    min_healthy: int = 1,
    last_good: Steering | None = None,
    **service: Any,
) -> World:
    """A world from region name to endpoints. All regions are members of weight 1, unless ``members`` says otherwise."""
    regions = {RegionName(name): region(name, all_, min_healthy=min_healthy) for name, all_ in gateways.items()}
    standings = {EndpointName(f"{name}/{i}"): s for name, all_ in gateways.items() for i, s in enumerate(all_)}
    weights = members if members is not None else dict.fromkeys(gateways, 1)
    steered = Service(NAME, tuple(Member(RegionName(n), w) for n, w in weights.items()), (), **{"policy": ()} | service)
    return World(steered, regions, standings, overrides, last_good)


def values(decision: Decision, kind: RecordType = A) -> set[str]:
    """Which addresses are answered at all."""
    return set(shares(decision, kind))


def shares(decision: Decision, kind: RecordType = A) -> dict[str, Fraction]:
    """How often each address is answered."""
    return distribution(decision.steering, kind)


times = st.integers(0, 120).map(float)
_POOL: list[IP] = [ip_address(text) for text in ("192.0.2.1", "192.0.2.2", "2001:db8::1")]
_standings = st.builds(
    Standing,
    health=st.sampled_from(Health),
    since=st.none() | times,
    last_failure=st.none() | times,
    score=st.floats(0.0, 1.0),
    addresses=st.lists(st.sampled_from(_POOL), unique=True, max_size=2).map(tuple),
)
_REGIONS = ("istanbul", "ankara", "izmir")
_TARGETS = [*_REGIONS, *(f"{name}/{i}" for name in _REGIONS for i in range(2))]
_POLICIES: list[tuple[Step, ...]] = [(), (Identity(),), (Tiers(),)]
_services: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "policy": st.sampled_from(_POLICIES),
        "ttl_steady": st.sampled_from([5, 30]),
        "ttl_alert": st.just(5),
        "hold": st.sampled_from([0.0, 10.0, 60.0]),
        "when_all_down": st.sampled_from(AllDown),
        "fallback": st.sampled_from(_REGIONS),
    }
)
_MOODS = [[Health.DOWN], [Health.UP], [Health.UP, Health.DOWN], list(Health)]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Three regions, one to three of them members, any orders, and a past that was mostly better."""
    healths = st.sampled_from(draw(st.sampled_from(_MOODS)))
    known = _standings.flatmap(lambda standing: healths.map(lambda health: replace(standing, health=health)))
    gateways = {name: draw(st.lists(known, min_size=1, max_size=2)) for name in _REGIONS}
    members = draw(st.dictionaries(st.sampled_from(_REGIONS), st.integers(0, 3), min_size=1))
    orders = draw(st.lists(st.builds(drain, st.sampled_from(_TARGETS), expires=st.none() | times), max_size=3))
    settings = draw(_services)
    present = world(gateways, *orders, members=members, min_healthy=draw(st.integers(1, 2)), **settings)
    once = st.sampled_from([Health.UP, Health.UP, Health.DOWN])
    better = {name: replace(standing, health=draw(once)) for name, standing in present.standings.items()}
    past = replace(present, standings=better, overrides=()).at(0.0)
    return replace(present, last_good=past.steering if past.good else None)
