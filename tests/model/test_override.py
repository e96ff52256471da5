"""Orders of people: whom they are about, which of several counts, and how long they hold."""

from dataclasses import replace

import pytest

from gslb.model.address import Address
from gslb.model.branch import Grown
from gslb.model.drain import SHARES, Drain, Phase
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.override import (
    Kind,
    Override,
    about,
    all_out,
    is_drained,
    leaving,
    service_order,
    state_order,
    weight_order,
)
from gslb.model.topology import Endpoint, Service, Topology
from tests.model.worlds import NAME, drain, gateway, order, world

TWO = world({"istanbul": [gateway("192.0.2.1"), gateway("192.0.2.2")], "ankara": [gateway("192.0.2.3")]})
TOPOLOGY = Topology(dict(TWO.regions), {NAME: TWO.service})
SHOP = ServiceName("shop.example.com.")
FIRST, SECOND, THIRD = TWO.own
SIX = Endpoint(EndpointName("istanbul/[2001:db8::1]:443"), RegionName("istanbul"), Address("six", 443), ())
MOVING = Drain(Phase.MOVING, 0.0, 30.0, step=1)


@pytest.mark.parametrize(
    ("target", "covered"),
    [
        ("istanbul", [FIRST, SECOND]),
        ("istanbul/1", [SECOND]),
        ("istanbul/*", [FIRST, SECOND]),
        ("*/0", [FIRST, THIRD]),
        ("ist*", [FIRST, SECOND]),
        ("istanbul/[01]", [FIRST, SECOND]),
        ("*", [FIRST, SECOND, THIRD]),
        ("api.example.com", [FIRST, SECOND, THIRD]),
        ("api.example.com.", [FIRST, SECOND, THIRD]),
        ("*.example.com", [FIRST, SECOND, THIRD]),
        ("shop.example.com", []),
        ("istanbul/", []),
        ("Istanbul", []),
        ("", []),
    ],
)
def test_an_order_is_about_endpoints_regions_or_services_by_name_or_glob(target: str, covered: list[Endpoint]) -> None:
    found = order(Kind.OUT, target)
    assert [e for e in TWO.own if found.covers(e, NAME)] == covered


@pytest.mark.parametrize("target", ["istanbul/[2001:db8::1]:443", "istanbul/*", "*:443", "istanbul/?2001:db8::1?:443"])
def test_brackets_in_the_name_of_an_endpoint_mean_themselves(target: str) -> None:
    assert order(Kind.OUT, target).covers(SIX, NAME)


def test_an_endpoint_that_a_name_would_cover_as_a_glob_only_is_covered_all_the_same() -> None:
    """``istanbul/[12]`` is a glob for istanbul/1; as a name it would be that of nobody."""
    assert order(Kind.OUT, "istanbul/[12]").covers(SECOND, NAME)
    assert not order(Kind.OUT, "istanbul/[2001:db8::1]:44").covers(SIX, NAME)


@pytest.mark.parametrize(
    ("service", "concerned"),
    [
        (None, [NAME, SHOP]),
        ("api.example.com", [NAME]),
        ("api.example.com.", [NAME]),
        ("shop.*", [SHOP]),
        ("*", [NAME, SHOP]),
        ("www.example.com", []),
    ],
)
def test_an_order_can_be_limited_to_some_services(service: str | None, concerned: list[ServiceName]) -> None:
    found = order(Kind.OUT, "istanbul", service=service)
    assert [name for name in (NAME, SHOP) if found.concerns(name)] == concerned
    assert [name for name in (NAME, SHOP) if found.covers(FIRST, name)] == concerned
    assert not any(found.covers(THIRD, name) for name in (NAME, SHOP))


def test_an_order_holds_until_the_moment_it_expires() -> None:
    assert drain("ankara").active(1e9)
    assert drain("ankara", expires=10.0).active(9.999)
    assert not drain("ankara", expires=10.0).active(10.0)


# which of several counts


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        ([], None),
        ([order(Kind.OUT, "ankara")], None),
        ([order(Kind.OUT, "istanbul"), order(Kind.UP, "istanbul/0")], Kind.UP),
        ([order(Kind.UP, "istanbul/0"), order(Kind.OUT, "istanbul")], Kind.OUT),
        ([order(Kind.UP, "istanbul/0"), drain("istanbul"), order(Kind.OUT, "ankara")], Kind.DRAIN),
        ([order(Kind.UP, "istanbul/0"), order(Kind.OUT, "istanbul", service="shop.*")], Kind.UP),
        ([order(Kind.WEIGHT, "istanbul", 3), order(Kind.FREEZE, "*"), order(Kind.TTL, "*", 3)], None),
    ],
)
def test_of_drain_out_and_up_the_newest_counts(given: list[Override], counts: Kind | None) -> None:
    found = state_order(given, FIRST, NAME)
    assert (found and found.kind) == counts


def test_the_newest_weight_of_a_region_counts() -> None:
    given = [order(Kind.WEIGHT, "*", 1), order(Kind.WEIGHT, "ankara", 2), order(Kind.WEIGHT, "ist*", 3, "shop.*")]
    found = {name: weight_order(given, RegionName(name), NAME) for name in ("istanbul", "ankara")}
    assert {name: each and each.value for name, each in found.items()} == {"istanbul": 1, "ankara": 2}
    limited = weight_order(given, RegionName("istanbul"), SHOP)
    assert limited is not None
    assert limited.value == 3
    assert weight_order([order(Kind.UP, "*")], RegionName("ankara"), NAME) is None


@pytest.mark.parametrize("kind", [Kind.TTL, Kind.FREEZE])
def test_the_newest_order_about_a_service_counts_and_none_about_others(kind: Kind) -> None:
    given = [order(kind, "*", 7), order(kind, "api.example.com", 9), order(kind, "shop.example.com.", 11)]
    assert [found and found.value for found in (service_order(given, kind, n) for n in (NAME, SHOP))] == [9, 11]
    assert service_order([order(kind, "istanbul"), order(Kind.OUT, "*")], kind, NAME) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (order(Kind.OUT, "istanbul"), drain("istanbul"), True),
        (order(Kind.OUT, "istanbul"), order(Kind.UP, "istanbul"), True),
        (order(Kind.OUT, "istanbul"), order(Kind.OUT, "istanbul", service="shop.*"), False),
        (order(Kind.OUT, "istanbul"), order(Kind.OUT, "istanbul/*"), False),
        (order(Kind.OUT, "istanbul"), order(Kind.WEIGHT, "istanbul", 3), False),
        (order(Kind.WEIGHT, "istanbul", 4), order(Kind.WEIGHT, "istanbul", 3), True),
        (order(Kind.TTL, "*", 4), order(Kind.FREEZE, "*"), False),
    ],
)
def test_an_order_takes_the_place_of_another_that_is_about_the_same(one: Override, other: Override, same: bool) -> None:  # noqa: FBT001  a table
    assert (one.key == other.key) is same


# what orders amount to


@pytest.mark.parametrize(
    ("found", "out"),
    [
        (order(Kind.OUT, "istanbul"), True),
        (order(Kind.UP, "istanbul"), False),
        (order(Kind.FREEZE, "*"), False),
        *[(drain("istanbul", phase), phase in {Phase.EMPTYING, Phase.DRAINED}) for phase in Phase],
    ],
)
def test_out_and_the_last_phases_of_a_drain_keep_out_of_the_answers(found: Override, out: bool) -> None:  # noqa: FBT001  a table
    assert found.out is out


def test_a_drain_is_done_in_its_last_phase_alone() -> None:
    assert [is_drained(drain("istanbul", phase)) for phase in Phase] == [False, False, False, True]
    assert not is_drained(order(Kind.OUT, "istanbul"))
    assert not is_drained(None)


@pytest.mark.parametrize(
    ("given", "all_are"),
    [
        ([], False),
        ([drain("istanbul")], False),
        ([drain("istanbul"), drain("ankara")], True),
        ([drain("istanbul"), order(Kind.OUT, "ankara/0")], True),
        ([order(Kind.OUT, "api.example.com")], True),
        ([order(Kind.OUT, "*", service="shop.*")], False),
        ([drain("istanbul"), drain("ankara", Phase.LOWERING)], False),
        ([drain("istanbul"), drain("ankara"), order(Kind.UP, "istanbul/1")], False),
        ([drain("istanbul"), drain("ankara", expires=50.0)], False),
        ([drain("istanbul"), drain("ankara", expires=50.1)], True),
    ],
)
def test_all_are_out_when_the_newest_order_on_each_says_so(given: list[Override], all_are: bool) -> None:  # noqa: FBT001  a table
    assert all_out(TOPOLOGY, TWO.service, given, 50.0) is all_are


@pytest.mark.parametrize(
    ("found", "concerns"),
    [
        (order(Kind.OUT, "istanbul"), True),
        (order(Kind.OUT, "izmir"), False),
        (order(Kind.OUT, "istanbul", service="shop.*"), False),
        (drain("ankara/0", Phase.LOWERING), True),
        (order(Kind.UP, "api.example.com"), True),
        (order(Kind.WEIGHT, "ankara", 3), True),
        (order(Kind.WEIGHT, "ankara/0", 3), False),
        (order(Kind.WEIGHT, "izmir", 3), False),
        (order(Kind.WEIGHT, "ankara", 3, "shop.*"), False),
        (order(Kind.TTL, "api.*", 3), True),
        (order(Kind.TTL, "istanbul", 3), False),
        (order(Kind.FREEZE, "*"), True),
        (order(Kind.FREEZE, "shop.example.com"), False),
    ],
)
def test_an_order_is_about_a_service_in_whose_answers_it_can_make_a_difference(
    found: Override,
    concerns: bool,  # noqa: FBT001  a table
) -> None:
    assert about(found, TOPOLOGY, TWO.service) is concerns


@pytest.mark.parametrize(
    ("given", "regions"),
    [
        ([replace(drain("istanbul"), drain=MOVING)], {"istanbul": SHARES[1]}),
        ([replace(drain("*"), drain=MOVING)], {"istanbul": SHARES[1], "ankara": SHARES[1]}),
        ([replace(drain("istanbul/0"), drain=MOVING)], {}),
        ([replace(drain("istanbul"), drain=MOVING, service="shop.*")], {}),
        ([drain("istanbul", phase) for phase in (Phase.LOWERING, Phase.EMPTYING, Phase.DRAINED)], {}),
        ([order(Kind.OUT, "istanbul")], {}),
    ],
)
def test_regions_on_the_way_out_have_what_their_step_leaves_them(
    given: list[Override], regions: dict[str, float]
) -> None:
    found = leaving(given, TWO.service)
    assert found == {RegionName(n): Grown(s, "on the way out, drained by ayse") for n, s in regions.items()}


def test_orders_about_a_service_do_not_touch_others_over_the_same_regions() -> None:
    shop = Service(SHOP, TWO.service.members, (), ())
    both = Topology(dict(TWO.regions), {NAME: TWO.service, SHOP: shop})
    given = [order(Kind.OUT, "*", service="shop.example.com")]
    assert all_out(both, shop, given, 0.0)
    assert not all_out(both, TWO.service, given, 0.0)
