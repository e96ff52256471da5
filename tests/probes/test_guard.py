"""No probe is talked into link-local addresses or those where clouds hand out credentials."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.net.guard import refusal
from probes.net.network import Network
from tests.probes.attempts import networking

REFUSED = {
    "169.254.169.254": "link-local",
    "169.254.0.1": "link-local",
    "fe80::1": "link-local",
    "fe80::1%lo": "link-local",
    "febf::1": "link-local",
    "fd00:ec2::254": "AWS",
    "fd20:ce::254": "Google Cloud",
    "100.100.100.200": "Alibaba Cloud",
    "168.63.129.16": "Azure",
    "192.0.0.192": "Oracle Cloud",
    "0.0.0.0": "no address of a host",
    "0.1.2.3": "no address of a host",
    "::": "no address of a host",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "255.255.255.255": "broadcast",
    "ff02::1": "multicast",
}


@pytest.mark.parametrize(("address", "why"), REFUSED.items())
def test_an_address_that_must_not_be_probed_is_refused_with_its_reason(address: str, why: str) -> None:
    assert why in (refusal(ip_address(address)) or "")


@pytest.mark.parametrize("address", [address for address in REFUSED if ":" not in address])
@pytest.mark.parametrize("clothes", ["::ffff:{}", "64:ff9b::{}", "2002:{0:x}:{1:x}::1"])
def test_an_ipv4_address_in_ipv6_clothes_is_judged_as_what_it_is(address: str, clothes: str) -> None:
    bits = int(ip_address(address))
    dressed = clothes.format(address) if "{}" in clothes else clothes.format(bits >> 16, bits & 0xFFFF)
    assert refusal(ip_address(dressed)) == refusal(ip_address(address))


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "192.168.1.1", "203.0.113.7", "::1", "2001:db8::1", "fd00::1", "169.253.1.1"]
)
def test_any_other_address_may_be_probed(address: str) -> None:
    assert refusal(ip_address(address)) is None


@given(st.integers(0, 2**32 - 1))
def test_clothes_make_no_difference_to_any_address(bits: int) -> None:
    bare = ip_address(bits)
    assert refusal(ip_address(f"::ffff:{bare}")) == refusal(bare)


def test_a_network_that_is_allowed_may_be_probed_in_any_clothes() -> None:
    allowed = (ip_network("169.254.7.0/24"), ip_network("fe80::/64"))
    assert refusal(ip_address("169.254.7.9"), allowed) is None
    assert refusal(ip_address("::ffff:169.254.7.9"), allowed) is None
    assert refusal(ip_address("fe80::9"), allowed) is None
    assert refusal(ip_address("169.254.8.9"), allowed) is not None


async def test_a_vantage_point_has_its_own_networks() -> None:
    with networking() as network:
        assert network.refusal(ip_address("169.254.7.9")) is not None
        allowing = Network(network.reactor, allowed=(ip_network("169.254.7.0/24"),))
        assert allowing.refusal(ip_address("169.254.7.9")) is None
        assert await network.lookup("localhost") is None
