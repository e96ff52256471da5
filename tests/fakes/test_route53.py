"""The fake Route 53, asked by boto3: zones, lists, changes under way, locations."""

import json
import os
import signal
import subprocess
import sys

import boto3
import pytest

from tests.fakes.account import ZONE, Account, Wire, alias, connected, create, delete, plain, refusal, upsert
from tests.fakes.route53 import Clock, FakeRoute53


def test_a_zone_is_made_with_name_servers_and_an_soa_of_its_own(account: Account) -> None:
    made = account.client.create_hosted_zone(Name="Example.ORG", CallerReference="1")
    zone = made["HostedZone"]["Id"]
    shown = account.client.get_hosted_zone(Id=zone)
    assert shown["HostedZone"]["Name"] == "example.org."
    assert len(shown["DelegationSet"]["NameServers"]) == 4
    listed = account.client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert [record_set["Type"] for record_set in listed] == ["NS", "SOA"]
    assert [value["Value"] for value in listed[0]["ResourceRecords"]] == [
        f"{server}." for server in shown["DelegationSet"]["NameServers"]
    ]


def test_a_private_zone_has_a_vpc_and_no_delegation(account: Account) -> None:
    vpc = {"VPCRegion": "eu-west-1", "VPCId": "vpc-1"}
    made = account.client.create_hosted_zone(Name=ZONE, CallerReference="1", VPC=vpc)
    shown = account.client.get_hosted_zone(Id=made["HostedZone"]["Id"])
    assert shown["HostedZone"]["Config"]["PrivateZone"]
    assert shown["VPCs"] == [vpc]
    assert "DelegationSet" not in shown


def test_a_caller_reference_makes_one_zone_only(account: Account) -> None:
    account.client.create_hosted_zone(Name="example.org", CallerReference="1")
    with pytest.raises(account.client.exceptions.HostedZoneAlreadyExists):
        account.client.create_hosted_zone(Name="example.net", CallerReference="1")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"Name": "a..b"}, "InvalidDomainName"),
        ({"Name": "example.org", "HostedZoneConfig": {"PrivateZone": True}}, "InvalidVPCId"),
    ],
)
def test_a_zone_has_a_name_and_if_it_is_private_a_vpc(account: Account, options: Wire, code: str) -> None:
    refusal(lambda: account.client.create_hosted_zone(CallerReference="1", **options), code)


def test_a_zone_with_records_is_not_deleted(account: Account) -> None:
    account.change(create(plain("www")))
    with pytest.raises(account.client.exceptions.HostedZoneNotEmpty):
        account.client.delete_hosted_zone(Id=account.zone)
    account.change(delete(plain("www")))
    account.client.delete_hosted_zone(Id=account.zone)
    with pytest.raises(account.client.exceptions.NoSuchHostedZone):
        account.client.get_hosted_zone(Id=account.zone)


def test_zones_are_listed_page_by_page(account: Account) -> None:
    wanted = {account.zone, *(account.fake.zone(f"zone{number}.org") for number in range(6))}
    pages = list(account.client.get_paginator("list_hosted_zones").paginate(PaginationConfig={"PageSize": 2}))
    assert len(pages) == 4
    assert {zone["Id"].removeprefix("/hostedzone/") for page in pages for zone in page["HostedZones"]} == wanted


def test_zones_are_listed_by_reversed_name_from_a_name_on(account: Account) -> None:
    for name in ("b.org", "a.b.org", "a.net"):
        account.fake.zone(name)
    first = account.client.list_hosted_zones_by_name(DNSName="a.net", MaxItems="2")
    assert [zone["Name"] for zone in first["HostedZones"]] == ["a.net.", "b.org."]
    assert first["IsTruncated"]
    rest = account.client.list_hosted_zones_by_name(
        DNSName=first["NextDNSName"], HostedZoneId=first["NextHostedZoneId"]
    )
    assert [zone["Name"] for zone in rest["HostedZones"]] == ["a.b.org."]


@pytest.mark.parametrize("call", ["get_hosted_zone", "list_resource_record_sets"])
def test_a_zone_that_is_not_there_has_an_error_of_its_own(account: Account, call: str) -> None:
    name = "Id" if call == "get_hosted_zone" else "HostedZoneId"
    with pytest.raises(account.client.exceptions.NoSuchHostedZone, match="No hosted zone found with ID: ZNONE"):
        getattr(account.client, call)(**{name: "ZNONE"})


def test_records_are_listed_by_reversed_name_then_type_then_identifier(account: Account) -> None:
    account.change(
        create(
            plain("b"),
            plain("a.b"),
            plain("b-c"),
            plain("b", "2001:db8::1", kind="AAAA"),
            plain("w", id="2", Weight=1),
            plain("w", id="1", Weight=1),
        )
    )
    listed = account.listed()["ResourceRecordSets"]
    assert [(it["Name"].removesuffix(ZONE), it["Type"], it.get("SetIdentifier")) for it in listed] == [
        ("", "NS", None),
        ("", "SOA", None),
        ("b-c.", "A", None),  # "-" sorts before the dot at the end
        ("b.", "A", None),
        ("b.", "AAAA", None),
        ("a.b.", "A", None),
        ("w.", "A", "1"),
        ("w.", "A", "2"),
    ]


def test_pages_of_records_go_on_at_an_identifier(account: Account) -> None:
    account.change(create(*(plain("w", id=str(number), Weight=1) for number in range(5))))
    found: list[Wire] = []
    options: Wire = {}
    while True:
        page = account.listed(MaxItems="2", **options)
        found += page["ResourceRecordSets"]
        if not page["IsTruncated"]:
            break
        options = {
            f"StartRecord{it}": page[f"NextRecord{it}"]
            for it in ("Name", "Type", "Identifier")
            if f"NextRecord{it}" in page
        }
    assert found == account.listed()["ResourceRecordSets"]
    assert len(found) == 7


def test_a_list_starts_at_a_name_or_after_it(account: Account) -> None:
    account.change(create(plain("a"), plain("c")))
    assert account.listed(StartRecordName=f"b.{ZONE}")["ResourceRecordSets"][0]["Name"] == f"c.{ZONE}"
    after = account.listed(StartRecordName=f"a.{ZONE}", StartRecordType="AAAA")["ResourceRecordSets"]
    assert [it["Name"] for it in after] == [f"c.{ZONE}"]


def test_a_list_does_not_start_at_a_type_alone(account: Account) -> None:
    refusal(lambda: account.listed(StartRecordType="A"), "InvalidInput")


def test_a_page_has_three_hundred_records_at_most(account: Account) -> None:
    account.fake.fill(account.zone, 700)
    page = account.listed(MaxItems="1000")
    assert len(page["ResourceRecordSets"]) == 300
    assert page["IsTruncated"]


def test_names_are_kept_in_lower_case_with_escapes(account: Account) -> None:
    account.change(create(plain("WWW"), plain("*"), plain("a&b")))
    names = {it["Name"] for it in account.listed()["ResourceRecordSets"]}
    assert {f"www.{ZONE}", rf"\052.{ZONE}", rf"a\046b.{ZONE}"} <= names
    account.change(delete(plain(r"\052")))


@pytest.mark.parametrize(
    "record_set",
    [
        plain("x", id="a", Weight=0),
        plain("x", id="a", Region="eu-west-1"),
        plain("x", id="a", Failover="PRIMARY"),
        plain("x", id="a", MultiValueAnswer=True),
        plain("x", id="a", GeoLocation={"ContinentCode": "EU"}),
        plain("x", id="a", GeoLocation={"CountryCode": "US", "SubdivisionCode": "CA"}),
        plain("x", id="a", GeoProximityLocation={"AWSRegion": "eu-west-1", "Bias": -7}),
        plain(
            "x", id="a", GeoProximityLocation={"Coordinates": {"Latitude": "49.22", "Longitude": "-74.01"}, "Bias": 0}
        ),
        plain("x", '"a b" "c"', kind="TXT"),
    ],
)
def test_what_was_written_reads_back(account: Account, record_set: dict[str, object]) -> None:
    account.change(create(record_set))
    assert account.held("x") == [record_set]
    account.change(delete(*account.held("x")))


def test_an_alias_reads_back_without_a_ttl(account: Account) -> None:
    wanted = alias(account.zone, "x", "www", id="a", Weight=1)
    account.change(create(plain("www"), wanted))
    assert account.held("x") == [wanted]


def test_a_change_is_pending_until_it_is_everywhere(account: Account, clock: Clock) -> None:
    account.fake.settings.propagation = 60
    info = account.change(create(plain("www")))
    assert info["Status"] == "PENDING"
    assert account.client.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "PENDING"
    clock.advance(59.9)
    assert account.client.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "PENDING"
    clock.advance(0.1)
    assert account.client.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "INSYNC"


def test_the_api_lists_what_is_pending(account: Account) -> None:
    account.fake.settings.propagation = 60
    account.change(create(plain("www")))
    assert account.held("www")


def test_a_change_that_is_not_there_has_an_error_of_its_own(account: Account) -> None:
    with pytest.raises(account.client.exceptions.NoSuchChange):
        account.client.get_change(Id="C1")


def test_the_zone_and_the_account_have_limits(account: Account) -> None:
    limit = account.client.get_hosted_zone_limit(HostedZoneId=account.zone, Type="MAX_RRSETS_BY_ZONE")
    assert (limit["Limit"]["Value"], limit["Count"]) == (10_000, 2)
    assert account.client.get_account_limit(Type="MAX_HOSTED_ZONES_BY_OWNER")["Count"] == 1
    assert account.client.get_hosted_zone_count()["HostedZoneCount"] == 1


def test_locations_are_listed_countries_first(account: Account) -> None:
    places: list[Wire] = []
    start: Wire = {}
    while True:
        page = account.client.list_geo_locations(MaxItems="100", **start)
        places += page["GeoLocationDetailsList"]
        if not page["IsTruncated"]:
            break
        start = {
            f"Start{it}": page[f"Next{it}"]
            for it in ("ContinentCode", "CountryCode", "SubdivisionCode")
            if f"Next{it}" in page
        }
    assert places[0]["CountryCode"] == "*"
    assert [it["ContinentCode"] for it in places[-7:]] == ["AF", "AN", "AS", "EU", "NA", "OC", "SA"]
    assert {it["CountryCode"] for it in places if "SubdivisionCode" in it} == {"UA", "US"}
    assert len([it for it in places if it.get("CountryCode") == "US"]) == 1 + 51


def test_a_location_is_known_or_not(account: Account) -> None:
    assert account.client.get_geo_location(CountryCode="US", SubdivisionCode="CA")["GeoLocationDetails"]
    with pytest.raises(account.client.exceptions.NoSuchGeoLocation):
        account.client.get_geo_location(CountryCode="TR", SubdivisionCode="34")


def test_blocks_are_put_into_a_collection_and_listed(account: Account) -> None:
    made = account.client.create_cidr_collection(Name="offices", CallerReference="1")["Collection"]
    put = {"LocationName": "izmir", "Action": "PUT", "CidrList": ["192.0.2.0/24", "2001:db8::/48"]}
    account.client.change_cidr_collection(Id=made["Id"], CollectionVersion=made["Version"], Changes=[put])
    listed = account.client.list_cidr_blocks(CollectionId=made["Id"])["CidrBlocks"]
    assert listed == [{"CidrBlock": it, "LocationName": "izmir"} for it in ("192.0.2.0/24", "2001:db8::/48")]
    assert account.client.list_cidr_locations(CollectionId=made["Id"])["CidrLocations"] == [{"LocationName": "izmir"}]
    assert account.client.list_cidr_collections()["CidrCollections"][0]["Version"] == 2


def test_a_collection_is_changed_by_its_version_and_as_a_whole(account: Account) -> None:
    collection = account.client.create_cidr_collection(Name="offices", CallerReference="1")["Collection"]["Id"]
    good = {"LocationName": "izmir", "Action": "PUT", "CidrList": ["192.0.2.0/24"]}
    bad = {"LocationName": "ankara", "Action": "PUT", "CidrList": ["192.0.2.128/25"]}
    with pytest.raises(account.client.exceptions.CidrCollectionVersionMismatchException):
        account.client.change_cidr_collection(Id=collection, CollectionVersion=2, Changes=[good])
    refusal(lambda: account.client.change_cidr_collection(Id=collection, Changes=[good, bad]), "InvalidInput")
    assert not account.client.list_cidr_blocks(CollectionId=collection)["CidrBlocks"]
    account.client.change_cidr_collection(Id=collection, Changes=[good])
    with pytest.raises(account.client.exceptions.CidrBlockInUseException):
        account.client.change_cidr_collection(Id=collection, Changes=[{**good, "LocationName": "ankara"}])
    with pytest.raises(account.client.exceptions.CidrCollectionInUseException):
        account.client.delete_cidr_collection(Id=collection)


def test_a_collection_is_made_once(account: Account) -> None:
    made = account.client.create_cidr_collection(Name="offices", CallerReference="1")["Collection"]["Id"]
    assert account.client.create_cidr_collection(Name="offices", CallerReference="1")["Collection"]["Id"] == made
    with pytest.raises(account.client.exceptions.CidrCollectionAlreadyExistsException):
        account.client.create_cidr_collection(Name="offices", CallerReference="2")
    with pytest.raises(account.client.exceptions.NoSuchCidrLocationException):
        account.client.list_cidr_blocks(CollectionId=made, LocationName="izmir")


def test_a_caller_learns_who_it_is(account: Account) -> None:
    assert connected(account.fake, "sts").get_caller_identity()["Arn"].endswith("user/AKIDTEST")


def test_ten_thousand_foreign_records_are_there_at_once(account: Account) -> None:
    assert len(account.fake.fill(account.zone, 10_000)) == 10_000
    account.change(upsert(plain("www")))
    assert account.client.get_hosted_zone(Id=account.zone)["HostedZone"]["ResourceRecordSetCount"] == 10_003


def test_a_fake_runs_as_a_process_and_is_found_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "tests.fakes.route53", "--zone", "example.com"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}) as process:
        assert process.stdout
        told = json.loads(process.stdout.readline())
        monkeypatch.setenv("AWS_ENDPOINT_URL_ROUTE_53", told["url"])
        client = boto3.client("route53", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
        assert [it["Id"] for it in client.list_hosted_zones()["HostedZones"]] == [
            f"/hostedzone/{told['zones']['example.com']}"
        ]
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 0


def test_two_fakes_do_not_know_of_each_other(account: Account) -> None:
    with FakeRoute53() as other:
        assert not connected(other).list_hosted_zones()["HostedZones"]
