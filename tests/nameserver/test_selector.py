"""The compiled way from client to rule is that of the model, and the bits it says it needs are enough and needed."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.errors import SnapshotError
from gslb.model.address import IPNetwork
from gslb.model.area import Area, AreaKind, parse_area
from gslb.model.location import NOWHERE, Client
from gslb.model.steering import Rule, Steering, rule_for
from gslb.nameserver.networks import make_networks
from gslb.nameserver.selector import make_selector
from tests.nameserver.clients import areas, clients, networks
from tests.nameserver.support import parted


def steering(*matches: Area | None) -> Steering:
    return parted("geo.example.com.", *[Rule(match, ()) for match in matches])


@given(st.lists(areas, max_size=12), clients())
def test_it_selects_the_rule_that_the_model_says(matches: list[Area], client: Client) -> None:
    asked = steering(*matches, None)
    assert asked.rules[make_selector([*matches, None]).select(client)] == rule_for(asked, client)


@given(st.lists(areas, max_size=6), st.lists(areas, max_size=3), clients())
def test_what_comes_behind_a_rule_for_everybody_is_never_reached(
    before: list[Area], behind: list[Area], client: Client
) -> None:
    assert make_selector([*before, None, *behind, None]).select(client) <= len(before)


@given(
    st.lists(networks().filter(lambda network: network.version == 4), max_size=8),
    clients().filter(lambda client: client.network.version == 4),
)
def test_all_addresses_within_the_scope_are_in_the_same_networks_and_a_bit_less_would_not_do(
    known: list[IPNetwork], client: Client
) -> None:
    compiled = make_networks(32, [(network, index) for index, network in enumerate(known)])
    scope = compiled.scope(client.network)
    address = ip_network(client.network.network_address)

    def all_on_one_side(length: int) -> bool:
        block = address.supernet(new_prefix=length)
        return all(block.subnet_of(network) or not block.overlaps(network) for network in known)  # type: ignore[arg-type]

    assert all_on_one_side(scope)
    assert not scope or not all_on_one_side(scope - 1)


def test_a_thousand_networks_in_a_thousand_take_a_few_looks() -> None:
    inner = [(ip_network((0x0A000000 + (i << 8), 24)), i) for i in range(1000)]
    compiled = make_networks(32, [*inner, (ip_network("10.0.0.0/8"), 5000)])
    assert compiled.first(ip_network("10.0.7.9/32")) == 7
    assert compiled.first(ip_network("10.0.0.0/16")) == 5000
    assert compiled.first(ip_network("11.0.0.0/16")) is None
    assert compiled.scope(ip_network("10.0.7.9/32")) == 24
    assert compiled.scope(ip_network("192.0.2.1/32")) == 1
    assert len(compiled.starts) < 1010


def test_rules_without_one_for_everybody_and_areas_that_are_no_networks_are_refused() -> None:
    with pytest.raises(SnapshotError, match="no rule is for everybody"):
        make_selector([parse_area("TR")])
    with pytest.raises(SnapshotError, match="not a network"):
        make_selector([Area(AreaKind.NETWORK, "TR"), None])


def test_an_address_that_is_only_partly_in_a_network_is_not_in_it() -> None:
    selector = make_selector([parse_area("198.51.100.0/25"), None])
    assert selector.select(Client(ip_network("198.51.100.0/25"), NOWHERE)) == 0
    assert selector.select(Client(ip_network("198.51.100.0/24"), NOWHERE)) == 1
    assert selector.scope(ip_network("198.51.100.0/24")) == 25
    assert selector.scope(ip_network("2001:db8::/32")) == 0
