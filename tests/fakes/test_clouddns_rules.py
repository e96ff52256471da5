"""Which records and policies the fake Cloud DNS refuses, each before anything is altered."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.clouddns import FakeCloudDns
from tests.fakes.clouddns_support import (
    CHECK,
    RECORDS,
    ZONE,
    backed_up,
    change,
    geo,
    reason,
    record,
    send,
    weighted,
)

INVALID, REQUIRED, UNKNOWN = (400, "invalid"), (400, "required"), (400, "badRequest")
BALANCER = {
    "loadBalancerType": "regionalL4ilb",
    "ipAddress": "10.0.0.1",
    "port": "80",
    "ipProtocol": "tcp",
    "networkUrl": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n",
    "project": "p",
    "region": "us-east4",
}


@pytest.fixture(scope="module")
def shared() -> Iterator[FakeCloudDns]:
    """One that refuses all that is asked of it, and so stays as it is."""
    with FakeCloudDns() as fake:
        fake.create(ZONE, "example.com.")
        fake.create("inner", "example.com.", public=False)
        yield fake


@pytest.fixture
def untouched(shared: FakeCloudDns) -> Iterator[FakeCloudDns]:
    """Whatever is asked, nothing is altered."""
    before = shared.records(ZONE), shared.records("inner")
    yield shared
    assert (shared.records(ZONE), shared.records("inner")) == before


def steered(policy: object, kind: str = "A", **other: Any) -> dict[str, Any]:
    return record("www", kind, routingPolicy=policy, **other)


def wrr(*items: Any, kind: str = "A") -> dict[str, Any]:
    return steered({"wrr": {"items": list(items)}}, kind)


def backup(**altered: Any) -> dict[str, Any]:
    given: dict[str, Any] = backed_up()["routingPolicy"]["primaryBackup"] | altered
    return steered({"primaryBackup": {name: each for name, each in given.items() if each}, "healthCheck": CHECK})


ONE: dict[str, Any] = {"weight": 1, "rrdatas": ["192.0.2.1"]}
HERE: dict[str, Any] = {"location": "us-east4", "rrdatas": ["192.0.2.1"]}


def inner(**altered: Any) -> dict[str, Any]:
    targets = {"internalLoadBalancers": [{**BALANCER, **altered}]}
    return steered({"primaryBackup": {"primaryTargets": targets, "backupGeoTargets": {"items": [HERE]}}})


@pytest.mark.parametrize("weight", [-1, 1000.5, 1001])
def test_weights_are_in_0_to_1000(untouched: FakeCloudDns, weight: float) -> None:
    assert reason(change(untouched, weighted(one=1, other=weight))) == INVALID


@pytest.mark.parametrize("weight", [0, 0.125, 1000])
def test_weights_may_be_fractions_and_zero(weight: float) -> None:
    with FakeCloudDns() as fake:
        fake.create(ZONE, "example.com.")
        assert change(fake, weighted(one=weight, other=1))[0] == 200


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (record("www", "A", "192.0.2.1", routingPolicy={"wrr": {"items": [ONE]}}), INVALID),
        (record("www", "A"), INVALID),
        (steered({}), INVALID),
        (steered({"wrr": {"items": [ONE]}, "geo": {"items": [HERE]}}), INVALID),
        (steered({"healthCheck": CHECK, "wrr": {"items": [ONE]}}), INVALID),
        (steered({"latency": {}}), UNKNOWN),
        (wrr(), REQUIRED),
        (wrr({"rrdatas": ["192.0.2.1"]}), REQUIRED),
        (wrr({"weight": 1}), INVALID),
        (wrr({"weight": "1", "rrdatas": ["192.0.2.1"]}), UNKNOWN),
        (wrr({"weight": True, "rrdatas": ["192.0.2.1"]}), UNKNOWN),
        (wrr({**ONE, "location": "us-east4"}), UNKNOWN),
        (wrr({"weight": 1, "rrdatas": ["2001:db8::1"]}), INVALID),
        (wrr({"weight": 1, "rrdatas": ["a.test.", "b.test."]}, kind="CNAME"), INVALID),
        (wrr({"weight": 1, "rrdatas": ["ns.test."]}, kind="NS"), INVALID),
        (wrr({"weight": 1, "rrdatas": ['0 issue "ca.test"']}, kind="CAA"), INVALID),
        (steered({"geo": {"items": []}}), REQUIRED),
        (steered({"geo": {"items": [{"rrdatas": ["192.0.2.1"]}]}}), REQUIRED),
        (steered({"geo": {"items": [{**HERE, "location": "atlantis-west1"}]}}), INVALID),
        (steered({"geo": {"items": [HERE, {**HERE, "rrdatas": ["192.0.2.2"]}]}}), INVALID),
        (steered({"geo": {"items": [HERE], "enableFencing": "no"}}), UNKNOWN),
        (steered({"geo": {"items": [{**HERE, "weight": 1}]}}), UNKNOWN),
        (backup(primaryTargets=None), REQUIRED),
        (backup(backupGeoTargets=None), REQUIRED),
        (backup(primaryTargets={"externalEndpoints": []}), REQUIRED),
        (backup(primaryTargets={"externalEndpoints": ["none"]}), INVALID),
        (inner(), INVALID),
        (backup(backupGeoTargets={"items": []}), REQUIRED),
        (wrr({"weight": 1, "healthCheckedTargets": {"externalEndpoints": ["192.0.2.1"]}}), REQUIRED),
        (wrr({"weight": 1, "healthCheckedTargets": {"externalEndpoints": ['"x"']}}, kind="TXT"), INVALID),
        (backup(trickleTraffic=1.01), INVALID),
        (backup(trickleTraffic=-0.1), INVALID),
        (steered({"primaryBackup": backed_up()["routingPolicy"]["primaryBackup"]}), REQUIRED),
    ],
)
def test_a_bad_policy_is_refused(untouched: FakeCloudDns, given: Any, expected: tuple[int, str]) -> None:
    assert reason(change(untouched, record("other", "A", "192.0.2.1"), given)) == expected


def test_a_private_zone_takes_load_balancers() -> None:
    with FakeCloudDns() as fake:
        fake.create(ZONE, "example.com.", public=False)
        assert change(fake, inner())[0] == 200
        assert change(fake, deletions=(inner(ipProtocol="udp"),))[0] == 412
        assert fake.answers("www.example.com.", "A") == {"10.0.0.1": 1}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (backed_up(), INVALID),
        (inner(ipAddress="none"), INVALID),
        (inner(ipProtocol="sctp"), INVALID),
        (inner(loadBalancerType="external"), INVALID),
        (inner(region="atlantis-west1"), INVALID),
        (inner(region=""), REQUIRED),
        (inner(port=""), REQUIRED),
        (inner(color="blue"), UNKNOWN),
    ],
)
def test_a_private_zone_refuses_bad_ones(untouched: FakeCloudDns, given: Any, expected: tuple[int, str]) -> None:
    assert reason(change(untouched, given, zone="inner")) == expected


@pytest.mark.parametrize(
    "given",
    [
        record("www", "A", "192.0.2.256"),
        record("www", "A", "2001:db8::1"),
        record("www", "A", "192.0.2.1 "),
        record("www", "AAAA", "192.0.2.1"),
        record("www", "AAAA", "fe80::1%eth0"),
        record("www", "CNAME", "relative"),
        record("www", "CNAME", "a.test.", "b.test."),
        record("www", "NS", "relative"),
        record("www", "MX", "mail.test."),
        record("www", "MX", "10 mail"),
        record("www", "SRV", "1 2 mail.test."),
        record("www", "TXT", '"open'),
        record("www", "TXT", "v=DKIM1; k=rsa"),
        record("www", "TXT", f'"{"x" * 256}"'),
        record("www", "SOA", "ns.test. admin.test. 1 2 3 4 5"),
        record("www", "WKS", "x"),
        record("example.com.", "CNAME", "a.test."),
        record("www.example.org.", "A", "192.0.2.1"),
        record("wwwexample.com.", "A", "192.0.2.1"),
        record("a..b", "A", "192.0.2.1"),
        record("a.*", "A", "192.0.2.1"),
        record("-a", "A", "192.0.2.1"),
        record(f"{'x' * 64}", "A", "192.0.2.1"),
        {**record("www", "A", "192.0.2.1"), "name": "www.example.com"},
        record("www", "A", "192.0.2.1", ttl=-1),
        record("www", "A", "192.0.2.1", ttl=2**31),
    ],
)
def test_a_bad_record_is_refused(untouched: FakeCloudDns, given: Any) -> None:
    assert reason(change(untouched, record("other", "A", "192.0.2.1"), given)) == INVALID


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (record("www", "A", "192.0.2.1", ttl=None), REQUIRED),
        (record("www", "A", "192.0.2.1", ttl="soon"), UNKNOWN),
        (record("www", "A", "192.0.2.1", ttl=1.5), UNKNOWN),
        (record("www", "", "192.0.2.1"), REQUIRED),
        ({**record("www", "A"), "rrdatas": "192.0.2.1"}, UNKNOWN),
        ({**record("www", "A"), "rrdatas": [3221225985]}, UNKNOWN),
        (record("www", "A", "192.0.2.1", "192.0.2.1"), (400, "duplicateResourceRecordData")),
        (record("www", "AAAA", "2001:db8::1", "2001:DB8:0::1"), (400, "duplicateResourceRecordData")),
    ],
)
def test_a_malformed_record_is_refused(untouched: FakeCloudDns, given: Any, expected: tuple[int, str]) -> None:
    assert reason(change(untouched, given)) == expected


@pytest.mark.parametrize(
    ("kind", "given", "held"),
    [
        ("AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
        ("CNAME", "A.Example.ORG.", "a.example.org."),
        ("MX", "10 Mail.test.", "10 mail.test."),
        ("TXT", "plain", '"plain"'),
        ("TXT", '"one" "two"', '"one" "two"'),
        ("TXT", '"a; b"', '"a; b"'),
        ("SRV", "1 2 443 a.test.", "1 2 443 a.test."),
        ("CAA", '0 issue "ca.test"', '0 issue "ca.test"'),
        ("NS", "ns.test.", "ns.test."),
        ("PTR", "a.test.", "a.test."),
    ],
)
def test_data_is_held_in_one_form(kind: str, given: str, held: str) -> None:
    with FakeCloudDns() as fake:
        fake.create(ZONE, "example.com.")
        assert change(fake, record("_x.y", kind, given, ttl=str(2**31 - 1)))[0] == 200
        document = send(fake, "GET", f"{RECORDS}/_x.y.example.com./{kind}")[1]
        assert (document["rrdatas"], document["ttl"]) == ([held], 2**31 - 1)
        assert change(fake, deletions=(record("_X.Y", kind, given, ttl=2**31 - 1),))[0] == 200


def test_a_policy_of_geo_items_has_each_region_once_and_all_regions_are_known(untouched: FakeCloudDns) -> None:
    again = geo(("europe-west3", "192.0.2.1"), ("us-east4", "192.0.2.2"), ("europe-west3", "192.0.2.3"))
    status, document = change(untouched, steered({"geo": again}))
    assert status == 400
    assert document["error"]["message"].endswith("routingPolicy.geo.items[2].location': 'europe-west3'")
