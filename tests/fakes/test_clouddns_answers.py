"""What clients are answered by what the fake Cloud DNS holds."""

import math
from collections.abc import Iterator
from fractions import Fraction
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.location import Client, Location
from tests.fakes.clouddns import REGIONS, FakeCloudDns, Quota
from tests.fakes.clouddns.oracle import shares
from tests.fakes.clouddns.records import Origin
from tests.fakes.clouddns_support import ZONE, backed_up, change, geo, record, weighted

WWW = "www.example.com."
ORIGIN = Origin("example.com.", public=True, quota=Quota())
BERLIN, CHICAGO, TOKYO = (52.5, 13.4), (41.9, -87.6), (35.7, 139.7)


@pytest.fixture
def fake() -> Iterator[FakeCloudDns]:
    with FakeCloudDns() as running:
        running.create(ZONE, "example.com.")
        yield running


def at(place: tuple[float, float] | None) -> Client:
    return Client(ip_network("192.0.2.0/24"), Location(coordinates=place))


def hold(fake: FakeCloudDns, *records: Any) -> None:
    assert change(fake, *records)[0] == 200


def steered(policy: object) -> dict[str, Any]:
    return record("www", "A", routingPolicy=policy)


def test_a_plain_set_is_answered_whole(fake: FakeCloudDns) -> None:
    hold(fake, record("www", "A", "192.0.2.1", "192.0.2.2"))
    assert fake.answers("WWW.example.com.", "A", at(BERLIN)) == {"192.0.2.1": 1, "192.0.2.2": 1}
    assert fake.answers(WWW, "AAAA") == {}
    assert fake.answers("none.example.com.", "A") == {}
    assert fake.answers("www.example.org.", "A") == {}


def test_weights_are_shares_and_zero_is_never(fake: FakeCloudDns) -> None:
    hold(fake, weighted(one=1, two=0.5, none=0))
    assert fake.answers(WWW, "A") == {"192.0.2.1": Fraction(2, 3), "192.0.2.2": Fraction(1, 3)}


def test_all_weights_zero_answer_nothing(fake: FakeCloudDns) -> None:
    hold(fake, weighted(one=0, two=0))
    assert fake.answers(WWW, "A") == {}


def test_a_value_in_two_items_has_the_shares_of_both_and_items_are_answered_whole(fake: FakeCloudDns) -> None:
    items = [{"weight": 1, "rrdatas": ["192.0.2.1", "192.0.2.2"]}, {"weight": 3, "rrdatas": ["192.0.2.2"]}]
    hold(fake, steered({"wrr": {"items": items}}))
    assert fake.answers(WWW, "A") == {"192.0.2.1": Fraction(1, 4), "192.0.2.2": Fraction(1)}


@pytest.mark.parametrize(
    ("place", "expected"), [(BERLIN, "192.0.2.1"), (CHICAGO, "192.0.2.2"), (TOKYO, "192.0.2.3"), (None, "192.0.2.2")]
)
def test_the_nearest_region_answers(fake: FakeCloudDns, place: tuple[float, float] | None, expected: str) -> None:
    items = geo(("europe-west3", "192.0.2.1"), ("us-east4", "192.0.2.2"), ("asia-northeast1", "192.0.2.3"))
    hold(fake, steered({"geo": items}))
    assert fake.answers(WWW, "A", at(place)) == {expected: 1}


def test_near_is_over_the_date_line_too(fake: FakeCloudDns) -> None:
    hold(fake, steered({"geo": geo(("asia-northeast1", "192.0.2.1"), ("europe-west3", "192.0.2.2"))}))
    assert fake.answers(WWW, "A", at((40.0, -175.0))) == {"192.0.2.1": 1}


def test_where_the_unknown_are_can_be_said() -> None:
    with FakeCloudDns(unknown=REGIONS["europe-west3"].coordinates) as fake:
        fake.create(ZONE, "example.com.")
        hold(fake, steered({"geo": geo(("us-east4", "192.0.2.1"), ("europe-west1", "192.0.2.2"))}))
        assert fake.answers(WWW, "A") == {"192.0.2.2": 1}


def test_a_trickle_goes_to_the_nearest_backup(fake: FakeCloudDns) -> None:
    hold(fake, backed_up(trickle=0.1))
    assert fake.answers(WWW, "A", at(BERLIN)) == {"192.0.2.1": Fraction(9, 10), "192.0.2.2": Fraction(1, 10)}
    assert fake.answers(WWW, "A", at(CHICAGO)) == {"192.0.2.1": Fraction(9, 10), "192.0.2.3": Fraction(1, 10)}


@pytest.mark.parametrize(("trickle", "expected"), [(0, "192.0.2.1"), (1, "192.0.2.2")])
def test_no_trickle_and_all_of_it(fake: FakeCloudDns, trickle: int, expected: str) -> None:
    hold(fake, backed_up(trickle))
    assert fake.answers(WWW, "A", at(BERLIN)) == {expected: 1}


def test_aliases_are_followed_with_their_shares(fake: FakeCloudDns) -> None:
    items = [
        {"weight": 1, "rrdatas": ["eu.example.com."]},
        {"weight": 2, "rrdatas": ["us.example.com."]},
        {"weight": 1, "rrdatas": ["elsewhere.test."]},
    ]
    hold(
        fake,
        record("www", "CNAME", routingPolicy={"wrr": {"items": items}}),
        record("eu", "A", "192.0.2.1"),
        record("us", "CNAME", "far.example.com."),
        record("far", "A", "192.0.2.2"),
    )
    quarter = Fraction(1, 4)
    assert fake.answers(WWW, "A") == {"192.0.2.1": quarter, "192.0.2.2": 2 * quarter, "elsewhere.test.": quarter}
    assert fake.answers(WWW, "CNAME")["us.example.com."] == 2 * quarter


def test_aliases_in_a_circle_answer_nothing(fake: FakeCloudDns) -> None:
    hold(fake, record("www", "CNAME", "other.example.com."), record("other", "CNAME", WWW))
    assert fake.answers(WWW, "A") == {}


def test_a_wildcard_answers_for_names_that_are_not_there(fake: FakeCloudDns) -> None:
    hold(fake, record("*", "A", "192.0.2.1"), record("there", "TXT", "x"), record("a.below", "A", "192.0.2.2"))
    assert fake.answers("any.example.com.", "A") == {"192.0.2.1": 1}
    assert fake.answers("b.any.example.com.", "A") == {"192.0.2.1": 1}
    assert fake.answers("there.example.com.", "A") == {}
    assert fake.answers("below.example.com.", "A") == {}
    assert fake.answers("b.below.example.com.", "A") == {}


def test_the_most_specific_zone_answers(fake: FakeCloudDns) -> None:
    hold(fake, record("www.sub", "A", "192.0.2.1"))
    fake.create("sub", "sub.example.com.")
    assert fake.answers("www.sub.example.com.", "A") == {}
    assert fake.answers("www.sub.example.com.", "A", zone=ZONE) == {"192.0.2.1": 1}


def test_servers_answer_as_of_what_has_reached_them() -> None:
    now = [0.0]
    with FakeCloudDns(clock=lambda: now[0]) as fake:
        near, far = fake.create(ZONE, "example.com.").servers[:2]
        hold(fake, record("www", "A", "192.0.2.1"))
        fake.propagate({near: 1.0, far: 9.0})
        now[0] = 10.0
        hold(fake, record("w2", "A", "192.0.2.1"))
        assert change(fake, record("www", "A", "192.0.2.2"), deletions=(record("www", "A", "192.0.2.1"),))[0] == 200
        assert fake.answers(WWW, "A") == {"192.0.2.2": 1}
        assert fake.answers(WWW, "A", at=9.0) == {"192.0.2.1": 1}
        assert fake.answers(WWW, "A", server=near) == {"192.0.2.1": 1}
        now[0] = 11.0
        assert fake.answers(WWW, "A", server=near) == {"192.0.2.2": 1}
        assert fake.answers(WWW, "A", server=far) == {"192.0.2.1": 1}
        assert fake.answers("w2.example.com.", "A", server=far) == {}
        assert fake.answers(WWW, "A", server=far, at=19.0) == {"192.0.2.2": 1}


def test_changes_that_take_for_ever_are_settled_by_hand() -> None:
    with FakeCloudDns(propagation=math.inf) as fake:
        server = fake.create(ZONE, "example.com.").servers[0]
        assert change(fake, record("www", "A", "192.0.2.1"))[1]["status"] == "pending"
        assert fake.answers(WWW, "A", server=server) == {}
        fake.settle()
        assert fake.answers(WWW, "A", server=server) == {"192.0.2.1": 1}


@given(
    weights=st.lists(st.integers(0, 1000), min_size=1, max_size=8),
    scale=st.sampled_from([1, 10, 1000]),
    place=st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
)
def test_shares_of_weights_add_up_to_one(weights: list[int], scale: int, place: tuple[float, float]) -> None:
    """And weights that are all divided by the same give the same shares."""
    with_fractions = {f"w{index}": weight / scale for index, weight in enumerate(weights)}
    plain = {f"w{index}": weight for index, weight in enumerate(weights)}
    odds = [shares(ORIGIN.read(weighted(**each), "entity.rrset"), place) for each in (with_fractions, plain)]
    assert odds[0] == odds[1]
    assert sum(odds[0].values()) == (1 if any(weights) else 0)
    assert all(odds[0].values())


@given(name=st.sampled_from(sorted(REGIONS)))
def test_a_client_in_a_region_is_answered_by_it(name: str) -> None:
    items = [{"location": each, "rrdatas": [f"192.0.2.{index}"]} for index, each in enumerate(REGIONS)]
    held = ORIGIN.read(record("www", "A", routingPolicy={"geo": {"items": items}}), "entity.rrset")
    assert shares(held, REGIONS[name].coordinates) == {f"192.0.2.{list(REGIONS).index(name)}": 1}
