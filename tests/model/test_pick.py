"""Nearest by the globe, sticky by the client's network: who is picked, and how little moves when a region goes."""

from collections import Counter
from fractions import Fraction
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.distribution import distribution
from gslb.model.geodesy import EARTH, distance
from gslb.model.location import Client, Location
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.pick import nearest, sticky_group, sticky_prefix
from gslb.model.steering import Group, Pick, RecordType, Rule, Steering, Target

NAME = ServiceName("api.example.com.")
ISTANBUL, ANKARA, FRANKFURT = (41.01, 28.98), (39.93, 32.86), (50.11, 8.68)
PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def group(region: str, weight: int = 1, place: tuple[float, float] | None = None, targets: int = 1) -> Group:
    found = tuple(
        Target((EndpointName(f"{region}/{i}"),), RecordType.A, f"192.0.2.{sum(region.encode()) % 97 + i}")
        for i in range(targets)
    )
    return Group(RegionName(region), weight, found, place)


def prefixes(count: int) -> list[bytes]:
    return [bytes([10, number >> 8, number & 255]) for number in range(count)]


@pytest.mark.parametrize(
    ("one", "other", "kilometres"),
    [
        (ISTANBUL, ANKARA, 350.0),
        (ISTANBUL, FRANKFURT, 1863.0),
        ((0, 179.5), (0, -179.5), 111.2),
        ((90, 0), (-90, 77), 20015.1),
        ((89.9, 0), (89.9, 180), 22.2),
    ],
)
def test_distances(one: tuple[float, float], other: tuple[float, float], kilometres: float) -> None:
    assert distance(one, other) == pytest.approx(kilometres, rel=0.005)


@given(PLACES, PLACES, PLACES)
def test_distance_is_a_metric(one: tuple[float, float], two: tuple[float, float], three: tuple[float, float]) -> None:
    assert distance(one, one) == 0
    assert distance(one, two) == pytest.approx(distance(two, one), abs=1e-6)
    assert distance(one, three) <= distance(one, two) + distance(two, three) + 1e-6
    assert 0 <= distance(one, two) <= EARTH * 3.1416


def test_the_nearest_region_answers_and_equal_ones_share() -> None:
    here, there, beside = group("a", place=ISTANBUL), group("b", place=ANKARA), group("c", place=(41.012, 28.982))
    assert nearest([there, here], ISTANBUL) == (here,)
    assert nearest([here, there, beside], ISTANBUL) == (here, beside)


def test_where_a_place_is_not_known_all_share() -> None:
    both = (group("a", place=ISTANBUL), group("b", place=ANKARA))
    assert nearest(both, None) == both
    assert nearest((both[0], group("b")), ISTANBUL) == (both[0], group("b"))
    assert nearest((), ISTANBUL) == ()


def test_sticky_shares_by_weight_within_two_percent() -> None:
    groups = [group("istanbul", 60), group("ankara", 40)]
    found = Counter(sticky_group(NAME, groups, prefix).region for prefix in prefixes(20_000))
    assert found[RegionName("istanbul")] / 20_000 == pytest.approx(0.6, abs=0.02)


def test_a_region_that_goes_moves_nobody_but_its_own_clients() -> None:
    groups = [group("istanbul", 60), group("ankara", 40), group("izmir", 10)]
    for prefix in prefixes(2000):
        before, after = sticky_group(NAME, groups, prefix), sticky_group(NAME, groups[:2], prefix)
        assert before == after or before.region == "izmir"


def test_a_lower_weight_moves_only_clients_of_its_own() -> None:
    groups, lighter = [group("istanbul", 60), group("ankara", 40)], [group("istanbul", 30), group("ankara", 40)]
    for prefix in prefixes(2000):
        before, after = sticky_group(NAME, groups, prefix).region, sticky_group(NAME, lighter, prefix).region
        assert before == after or (before, after) == ("istanbul", "ankara")


def test_another_name_is_another_shuffle() -> None:
    groups = [group("istanbul"), group("ankara")]
    other = ServiceName("www.example.com.")
    assert any(sticky_group(NAME, groups, p) != sticky_group(other, groups, p) for p in prefixes(50))


def test_a_choice_is_the_same_on_every_machine() -> None:
    groups = [group("istanbul", 60), group("ankara", 40)]
    found = "".join(sticky_group(NAME, groups, prefix).region[0] for prefix in prefixes(40))
    assert found == "aiiaiaaiiiaiiaiiiiaaiiiiiaaiiiiaiiiaiiia"


def test_clients_of_one_network_are_one() -> None:
    assert sticky_prefix(ip_network("198.51.100.7/32")) == sticky_prefix(ip_network("198.51.100.0/24"))
    assert sticky_prefix(ip_network("198.51.100.7/32")) != sticky_prefix(ip_network("198.51.101.7/32"))
    assert sticky_prefix(ip_network("2001:db8:0:aa::/64")) == sticky_prefix(ip_network("2001:db8:0:bb::1/128"))
    assert sticky_prefix(ip_network("2001:db8:0:1aa::/64")) != sticky_prefix(ip_network("2001:db8:0:bb::/64"))


@pytest.mark.parametrize("pick", Pick)
def test_a_known_client_has_odds_of_one_where_one_group_is_picked_and_all_clients_together_the_weights(
    pick: Pick,
) -> None:
    groups = (group("istanbul", 3, ISTANBUL), group("ankara", 1, ANKARA))
    steering = Steering(NAME, 30, 5, 1, (RecordType.A,), (Rule(None, groups, pick),))
    who = Client(ip_network("198.51.100.7/32"), Location("AS", "TR", (), None, ISTANBUL))
    odds = distribution(steering, RecordType.A, who)
    assert sum(odds.values()) == 1
    assert (len(odds) == 1) is (pick is not Pick.WEIGHTED)
    assert distribution(steering, RecordType.A) == {
        groups[0].targets[0].value: Fraction(3, 4),
        groups[1].targets[0].value: Fraction(1, 4),
    }


def test_what_is_withheld_is_missing_from_the_odds() -> None:
    steering = Steering(NAME, 30, 5, 1, (RecordType.A,), (Rule(None, (group("istanbul"),), withheld=64),))
    assert sum(distribution(steering, RecordType.A).values()) == Fraction(3, 4)


def test_sticky_gives_the_same_addresses_of_a_region_each_time() -> None:
    steering = Steering(NAME, 30, 5, 2, (RecordType.A,), (Rule(None, (group("a", targets=5),), Pick.STICKY),))
    found = {frozenset(distribution(steering, RecordType.A, Client(ip_network(f"198.51.{n}.0/24")))) for n in range(50)}
    assert all(len(addresses) == 2 for addresses in found)
    assert len(found) > 5
