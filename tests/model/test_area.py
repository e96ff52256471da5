"""Areas are read in the forms of ISO 3166, CIDR and AS numbers, and only those that are the same overlap."""

from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.area import Area, AreaKind, overlap, parse_area

_networks = st.builds(
    lambda ip, cut: ip_network((ip, cut % (ip.max_prefixlen + 1)), strict=False), st.ip_addresses(), st.integers(0, 128)
)
_texts = (
    st.sampled_from(["continent:EU", "continent:AS", "TR", "AS", "TR-34", "GB-ENG", "AS9121"])
    | st.integers(1, 2**32 - 1).map("AS{}".format)
    | _networks.map(str)
)


@given(_texts)
def test_a_written_area_reads_back(text: str) -> None:
    area = parse_area(text)
    assert str(area) == text
    assert parse_area(str(area)) == area


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("continent:AS", AreaKind.CONTINENT, "AS"),
        ("AS", AreaKind.COUNTRY, "AS"),
        ("AS-1", AreaKind.SUBDIVISION, "AS-1"),
        ("AS1", AreaKind.ASN, "AS1"),
        ("TR-34", AreaKind.SUBDIVISION, "TR-34"),
        ("2001:DB8:0::/32", AreaKind.NETWORK, "2001:db8::/32"),
    ],
)
def test_each_form_has_its_kind_and_one_spelling(text: str, kind: AreaKind, code: str) -> None:
    assert parse_area(text) == Area(kind, code)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("continent:XX", "write one of AF, AN, AS, EU, NA, OC, SA"),
        ("continent:", "write one of AF, AN, AS, EU, NA, OC, SA"),
        ("192.0.2.1/24", "has host bits set; write one such as 192.0.2.0/24"),
        ("192.0.2.0/33", "write one such as 192.0.2.0/24"),
        ("istanbul/8", "write one such as 192.0.2.0/24"),
        ("", "write TR-34, TR, continent:EU, 192.0.2.0/24 or AS9121"),
        ("tr", "write TR-34, TR, continent:EU, 192.0.2.0/24 or AS9121"),
        ("TR-", "write TR-34, TR, continent:EU, 192.0.2.0/24 or AS9121"),
        ("TUR", "write TR-34, TR, continent:EU, 192.0.2.0/24 or AS9121"),
        ("192.0.2.1", "write TR-34, TR, continent:EU, 192.0.2.0/24 or AS9121"),
    ],
)
def test_a_faulty_area_is_refused_with_its_remedy(text: str, remedy: str) -> None:
    with pytest.raises(ValueError, match="write") as caught:
        parse_area(text)
    assert repr(text) in str(caught.value)
    assert remedy in str(caught.value)


@given(_networks, _networks)
def test_networks_overlap_only_where_neither_prefix_is_longer(
    one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network
) -> None:
    clash = one.version == other.version and one.prefixlen == other.prefixlen and one.overlaps(other)
    assert overlap(parse_area(str(one)), parse_area(str(other))) is clash


@pytest.mark.parametrize(
    ("one", "other"), [("TR", "continent:EU"), ("TR-34", "TR"), ("AS", "continent:AS"), ("AS1", "TR")]
)
def test_a_more_specific_area_does_not_overlap_the_wider_one(one: str, other: str) -> None:
    assert not overlap(parse_area(one), parse_area(other))
    assert overlap(parse_area(one), parse_area(one))


@pytest.mark.parametrize("text", ["AS4294967296", "AS9999999999", "AS٣"])
def test_an_as_number_has_32_bits(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_area(text)


def test_an_as_number_has_one_spelling() -> None:
    """Else AS9121 and AS09121 in two regions would pass as not overlapping."""
    with pytest.raises(ValueError, match="write"):
        parse_area("AS09121")
