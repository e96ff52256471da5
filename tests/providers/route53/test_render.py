"""What a steering becomes, and what of it Route 53 cannot say."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from gslb.model.area import UNKNOWN, Area, parse_area
from gslb.model.expressible import Feature
from gslb.model.names import RegionName, ServiceName
from gslb.model.recordset import RecordSet, is_reserved_for
from gslb.model.steering import Group, NoAnswer, Pick, RecordType, Rule, Steering, Target
from providers.route53 import Route53
from tests.providers.route53.steerings import AAAA, CNAME, REGIONS, A, steerings
from tests.providers.route53.support import SERVICE

PROVIDER = Route53()


def group(region: str, weight: int, *values: str, kind: RecordType = A) -> Group:
    targets = tuple(Target((), kind, value) for value in values)
    return Group(RegionName(region), weight, targets, REGIONS.get(region))


ISTANBUL = group("istanbul", 60, "192.0.2.1")
ANKARA = group("ankara", 40, "192.0.2.2")
SYDNEY = group("sydney", 5, "192.0.2.3")


def steering(
    *rules: Rule | tuple[str, Sequence[Group]], answers: int = 4, types: Sequence[RecordType] = (A,)
) -> Steering:
    """Rules, or areas with groups; the area of everybody is "everybody"."""
    made = [rule if isinstance(rule, Rule) else Rule(area(rule[0]), tuple(rule[1])) for rule in rules]
    return Steering(SERVICE, 30, 5, answers, tuple(types), tuple(made))


def area(text: str) -> Area | None:
    if text == "everybody":
        return None
    return UNKNOWN if text == "unknown" else parse_area(text)


def everybody(*groups: Group, pick: Pick = Pick.WEIGHTED, withheld: int = 0) -> Rule:
    return Rule(None, groups, pick, withheld=withheld)


def rendered(given_: Steering, provider: Route53 = PROVIDER) -> tuple[RecordSet, ...]:
    rendering = provider.render(given_)
    assert rendering.faults == ()
    return rendering.records


def faults(given_: Steering, *without: Feature, provider: Route53 = PROVIDER) -> list[tuple[Feature, str]]:
    return [(it.feature, it.text) for it in provider.render(given_, frozenset(without)).faults]


def members(record: RecordSet) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(record.routing)
    return found


def at(records: Sequence[RecordSet], name: str = SERVICE) -> dict[str, RecordSet]:
    return {record.identifier: record for record in records if record.name == name}


def test_one_group_is_a_plain_record_set() -> None:
    assert rendered(steering(everybody(group("istanbul", 60, "192.0.2.9", "192.0.2.1")))) == (
        RecordSet(SERVICE, "A", ("192.0.2.1", "192.0.2.9"), 30),
    )


def test_groups_of_one_value_are_weighted_record_sets_with_their_weights() -> None:
    assert rendered(steering(everybody(ISTANBUL, ANKARA))) == (
        RecordSet(SERVICE, "A", ("192.0.2.2",), 30, "ankara", '{"Weight":40}', (40.0,)),
        RecordSet(SERVICE, "A", ("192.0.2.1",), 30, "istanbul", '{"Weight":60}', (60.0,)),
    )


def test_a_group_of_several_values_is_below_a_reserved_name_that_tells_whose_it_is() -> None:
    records = rendered(steering(everybody(group("istanbul", 60, "192.0.2.1", "192.0.2.2"), ANKARA)))
    (below,) = [record for record in records if record.name != SERVICE]
    assert below == RecordSet("_gslb-istanbul.api.example.com.", "A", ("192.0.2.1", "192.0.2.2"), 30)
    assert at(records)["istanbul"].ttl is None
    assert members(at(records)["istanbul"]) == {
        "AliasTarget": {"DNSName": below.name, "EvaluateTargetHealth": False, "HostedZoneId": ""},
        "Weight": 60,
    }


def test_more_targets_than_answers_are_windows_that_share_them_alike() -> None:
    records = rendered(steering(everybody(group("istanbul", 1, *(f"192.0.2.{n}" for n in range(1, 7)))), answers=4))
    windows = [record.values for record in records if record.values]
    assert [len(window) for window in windows] == [4, 4, 4]
    assert sorted(value for window in windows for value in window) == sorted([f"192.0.2.{n}" for n in range(1, 7)] * 2)
    assert [(it, members(record)["Weight"]) for it, record in at(records).items()] == [
        *(("istanbul/1", 1), ("istanbul/2", 1), ("istanbul/3", 1))
    ]


def test_eight_of_more_are_multivalue_answers() -> None:
    records = rendered(steering(everybody(group("istanbul", 1, *(f"192.0.2.{n}" for n in range(9)))), answers=8))
    assert {record.routing for record in records} == {'{"MultiValueAnswer":true}'}
    assert len(records) == 9


def test_places_are_geolocations_and_whoever_is_in_none_gets_the_default() -> None:
    records = at(rendered(steering(("TR", [ISTANBUL]), ("continent:EU", [ANKARA]), everybody(SYDNEY))))
    assert {it: members(record)["GeoLocation"] for it, record in records.items()} == {
        "*": {"CountryCode": "*"},
        "TR": {"CountryCode": "TR"},
        "continent:EU": {"ContinentCode": "EU"},
    }


@pytest.mark.parametrize(("code", "wire"), [("US-DC", "DC"), ("UA-30", "30"), ("UA-40", "20"), ("UA-43", "11")])
def test_subdivisions_go_by_the_codes_of_route_53(code: str, wire: str) -> None:
    records = at(rendered(steering((code, [ISTANBUL]), everybody(SYDNEY))))
    assert members(records[code])["GeoLocation"] == {"CountryCode": code[:2], "SubdivisionCode": wire}


def test_clients_of_unknown_location_are_those_in_no_continent() -> None:
    records = at(rendered(steering(("continent:EU", [ANKARA]), ("unknown", [SYDNEY]), everybody(ISTANBUL))))
    assert records["*"].values == ("192.0.2.3",)
    assert {it: record.values[0] for it, record in records.items() if it != "*"} == {
        f"continent:{code}": "192.0.2.2" if code == "EU" else "192.0.2.1"
        for code in ("AF", "AN", "AS", "EU", "NA", "OC", "SA")
    }


def test_a_rule_for_unknown_locations_that_says_nothing_new_needs_nothing() -> None:
    assert rendered(steering(("unknown", [ISTANBUL]), everybody(ISTANBUL))) == rendered(steering(everybody(ISTANBUL)))


def test_networks_lead_on_to_places_by_an_alias() -> None:
    records = rendered(steering(("192.0.2.0/24", [ISTANBUL]), ("TR", [ANKARA]), everybody(SYDNEY)))
    own = at(records)
    assert members(own["192.0.2.0/24"])["CidrRoutingConfig"] == {
        "Blocks": ["192.0.2.0/24"],
        "CollectionId": members(own["*"])["CidrRoutingConfig"]["CollectionId"],
        "LocationName": "192_0_2-24",
    }
    elsewhere = members(own["*"])["AliasTarget"]["DNSName"]
    assert elsewhere == "_gslb-elsewhere.api.example.com."
    assert set(at(records, elsewhere)) == {"*", "TR"}


def test_nearest_is_geoproximity_and_one_record_set_for_each_place() -> None:
    there = group("istanbul-2", 20, "192.0.2.4")
    records = rendered(
        steering(("TR", [ISTANBUL]), Rule(parse_area("DE"), (ISTANBUL, there, SYDNEY), Pick.NEAREST), everybody(SYDNEY))
    )
    places = at(records, "_gslb-de.api.example.com.")
    assert members(places["sydney"])["GeoProximityLocation"] == {
        "Coordinates": {"Latitude": "-33.87", "Longitude": "151.21"}
    }
    assert set(places) == {"istanbul", "sydney"}
    assert set(at(records, members(places["istanbul"])["AliasTarget"]["DNSName"])) == {"istanbul", "istanbul-2"}


def test_what_is_alike_is_there_once() -> None:
    both = [group("istanbul", 60, "192.0.2.1", "192.0.2.2"), ANKARA]
    records = rendered(steering(("TR", both), ("DE", both), ("continent:EU", [both[0]]), everybody(*both)))
    assert sorted({record.name for record in records}) == [
        *("_gslb-istanbul.api.example.com.", "_gslb-tr.api.example.com.", SERVICE)
    ]


def test_weights_change_nothing_but_weights() -> None:
    def weighted(weight: int) -> set[RecordSet]:
        both = [group("istanbul", weight, "192.0.2.1", "192.0.2.2"), ANKARA]
        return set(rendered(steering(("TR", both), everybody(ANKARA))))

    assert {record.identifier for record in weighted(60) ^ weighted(61)} == {"istanbul"}


def test_names_of_a_wildcard_are_not_below_it() -> None:
    wild = ServiceName("*.example.com.")
    records = rendered(replace(steering(everybody(group("istanbul", 1, "192.0.2.1", "192.0.2.2"), ANKARA)), name=wild))
    assert {record.name for record in records} == {wild, "_gslbany-istanbul.example.com."}


def test_each_type_is_for_itself() -> None:
    six = group("istanbul", 60, "2001:db8::1", kind=AAAA)
    sticky = steering(Rule(None, (ISTANBUL, ANKARA, six), Pick.STICKY), types=(A, AAAA))
    rendering = PROVIDER.render(sticky)
    assert [(it.type, it.feature) for it in rendering.faults] == [(A, Feature.STICKY)]
    assert rendering.records == (RecordSet(SERVICE, "AAAA", ("2001:db8::1",), 30),)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (
            steering(everybody(ISTANBUL, ANKARA, pick=Pick.STICKY)),
            (Feature.STICKY, "the sticky pick for everybody else"),
        ),
        (steering(everybody(ISTANBUL, withheld=3)), (Feature.WITHHELD, "answers withheld from some of everybody else")),
        (steering(("AS9121", [ANKARA]), everybody(ISTANBUL)), (Feature.ASNS, "a rule for clients in AS9121")),
        (steering(("TR-34", [ANKARA]), everybody(ISTANBUL)), (Feature.SUBDIVISIONS, "a rule for clients in TR-34")),
        (steering(("US-PR", [ANKARA]), everybody(ISTANBUL)), (Feature.SUBDIVISIONS, "a rule for clients in US-PR")),
        (steering(("EH", [ANKARA]), everybody(ISTANBUL)), (Feature.PLACES, "a rule for clients in EH")),
        (
            steering(("192.0.2.0/25", [ANKARA]), everybody(ISTANBUL)),
            (Feature.NETWORKS, "a rule for clients in 192.0.2.0/25"),
        ),
        (
            steering(("2001:db8::/49", [ANKARA]), everybody(ISTANBUL)),
            (Feature.NETWORKS, "a rule for clients in 2001:db8::/49"),
        ),
        (steering(("0.0.0.0/0", [ANKARA]), everybody(ISTANBUL)), (Feature.NETWORKS, "a rule for clients in 0.0.0.0/0")),
        (
            steering(("TR", []), everybody(ISTANBUL)),
            (Feature.GAP, "no A answer for clients in TR beside one for others"),
        ),
        (steering(everybody()), (Feature.SERVFAIL, "SERVFAIL where nobody is left")),
    ],
)
def test_what_route_53_cannot_say_is_a_fault(given_: Steering, expected: tuple[Feature, str]) -> None:
    rendering = PROVIDER.render(given_)
    assert [(it.feature, it.text) for it in rendering.faults] == [expected]
    assert rendering.records == ()


@pytest.mark.parametrize(
    ("given_", "without", "then"),
    [
        (
            steering(everybody(ISTANBUL, ANKARA, pick=Pick.STICKY)),
            Feature.STICKY,
            steering(everybody(ISTANBUL, ANKARA)),
        ),
        (steering(everybody(ISTANBUL, withheld=3)), Feature.WITHHELD, steering(everybody(ISTANBUL))),
        (steering(("AS9121", [ANKARA]), everybody(ISTANBUL)), Feature.ASNS, steering(everybody(ISTANBUL))),
        (steering(("TR-34", [ANKARA]), everybody(ISTANBUL)), Feature.SUBDIVISIONS, steering(everybody(ISTANBUL))),
        (steering(("EH", [ANKARA]), everybody(ISTANBUL)), Feature.PLACES, steering(everybody(ISTANBUL))),
        (steering(("192.0.2.0/25", [ANKARA]), everybody(ISTANBUL)), Feature.NETWORKS, steering(everybody(ISTANBUL))),
    ],
)
def test_what_a_service_can_do_without_is_left_out(given_: Steering, without: Feature, then: Steering) -> None:
    assert PROVIDER.render(given_, frozenset({without})) == PROVIDER.render(then)


def test_nobody_left_may_be_no_data() -> None:
    nothing = steering(Rule(None, (), no_answer=NoAnswer.NODATA))
    assert PROVIDER.render(nothing).records == ()
    assert faults(nothing) == []
    assert faults(steering(everybody()), Feature.SERVFAIL) == []


def test_a_private_zone_has_no_networks() -> None:
    networks = steering(("192.0.2.0/24", [ANKARA]), everybody(ISTANBUL))
    private = Route53(private=True)
    assert faults(networks, provider=private) == [(Feature.NETWORKS, "a rule for clients in 192.0.2.0/24")]
    assert Feature.NETWORKS not in private.capabilities.features
    assert Feature.NETWORKS in PROVIDER.capabilities.features


@pytest.mark.parametrize(
    ("match", "feature", "whom"),
    [
        ("TR", Feature.PLACES, "clients in TR"),
        ("US-CA", Feature.SUBDIVISIONS, "clients in US-CA"),
        ("unknown", Feature.UNKNOWN, "clients of unknown location"),
    ],
)
def test_in_a_private_zone_places_take_consent_as_they_are_those_of_vpcs(
    match: str, feature: Feature, whom: str
) -> None:
    given_, private = steering((match, [ANKARA]), everybody(ISTANBUL)), Route53(private=True)
    assert faults(given_, provider=private) == [(feature, f"a rule for {whom}")]
    assert private.render(given_, frozenset({feature})) == PROVIDER.render(given_)
    assert feature not in private.capabilities.features


def test_in_a_private_zone_with_consent_places_that_are_not_known_are_left_out() -> None:
    given_, private = steering(("TR-34", [ANKARA]), ("US-CA", [SYDNEY]), everybody(ISTANBUL)), Route53(private=True)
    expected = PROVIDER.render(steering(("US-CA", [SYDNEY]), everybody(ISTANBUL)))
    assert private.render(given_, frozenset({Feature.SUBDIVISIONS})) == expected


def test_a_cname_has_its_name_for_itself_and_one_value() -> None:
    edge = group("istanbul", 1, "edge.example.net.", kind=CNAME)
    both = steering(everybody(edge, ISTANBUL), types=(A, CNAME))
    assert faults(both) == [(Feature.SIZE, "a CNAME beside other types")]
    two = group("istanbul", 1, "edge.example.net.", "edge-2.example.net.", kind=CNAME)
    assert faults(steering(everybody(two), types=(CNAME,))) == [(Feature.SIZE, "2 CNAME records in one answer")]
    assert len(rendered(steering(everybody(two), types=(CNAME,), answers=1))) == 2


def many(count: int, values: int = 1) -> list[Group]:
    return [
        group(f"r{number}", 1, *(f"10.{number}.{value // 250}.{value % 250}" for value in range(values)))
        for number in range(count)
    ]


def nearby(count: int) -> list[Group]:
    return [replace(it, location=(float(number), 0.0)) for number, it in enumerate(many(count))]


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (steering(everybody(*many(101))), "101 record sets of one name and type; 100 at most"),
        (
            steering(Rule(parse_area("TR"), tuple(nearby(31)), Pick.NEAREST), everybody(ISTANBUL)),
            "31 record sets of one name and type; 30 at most",
        ),
        (steering(everybody(*many(1, 401)), answers=401), "401 values in a record set; 400 at most"),
        (steering(everybody(*many(2, 250)), answers=250), "502 records; 499 at most"),
        (steering(everybody(*many(2, 250)), answers=250, types=(A, AAAA)), "502 records; 249 at most"),
        (
            steering(everybody(ISTANBUL, group("x" * 60, 1, "192.0.2.4", "192.0.2.5"))),
            "a label of 66 octets; 63 at most",
        ),
        (replace(steering(everybody(ISTANBUL)), ttl=2**31), "a TTL of 2147483648 s"),
    ],
)
def test_what_is_too_much_is_a_fault(given_: Steering, expected: str) -> None:
    found = [it for it in PROVIDER.render(given_).faults if it.type is A]
    assert {it.feature for it in found} == {Feature.SIZE}
    assert any(expected in it.text for it in found), found


def test_more_targets_than_there_is_room_for_exactly_are_in_few_windows_each_in_one() -> None:
    records = rendered(steering(Rule(None, tuple(many(1, 51)), no_answer=NoAnswer.NODATA), types=(A, AAAA)))
    windows = [record.values for record in records if record.values]
    assert len(windows) == 13
    assert sorted(value for window in windows for value in window) == sorted(f"10.0.0.{n}" for n in range(51))
    assert {record.weights for record in at(records).values()} == {(1.0,)}


def test_more_than_a_hundred_targets_are_no_multivalue_answers() -> None:
    records = rendered(steering(everybody(*many(1, 101)), answers=8))
    assert {record.weights for record in at(records).values()} == {(1.0,)}
    assert len(at(records)) == 13


@given(st.integers(1, 9), st.lists(st.integers(1, 30), min_size=1, max_size=3), st.data())
def test_whatever_fits_still_fits_when_targets_go_away(answers: int, multiples: list[int], data: st.DataObject) -> None:
    """The groups are such as take the fewest windows."""

    def some(of: Group) -> Group:
        gone = data.draw(st.integers(0, 3))
        return replace(of, targets=of.targets[min(gone, len(of.targets) - 1) :])

    groups = [many(number + 1, answers * times)[number] for number, times in enumerate(multiples)]
    assume(not PROVIDER.render(steering(everybody(*groups), answers=answers)).faults)
    assert PROVIDER.render(steering(everybody(*map(some, groups)), answers=answers)).faults == ()


def test_characters_are_counted_as_well() -> None:
    values = [f"2001:db8:1111:2222:3333:4444:5555:{number:x}" for number in range(0x1000, 0x1000 + 399)]
    long = steering(everybody(group("istanbul", 1, *values, kind=AAAA)), answers=400, types=(AAAA,))
    assert faults(long) == [
        (Feature.SIZE, "15162 characters of values; 15000 at most, so that all are replaced in one request")
    ]


@given(steerings(), st.randoms(use_true_random=False))
def test_equal_steerings_are_rendered_alike_however_targets_are_ordered(given_: Steering, random: Any) -> None:
    def shuffled(it: Group) -> Group:
        return replace(it, targets=tuple(random.sample(it.targets, len(it.targets))))

    other = replace(
        given_, rules=tuple(replace(rule, groups=tuple(map(shuffled, rule.groups))) for rule in given_.rules)
    )
    assert PROVIDER.render(other) == PROVIDER.render(given_)


@given(steerings())
def test_what_is_rendered_is_ours_in_order_and_would_be_taken(given_: Steering) -> None:
    records = PROVIDER.render(given_).records
    assert PROVIDER.problems(records) == ()
    assert all(one.key < other.key for one, other in pairwise(records))
    assert all(record.name == SERVICE or is_reserved_for(record.name, SERVICE) for record in records)
    assert all((record.ttl is not None) is bool(record.values) for record in records)
