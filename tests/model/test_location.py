"""Who is in which area, and which branch of a policy a client falls into."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.area import UNKNOWN, Area, disjoint, parse_area, within
from gslb.model.location import NOWHERE, Client, Location, is_in
from gslb.model.split import split

IN_ISTANBUL = Location("AS", "TR", ("TR-34",), 9121, (41.0, 29.0))
IN_LONDON = Location("EU", "GB", ("GB-ENG", "GB-LND"), 1)
IN_EUROPE = Location("EU")


def area(text: str) -> Area:
    return UNKNOWN if text == "unknown" else parse_area(text)


def client(network: str, location: Location = NOWHERE) -> Client:
    return Client(ip_network(network), location)


@pytest.mark.parametrize(
    ("location", "inside", "outside"),
    [
        (IN_ISTANBUL, ["TR-34", "TR", "continent:AS", "AS9121"], ["TR-06", "DE", "continent:EU", "AS1", "unknown"]),
        (IN_LONDON, ["GB-ENG", "GB-LND", "GB", "continent:EU", "AS1"], ["TR", "continent:AS", "unknown"]),
        (IN_EUROPE, ["continent:EU"], ["GB", "unknown", "AS1"]),
        (NOWHERE, ["unknown"], ["TR", "continent:EU", "AS1"]),
        (Location(asn=1), ["unknown", "AS1"], ["AS9121"]),
    ],
)
def test_a_client_is_in_the_areas_of_its_location(location: Location, inside: list[str], outside: list[str]) -> None:
    found = client("192.0.2.1/32", location)
    assert all(is_in(found, area(text)) for text in inside)
    assert not any(is_in(found, area(text)) for text in outside)
    assert is_in(found, None)


@pytest.mark.parametrize(
    ("network", "of", "inside"),
    [
        ("192.0.2.1/32", "192.0.2.0/24", True),
        ("192.0.2.0/24", "192.0.2.0/24", True),
        ("192.0.2.0/24", "192.0.2.0/25", False),  # only half of it is
        ("192.0.3.1/32", "192.0.2.0/24", False),
        ("2001:db8::1/128", "2001:db8::/32", True),
        ("2001:db8::1/128", "0.0.0.0/0", False),
    ],
)
def test_a_client_is_in_a_network_that_holds_all_of_its_own(network: str, of: str, *, inside: bool) -> None:
    assert is_in(client(network), area(of)) is inside


AREAS = ["TR-34", "TR", "DE", "continent:EU", "continent:AS", "unknown", "192.0.2.0/24", "192.0.0.0/16", "AS9121"]
_areas = st.lists(st.sampled_from(AREAS).map(area), max_size=6)
_clients = st.builds(
    client,
    st.sampled_from(["192.0.2.1/32", "192.0.9.0/24", "203.0.113.7/32", "2001:db8::/56"]),
    st.sampled_from([IN_ISTANBUL, IN_LONDON, IN_EUROPE, NOWHERE, Location("AS", "TR", asn=9121)]),
)


@given(_areas, _clients)
def test_everybody_falls_into_the_most_specific_area_that_holds_them(areas: list[Area], who: Client) -> None:
    parts = split(None, areas)
    match, own = next((match, own) for match, own in parts if is_in(who, match))
    assert match == own
    assert [part for part, _ in parts].count(match) == 1
    for other in areas:
        if is_in(who, other) and other != own:
            assert own is not None
            assert not within(other, own)


@given(st.sampled_from([None, *AREAS]).map(lambda text: text and area(text)), _areas)
def test_parts_stay_within_what_is_parted_and_end_with_all_of_it(match: Area | None, areas: list[Area]) -> None:
    *inner, (rest, _) = split(match, areas)
    assert rest == match
    assert all(part is not None and within(part, match) and part != match for part, _ in inner)


def test_a_part_knows_the_area_that_it_lies_in() -> None:
    fenced = area("TR-34")
    assert split(fenced, [area("TR"), area("continent:AS")]) == ((fenced, area("TR")),)
    assert split(fenced, [area("continent:EU")]) == ((fenced, None),)
    assert split(area("TR"), [area("TR-34"), area("TR")]) == ((area("TR-34"), area("TR-34")), (area("TR"), area("TR")))


@given(st.sampled_from(AREAS).map(area), st.sampled_from(AREAS).map(area), _clients)
def test_nobody_is_in_two_areas_that_are_disjoint(one: Area, other: Area, who: Client) -> None:
    if is_in(who, one) and is_in(who, other):
        assert not disjoint(one, other)
    if is_in(who, one) and within(one, other):
        assert is_in(who, other)
