"""The fake Route 53: the rules of its routing policies."""

from itertools import permutations
from typing import Any

import pytest

from tests.fakes.account import ZONE, Account, alias, create, delete, plain, refusal, upsert
from tests.fakes.route53.places import COUNTRIES, REGIONS

POLICIES: list[dict[str, Any]] = [
    {"Weight": 1},
    {"Region": "eu-west-1"},
    {"Failover": "PRIMARY"},
    {"MultiValueAnswer": True},
    {"GeoLocation": {"ContinentCode": "EU"}},
    {"GeoProximityLocation": {"AWSRegion": "eu-west-1", "Bias": 0}},
]
NAMES = [next(iter(policy)) for policy in POLICIES]


@pytest.mark.parametrize("policy", POLICIES, ids=NAMES)
def test_a_policy_needs_an_identifier(account: Account, policy: dict[str, Any]) -> None:
    assert "Missing field 'SetIdentifier'" in account.refused(create(plain("w", **policy)), code="InvalidInput")


def test_an_identifier_needs_a_policy(account: Account) -> None:
    why = account.refused(create(plain("w", id="a")), code="InvalidInput")
    assert "Expected exactly one of [Weight, Region, Failover" in why


def test_a_record_set_has_one_policy(account: Account) -> None:
    why = account.refused(create(plain("w", id="a", Weight=1, Region="eu-west-1")), code="InvalidInput")
    assert "but found more than one" in why


def test_an_identifier_has_128_characters_at_most(account: Account) -> None:
    account.refused(create(plain("w", id="a" * 129, Weight=1)), code="InvalidInput")
    account.change(create(plain("w", id="a" * 128, Weight=1)))


@pytest.mark.parametrize("policy", POLICIES, ids=NAMES)
def test_a_simple_record_set_is_alone(account: Account, policy: dict[str, Any]) -> None:
    account.change(create(plain("w")))
    account.refused(create(plain("w", id="a", **policy)))
    account.change(delete(plain("w")), create(plain("w", id="a", **policy)))
    why = account.refused(create(plain("w")))
    what = f"RRSet with DNS name w.{ZONE}, type A"
    assert why == f"[{what} cannot be created as other RRSets exist with the same name and type.]"
    account.change(create(plain("w", "2001:db8::1", kind="AAAA")))  # of another type


@pytest.mark.parametrize(
    ("policy", "other"), list(permutations(POLICIES, 2)), ids=map("-".join, permutations(NAMES, 2))
)
def test_policies_do_not_mix(account: Account, policy: dict[str, Any], other: dict[str, Any]) -> None:
    account.change(create(plain("w", id="a", **policy)))
    account.refused(create(plain("w", id="b", **other)))
    account.change(upsert(plain("w", id="a", **other)))  # the only one of its name may change its policy


@pytest.mark.parametrize("weight", [-1, 256])
def test_a_weight_has_bounds(account: Account, weight: int) -> None:
    why = account.refused(create(plain("w", id="a", Weight=weight)), code="InvalidInput")
    assert f"Value '{weight}' at 'changeBatch.changes.1.member.resourceRecordSet.weight'" in why


def test_the_least_and_the_most_weight_are_taken(account: Account) -> None:
    account.change(create(plain("w", id="a", Weight=0), plain("w", id="b", Weight=255)))


def test_weighted_record_sets_have_one_ttl(account: Account) -> None:
    account.change(create(plain("w", id="a", Weight=1), plain("w", id="b", Weight=1)))
    assert "must contain the same TTL" in account.refused(upsert(plain("w", id="a", Weight=1, ttl=5)))
    account.change(upsert(plain("w", id="a", Weight=1, ttl=5), plain("w", id="b", Weight=1, ttl=5)))


def test_a_hundred_weighted_record_sets_have_one_name(account: Account) -> None:
    account.change(create(*(plain("w", id=str(number), Weight=1) for number in range(100))))
    account.refused(create(plain("w", id="100", Weight=1)))
    account.change(upsert(plain("w", id="99", Weight=2)))
    account.change(create(plain("w", "2001:db8::1", kind="AAAA", id="100", Weight=1)))


def test_a_hundred_locations_have_one_name(account: Account) -> None:
    places = [plain("w", id=it, GeoLocation={"CountryCode": it}) for it in COUNTRIES[:101]]
    account.refused(create(*places))
    account.change(create(*places[:100]))


def test_thirty_places_of_geoproximity_have_one_name(account: Account) -> None:
    places = [plain("w", id=it, GeoProximityLocation={"AWSRegion": it}) for it in list(REGIONS)[:31]]
    account.refused(create(*places))
    account.change(create(*places[:30]))


@pytest.mark.parametrize("policy", [{"Weight": 1}, {"Region": "eu-west-1"}])
def test_a_weighted_or_latency_record_set_has_one_value(account: Account, policy: dict[str, Any]) -> None:
    several = plain("w", "192.0.2.1", "192.0.2.2", id="a", **policy)
    account.refused(create(several))
    account.fake.settings.one_value = False
    account.change(create(several))


@pytest.mark.parametrize(
    ("policy", "another"),
    [
        ({"Region": "eu-west-1"}, {"Region": "eu-west-2"}),
        ({"Failover": "PRIMARY"}, {"Failover": "SECONDARY"}),
        ({"Failover": "SECONDARY"}, {"Failover": "PRIMARY"}),
        ({"GeoLocation": {"ContinentCode": "EU"}}, {"GeoLocation": {"ContinentCode": "AS"}}),
        ({"GeoLocation": {"CountryCode": "*"}}, {"GeoLocation": {"CountryCode": "TR"}}),
        ({"GeoLocation": {"CountryCode": "US", "SubdivisionCode": "CA"}}, {"GeoLocation": {"CountryCode": "US"}}),
        ({"GeoProximityLocation": {"AWSRegion": "eu-west-1"}}, {"GeoProximityLocation": {"AWSRegion": "eu-west-2"}}),
    ],
)
def test_each_place_and_each_role_is_there_once(
    account: Account, policy: dict[str, Any], another: dict[str, Any]
) -> None:
    account.change(create(plain("w", id="a", **policy)))
    account.refused(create(plain("w", id="b", **policy)))
    account.change(create(plain("w", id="b", **another)))


def test_a_place_moves_from_one_identifier_to_another_in_one_batch(account: Account) -> None:
    europe: dict[str, Any] = {"GeoLocation": {"ContinentCode": "EU"}}
    account.change(create(plain("w", id="a", **europe)))
    account.change(delete(plain("w", id="a", **europe)), create(plain("w", id="b", **europe)))


@pytest.mark.parametrize(
    "place",
    [
        {"ContinentCode": "XX"},
        {"CountryCode": "XX"},
        {"CountryCode": "EH"},
        {"CountryCode": "TR", "SubdivisionCode": "34"},
        {"CountryCode": "US", "SubdivisionCode": "PR"},
        {"CountryCode": "UA", "SubdivisionCode": "43"},
    ],
)
def test_a_location_is_one_that_route_53_has(account: Account, place: dict[str, str]) -> None:
    account.refused(create(plain("w", id="a", GeoLocation=place)))


@pytest.mark.parametrize("place", [{"ContinentCode": "EU", "CountryCode": "DE"}, {"SubdivisionCode": "CA"}, {}])
def test_a_location_is_a_continent_or_a_country(account: Account, place: dict[str, str]) -> None:
    account.refused(create(plain("w", id="a", GeoLocation=place)), code="InvalidInput")


@pytest.mark.parametrize(
    "place", [{"CountryCode": "US", "SubdivisionCode": "DC"}, {"CountryCode": "UA", "SubdivisionCode": "11"}]
)
def test_subdivisions_of_two_countries_are_known(account: Account, place: dict[str, str]) -> None:
    account.change(create(plain("w", id="a", GeoLocation=place)))


@pytest.mark.parametrize(
    "place",
    [
        {"AWSRegion": "eu-west-1", "Bias": 100},
        {"AWSRegion": "eu-west-1", "Bias": -100},
        {"AWSRegion": "atlantis-1"},
        {"AWSRegion": "eu-west-1", "Coordinates": {"Latitude": "1", "Longitude": "1"}},
        {"Bias": 1},
        {"Coordinates": {"Latitude": "91", "Longitude": "1"}},
        {"Coordinates": {"Latitude": "1", "Longitude": "180.01"}},
        {"Coordinates": {"Latitude": "1.234", "Longitude": "1"}},
    ],
)
def test_a_place_of_geoproximity_has_one_form_and_bounds(account: Account, place: dict[str, Any]) -> None:
    account.refused(create(plain("w", id="a", GeoProximityLocation=place)), code="InvalidInput")


def test_the_most_bias_is_taken(account: Account) -> None:
    places = [("eu-west-1", 99), ("eu-west-2", -99)]
    account.change(
        create(*(plain("w", id=it, GeoProximityLocation={"AWSRegion": it, "Bias": bias}) for it, bias in places))
    )


@pytest.mark.parametrize("policy", [{"Region": "atlantis-1"}, {"Failover": "TERTIARY"}])
def test_regions_and_roles_are_those_of_the_model(account: Account, policy: dict[str, Any]) -> None:
    account.refused(create(plain("w", id="a", **policy)), code="InvalidInput")


def test_a_multivalue_answer_is_neither_alias_nor_cname(account: Account) -> None:
    account.change(create(plain("www")))
    account.refused(create(alias(account.zone, "w", "www", id="a", MultiValueAnswer=True)))
    account.refused(create(plain("w", "example.net", kind="CNAME", id="a", MultiValueAnswer=True)))


def test_a_delegation_is_simple(account: Account) -> None:
    account.refused(create(plain("w", "ns.example.net", kind="NS", id="a", Weight=1)))


def offices(account: Account, name: str = "offices", **blocks: str) -> str:
    made = account.client.create_cidr_collection(Name=name, CallerReference="1")["Collection"]["Id"]
    changes = [{"LocationName": name, "Action": "PUT", "CidrList": [block]} for name, block in blocks.items()]
    account.client.change_cidr_collection(Id=made, Changes=changes)
    return str(made)


def at_office(collection: str, location: str) -> dict[str, Any]:
    return {"CidrRoutingConfig": {"CollectionId": collection, "LocationName": location}}


def test_a_private_zone_takes_ip_based_routing_which_is_not_supported_there(account: Account) -> None:
    """Amazon Route 53 Developer Guide, Values specific for IP-based records: it is "allowed", not "supported"."""
    inside = Account(account.fake, account.client, account.fake.zone(ZONE, private=True))
    inside.change(create(plain("w", id="a", **at_office(offices(account, izmir="192.0.2.0/24"), "izmir"))))
    assert len(inside.held("w")) == 1


def test_a_cidr_record_set_names_a_collection_and_a_location_that_exist(account: Account) -> None:
    collection = offices(account, izmir="192.0.2.0/24")
    account.change(create(plain("w", id="a", **at_office(collection, "izmir"))))
    account.change(create(plain("w", id="b", **at_office(collection, "*"))))
    account.refused(create(plain("w", id="c", **at_office(collection, "izmir"))))
    account.refused(create(plain("w", id="c", **at_office(collection, "ankara"))))
    unknown = "00000000-0000-0000-0000-000000000000"
    account.refused(create(plain("w", id="c", **at_office(unknown, "*"))), code="NoSuchCidrCollectionException")
    other = offices(account, "others", bursa="203.0.113.0/24")
    account.refused(create(plain("w", id="c", **at_office(other, "bursa"))))
    assert account.held("w")[0] == plain("w", id="a", **at_office(collection, "izmir"))


def test_a_collection_in_use_is_not_deleted(account: Account) -> None:
    collection = offices(account, izmir="192.0.2.0/24")
    account.change(create(plain("w", id="b", **at_office(collection, "*"))))
    empty = {"LocationName": "izmir", "Action": "DELETE_IF_EXISTS", "CidrList": ["192.0.2.0/24"]}
    account.client.change_cidr_collection(Id=collection, Changes=[empty])
    refusal(lambda: account.client.delete_cidr_collection(Id=collection), "CidrCollectionInUseException")
    account.change(delete(plain("w", id="b", **at_office(collection, "*"))))
    account.client.delete_cidr_collection(Id=collection)


def test_aliases_are_weighted_below_a_location(account: Account) -> None:
    account.change(
        create(
            plain("v1"),
            plain("v2"),
            alias(account.zone, "pool", "v1", id="1", Weight=1),
            alias(account.zone, "pool", "v2", id="2", Weight=3),
            alias(account.zone, "www", "pool", id="eu", GeoLocation={"ContinentCode": "EU"}),
            alias(account.zone, "www", "v1", id="default", GeoLocation={"CountryCode": "*"}),
        )
    )
    assert len(account.held("www")) == 2
