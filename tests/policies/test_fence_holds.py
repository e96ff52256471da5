"""fence: whatever check lets pass holds, in random chains and worlds."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.model.address import IP
from gslb.model.branch import Signals
from gslb.model.chain import Chain
from gslb.model.distribution import distribution
from gslb.model.location import Client, Location, is_in
from gslb.model.steer import Decision
from policies.failover import Failover
from policies.fence import Fence
from policies.geo import Geo
from policies.latency import Latency
from policies.nearest import Nearest
from policies.weighted import Weighted
from tests.model.worlds import World, times, world, worlds
from tests.policies.places import (
    ALL,
    ANKARA,
    BERLIN,
    BOSTON,
    ISTANBUL,
    NOBODY_KNOWS,
    Vantages,
    decide,
    placed,
    vantages,
)


def fence(*texts: str, regions: Sequence[str] = ("istanbul", "ankara"), unknown: bool = False) -> Fence:
    return Fence.model_validate({"areas": list(texts), "regions": list(regions), "unknown": unknown})


_PLACES = ["TR", "TR-34", "TR-06", "DE", "DE-BE", "GB", "GB-ENG", "continent:EU", "continent:AS"]
_DOUBTFUL = ["GB-LND", "198.51.100.0/24", "198.51.100.0/25", "203.0.113.0/24", "192.0.0.0/16", "AS9121", "AS3320"]
_names = st.lists(st.sampled_from(["istanbul", "ankara", "izmir"]), min_size=1, max_size=2, unique=True)
_geos = st.builds(Geo, unknown=st.just([]) | _names, elsewhere=st.just([]) | _names)
_tiers = st.sampled_from([None, [["istanbul"], ["ankara", "izmir"]], [["ankara", "izmir"], ["istanbul"]]])
_others = st.builds(Failover, tiers=_tiers) | st.just(Weighted()) | st.just(Nearest()) | st.just(Latency())
LONDON = Client(ip_network("198.51.100.200"), Location("EU", "GB", ("GB-ENG", "GB-LND"), 3320))
LEEDS = Client(ip_network("192.0.2.200"), Location("EU", "GB", ("GB-ENG",)))
SUBNET = Client(ip_network("198.51.100.0/24"), ISTANBUL.location)
CLIENTS = [ISTANBUL, ANKARA, BERLIN, BOSTON, NOBODY_KNOWS, LONDON, LEEDS, SUBNET]
SIGHTS = vantages(here=["TR-34", "198.51.100.0/25"], there=["continent:EU"])


@st.composite
def fenced_worlds(draw: st.DrawFn, known: Sequence[str]) -> World:
    """Regions that speak for known areas and have addresses of their own, and a chain with fences anywhere."""
    some = st.lists(st.sampled_from(known), max_size=3, unique=True)
    fences = st.builds(lambda texts, names: fence(*texts, regions=names, unknown=not texts), some, _names)
    steps = draw(st.permutations([*draw(st.lists(fences, min_size=1, max_size=2)), draw(_geos), draw(_others)]))
    here = draw(worlds())
    own = world({}, members={"istanbul": 1, "ankara": 1, "izmir": 1}).service.members
    speaking = {str(name): draw(some) for name in here.regions}
    standings = {
        name: replace(standing, addresses=tuple(_own_address(name, ip.version) for ip in standing.addresses[:1]))
        for name, standing in here.standings.items()
    }
    steered = replace(here.service, policy=tuple(steps), members=own)
    past = placed(replace(here, service=replace(steered, policy=()), standings=standings), speaking)
    last_good = draw(st.sampled_from([None, decide(past).steering]))
    return replace(past, service=steered, last_good=last_good)


def _own_address(endpoint: str, version: int) -> IP:
    region, _, number = endpoint.partition("/")
    place = ["istanbul", "ankara", "izmir"].index(region) * 10 + int(number)
    return ip_address(f"10.9.0.{place}" if version == 4 else f"2001:db8::{place}")


def refused(here: World, sights: Vantages = SIGHTS) -> bool:
    """Whether a fence of the chain says that it cannot hold."""
    own = {member.region: here.regions[member.region] for member in here.service.members}
    steps = here.service.policy
    chains = [Chain(here.service, own, sights, ALL, steps[:i], steps[i + 1 :]) for i in range(len(steps))]
    fences = [(step, chain) for step, chain in zip(steps, chains, strict=True) if isinstance(step, Fence)]
    return any("cannot hold" in fault.message for step, chain in fences for fault in step.faults(chain))


def escapes(here: World, decision: Decision) -> list[tuple[Client, str]]:
    """Clients in a fenced area with an address from outside that they are answered."""
    fences = [step for step in here.service.policy if isinstance(step, Fence)]
    allowed = {
        place: {
            str(ip)
            for e, standing in here.standings.items()
            for ip in standing.addresses
            if e.split("/")[0] in step.regions
        }
        for place, step in enumerate(fences)
    }
    return [
        (client, value)
        for client in CLIENTS
        for place, step in enumerate(fences)
        if any(is_in(client, around) for around in step.around)
        for kind in decision.steering.types
        for value in distribution(decision.steering, kind, client)
        if value not in allowed[place]
    ]


_signals = st.builds(
    Signals,
    vantages=st.just(SIGHTS),
    latencies=st.fixed_dictionaries(
        {
            name: st.dictionaries(st.sampled_from(["istanbul", "ankara", "izmir"]), st.floats(0.0, 1.0))
            for name in SIGHTS
        }
    ),
)


@settings(max_examples=200)
@given(fenced_worlds([*_PLACES, *_DOUBTFUL]), times, _signals)
def test_a_chain_is_refused_or_no_fenced_client_is_ever_answered_from_outside(
    here: World, now: float, signals: Signals
) -> None:
    if not refused(here):
        assert escapes(here, decide(here, signals, now=now)) == []


@given(fenced_worlds(_PLACES))
def test_between_places_of_which_it_is_known_how_they_lie_to_each_other_every_fence_can_hold(here: World) -> None:
    assert not refused(here, vantages(here=["TR-34"], there=["continent:EU"]))
