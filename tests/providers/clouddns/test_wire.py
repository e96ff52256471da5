"""Record sets come back from JSON as they were, whatever they are, and can be removed by what was read."""

import asyncio
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.recordset import RecordSet
from providers.base import Account, CasConflictError, HostedZone, Lane
from providers.clouddns.wire import read, write
from tests.fakes.clouddns import REGIONS, FakeCloudDns
from tests.fakes.clouddns_support import CHECK, backed_up, geo, record
from tests.providers.clouddns.support import ORIGIN, Turnstile, adding, options, removing

PUBLIC, PRIVATE = HostedZone(ORIGIN, "public-zone"), HostedZone(ORIGIN, "private-zone", private=True)
BALANCER = {
    "loadBalancerType": "regionalL4ilb",
    "ipAddress": "10.0.0.1",
    "port": "80",
    "ipProtocol": "tcp",
    "networkUrl": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n",
    "project": "p",
    "region": "europe-west3",
}

addresses = st.lists(st.sampled_from([f"192.0.2.{number}" for number in range(9)]), unique=True, min_size=1, max_size=3)
longer = st.sampled_from(
    [
        ("AAAA", ["2001:db8::1", "2001:db8::2"]),
        ("CNAME", ["www.example.net."]),
        ("TXT", ['"v=spf1 -all"', '"two" "strings; and \\"quotes\\""']),
        ("MX", ["10 mail.example.net.", "20 mail.example.org."]),
        ("CAA", ['0 issue "ca.example.net"']),
        ("SRV", ["1 2 443 www.example.net."]),
        ("NS", ["ns1.example.net.", "ns2.example.net."]),
    ]
)
weights = st.one_of(st.integers(0, 1000), st.floats(0, 1000))
balanced = st.just({"healthCheckedTargets": {"internalLoadBalancers": [BALANCER]}})


def rrdatas(values: list[str]) -> dict[str, Any]:
    return {"rrdatas": values}


def checked(values: list[str]) -> dict[str, Any]:
    return {"healthCheckedTargets": {"externalEndpoints": values}}


@st.composite
def policies(draw: st.DrawFn, data: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    """Weights or places, for one kind of data."""
    if draw(st.booleans()):
        return {"wrr": {"items": [{"weight": draw(weights), **draw(data)} for _ in range(draw(st.integers(1, 4)))]}}
    places = draw(st.lists(st.sampled_from(sorted(REGIONS)), unique=True, min_size=1, max_size=4))
    items = [{"location": place, **draw(data)} for place in places]
    return {"geo": {"enableFencing": draw(st.booleans()), "items": items}}


def plain() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        addresses.map(lambda values: record("x", "A", *values)),
        longer.map(lambda drawn: record("x", drawn[0], *drawn[1])),
        policies(addresses.map(rrdatas)).map(lambda policy: record("x", "A", routingPolicy=policy)),
    )


public = st.one_of(
    plain(),
    policies(addresses.map(checked)).map(
        lambda policy: record("x", "A", routingPolicy={**policy, "healthCheck": CHECK})
    ),
    st.floats(0, 1).map(lambda trickle: {**backed_up(trickle), "name": "x.example.com."}),
)
private = st.one_of(plain(), policies(balanced).map(lambda policy: record("x", "A", routingPolicy=policy)))


class Bench:
    def __init__(self, runner: asyncio.Runner, fake: FakeCloudDns) -> None:
        self.fake, self.account, self.run = fake, options(fake).open(Turnstile()), runner.run

    def read(self, zone: HostedZone) -> RecordSet:
        (found,) = self.run(self.account.read(zone, Lane.ROUTINE, ["x.example.com."]))
        return found

    def round_trip(self, zone: HostedZone, document: dict[str, Any]) -> None:
        self.fake.apply(zone.id, {"additions": [document]})
        account: Account = self.account
        found = self.read(zone)
        assert read(write(found)) == found
        self.run(account.apply(zone, removing(found), 5.0, Lane.ROUTINE))
        assert "x.example.com." not in {name for name, _ in self.fake.records(zone.id)}
        self.run(account.apply(zone, adding(found), 5.0, Lane.ROUTINE))
        assert self.read(zone) == found
        self.run(account.apply(zone, removing(found), 5.0, Lane.ROUTINE))


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with FakeCloudDns() as fake, asyncio.Runner() as runner:
        fake.create(PUBLIC.id, ORIGIN)
        fake.create(PRIVATE.id, ORIGIN, public=False)
        bench = Bench(runner, fake)
        yield bench
        bench.run(bench.account.close())


@given(public)
def test_whatever_a_public_zone_holds_can_be_read_removed_and_put_back(bench: Bench, document: dict[str, Any]) -> None:
    bench.round_trip(PUBLIC, document)


@given(private)
def test_whatever_a_private_zone_holds_can_be_read_removed_and_put_back(bench: Bench, document: dict[str, Any]) -> None:
    bench.round_trip(PRIVATE, document)


@given(public, public)
def test_what_differs_is_read_as_different_and_what_is_not_there_is_not_removed(
    bench: Bench, one: dict[str, Any], other: dict[str, Any]
) -> None:
    bench.fake.apply(PUBLIC.id, {"additions": [one]})
    found = bench.read(PUBLIC)
    bench.run(bench.account.apply(PUBLIC, removing(found), 5.0, Lane.ROUTINE))
    bench.fake.apply(PUBLIC.id, {"additions": [other]})
    try:
        if bench.read(PUBLIC) != found:
            with pytest.raises(CasConflictError):
                bench.run(bench.account.apply(PUBLIC, removing(found), 5.0, Lane.ROUTINE))
        else:
            assert {one["name"], one["type"]} == {other["name"], other["type"]}
    finally:
        bench.run(bench.account.apply(PUBLIC, removing(bench.read(PUBLIC)), 5.0, Lane.ROUTINE))


def shuffled(value: Any, random: Random) -> Any:
    """Items in another order, and weights that are off by less than a double tells for sure."""
    match value:
        case {"items": list(items)}:
            members = [shuffled(item, random) for item in random.sample(items, len(items))]
            return {**value, "items": members}
        case {"weight": float(weight)}:
            return {**value, "weight": weight * (1 - 2**-53)}
        case dict():
            return {name: shuffled(member, random) for name, member in value.items()}
        case _:
            return value


@given(public, st.randoms(use_true_random=False))
def test_the_items_of_a_policy_have_no_order_and_are_removed_in_theirs(
    bench: Bench, document: dict[str, Any], random: Random
) -> None:
    bench.fake.apply(PUBLIC.id, {"additions": [document]})
    found = bench.read(PUBLIC)
    bench.run(bench.account.apply(PUBLIC, removing(found), 5.0, Lane.ROUTINE))
    bench.fake.apply(PUBLIC.id, {"additions": [shuffled(document, random)]})
    assert bench.read(PUBLIC) == found
    bench.run(bench.account.apply(PUBLIC, removing(found), 5.0, Lane.ROUTINE))


def test_what_has_come_into_our_words_is_removed_in_them(bench: Bench) -> None:
    near, far = ("us-east4", "192.0.2.1"), ("asia-east1", "192.0.2.2")
    for items in ((near, far), (far, near)):
        bench.fake.apply(PUBLIC.id, {"additions": [record("x", "A", routingPolicy={"geo": geo(*items)})]})
        found = bench.read(PUBLIC)
        bench.run(bench.account.apply(PUBLIC, removing(found), 5.0, Lane.ROUTINE))


def test_what_the_server_makes_and_what_says_nothing_is_left_out() -> None:
    item = {"kind": "dns#item", "location": "us-east4", "rrdatas": ["192.0.2.2", "192.0.2.1"], "signatureRrdatas": []}
    policy = {"kind": "dns#policy", "geo": {"kind": "dns#geo", "enableFencing": False, "items": [item]}, "wrr": None}
    made = {"kind": "dns#resourceRecordSet", "signatureRrdatas": ["x"], "rrdatas": []}
    found = read(record("x", "A", routingPolicy=policy) | made)
    items = '"items":[{"location":"us-east4","rrdatas":["192.0.2.1","192.0.2.2"]}]'
    assert found.routing == f'{{"routingPolicy":{{"geo":{{{items}}}}}}}'
    assert found.values == ()
    assert found.routed == 18


def test_numbers_have_one_form_and_weights_are_told() -> None:
    items = [{"weight": 3.0, "rrdatas": ["192.0.2.1"]}, {"weight": 0.5, "rrdatas": ["192.0.2.2"]}]
    whole = [{**items[0], "weight": 3}, items[1]]
    found = read(record("x", "A", routingPolicy={"wrr": {"items": items}}))
    assert found == read(record("x", "A", routingPolicy={"wrr": {"items": whole}}))
    assert found.weights == (3.0, 0.5)
    assert '"weight":3}' in found.routing


def test_neither_items_nor_records_have_an_order() -> None:
    near, far = ("us-east4", "192.0.2.1"), ("asia-east1", "192.0.2.2")
    one, other = (read(record("x", "A", routingPolicy={"geo": geo(*items)})) for items in ((near, far), (far, near)))
    assert one == other
    assert read(record("x", "A", "192.0.2.2", "192.0.2.1")) == read(record("x", "A", "192.0.2.1", "192.0.2.2"))


def test_members_that_are_not_known_here_are_kept() -> None:
    found = read(record("x", "A", "192.0.2.1", novelty={"of": ["tomorrow"]}))
    assert write(found)["novelty"] == {"of": ["tomorrow"]}
    assert found != read(record("x", "A", "192.0.2.1"))


def test_names_and_addresses_are_read_in_one_form() -> None:
    assert read(record("WWW", "AAAA", "2001:DB8:0:0::1")) == read(record("www", "AAAA", "2001:db8::1"))
