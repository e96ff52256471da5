"""What it takes to say a steering, and what is left of it without that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.area import UNKNOWN, parse_area
from gslb.model.distribution import distribution
from gslb.model.expressible import DEGRADABLE, MATCHED, Feature, degraded, required
from gslb.model.location import Client
from gslb.model.steering import NoAnswer, Pick, RecordType, Rule, Steering, rule_for
from tests.nameserver.clients import clients, steerings
from tests.nameserver.support import group, parted

ISTANBUL, ANKARA = group("istanbul", "203.0.113.1", "2001:db8::1"), group("ankara", "203.0.113.2")


def service(*rules: Rule) -> Steering:
    return parted("api.example.com.", *rules)


def features(steering: Steering, kind: RecordType = RecordType.A) -> set[Feature]:
    return {each.feature for each in required(steering, kind)}


def test_weights_for_everybody_take_nothing() -> None:
    assert required(service(Rule(None, (ISTANBUL, ANKARA))), RecordType.A) == ()


@pytest.mark.parametrize(
    ("area", "feature"),
    [
        ("TR-34", Feature.SUBDIVISIONS),
        ("TR", Feature.PLACES),
        ("continent:EU", Feature.PLACES),
        ("192.0.2.0/24", Feature.NETWORKS),
        ("AS9121", Feature.ASNS),
    ],
)
def test_a_rule_takes_what_its_area_is(area: str, feature: Feature) -> None:
    found = required(service(Rule(parse_area(area), (ANKARA,)), Rule(None, (ISTANBUL,))), RecordType.A)
    assert [(each.feature, each.text) for each in found] == [(feature, f"a rule for clients in {area}")]


def test_a_rule_for_unknown_places_is_named_as_such() -> None:
    (found,) = required(service(Rule(UNKNOWN, (ANKARA,)), Rule(None, (ISTANBUL,))), RecordType.A)
    assert (found.feature, found.text) == (Feature.UNKNOWN, "a rule for clients of unknown location")


def test_picks_count_where_there_is_something_to_pick() -> None:
    for pick in (Pick.STICKY, Pick.NEAREST):
        assert features(service(Rule(None, (ISTANBUL, ANKARA), pick))) == {Feature(pick.value)}
        assert features(service(Rule(None, (ISTANBUL, ANKARA), pick)), RecordType.AAAA) == set()


def test_nobody_left_is_a_matter_of_what_is_said_then() -> None:
    assert features(service(Rule(None, ()))) == {Feature.SERVFAIL}
    assert features(service(Rule(None, (), no_answer=NoAnswer.NODATA))) == set()


def test_an_area_without_any_answer_beside_one_with_some_is_a_gap() -> None:
    steering = service(Rule(parse_area("TR"), (ANKARA,)), Rule(None, (ISTANBUL,)))
    assert features(steering, RecordType.AAAA) == {Feature.PLACES, Feature.GAP}


def test_withheld_answers_are_seen() -> None:
    assert features(service(Rule(None, (ISTANBUL,), withheld=3))) == {Feature.WITHHELD}


@given(steerings(), st.sets(st.sampled_from(sorted(DEGRADABLE))), st.sampled_from(RecordType))
def test_what_is_left_takes_nothing_that_was_given_up(
    steering: Steering, without: set[Feature], kind: RecordType
) -> None:
    assert not features(degraded(steering, without), kind) & without


@given(steerings(), clients())
def test_who_gives_up_nothing_gets_all(steering: Steering, client: Client) -> None:
    assert degraded(steering, ()) == steering
    rest = degraded(steering, DEGRADABLE)
    assert len(rest.rules) == 1
    assert rest.rules[0].pick is Pick.WEIGHTED


@given(steerings(), clients(), st.sets(st.sampled_from(sorted({*MATCHED.values()}))))
def test_whose_rule_is_left_out_gets_the_next_one(steering: Steering, client: Client, without: set[Feature]) -> None:
    kept = [rule for rule in steering.rules if rule.match is None or MATCHED[rule.match.kind] not in without]
    expected = rule_for(service(*kept), client)
    left = degraded(steering, without)
    for kind in RecordType:
        assert distribution(left, kind, client) == distribution(steering, kind, client, expected)
