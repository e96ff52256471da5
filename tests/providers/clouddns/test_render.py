"""Record sets of steerings, and what Cloud DNS cannot say."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from gslb.model.area import parse_area
from gslb.model.expressible import DEGRADABLE, Feature, degraded, required
from gslb.model.geodesy import distance
from gslb.model.names import RegionName
from gslb.model.pick import TIE
from gslb.model.recordset import RecordSet
from gslb.model.steering import Group, NoAnswer, Pick, RecordType, Rule, Steering, Target, groups_for
from providers.clouddns import CloudDns
from providers.clouddns.areas import AREAS
from providers.clouddns.regions import REGIONS
from tests.providers.clouddns.steerings import AAAA, CNAME, A, anything
from tests.providers.clouddns.support import API

PROVIDER = CloudDns(project="p")
NEAREST, PLACES = frozenset({Feature.NEAREST}), frozenset({Feature.PLACES})
BOTH = NEAREST | PLACES
FRANKFURT, VIRGINIA = REGIONS["europe-west3"].coordinates, REGIONS["us-east4"].coordinates


def group(
    name: str, *values: str, weight: int = 1, kind: RecordType = A, at: tuple[float, float] | None = None
) -> Group:
    return Group(RegionName(name), weight, tuple(Target((), kind, value) for value in values), at)


def steering(*rules: Rule, answers: int = 4, kinds: tuple[RecordType, ...] = (A,)) -> Steering:
    return Steering(API, 30, 5, answers, kinds, rules)


def rule(area: str, *groups: Group, pick: Pick = Pick.WEIGHTED) -> Rule:
    return Rule(parse_area(area) if area else None, groups, pick, NoAnswer.NODATA)


def only(given_: Steering, without: frozenset[Feature] = frozenset()) -> RecordSet:
    rendering = PROVIDER.render(given_, without)
    assert rendering.faults == ()
    (record,) = rendering.records
    return record


def faults(given_: Steering, without: frozenset[Feature] = frozenset()) -> list[tuple[Feature, str]]:
    rendering = PROVIDER.render(given_, without)
    assert not rendering.records
    return [(fault.feature, fault.text) for fault in rendering.faults]


def policy(record: RecordSet) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record.routing)["routingPolicy"]
    return found


def located(record: RecordSet) -> Mapping[str, list[str]]:
    return {item["location"]: item["rrdatas"] for item in policy(record)["geo"]["items"]}


def test_one_region_is_plain_values() -> None:
    record = only(steering(rule("", group("a", "192.0.2.2", "192.0.2.1", weight=60))))
    assert record == RecordSet(API, "A", ("192.0.2.1", "192.0.2.2"), 30)


def test_regions_are_weighed() -> None:
    record = only(steering(rule("", group("b", "192.0.2.9", weight=40), group("a", "192.0.2.1", weight=60))))
    items = [{"rrdatas": ["192.0.2.1"], "weight": 60}, {"rrdatas": ["192.0.2.9"], "weight": 40}]
    assert policy(record) == {"wrr": {"items": items}}
    assert list(record.weights) == [60, 40]
    assert not record.values
    assert record.routed == 18


def test_each_type_has_a_record_set_of_its_own_if_there_is_any() -> None:
    groups = group("a", "192.0.2.1"), group("b", "2001:DB8:0::1", kind=AAAA)
    rendering = PROVIDER.render(steering(rule("", *groups), kinds=(A, AAAA)))
    assert [(record.type, record.values) for record in rendering.records] == [
        ("A", ("192.0.2.1",)),
        ("AAAA", ("2001:db8::1",)),
    ]
    assert [record.type for record in PROVIDER.render(steering(rule("", groups[0]), kinds=(A, AAAA))).records] == ["A"]


def test_aliases_are_weighed_too_but_an_answer_has_one_of_them() -> None:
    targets = group("a", "A.example.net.", kind=CNAME), group("b", "b.example.net.", kind=CNAME)
    record = only(steering(rule("", *targets), kinds=(CNAME,), answers=1))
    assert [item["rrdatas"] for item in policy(record)["wrr"]["items"]] == [["a.example.net."], ["b.example.net."]]
    two = group("a", "a.example.net.", "b.example.net.", kind=CNAME)
    assert faults(steering(rule("", two), kinds=(CNAME,), answers=2)) == [
        (Feature.SIZE, "2 CNAME records in an answer, of 1 that it takes")
    ]


def test_more_answers_than_a_policy_has_items_are_too_many() -> None:
    many = group("a", *(f"192.0.2.{number}" for number in range(101)))
    assert len(only(steering(rule("", replace(many, targets=many.targets[:100])), answers=1)).weights) == 100
    assert faults(steering(rule("", many), answers=1)) == [(Feature.SIZE, "101 weighted answers, of 100 that it takes")]
    assert faults(steering(rule("", many), answers=101)) == [
        (Feature.SIZE, "101 A records in an answer, of 100 that it takes")
    ]


def test_more_addresses_than_there_is_room_for_exactly_are_in_few_answers_each_in_one() -> None:
    many = group("a", *(f"192.0.2.{number}" for number in range(101)), weight=13)
    items = policy(only(steering(rule("", many), answers=8)))["wrr"]["items"]
    assert len(items) == 13
    assert len({item["weight"] for item in items}) == 1
    assert sorted(value for item in items for value in item["rrdatas"]) == sorted(it.value for it in many.targets)


@given(st.integers(1, 9), st.lists(st.integers(1, 30), min_size=1, max_size=3), st.data())
def test_whatever_fits_still_fits_when_addresses_go_away(
    answers: int, multiples: list[int], data: st.DataObject
) -> None:
    """The groups are such as take the fewest windows."""

    def some(of: Group) -> Group:
        gone = data.draw(st.integers(0, 3))
        return replace(of, targets=of.targets[min(gone, len(of.targets) - 1) :])

    groups = [
        group(str(number), *(f"10.0.{number}.{each}" for each in range(answers * times)))
        for number, times in enumerate(multiples)
    ]
    assume(not PROVIDER.render(steering(rule("", *groups), answers=answers)).faults)
    assert PROVIDER.render(steering(rule("", *map(some, groups)), answers=answers)).faults == ()


def test_characters_are_counted_as_well() -> None:
    many = group("a", *(f"2001:db8:1111:2222:3333:4444:5555:{number:x}" for number in range(0x1000, 0x1064)), kind=AAAA)
    near = rule("", replace(many, location=FRANKFURT), group("b", "::1", kind=AAAA, at=VIRGINIA), pick=Pick.NEAREST)
    ((feature, text),) = faults(steering(near, answers=100, kinds=(A, AAAA)), NEAREST)
    assert feature is Feature.SIZE
    assert text.endswith("characters of AAAA records, of 24500 that it takes")


def test_the_nearest_pick_and_rules_for_places_take_consent() -> None:
    near = rule("", group("a", "192.0.2.1", at=FRANKFURT), group("b", "192.0.2.2", at=VIRGINIA), pick=Pick.NEAREST)
    german = rule("DE", group("a", "192.0.2.1", at=FRANKFURT))
    assert faults(steering(near)) == [(Feature.NEAREST, "the nearest pick for everybody else")]
    assert faults(steering(near), PLACES) == [(Feature.NEAREST, "the nearest pick for everybody else")]
    assert faults(steering(german, near), NEAREST) == [(Feature.PLACES, "a rule for clients in DE")]
    assert located(only(steering(german, near), BOTH))


def test_the_nearest_pick_is_a_policy_with_an_item_for_each_region_of_google_cloud() -> None:
    near = rule("", group("a", "192.0.2.1", at=FRANKFURT), group("b", "192.0.2.2", at=VIRGINIA), pick=Pick.NEAREST)
    record = only(steering(near), NEAREST)
    items = located(record)
    assert items.keys() == REGIONS.keys()
    assert {items[region][0] for region in ("europe-west12", "me-west1", "asia-east1")} == {"192.0.2.1"}
    assert {items[region][0] for region in ("us-west1", "southamerica-east1")} == {"192.0.2.2"}
    assert "enableFencing" not in record.routing
    assert record.weights == ()


def test_regions_at_one_place_are_answered_together_unless_that_is_more_than_an_answer_has() -> None:
    twins = group("a", "192.0.2.1", at=FRANKFURT), group("b", "192.0.2.2", weight=9, at=FRANKFURT)
    near = rule("", *twins, group("c", "192.0.2.3", at=VIRGINIA), pick=Pick.NEAREST)
    assert located(only(steering(near), NEAREST))["europe-west3"] == ["192.0.2.1", "192.0.2.2"]
    assert faults(steering(near, answers=1), NEAREST) == [
        (Feature.NEAREST, "weights of a and b within a geo policy, for everybody else")
    ]
    assert only(steering(replace(near, groups=twins), answers=1), NEAREST).weights == (1, 9)


def test_regions_that_happen_to_be_equally_far_are_told_apart_all_the_same() -> None:
    """St. Ghislain and Frankfurt differ by less than a kilometre, as seen from Paris or Zurich or so."""
    belgium = REGIONS["europe-west1"].coordinates
    tied = [
        region
        for region, (place, _) in REGIONS.items()
        if abs(distance(place, belgium) - distance(place, FRANKFURT)) < TIE
    ]
    assert tied
    groups = group("a", "192.0.2.1", at=belgium), group("b", "192.0.2.2", at=FRANKFURT)
    items = located(only(steering(rule("", *groups, pick=Pick.NEAREST), answers=1), NEAREST))
    for region in tied:
        closer = min(groups, key=lambda group: distance(REGIONS[region].coordinates, group.location or FRANKFURT))
        assert items[region] == [closer.targets[0].value]


def test_where_it_is_not_known_where_regions_are_there_is_no_nearest_one() -> None:
    groups = group("a", "192.0.2.1", at=FRANKFURT), group("b", "192.0.2.2", weight=3)
    record = only(steering(rule("", *groups, pick=Pick.NEAREST)), NEAREST)
    assert list(record.weights) == [1, 3]


def test_a_rule_counts_in_its_country_before_one_for_the_continent() -> None:
    rules = [rule("DE", group("a", "192.0.2.1")), rule("continent:EU", group("b", "192.0.2.2"))]
    items = located(only(steering(*rules, rule("", group("c", "192.0.2.3"))), PLACES))
    german = {region for region, (_, country) in REGIONS.items() if country == "DE"}
    european = {region for region, areas in AREAS.items() if parse_area("continent:EU") in areas}
    assert {region for region, values in items.items() if values == ["192.0.2.1"]} == german
    assert {region for region, values in items.items() if values == ["192.0.2.2"]} == european - german


def test_a_country_without_a_region_is_answered_at_the_nearest_one_unless_that_has_a_rule_of_its_own() -> None:
    turkish, israeli = rule("TR", group("a", "192.0.2.1")), rule("IL", group("b", "192.0.2.2"))
    asian, rest = rule("continent:AS", group("d", "192.0.2.4")), rule("", group("c", "192.0.2.3"))
    items = located(only(steering(turkish, rest), PLACES))
    assert [region for region, values in items.items() if values == ["192.0.2.1"]] == ["me-west1"]
    assert located(only(steering(israeli, turkish, rest), PLACES))["me-west1"] == ["192.0.2.2"]
    assert located(only(steering(turkish, asian, rest), PLACES))["me-west1"] == ["192.0.2.4"]


def test_weights_for_a_place_cannot_be_said_and_nor_can_some_of_the_addresses() -> None:
    rest = rule("", group("c", "192.0.2.3"))
    two = rule("DE", group("a", "192.0.2.1"), group("b", "192.0.2.2"))
    assert faults(steering(two, rest), BOTH) == [
        (Feature.PLACES, "weights of a and b within a geo policy, for clients in DE")
    ]
    many = rule("DE", group("a", *(f"192.0.2.{number}" for number in range(6))))
    assert faults(steering(many, rest), BOTH) == [
        (Feature.PLACES, "4 of the 6 addresses of a within a geo policy, for clients in DE")
    ]
    both = group("a", "192.0.2.1"), group("b", "192.0.2.2")
    assert faults(steering(rule("DE", both[0]), rule("", *both)), BOTH) == [
        (Feature.PLACES, "weights of a and b within a geo policy, for everybody else")
    ]


def test_what_comes_to_the_same_everywhere_needs_no_geo_policy() -> None:
    groups = group("a", "192.0.2.1", weight=2), group("b", "192.0.2.2", weight=1)
    same = steering(rule("DE", *groups), rule("", *groups))
    assert only(same, PLACES) == only(steering(rule("", *groups)))
    one = steering(rule("DE", group("a", "192.0.2.1", weight=2)), rule("", group("a", "192.0.2.1", weight=7)))
    assert only(one, PLACES).values == ("192.0.2.1",)


@pytest.mark.parametrize(
    ("given_", "feature"),
    [
        (steering(rule("", group("a", "192.0.2.1"), group("b", "192.0.2.2"), pick=Pick.STICKY)), Feature.STICKY),
        (steering(replace(rule("", group("a", "192.0.2.1")), withheld=8)), Feature.WITHHELD),
        (steering(Rule(None, ())), Feature.SERVFAIL),
        (steering(rule("192.0.2.0/24", group("a", "192.0.2.1")), rule("", group("b", "192.0.2.2"))), Feature.NETWORKS),
        (steering(rule("AS9121", group("a", "192.0.2.1")), rule("", group("b", "192.0.2.2"))), Feature.ASNS),
        (steering(rule("TR-34", group("a", "192.0.2.1")), rule("", group("b", "192.0.2.2"))), Feature.SUBDIVISIONS),
    ],
)
def test_what_cloud_dns_knows_nothing_of_takes_consent_and_is_left_out_then(given_: Steering, feature: Feature) -> None:
    assert [fault[0] for fault in faults(given_, BOTH)] == [feature]
    assert PROVIDER.render(given_, frozenset({feature})) == PROVIDER.render(degraded(given_, {feature}))
    assert PROVIDER.render(given_, frozenset({feature})).faults == ()


@given(anything(), st.frozensets(st.sampled_from(sorted(DEGRADABLE))))
def test_each_type_is_said_or_it_is_said_why_not(given_: Steering, without: frozenset[Feature]) -> None:
    rendering = PROVIDER.render(given_, without)
    said = degraded(given_, without - BOTH)
    assert PROVIDER.problems(rendering.records) == ()
    for kind in given_.types:
        records = [record for record in rendering.records if record.type == kind]
        found = [fault for fault in rendering.faults if fault.type is kind]
        answered = any(groups_for(rule, kind) for rule in said.rules)
        assert len(records) + bool(found) <= 1
        assert bool(records) or bool(found) or not answered
        missing = [fault for fault in required(said, kind) if fault.feature not in BOTH & without]
        assert not missing or found == missing


@given(anything())
def test_it_is_rendered_in_one_way_only(given_: Steering) -> None:
    turned = [replace(rule, groups=rule.groups[::-1]) for rule in given_.rules]
    assert PROVIDER.render(given_, DEGRADABLE) == PROVIDER.render(given_, DEGRADABLE)
    records = PROVIDER.render(given_, DEGRADABLE).records
    assert PROVIDER.render(replace(given_, rules=tuple(turned)), DEGRADABLE).records == records
    assert len({record.key for record in records}) == len(records)
