"""What differs between record sets is said, nothing else is, and long policies are said in few lines."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.cli.record_diff import diff

View = dict[str, Any]


def record(*values: str, name: str = "api", kind: str = "A", ttl: int | None = 30, **routing: Any) -> View:
    identifier = routing.pop("id", None)
    return {
        "name": name,
        "type": kind,
        "identifier": identifier,
        "ttl": ttl,
        "values": list(values),
        "routing": routing or None,
    }


def wrr(**weights: int) -> View:
    items = [{"rrdatas": [value], "weight": weight} for value, weight in weights.items()]
    return record(routingPolicy={"wrr": {"items": items}})


def geo(**places: str) -> View:
    items = [{"location": place, "rrdatas": [value]} for place, value in places.items()]
    return record(routingPolicy={"geo": {"items": items}})


def said(before: View | None, after: View | None) -> list[str]:
    """The lines between two record sets."""
    lines = diff([before] if before else [], [after] if after else [])
    return [f"{line.sign} {'  ' if line.below else ''}{line.text}" for line in lines]


def test_what_comes_and_goes_is_said_whole() -> None:
    alias: View = {"AliasTarget": {"HostedZoneId": "", "DNSName": "_gslb-tr.api.", "EvaluateTargetHealth": False}}
    for view, text in (
        (record("192.0.2.1", "192.0.2.2"), "A api: 192.0.2.1 192.0.2.2, ttl 30"),
        (record("192.0.2.1", id="ankara", Weight=40), "A api ankara: 192.0.2.1, ttl 30, Weight 40"),
        (record("192.0.2.1", id="none", Weight=0), "A api none: 192.0.2.1, ttl 30, Weight 0"),
        (record(ttl=None, **alias), "A api: DNSName _gslb-tr.api."),
        (record("192.0.2.1", id="m", MultiValueAnswer=True), "A api m: 192.0.2.1, ttl 30, MultiValueAnswer True"),
        (
            record("192.0.2.1", id="n", CidrRoutingConfig={"LocationName": "l", "Blocks": ["192.0.2.0/24", "::/1"]}),
            "A api n: 192.0.2.1, CidrRoutingConfig.Blocks 192.0.2.0/24 ::/1, ttl 30, LocationName l",
        ),
    ):
        assert said(None, view) == [f"+ {text}"]
        assert said(view, None) == [f"- {text}"]


def test_what_changes_is_said_with_what_it_was() -> None:
    for before, after, text in (
        (record("192.0.2.1"), record("192.0.2.2"), "192.0.2.1 -> 192.0.2.2"),
        (record("192.0.2.1"), record("192.0.2.1", ttl=5), "ttl 30 -> 5"),
        (record("192.0.2.1", Weight=60), record("192.0.2.1", Weight=0), "Weight 60 -> 0"),
        (record("192.0.2.1", Weight=60), record("192.0.2.1"), "Weight 60 -> none"),
        (record("192.0.2.1"), record("192.0.2.1", HealthCheckId="h"), "HealthCheckId none -> h"),
    ):
        assert said(before, after) == [f"~ A api: {text}"]


def test_of_several_values_those_that_differ_have_a_line_each_way() -> None:
    before, after = record("192.0.2.1", "192.0.2.2", "192.0.2.3"), record("192.0.2.1", "192.0.2.4")
    assert said(before, after) == ["~ A api: values", "-   192.0.2.2", "-   192.0.2.3", "+   192.0.2.4"]


def test_items_of_a_policy_have_lines_of_their_own() -> None:
    assert said(None, wrr(a=1, b=2)) == [
        "+ A api: ttl 30, routingPolicy.wrr.items",
        "+   a: weight 1",
        "+   b: weight 2",
    ]
    assert said(wrr(a=1, b=2, c=3), wrr(a=1, b=9)) == [
        "~ A api: routingPolicy.wrr.items",
        "-   b: weight 2",
        "-   c: weight 3",
        "+   b: weight 9",
    ]


def test_items_that_lead_to_the_same_are_in_one_line() -> None:
    assert said(None, geo(east="a", west="b", north="a")) == [
        "+ A api: ttl 30, routingPolicy.geo.items",
        "+   a: location east, north",
        "+   b: location west",
    ]
    assert said(geo(east="a", west="a", north="a"), geo(east="b", west="b", north="a")) == [
        "~ A api: routingPolicy.geo.items",
        "-   a: location east, west",
        "+   b: location east, west",
    ]


def test_a_policy_may_take_the_place_of_values() -> None:
    assert said(record("a"), wrr(a=1, b=2)) == [
        "~ A api: values, routingPolicy.wrr.items",
        "-   a",
        "+   a: weight 1",
        "+   b: weight 2",
    ]
    assert said(wrr(a=1, b=2), record("a")) == [
        "~ A api: values, routingPolicy.wrr.items",
        "+   a",
        "-   a: weight 1",
        "-   b: weight 2",
    ]


def test_another_order_is_a_difference_too() -> None:
    assert said(wrr(a=1, b=2), wrr(b=2, a=1)) == ["~ A api: routingPolicy.wrr.items in another order"]


def test_one_that_is_there_twice_and_then_once_is_said() -> None:
    twice = record(routingPolicy={"wrr": {"items": [{"rrdatas": ["a"], "weight": 1}] * 2}})
    thrice = record(routingPolicy={"wrr": {"items": [{"rrdatas": ["a"], "weight": 1}] * 3}})
    assert said(thrice, twice) == ["~ A api: routingPolicy.wrr.items", "-   a: weight 1"]


def test_what_others_have_made_is_said_whatever_it_is() -> None:
    policy = {
        "primaryTargets": {"internalLoadBalancers": [{"ipAddress": "10.0.0.1", "port": "80"}]},
        "backupGeoTargets": {"items": [{"location": "east", "healthCheckedTargets": {"externalEndpoints": ["b"]}}]},
        "trickleTraffic": 0.5,
    }
    path = "routingPolicy.primaryBackup"
    lists = f"{path}.primaryTargets.internalLoadBalancers, {path}.backupGeoTargets.items"
    assert said(record(routingPolicy={"primaryBackup": policy}), None) == [
        f"- A api: ttl 30, trickleTraffic 0.5, {lists}",
        "-   ipAddress 10.0.0.1, port 80",
        "-   b: location east",
    ]


def test_a_path_is_said_in_full_where_its_last_word_is_not_enough() -> None:
    view = record("a", Coordinates={"Latitude": "1"}, Other={"Latitude": "2"})
    assert said(None, view) == ["+ A api: a, ttl 30, Coordinates.Latitude 1, Other.Latitude 2"]


def test_record_sets_come_in_order_and_are_told_apart_by_name_type_and_identifier() -> None:
    before = [record("a", name="www"), record("a", kind="AAAA"), record("a", id="x")]
    after = [record("a", id="y"), record("b", kind="AAAA")]
    assert [(line.sign, line.text.partition(":")[0]) for line in diff(before, after)] == [
        ("-", "A api x"),
        ("+", "A api y"),
        ("-", "A www"),
        ("~", "AAAA api"),
    ]


words = st.sampled_from(["a", "b", "c"])
scalars = st.one_of(words, st.integers(0, 3), st.booleans())
items = st.lists(st.dictionaries(words, scalars, min_size=1), max_size=3)
policies = st.recursive(
    scalars | st.lists(words, max_size=3) | items,
    lambda inner: st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
views = st.builds(
    lambda values, ttl, routing: record(*values, ttl=ttl, **routing),
    st.lists(words, max_size=3).map(sorted),
    st.none() | st.integers(0, 3),
    st.dictionaries(words, policies, max_size=3),
)


def lean(value: Any) -> Any:
    """Without what says that something is not so; that is not told apart from what is not there."""
    match value:
        case dict():
            found = {name: lean(member) for name, member in value.items()}
            return {name: member for name, member in found.items() if member is not None} or None
        case list():
            return [lean(member) for member in value] or None
        case None | False | "":
            return None
    return value


@given(views, views)
def test_whatever_differs_is_said_and_that_alone(before: View, after: View) -> None:
    first, *below = diff([before], [after])
    assert (first.sign, first.below) == ("~", False)
    if lean(before) == lean(after):
        assert (first.text, below) == ("A api: in another form", [])
    else:
        assert first.text != "A api: in another form"


def test_what_no_line_would_show_is_said_to_differ_all_the_same() -> None:
    one, other = (record(policy={"items": [{name: ["a"]}]}) for name in ("rrdatas", "externalEndpoints"))
    assert said(one, other) == ["~ A api: in another form"]


@given(views)
def test_nothing_is_said_twice_over(view: View) -> None:
    (first, *below) = diff([], [view])
    assert (first.sign, first.below) == ("+", False)
    assert all(line.below and line.sign == "+" for line in below)


@pytest.mark.parametrize("sign", ["+", "-"])
def test_a_record_set_without_anything_is_said_as_such(sign: str) -> None:
    empty = record(ttl=None)
    assert said(*((None, empty) if sign == "+" else (empty, None))) == [f"{sign} A api: "]
