"""What records say, whichever vendor wrote them, and what several of them say together."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.geo.record import NOTHING, merge, read_record, tellable
from gslb.model.area import AreaKind, continent_and_country, parse_area
from gslb.model.chain import Geography
from gslb.model.location import NOWHERE, Location
from tests.geo.databases import ISTANBUL, city

TURKEY = Location("AS", "TR")


@pytest.mark.parametrize(
    ("record", "location"),
    [
        (city("AS", "TR", "34", ISTANBUL), Location("AS", "TR", ("TR-34",), None, ISTANBUL)),
        ({"country": {"iso_code": "TR"}}, TURKEY),
        ({"country": {"iso_code": "TR"}, "continent": {"code": "EU"}}, TURKEY),
        ({"country": {"iso_code": "ZZ"}, "continent": {"code": "EU"}}, Location("EU", "ZZ")),
        ({"continent": {"code": "EU"}}, Location("EU")),
        (
            {"country": {"iso_code": "GB"}, "subdivisions": [{"iso_code": "ENG"}, {"iso_code": "LND"}]},
            Location("EU", "GB", ("GB-ENG", "GB-LND")),
        ),
        ({"country": {"iso_code": "TR"}, "subdivisions": [{"names": {"en": "Istanbul"}}]}, TURKEY),
        ({"subdivisions": [{"iso_code": "34"}]}, NOWHERE),
        ({"autonomous_system_number": 9121}, Location(asn=9121)),
        ({"country": {"iso_code": "TR"}, "traits": {"autonomous_system_number": 9121}}, Location("AS", "TR", (), 9121)),
        ({"country": "TR", "continent": "AS", "asn": "AS9121"}, Location("AS", "TR", (), 9121)),
        (
            {"country": "Türkiye", "country_code": "TR", "continent": "Asia", "continent_code": "AS", "asn": "AS9121"},
            Location("AS", "TR", (), 9121),
        ),
        ({"country": "TR", "lat": "41.01", "lng": "28.98"}, Location("AS", "TR", (), None, ISTANBUL)),
        ({"location": {"latitude": 0.0, "longitude": 0.0}}, Location(coordinates=(0.0, 0.0))),
    ],
)
def test_a_record_says_where_its_network_is(record: Any, location: Location) -> None:
    assert read_record(record).location == location


@pytest.mark.parametrize(
    "record",
    [
        None,
        "TR",
        34,
        ["TR"],
        {},
        {"country": 90, "continent": [], "subdivisions": "34", "asn": True, "location": 1, "traits": "x"},
        {"country": {"iso_code": "tr"}, "continent": {"code": "Asia"}},
        {"country": {"iso_code": None}, "continent": {"code": ["AS"]}},
        {"autonomous_system_number": 0},
        {"autonomous_system_number": 2**32},
        {"asn": "AS"},
        {"location": {"latitude": 41.01}},
        {"location": {"latitude": 41.01, "longitude": None}},
        {"location": {"latitude": 91.0, "longitude": 28.98}},
        {"location": {"latitude": float("nan"), "longitude": 28.98}},
        {"location": {"latitude": 10**400, "longitude": 28.98}},
        {"lat": "north", "lng": "east"},
        {"latitude": True, "longitude": True},
    ],
)
def test_what_has_no_known_form_says_nothing(record: Any) -> None:
    assert read_record(record) == NOTHING


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["iso_code", "code"]), inner),
    max_leaves=8,
)
KEYS = [
    "country", "country_code", "continent", "continent_code", "registered_country", "subdivisions", "location",
    "latitude", "longitude", "lat", "lng", "asn", "autonomous_system_number", "traits",
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS), plain), st.sampled_from(["TR", "DE", ""]))
def test_no_record_raises_and_every_place_is_one_that_areas_know(record: dict[str, Any], country: str) -> None:
    """So that a client in a country is in that country's continent, as `gslb.model.area.within` takes for granted."""
    location = read_record(record | {"country": country}).location
    for subdivision in location.subdivisions:
        assert continent_and_country(parse_area(subdivision)) == (location.continent, location.country)
    if location.country:
        assert continent_and_country(parse_area(location.country)) == (location.continent, location.country)


def said(*records: Any) -> Location:
    return merge([read_record(record) for record in records])


def test_the_first_database_that_knows_the_country_counts() -> None:
    assert said({}, {"country": "TR"}, {"country": "DE"}) == TURKEY


def test_what_one_database_lacks_another_adds() -> None:
    parts = ({"country": "TR"}, {"autonomous_system_number": 9121}, city("AS", "TR", "34", ISTANBUL))
    assert said(*parts) == Location("AS", "TR", ("TR-34",), 9121, ISTANBUL)


def test_a_database_that_names_another_country_adds_no_place_but_its_network() -> None:
    elsewhere = city("EU", "DE", "HE", (50.11, 8.68)) | {"asn": "AS3320"}
    assert said({"country": "TR"}, elsewhere) == Location("AS", "TR", (), 3320)


def test_coordinates_are_taken_from_a_database_that_names_no_country() -> None:
    assert said({"country": "TR"}, {"lat": 41.01, "lng": 28.98}).coordinates == ISTANBUL


@pytest.mark.parametrize(
    ("records", "location"),
    [
        ([{"registered_country": {"iso_code": "TR"}}], TURKEY),
        ([{"represented_country": {"iso_code": "US"}}], Location("NA", "US")),
        (
            [{"registered_country": {"iso_code": "DE"}, "represented_country": {"iso_code": "US"}}],
            Location("EU", "DE"),
        ),
        ([{"registered_country": {"iso_code": "DE"}}, {"country": "TR"}], TURKEY),
        ([{"registered_country": {"iso_code": "DE"}, "continent": "EU"}], Location("EU", "DE")),
        ([{"registered_country": {"iso_code": "US"}, "continent": "EU"}], Location("EU")),
        ([{"registered_country": {"iso_code": "ZZ"}}], Location("", "ZZ")),
    ],
)
def test_a_registered_or_represented_country_counts_only_where_no_other_is_known(
    records: list[Any], location: Location
) -> None:
    assert said(*records) == location


def test_without_databases_nothing_is_known() -> None:
    assert said() == NOWHERE


@pytest.mark.parametrize(
    ("record", "kinds"),
    [
        ({"country": "TR"}, {AreaKind.COUNTRY, AreaKind.CONTINENT, AreaKind.UNKNOWN}),
        ({"registered_country": "TR"}, {AreaKind.COUNTRY, AreaKind.CONTINENT, AreaKind.UNKNOWN}),
        ({"continent": "AS"}, {AreaKind.CONTINENT, AreaKind.UNKNOWN}),
        (city("AS", "TR", "34"), {AreaKind.SUBDIVISION, AreaKind.COUNTRY, AreaKind.CONTINENT, AreaKind.UNKNOWN}),
        ({"asn": "AS9121"}, {AreaKind.ASN}),
        ({"is_anonymous": True}, set()),
    ],
)
def test_what_records_hold_can_be_told_of_clients(record: Any, kinds: set[AreaKind]) -> None:
    assert tellable([read_record(None), read_record(record)]) == Geography(frozenset(kinds))


def test_coordinates_in_some_records_are_enough() -> None:
    assert tellable([read_record({"country": "TR"}), read_record({"lat": 1, "lng": 2})]).coordinates
