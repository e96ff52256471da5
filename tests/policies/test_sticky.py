"""sticky: clients of one network always reach the same region, as many networks for each as its weight says."""

from ipaddress import ip_network

import pytest
from hypothesis import given

from gslb.model.branch import Branch, Step, Verdict
from gslb.model.distribution import distribution
from gslb.model.location import Client
from gslb.model.names import RegionName
from gslb.model.steer import Decision
from gslb.model.steering import Pick
from gslb.model.topology import Region
from policies.failover import Failover
from policies.nearest import Nearest
from policies.sticky import Sticky
from policies.weighted import Weighted
from tests.model.worlds import A, down, gateway, region, world
from tests.policies.branches import branch, branches, candidate, run
from tests.policies.places import faults

NETWORKS = [f"198.18.{number}.0/24" for number in range(256)]
UP = {"istanbul": [gateway("192.0.2.1")], "ankara": [gateway("192.0.2.2")], "izmir": [gateway("192.0.2.3")]}
POLICY: tuple[Step, ...] = (Weighted(), Sticky())
TWO = {name: Region(name, ()) for name in map(RegionName, ("istanbul", "ankara"))}


def reached(decision: Decision, network: str) -> str:
    """The one address that every client of a network is answered."""
    ((address, share),) = distribution(decision.steering, A, Client(ip_network(network))).items()
    assert share == 1
    return address


def test_a_network_always_reaches_the_same_region_and_weights_say_how_many_do() -> None:
    decision = world(UP, members={"istanbul": 6, "ankara": 3, "izmir": 1}, policy=POLICY).at(0.0)
    found = [reached(decision, network) for network in NETWORKS]
    assert found == [reached(decision, network) for network in NETWORKS]
    counts = [found.count(address) for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3")]
    assert counts[0] > counts[1] > counts[2] > 0


def test_all_addresses_of_one_network_reach_the_same_region() -> None:
    decision = world(UP, policy=POLICY).at(0.0)
    assert len({reached(decision, f"198.18.7.{host}/32") for host in range(256)}) == 1
    assert len({reached(decision, f"2001:db8:0:{subnet:x}::/64") for subnet in range(256)}) == 1


def test_a_lost_region_moves_its_own_networks_only_and_they_come_back() -> None:
    before = world(UP, policy=POLICY).at(0.0)
    after = world(UP | {"izmir": [down("192.0.2.3")]}, policy=POLICY).at(0.0)
    for network in NETWORKS:
        home = reached(before, network)
        assert reached(after, network) != "192.0.2.3"
        assert home in ("192.0.2.3", reached(after, network))


@given(branches())
def test_it_sets_the_pick_and_says_so_of_everybody(before: Branch) -> None:
    after = run((Sticky(),), before)
    assert (after.tiers, after.match, after.pick) == (before.tiers, before.match, Pick.STICKY)
    said = after.reasons[len(before.reasons) :]
    assert [(reason.step, reason.subject) for reason in said] == [
        ("sticky", c.region) for tier in before.tiers for c in tier
    ]


def test_what_it_says() -> None:
    after = run((Sticky(),), branch((candidate("istanbul"),)))
    assert (after.reasons[-1].verdict, after.reasons[-1].text) == (
        Verdict.WEIGHT,
        "the same client networks each time, as many as its weight says",
    )


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ((Sticky(), Nearest()), ["contradicts nearest: both say which region a client reaches"]),
        ((Sticky(), Weighted()), ["is undone by weighted, which picks by weight alone"]),
        ((Sticky(), Failover()), []),
        ((Sticky(),), []),
    ],
)
def test_who_undoes_or_contradicts_it_is_a_fault(chain: tuple[Step, ...], expected: list[str]) -> None:
    assert [message for _, message, _ in faults(chain, TWO)] == expected


def test_nearest_before_it_is_a_fault_and_weighted_before_it_is_none() -> None:
    assert [message for _, message, _ in faults((Nearest(), Sticky()), TWO, place=1)] == [
        "contradicts nearest: both say which region a client reaches"
    ]
    assert faults((Weighted(), Sticky()), TWO, place=1) == []


def test_with_one_endpoint_there_is_nothing_to_stick_to() -> None:
    name = RegionName("istanbul")
    one, two = (region(name, [gateway("192.0.2.1")] * count) for count in (1, 2))
    assert [message for _, message, _ in faults((Sticky(),), {name: one})] == [
        "has no effect: the service has one endpoint"
    ]
    assert faults((Sticky(),), {name: two}) == []
