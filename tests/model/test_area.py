"""Areas are read in the forms of ISO 3166, CIDR and AS numbers, and how they lie to each other is known or not."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model import countries
from gslb.model.area import UNKNOWN, Area, AreaKind, disjoint, parse_area, specificity, within

_networks = st.builds(
    lambda ip, cut: ip_network((ip, cut % (ip.max_prefixlen + 1)), strict=False), st.ip_addresses(), st.integers(0, 128)
)
_texts = (
    st.sampled_from(["continent:EU", "continent:AS", "TR", "AS", "TR-34", "GB-ENG", "AS9121"])
    | st.integers(1, 2**32 - 1).map("AS{}".format)
    | _networks.map(str)
)


def area(text: str) -> Area:
    return UNKNOWN if text == "unknown" else parse_area(text)


@given(_texts)
def test_a_written_area_reads_back(text: str) -> None:
    assert str(parse_area(text)) == text
    assert parse_area(str(parse_area(text))) == parse_area(text)


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
        ("EU", "EU is no country of ISO 3166-1; write one such as continent:EU"),
        ("UK", "write one such as GB"),
        ("UK-ENG", "UK is no country"),
        ("ZZ", "ZZ is no country"),
    ],
)
def test_a_faulty_area_is_refused_with_its_remedy(text: str, remedy: str) -> None:
    with pytest.raises(ValueError, match="write") as caught:
        parse_area(text)
    assert repr(text) in str(caught.value)
    assert remedy in str(caught.value)


_PLACES = ["continent:EU", "continent:AS", "TR", "DE", "TR-34", "TR-06", "DE-BE", "GB-ENG", "unknown"]
_NETWORKS = ["192.0.2.0/24", "192.0.0.0/16", "192.0.2.128/25", "198.51.100.0/24", "2001:db8::/32", "0.0.0.0/0"]
_areas = st.sampled_from([*_PLACES, *_NETWORKS, "AS9121", "AS1"]).map(area)


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ("TR-34", "TR"),
        ("TR-34", "continent:AS"),
        ("TR", "continent:AS"),
        ("CY", "continent:EU"),
        ("192.0.2.0/25", "192.0.2.0/24"),
        ("2001:db8:1::/48", "2001:db8::/32"),
        ("AS9121", "AS9121"),
    ],
)
def test_what_lies_within_another_area(inner: str, outer: str) -> None:
    assert within(area(inner), area(outer))
    assert within(area(inner), None)
    assert not disjoint(area(inner), area(outer))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("TR", "continent:EU"),
        ("TR-34", "DE"),
        ("TR-34", "TR-06"),
        ("continent:EU", "continent:AS"),
        ("192.0.2.0/25", "192.0.2.128/25"),
        ("192.0.2.0/24", "2001:db8::/32"),
        ("AS1", "AS2"),
        ("unknown", "TR"),
    ],
)
def test_areas_that_have_no_client_in_common(one: str, other: str) -> None:
    assert disjoint(area(one), area(other))
    assert disjoint(area(other), area(one))
    assert not within(area(one), area(other))


@pytest.mark.parametrize(
    ("one", "other"), [("192.0.2.0/24", "TR"), ("AS9121", "TR"), ("AS9121", "192.0.2.0/24"), ("unknown", "AS9121")]
)
def test_of_some_areas_nobody_knows_whether_they_have(one: str, other: str) -> None:
    assert not disjoint(area(one), area(other))
    assert not within(area(one), area(other))
    assert not within(area(other), area(one))


@given(_areas, _areas, _areas)
def test_within_is_an_order_and_excludes_disjoint(one: Area, two: Area, three: Area) -> None:
    assert within(one, one)
    if within(one, two) and within(two, three):
        assert within(one, three)
    if within(one, two) and within(two, one):
        assert one == two
    if disjoint(two, three) and within(one, two):
        assert disjoint(one, three)


@given(_areas, _areas)
def test_what_lies_within_another_area_comes_before_it(one: Area, other: Area) -> None:
    if one != other and within(one, other):
        assert specificity(one) < specificity(other)
    assert specificity(one) < specificity(None)


def test_every_country_is_in_one_continent() -> None:
    found = [country for listed in countries._COUNTRIES.values() for country in listed.split()]
    assert len(found) == len(set(found)) == 250
    assert countries.continent_of("TR") == "AS"
    assert countries.continent_of("ZZ") is None


@pytest.mark.parametrize("text", ["AS4294967296", "AS9999999999", "AS٣"])
def test_an_as_number_has_32_bits(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_area(text)


def test_an_as_number_has_one_spelling() -> None:
    """Else AS9121 and AS09121 would pass as different areas."""
    with pytest.raises(ValueError, match="write"):
        parse_area("AS09121")
