"""The fake Route 53: what it says that clients are answered."""

from fractions import Fraction
from ipaddress import ip_network
from typing import Any

import pytest

from gslb.model.location import Client, Location
from tests.fakes.account import ZONE, Account, alias, create, plain, upsert
from tests.fakes.route53 import Clock

ALL, HALF, QUARTER = Fraction(1), Fraction(1, 2), Fraction(1, 4)
WWW = f"www.{ZONE}"


def client(network: str = "198.51.100.0/24", **location: Any) -> Client:
    return Client(ip_network(network), Location(**location))


CALIFORNIA = client(continent="NA", country="US", subdivisions=("US-CA",), coordinates=(37.8, -122.4))
OHIO = client(continent="NA", country="US", subdivisions=("US-OH",), coordinates=(40.0, -83.0))
CRIMEA = client(continent="EU", country="UA", subdivisions=("UA-43",))
ISTANBUL = client(continent="AS", country="TR", subdivisions=("TR-34",), coordinates=(41.0, 29.0))
NOBODY = client()


def test_all_values_of_a_simple_record_set_are_in_each_answer(account: Account) -> None:
    account.change(create(plain("www", "192.0.2.1", "192.0.2.2")))
    assert account.fake.answers("www.example.com") == {"192.0.2.1": ALL, "192.0.2.2": ALL}


@pytest.mark.parametrize("name", ["none.example.com", "www.example.org", "example.com"])
def test_what_is_not_there_has_no_answer(account: Account, name: str) -> None:
    account.change(create(plain("www")))
    assert account.fake.answers(name) == {}
    assert account.fake.answers(WWW, "AAAA") == {}


def test_weights_are_shares(account: Account) -> None:
    account.change(create(*(plain("www", f"192.0.2.{it}", id=str(it), Weight=it) for it in (0, 1, 3))))
    assert account.fake.answers(WWW) == {"192.0.2.1": QUARTER, "192.0.2.3": 3 * QUARTER}


def test_if_all_weights_are_zero_all_are_answered_alike(account: Account) -> None:
    account.change(create(*(plain("www", f"192.0.2.{it}", id=str(it), Weight=0) for it in (1, 2))))
    assert account.fake.answers(WWW) == {"192.0.2.1": HALF, "192.0.2.2": HALF}


PLACES = {
    "192.0.2.1": {"CountryCode": "US", "SubdivisionCode": "CA"},
    "192.0.2.2": {"CountryCode": "US"},
    "192.0.2.3": {"ContinentCode": "NA"},
    "192.0.2.4": {"CountryCode": "UA", "SubdivisionCode": "11"},
    "192.0.2.5": {"ContinentCode": "AS"},
}


@pytest.mark.parametrize(
    ("who", "answer"),
    [
        (CALIFORNIA, "192.0.2.1"),
        (OHIO, "192.0.2.2"),
        (client(continent="NA", country="CA"), "192.0.2.3"),
        (CRIMEA, "192.0.2.4"),
        (ISTANBUL, "192.0.2.5"),
    ],
)
def test_the_most_specific_location_answers(account: Account, who: Client, answer: str) -> None:
    account.change(create(*(plain("www", value, id=value, GeoLocation=place) for value, place in PLACES.items())))
    assert account.fake.answers(WWW, client=who) == {answer: ALL}


@pytest.mark.parametrize("who", [NOBODY, None, client(continent="AF", country="EG")])
def test_others_get_the_default_or_nothing(account: Account, who: Client | None) -> None:
    account.change(create(plain("www", "192.0.2.1", id="as", GeoLocation={"ContinentCode": "AS"})))
    assert account.fake.answers(WWW, client=who) == {}
    account.change(create(plain("www", "192.0.2.9", id="default", GeoLocation={"CountryCode": "*"})))
    assert account.fake.answers(WWW, client=who) == {"192.0.2.9": ALL}


def test_weights_below_a_location_are_followed(account: Account) -> None:
    account.change(
        create(
            plain("v1", "192.0.2.1"),
            plain("v2", "192.0.2.2", "192.0.2.3"),
            alias(account.zone, "pool", "v1", id="1", Weight=1),
            alias(account.zone, "pool", "v2", id="2", Weight=3),
            alias(account.zone, "www", "pool", id="as", GeoLocation={"ContinentCode": "AS"}),
            alias(account.zone, "www", "v1", id="default", GeoLocation={"CountryCode": "*"}),
        )
    )
    assert account.fake.answers(WWW, client=ISTANBUL) == {
        "192.0.2.1": QUARTER,
        "192.0.2.2": 3 * QUARTER,
        "192.0.2.3": 3 * QUARTER,
    }
    assert account.fake.answers(WWW, client=OHIO) == {"192.0.2.1": ALL}


def test_one_value_behind_two_record_sets_has_both_shares(account: Account) -> None:
    account.change(create(plain("www", id="1", Weight=1), plain("www", id="2", Weight=1)))
    assert account.fake.answers(WWW) == {"192.0.2.1": ALL}


def test_the_fastest_region_answers_by_the_table_or_by_distance(account: Account) -> None:
    regions = {"eu-central-1": "192.0.2.1", "us-east-2": "192.0.2.2"}
    account.change(create(*(plain("www", value, id=it, Region=it) for it, value in regions.items())))
    assert account.fake.answers(WWW, client=ISTANBUL) == {"192.0.2.1": ALL}
    assert account.fake.answers(WWW, client=OHIO) == {"192.0.2.2": ALL}
    table = {"eu-central-1": 80.0, "us-east-2": 79.0, "eu-west-1": 1.0}
    assert account.fake.answers(WWW, client=ISTANBUL, latency=table) == {"192.0.2.2": ALL}
    assert account.fake.answers(WWW, client=NOBODY) == {"192.0.2.1": HALF, "192.0.2.2": HALF}


@pytest.mark.parametrize(("bias", "answer"), [(0, "192.0.2.1"), (90, "192.0.2.2")])
def test_bias_draws_clients_to_a_place(account: Account, bias: int, answer: str) -> None:
    near = {"Coordinates": {"Latitude": "50.11", "Longitude": "8.68"}}
    far = {"AWSRegion": "us-east-1", "Bias": bias}
    account.change(
        create(
            plain("www", "192.0.2.1", id="near", GeoProximityLocation=near),
            plain("www", "192.0.2.2", id="far", GeoProximityLocation=far),
        )
    )
    assert account.fake.answers(WWW, client=ISTANBUL) == {answer: ALL}


def test_bias_below_zero_drives_clients_away(account: Account) -> None:
    near = {"AWSRegion": "eu-central-1", "Bias": -90}
    account.change(
        create(
            plain("www", "192.0.2.1", id="near", GeoProximityLocation=near),
            plain("www", "192.0.2.2", id="far", GeoProximityLocation={"AWSRegion": "us-east-1"}),
        )
    )
    assert account.fake.answers(WWW, client=ISTANBUL) == {"192.0.2.2": ALL}


def test_the_primary_answers(account: Account) -> None:
    account.change(create(plain("www", "192.0.2.2", id="a", Failover="SECONDARY")))
    assert account.fake.answers(WWW) == {"192.0.2.2": ALL}
    account.change(create(plain("www", "192.0.2.1", id="b", Failover="PRIMARY")))
    assert account.fake.answers(WWW) == {"192.0.2.1": ALL}


@pytest.mark.parametrize(("count", "share"), [(8, ALL), (16, HALF)])
def test_eight_of_many_values_are_in_an_answer(account: Account, count: int, share: Fraction) -> None:
    account.change(create(*(plain("www", f"192.0.2.{it}", id=str(it), MultiValueAnswer=True) for it in range(count))))
    assert account.fake.answers(WWW) == {f"192.0.2.{it}": share for it in range(count)}


@pytest.mark.parametrize(
    ("network", "answer"),
    [
        ("198.51.100.64/26", "192.0.2.2"),
        ("198.51.0.0/24", "192.0.2.1"),
        ("198.51.100.0/23", "192.0.2.1"),
        ("198.0.0.0/8", "192.0.2.3"),
        ("203.0.113.1/32", "192.0.2.3"),
        ("2001:db8::/56", "192.0.2.3"),
    ],
)
def test_the_longest_block_answers_or_the_default(account: Account, network: str, answer: str) -> None:
    collection = account.client.create_cidr_collection(Name="offices", CallerReference="1")["Collection"]["Id"]
    blocks = {"wide": "198.51.0.0/16", "narrow": "198.51.100.0/24"}
    changes = [{"LocationName": name, "Action": "PUT", "CidrList": [block]} for name, block in blocks.items()]
    account.client.change_cidr_collection(Id=collection, Changes=changes)
    account.change(
        create(
            *(
                plain("www", value, id=name, CidrRoutingConfig={"CollectionId": collection, "LocationName": name})
                for value, name in (("192.0.2.1", "wide"), ("192.0.2.2", "narrow"), ("192.0.2.3", "*"))
            )
        )
    )
    assert account.fake.answers(WWW, client=client(network)) == {answer: ALL}


def test_a_cname_is_followed_in_the_zone_and_out_of_it(account: Account) -> None:
    account.change(
        create(
            plain("a", "www.example.com", kind="CNAME"),
            plain("b", "www.example.net", kind="CNAME"),
            plain("www", "192.0.2.1"),
        )
    )
    assert account.fake.answers(f"a.{ZONE}") == {"192.0.2.1": ALL}
    assert account.fake.answers(f"b.{ZONE}") == {"www.example.net": ALL}
    assert account.fake.answers(f"b.{ZONE}", "CNAME") == {"www.example.net": ALL}


def test_a_wildcard_answers_for_names_that_are_not_there(account: Account) -> None:
    account.change(create(plain("*", "192.0.2.9"), plain("a.b"), plain("c", '"c"', kind="TXT")))
    assert account.fake.answers(f"x.y.{ZONE}") == {"192.0.2.9": ALL}
    for there in ("b", "c", "x.b"):  # that exist, if without an address, or are below one that does
        assert account.fake.answers(f"{there}.{ZONE}") == {}


def test_aliases_in_a_circle_have_no_answer(account: Account) -> None:
    account.change(create(plain("a"), alias(account.zone, "b", "a")))
    account.change(upsert(alias(account.zone, "a", "b")))
    assert account.fake.answers(f"a.{ZONE}") == {}


def test_name_servers_answer_what_has_come_to_them(account: Account, clock: Clock) -> None:
    account.change(create(plain("www", "192.0.2.1")))
    account.fake.settings.propagation = (0, 5, 10, 60)
    clock.advance(100)
    change = account.change(upsert(plain("www", "192.0.2.2")))["Id"]
    changed = clock()
    old, new = {"192.0.2.1": ALL}, {"192.0.2.2": ALL}
    assert [account.fake.answers(WWW, server=it) for it in range(4)] == [new, old, old, old]
    clock.advance(10)
    assert [account.fake.answers(WWW, server=it) for it in range(4)] == [new, new, new, old]
    assert account.fake.answers(WWW, server=1, at=changed) == old
    assert account.fake.answers(WWW) == new
    assert account.client.get_change(Id=change)["ChangeInfo"]["Status"] == "PENDING"
    clock.advance(50)
    assert account.client.get_change(Id=change)["ChangeInfo"]["Status"] == "INSYNC"
    assert account.fake.answers(WWW, server=3) == new


def test_the_zone_nearest_to_a_name_answers(account: Account) -> None:
    sub = account.fake.zone(f"sub.{ZONE}")
    account.change(create(plain("*", "192.0.2.9")))
    assert account.fake.answers(f"www.sub.{ZONE}") == {}
    assert account.fake.answers(f"www.sub.{ZONE}", zone=account.zone) == {"192.0.2.9": ALL}
    assert account.fake.record_sets(sub)
