"""Record sets of every kind are read in one form, lose nothing, and are removed exactly, whoever has made them."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gslb.model.names import RegionName, ServiceName
from gslb.model.recordset import RecordSet
from gslb.model.steering import Group, Pick, RecordType, Rule, Steering, Target
from providers import names
from providers.base import HostedZone, Lane
from providers.route53 import Route53, wire
from tests.fakes.account import alias, connected, plain
from tests.fakes.route53 import FakeRoute53, records
from tests.providers.route53.support import DEADLINE, ORIGIN, SERVICE, account, answer, change, hosted, publish

ELB = {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": "dualstack.lb-1.eu-west-1.elb.amazonaws.com."}


def foreign(zone: str, collection: str) -> list[wire.Wire]:
    """One or two of each kind that a zone can hold."""
    return [
        plain("plain", "192.0.2.9", "192.0.2.1"),
        plain("six", "2001:0DB8:0:0::1", kind="AAAA"),
        plain(r"\052.wild", "192.0.2.1"),
        plain(r"a\100b", "192.0.2.1"),
        plain("text", '"v=spf1 -all" "and more"', '"\\"quoted\\" \\303\\266"', kind="TXT"),
        plain("mail", "10 MX1.Example.Net.", kind="MX"),
        plain("cname", "Target.Example.Net", kind="CNAME"),
        plain("caa", '0 issue "ca.example.net"', kind="CAA"),
        plain("weighted", id="a", Weight=0),
        plain("weighted", id="B c/d", Weight=255, HealthCheckId="check-1"),
        plain("latency", id="a", Region="eu-west-1"),
        plain("failover", id="a", Failover="PRIMARY", HealthCheckId="check-1"),
        plain("failover", id="b", Failover="SECONDARY"),
        plain("multi", id="a", MultiValueAnswer=True),
        plain("geo", "192.0.2.1", "192.0.2.2", id="a", GeoLocation={"CountryCode": "US", "SubdivisionCode": "CA"}),
        plain("geo", id="b", GeoLocation={"CountryCode": "*"}),
        plain("near", id="a", GeoProximityLocation={"AWSRegion": "eu-west-1", "Bias": -10}),
        plain("near", id="b", GeoProximityLocation={"Coordinates": {"Latitude": "+1.", "Longitude": "2.5"}, "Bias": 0}),
        plain("near", id="c", GeoProximityLocation={"LocalZoneGroup": "us-west-2-den-1"}),
        plain("cidr", id="a", CidrRoutingConfig={"CollectionId": collection, "LocationName": "office"}),
        plain("cidr", id="b", CidrRoutingConfig={"CollectionId": collection, "LocationName": "*"}),
        {"Name": f"elb.{ORIGIN}", "Type": "A", "AliasTarget": {**ELB, "EvaluateTargetHealth": True}},
        alias(zone, "own", "plain"),
        alias(zone, "own-wild", r"\052.wild", id="a", Weight=3),
    ]


def filled(fake: FakeRoute53) -> HostedZone:
    """A zone that holds all of them."""
    zone = hosted(fake)
    client = connected(fake)
    collection = client.create_cidr_collection(Name="theirs", CallerReference="1")["Collection"]["Id"]
    office = {"Action": "PUT", "LocationName": "office", "CidrList": ["192.0.2.0/24"]}
    client.change_cidr_collection(Id=collection, Changes=[office])
    fake.store.health_checks.add("check-1")
    made = [{"Action": "CREATE", "ResourceRecordSet": it} for it in foreign(zone.id, collection)]
    client.change_resource_record_sets(HostedZoneId=zone.id, ChangeBatch={"Changes": made})
    return zone


async def test_all_that_a_zone_can_hold_is_removed_exactly_and_can_be_made_again(fake: FakeRoute53) -> None:
    zone = filled(fake)
    before = fake.record_sets(zone.id)
    async with account(fake) as at:
        held = await at.read(zone, Lane.COSMETIC)
        assert len(held) == len(before)
        assert len({record.key for record in held}) == len(held)
        theirs = [record for record in held if record.name != ORIGIN]
        await at.apply(zone, [change(removed=theirs)], DEADLINE, Lane.ROUTINE)
        assert len(fake.record_sets(zone.id)) == 2
        await at.apply(zone, [change(added=theirs)], DEADLINE, Lane.ROUTINE)
        assert await at.read(zone, Lane.COSMETIC) == held
    again = {record_set.key: record_set for record_set in fake.record_sets(zone.id)}
    same = [record_set for record_set in before if again[record_set.key].same(record_set)]
    assert {it.name for it in before} - {it.name for it in same} == {f"six.{ORIGIN}"}  # in other words


async def test_what_was_written_in_other_words_is_removed_in_ours_once_it_is_ours(fake: FakeRoute53) -> None:
    zone = filled(fake)
    async with account(fake) as at:
        six = [record for record in await at.read(zone, Lane.COSMETIC) if record.type == "AAAA"]
        for _ in range(2):
            await at.apply(zone, [change(removed=six, added=six)], DEADLINE, Lane.ROUTINE)
    assert [it.values for it in fake.record_sets(zone.id) if it.type == "AAAA"] == [("2001:db8::1",)]


async def test_what_somebody_has_written_in_our_words_is_removed_in_them(fake: FakeRoute53) -> None:
    zone = hosted(fake)
    async with account(fake) as at:
        for value in ("2001:0db8::1", "2001:db8::1"):
            fake.put(zone.id, records.RecordSet(f"six.{ORIGIN}", "AAAA", ttl=60, values=(value,)))
            read = await at.read(zone, Lane.COSMETIC, [f"six.{ORIGIN}"])
            assert [record.values for record in read] == [("2001:db8::1",)]
        await at.apply(
            zone, [change(removed=[answer("six", "2001:db8::1", kind="AAAA", ttl=60)])], DEADLINE, Lane.ROUTINE
        )
    assert len(fake.record_sets(zone.id)) == 2


async def test_what_is_read_has_one_form(fake: FakeRoute53) -> None:
    zone = filled(fake)
    async with account(fake) as at:
        held = {
            (record.name.removesuffix(f".{ORIGIN}"), record.identifier): record
            for record in await at.read(zone, Lane.ROUTINE)
        }
    assert held["plain", ""] == RecordSet(f"plain.{ORIGIN}", "A", ("192.0.2.1", "192.0.2.9"), 60)
    assert held["six", ""].values == ("2001:db8::1",)
    assert held["*.wild", ""].name == f"*.wild.{ORIGIN}"
    assert held["weighted", "B c/d"].weights == (255.0,)
    assert held["weighted", "B c/d"].routing == '{"HealthCheckId":"check-1","Weight":255}'
    assert (
        held["near", "b"].routing == '{"GeoProximityLocation":{"Coordinates":{"Latitude":"1.00","Longitude":"2.50"}}}'
    )
    assert '"HostedZoneId":"Z35SXDOTRQ7X7K"' in held["elb", ""].routing
    assert (
        f'"DNSName":"*.wild.{ORIGIN}","EvaluateTargetHealth":false,"HostedZoneId":""' in held["own-wild", "a"].routing
    )
    assert held["own", ""].ttl is None


def test_a_value_that_cannot_be_read_stays_as_it_is() -> None:
    listed = {"Name": "a.", "Type": "A", "TTL": 1, "ResourceRecords": [{"Value": "192.0.2.01"}]}
    assert wire.read(listed, "Z1").values == ("192.0.2.01",)


async def test_places_that_are_told_in_other_words_are_still_those_that_were_written(fake: FakeRoute53) -> None:
    zone, near = hosted(fake), Group(RegionName("a"), 1, (Target((), RecordType.A, "192.0.2.1"),), (41.0, -0.0))
    groups = near, replace(near, region=RegionName("b"), location=(50.11, 8.6))
    steering = Steering(SERVICE, 30, 5, 4, (RecordType.A,), (Rule(None, groups, Pick.NEAREST),))
    async with account(fake) as at:
        await publish(at, zone, {SERVICE: Route53().render(steering).records})
        for kept in fake.record_sets(zone.id):
            if isinstance(kept.routing, records.Geoproximity) and kept.routing.coordinates is not None:
                latitude, longitude = (f"+{float(text):g}" for text in kept.routing.coordinates)
                other = dataclasses.replace(kept.routing, coordinates=(latitude, longitude))
                fake.put(zone.id, dataclasses.replace(kept, routing=other))
        assert await publish(at, zone, {SERVICE: Route53().render(steering).records}, fence=2) == ()
        assert await publish(at, zone, {}, fence=2)
        assert {it.type for it in fake.record_sets(zone.id)} == {"NS", "SOA"}


@pytest.mark.parametrize("label", ["a/b", r"a\$b", "a~b", r"\@", "a+b", r"b\252cher", r"\000\255", "*", "a*b"])
async def test_whatever_is_in_a_name_it_is_written_once(fake: FakeRoute53, label: str) -> None:
    zone, service = hosted(fake), ServiceName(f"{label}.{ORIGIN}")
    values = tuple(Target((), RecordType.A, f"192.0.2.{number}") for number in range(3))
    rule = Rule(None, (Group(RegionName("a"), 1, values),))
    records = Route53().render(Steering(service, 30, 5, 2, (RecordType.A,), (rule,))).records
    async with account(fake) as at:
        assert await publish(at, zone, {service: records})
        assert await publish(at, zone, {service: records}, fence=2) == ()
        assert {it.name for it in await at.read(zone, Lane.ROUTINE, [service])} == {service}


@given(st.lists(st.binary(min_size=1, max_size=12).filter(lambda label: b"." not in label), min_size=1, max_size=5))
def test_names_are_read_as_they_are_written_whatever_octets_they_have(labels: list[bytes]) -> None:
    name = names.text(labels)
    assert wire.read_name(wire.write_name(name)) == name
    assert list(names.labels(name)) == [label.lower() for label in labels]


async def test_what_somebody_else_has_made_is_valid_too(fake: FakeRoute53) -> None:
    zone = filled(fake)
    async with account(fake) as at:
        assert Route53().problems(await at.read(zone, Lane.ROUTINE)) == ()


@pytest.mark.parametrize(
    ("records_", "problem"),
    [
        ([RecordSet("a..example.com.", "A", ("192.0.2.1",), 30)], "an empty label"),
        ([RecordSet(r"a\.example.com.", "A", ("192.0.2.1",), 30)], "a dot within a label"),
        ([RecordSet("a" + 63 * r"\000" + ".example.com.", "A", ("192.0.2.1",), 30)], "a label of 64 octets"),
        ([RecordSet(f"{'a.' * 128}example.com.", "A", ("192.0.2.1",), 30)], "268 octets; 255 at most"),
        ([RecordSet("a.", "A", ("192.0.2.1",), 30, "x" * 129, '{"Weight":1}', (1.0,))], "an identifier of 129"),
        ([RecordSet("a.", "A", ("192.0.2.1",), 30, "x", '{"Weight":256}', (256.0,))], "a weight of 256"),
        ([RecordSet("a.", "A", ("192.0.2.1",), 30, "x", '{"Weight":0.5}', (0.5,))], "a weight of 0.5"),
        ([RecordSet("a.", "A", ("192.0.2.1", "192.0.2.2"), 30, "x", '{"Weight":1}', (1.0,))], "2 values"),
        ([RecordSet("a.", "TXT", (f'"{"x" * 256}"',), 30)], "a string of more than 255"),
        (
            [RecordSet("a.", "A", ("192.0.2.1",), ttl, str(ttl), '{"Weight":1}', (1.0,)) for ttl in (1, 2)],
            "weighted record sets with different TTLs",
        ),
        ([RecordSet("a.", "A", ("192.0.2.1",), 1), RecordSet("a.", "CNAME", ("b.",), 1)], "a CNAME beside other"),
        (
            [
                RecordSet("a.", "A", ("192.0.2.1",), 1, "x", '{"Weight":1}', (1.0,)),
                RecordSet("a.", "A", ("192.0.2.1",), 1, "y", '{"Region":"eu-west-1"}'),
            ],
            "latency and weighted routing at one name",
        ),
        (
            [RecordSet("a.", "A", (value,), 1) for value in ("192.0.2.1", "192.0.2.2")],
            "2 record sets without a routing policy",
        ),
        ([RecordSet("a.", "A", (), None, "", '{"Weight":1}', (1.0,))], "without identifiers of their own"),
    ],
)  # fmt: skip
def test_what_route_53_would_refuse_is_known_without_asking_it(records_: list[RecordSet], problem: str) -> None:
    assert any(problem in text for text in Route53().problems(records_))


routings: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"Weight": st.integers(0, 255)}),
    st.fixed_dictionaries({"Region": st.sampled_from(["eu-west-1", "us-east-1"])}),
    st.fixed_dictionaries(
        {"Failover": st.sampled_from(["PRIMARY", "SECONDARY"])}, optional={"HealthCheckId": st.just("check-1")}
    ),
    st.just({"MultiValueAnswer": True}),
    st.fixed_dictionaries({"GeoLocation": st.sampled_from([{"CountryCode": "*"}, {"ContinentCode": "EU"}])}),
    st.fixed_dictionaries(
        {
            "GeoProximityLocation": st.fixed_dictionaries(
                {"AWSRegion": st.just("eu-west-1")}, optional={"Bias": st.integers(-99, 99).filter(bool)}
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "CidrRoutingConfig": st.fixed_dictionaries(
                {"CollectionId": st.uuids().map(str), "LocationName": st.just("*")}
            )
        }
    ),
)
contents: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries(
        {
            "TTL": st.integers(0, 2**31 - 1),
            "ResourceRecords": st.lists(
                st.ip_addresses(v=4).map(lambda ip: {"Value": str(ip)}), min_size=1, unique_by=str
            ),
        }
    ),
    st.fixed_dictionaries(
        {
            "AliasTarget": st.fixed_dictionaries(
                {
                    "HostedZoneId": st.sampled_from(["ZONE", "OTHER"]),
                    "DNSName": st.sampled_from(["a.example.com.", "*.example.com."]),
                    "EvaluateTargetHealth": st.booleans(),
                }
            )
        }
    ),
)


@given(contents, routings, st.text(min_size=1, max_size=128))
def test_whatever_is_listed_is_written_as_it_is_listed(
    content: dict[str, Any], routing: dict[str, Any], identifier: str
) -> None:
    listed = {"Name": "www.example.com.", "Type": "A", "SetIdentifier": identifier, **content, **routing}
    read = wire.read(listed, "ZONE")
    assert wire.written(read, "ZONE", {}) == wire.exactly(listed)
    assert "ZONE" not in read.routing
    moved = wire.read(wire.written(read, "ELSEWHERE", {}), "ELSEWHERE")
    assert moved == read


def test_every_routing_policy_is_among_what_is_read_here(fake: FakeRoute53) -> None:
    zone = filled(fake)
    kinds = {type(record_set.routing) for record_set in fake.record_sets(zone.id)}
    assert kinds == {
        *(records.Weighted, records.Latency, records.Failover, records.Multivalue, records.Geolocation),
        *(records.Geoproximity, records.Cidr, type(None)),
    }
