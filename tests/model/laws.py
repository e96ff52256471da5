"""The invariants of decisions, as laws that a world keeps or breaks, and worlds that try hard to break them.

Each law is told apart from how decisions are made: it asks the configuration and the standings what must hold, and the
finished steering whether it does.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from ipaddress import ip_network
from random import Random

from hypothesis import strategies as st

from gslb.model.area import UNKNOWN, Area, parse_area
from gslb.model.branch import Grown, Signals, Step
from gslb.model.combine import Health
from gslb.model.drain import SHARES, Drain, Phase
from gslb.model.location import NOWHERE, Client, Location, is_in
from gslb.model.names import EndpointName, RegionName
from gslb.model.override import Kind, Override, service_order, state_order
from gslb.model.shift import EXACT, moved_between
from gslb.model.steer import Decision, Fitness, hold_of
from gslb.model.steering import MAX_WEIGHT, NoAnswer, RecordType, groups_for, rule_for
from gslb.model.topology import AllDown, Endpoint
from policies.canary import Canary
from policies.capacity import Capacity
from policies.failover import Failover
from policies.fence import Fence
from policies.geo import Geo
from policies.nearest import Nearest
from policies.sticky import Sticky
from policies.take import Take
from policies.weighted import Weighted
from tests.model.worlds import World, drain, order, times, worlds

NAMES = tuple(map(RegionName, ("istanbul", "ankara", "izmir")))
CLIENTS = (
    Client(ip_network("198.51.100.7/32"), Location("AS", "TR", ("TR-34",), 9121, (41.0, 29.0))),
    Client(ip_network("203.0.113.7/32"), Location("AS", "TR", ("TR-06",), None, (39.9, 32.8))),
    Client(ip_network("192.0.2.0/24"), Location("EU", "DE", (), None, (50.1, 8.7))),
    Client(ip_network("2001:db8::/56"), Location("NA", "US")),
    Client(ip_network("10.0.0.1/32"), NOWHERE),
)
AREAS = tuple(map(parse_area, ("TR-34", "TR", "continent:AS", "continent:EU", "DE")))
ROOM = Fraction(1, 50)
"""Of a capacity: weights are 0..255, and shares are left alone while they have changed by little."""


@dataclass(frozen=True)
class Case:
    """A world at a moment, and who asks."""

    world: World
    now: float
    client: Client

    @cached_property
    def decision(self) -> Decision:
        return self.world.at(self.now)


Law = Callable[[Case], bool]


def _regions(area_lists: dict[RegionName, list[Area]], world: World) -> World:
    places = dict(zip(NAMES, ((41.0, 29.0), (39.9, 32.9), (38.4, 27.1)), strict=True))
    regions = {
        name: replace(region, areas=tuple(area_lists[name]), location=places[name])
        for name, region in world.regions.items()
    }
    return replace(world, regions=regions)


_names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True)
_fences = st.builds(
    lambda areas, regions, unknown: Fence.model_construct(areas=areas, regions=regions, unknown=unknown),
    st.lists(st.sampled_from(AREAS), min_size=1, max_size=2, unique=True),
    _names,
    st.booleans(),
)
_geos = st.builds(
    lambda unknown, elsewhere: Geo.model_construct(unknown=unknown, elsewhere=elsewhere),
    st.just([]) | _names,
    st.just([]) | _names,
)
_canaries = st.just(Canary.model_construct(region="izmir", steps=[0.05], every=60.0))
_weighers: st.SearchStrategy[tuple[Step, ...]] = st.sampled_from(
    [(), (Weighted(),), (Nearest(),), (Sticky(), Weighted()), (Failover(),), (Take.model_construct(regions=1),)]
)


@st.composite
def chains(draw: st.DrawFn) -> tuple[Step, ...]:
    """Steps that part clients in any order, then one that shares out, or none."""
    parting = draw(st.lists(_fences | _geos, max_size=3))
    return (*parting, *draw(_weighers), *draw(st.sampled_from([(), (draw(_canaries),)])))


_WHOM = st.sampled_from([*NAMES, "istanbul/0", "izmir/1", "ankara/*", "*", "api.example.com"])
_WHERE = st.sampled_from([None, None, None, "*.example.com", "shop.example.com"])
_drains = st.builds(
    lambda target, where, phase, step, expires: Override(
        Kind.DRAIN, target, "ayse", "kernel update", 0.0, expires, service=where, drain=Drain(phase, 0.0, 30.0, step)
    ),
    _WHOM,
    _WHERE,
    st.sampled_from(Phase),
    st.integers(0, len(SHARES) - 1),
    st.none() | times,
)
_others = st.builds(
    lambda kind, target, value, where, expires: order(kind, target, value, where, expires=expires),
    st.sampled_from([Kind.OUT, Kind.UP, Kind.UP, Kind.WEIGHT, Kind.TTL, Kind.FREEZE]),
    _WHOM,
    st.sampled_from([0, 1, 7, MAX_WEIGHT]),
    _WHERE,
    st.none() | times,
)
_portions = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from([0.0, 0.1, 0.5]).map(lambda share: Grown(share, "coming back")), max_size=2
)


@st.composite
def cases(draw: st.DrawFn, policies: st.SearchStrategy[tuple[Step, ...]] | None = None) -> Case:
    """A random world under a random chain and orders of all kinds, and one of a handful of clients."""
    world = draw(worlds())
    lists = {name: draw(st.lists(st.sampled_from(AREAS), max_size=2, unique=True)) for name in NAMES}
    policy = draw(chains() if policies is None else policies)
    ramps = draw(st.sampled_from([{}, {NAMES[2]: Grown(0.05, "first step")}, {NAMES[2]: Grown(0.0, "withdrawn")}]))
    placed = _regions(lists, replace(world, service=replace(world.service, policy=policy)))
    orders = draw(st.lists(_drains | _others, max_size=4))
    portions = draw(st.just({}) | _portions)
    signals = Signals(ramps=ramps, portions=portions, lifted=draw(st.none() | times))
    ordered = replace(placed, signals=signals, overrides=(*placed.overrides, *orders))
    return Case(ordered, draw(times), draw(st.sampled_from(CLIENTS)))


def answering(case: Case, kind: RecordType) -> set[EndpointName]:
    """Endpoints that the client reaches through an answer of type ``kind``."""
    groups = groups_for(rule_for(case.decision.steering, case.client), kind)
    return {name for group in groups for target in group.targets for name in target.endpoints}


def allowed(case: Case) -> list[Endpoint]:
    """Endpoints of the service's own regions that no fence keeps from the client."""
    return [e for e in case.world.own if is_allowed(case, e.region)]


def is_allowed(case: Case, region: RegionName) -> bool:
    fences = [step for step in case.world.service.policy if isinstance(step, Fence)]
    return all(region in fence.regions for fence in fences if _fenced(fence, case.client))


def _fenced(fence: Fence, client: Client) -> bool:
    areas: Iterable[Area] = [*fence.areas, *([UNKNOWN] if fence.unknown else [])]
    return any(is_in(client, area) for area in areas)


def never_empty(case: Case) -> bool:
    """1: each type that the client may be given by anybody fit has an answer; with ``all`` by anybody at all."""
    world, drained = case.world, case.world.drained(case.now)
    anybody = world.service.when_all_down in (AllDown.ALL, AllDown.LAST_GOOD)
    able = [
        e.name
        for e in allowed(case)
        if e.name not in drained and (anybody or world.standings[e.name].health is not Health.DOWN)
    ]
    kinds = case.decision.steering.types
    return all(answering(case, kind) for kind in kinds if any(world.carries(name, kind) for name in able))


def forced_out_is_out(case: Case) -> bool:
    """2: nobody is answered only for the sake of drained endpoints; with all of them drained it is SERVFAIL."""
    rule = rule_for(case.decision.steering, case.client)
    drained = case.world.drained(case.now)
    if any(set(target.endpoints) <= drained for group in rule.groups for target in group.targets):
        return False
    all_out = replace(case, world=replace(case.world, overrides=tuple(drain(name) for name in case.world.regions)))
    last = rule_for(all_out.decision.steering, case.client)
    return (last.groups, last.no_answer) == ((), NoAnswer.SERVFAIL)


def _orders(case: Case) -> list[Override]:
    return [order for order in case.world.overrides if order.active(case.now)]


def _forced_up(case: Case) -> set[EndpointName]:
    found = {e.name: state_order(_orders(case), e, case.world.service.name) for e in case.world.own}
    return {name for name, order in found.items() if order is not None and order.kind is Kind.UP}


def forced_up_is_in_service(case: Case) -> bool:
    """Forced comes before all that is measured; only what has no address cannot be."""
    names = [name for name in _forced_up(case) if case.world.standings[name].addresses]
    return all(case.decision.fitness[name] is Fitness.IN_SERVICE for name in names)


def forced_ttl_is_the_ttl(case: Case) -> bool:
    """And otherwise it is one of the two that are configured."""
    service = case.world.service
    order = service_order(_orders(case), Kind.TTL, service.name)
    wanted = (service.ttl_steady, service.ttl_alert) if order is None else (order.value,)
    return case.decision.steering.ttl in wanted


def held_back_is_last(case: Case) -> bool:
    """A region with a portion of nothing answers for nobody to whom another fit one is left."""
    none = {region for region, portion in case.world.signals.portions.items() if not portion.share}
    for kind in case.decision.steering.types:
        fit = [
            e.region
            for e in allowed(case)
            if case.decision.fitness[e.name] < Fitness.DOWN and case.world.carries(e.name, kind)
        ]
        others = any(region not in none and not _withdrawn(case, region) for region in fit)
        groups = groups_for(rule_for(case.decision.steering, case.client), kind)
        if others and any(group.region in none for group in groups):
            return False
    return True


def same_inputs_same_output(case: Case) -> bool:
    """3: byte for byte, however the inputs are laid out in memory."""
    world, random = case.world, Random(0)
    shuffled = dict(random.sample(sorted(world.standings.items()), len(world.standings)))
    backwards = {name: world.regions[name] for name in sorted(world.regions, reverse=True)}
    again = replace(case, world=replace(world, standings=shuffled, regions=backwards))
    return repr(again.decision) == repr(case.decision)


def no_failback_in_hold(case: Case) -> bool:
    """4: nobody answers within ``hold``, or the TTL, of its last failure beside or instead of somebody in service."""
    service = case.world.service
    if hold_of(service) < max(service.hold, service.ttl_steady):
        return False
    recent = set(_recently_failed(case)) - _forced_up(case)
    for kind in case.decision.steering.types:
        fit = [
            e.name
            for e in allowed(case)
            if case.decision.fitness[e.name] is Fitness.IN_SERVICE
            and e.name not in recent
            and case.world.carries(e.name, kind)
            and not _withdrawn(case, e.region)
        ]
        shared = {
            name
            for name in answering(case, kind) & recent
            if case.world.standings[name].health is Health.UP and not _shares(case, name, fit)
        }
        if fit and shared:
            return False
    return True


def _recently_failed(case: Case) -> Iterator[EndpointName]:
    wait = max(case.world.service.hold, case.world.service.ttl_steady)
    for endpoint in case.world.own:
        failed = case.world.standings[endpoint.name].last_failure
        if failed is not None and case.now < failed + wait:
            yield endpoint.name


def _withdrawn(case: Case, region: RegionName) -> bool:
    """Whether it is a canary without a share, or has no portion: then it answers behind those in hold."""
    portion = case.world.signals.portions.get(region)
    if portion is not None and not portion.share:
        return True
    ramp = case.world.signals.ramps.get(region)
    named = any(isinstance(step, Canary) and step.region == region for step in case.world.service.policy)
    return named and (ramp is None or not ramp.share)


def _shares(case: Case, name: EndpointName, others: Iterable[EndpointName]) -> bool:
    """Whether an endpoint has an address that one of the others has too."""
    own = set(case.world.standings[name].addresses)
    return any(own & set(case.world.standings[other].addresses) for other in others)


def shifts_are_bounded(case: Case) -> bool:
    """5: among the regions that answer before and after, scores move no more than they may."""
    before, after = case.world.before, case.decision.steering
    return before is None or moved_between(before, after) <= Fraction(case.world.signals.shift) + EXACT


@st.composite
def shifting_cases(draw: st.DrawFn) -> Case:
    """Worlds in which nothing but scores has changed since the last decision."""
    case = draw(cases(st.just((Weighted(),))))
    scores = st.sampled_from([0.25, 0.5, 0.75, 1.0])
    former = {name: replace(standing, score=draw(scores)) for name, standing in case.world.standings.items()}
    newest = {name: replace(standing, score=draw(scores)) for name, standing in former.items()}
    calm = replace(case.world, service=replace(case.world.service, when_all_down=AllDown.ALL), standings=former)
    signals = Signals(shift=draw(st.sampled_from([0.05, 0.1, 0.3])))
    before = calm.at(case.now).steering
    return replace(case, world=replace(calm, standings=newest, before=before, signals=signals))


def fences_hold(case: Case) -> bool:
    """Precedence: a fence comes before never-empty and all that is below it."""
    rule = rule_for(case.decision.steering, case.client)
    return all(is_allowed(case, group.region) for group in rule.groups)


def weights_are_sane(case: Case) -> bool:
    """What every consumer of a steering relies on."""
    rules = case.decision.steering.rules
    return rules[-1].match is None and all(
        0 < group.weight <= MAX_WEIGHT and group.targets and 0 <= rule.withheld <= 256
        for rule in rules
        for group in rule.groups
    )


def capacity_is_kept(case: Case) -> bool:
    """10: no survivor gets more than its capacity while another healthy one has room."""
    demand, decision = case.world.signals.demand or 0.0, case.decision
    rule = decision.steering.rules[-1]
    for kind in decision.steering.types:
        groups = groups_for(rule, kind)
        total = sum(group.weight for group in groups)
        given = Fraction(demand) * (1 - Fraction(rule.withheld, 256))
        loads = {group.region: given * group.weight / total for group in groups}
        able = {region: _able(case, region, kind) for region in case.world.regions}
        over = [r for r, load in loads.items() if load > able[r] * (1 + ROOM) + 2]
        room = [r for r, most in able.items() if most and loads.get(r, 0) < most * (1 - 3 * ROOM) - 10]
        if over and room:
            return False
    return True


def _able(case: Case, region: RegionName, kind: RecordType) -> Fraction:
    """What a member can take: its capacity, as far as its endpoints of this type are in service."""
    if region not in {member.region for member in case.world.service.members}:
        return Fraction(0)
    found = case.world.regions[region]
    fit = [
        e
        for e in found.endpoints
        if case.decision.fitness[e.name] is Fitness.IN_SERVICE and case.world.carries(e.name, kind)
    ]
    total = [
        e for e in found.endpoints if case.world.carries(e.name, kind) or not case.world.standings[e.name].addresses
    ]
    return Fraction(found.capacity or 0) * len(fit) / max(1, len(total))


@st.composite
def loaded_cases(draw: st.DrawFn) -> Case:
    """Worlds with capacities and a demand, filled by capacity."""
    case = draw(cases(st.just((Weighted(), Capacity()))))
    capacities = {name: float(draw(st.integers(100, 2000))) for name in NAMES}
    regions = {n: replace(r, capacity=capacities[n]) for n, r in case.world.regions.items()}
    demand = float(draw(st.integers(1, 8000)))
    return replace(case, world=replace(case.world, regions=regions, signals=Signals(demand=demand)))
