"""The fake Route 53: what batches it takes, and that it takes all of one or nothing."""

from itertools import pairwise
from xml.etree.ElementTree import fromstring

import pytest

from tests.fakes.account import ZONE, Account, alias, create, delete, plain, refusal, upsert
from tests.fakes.route53 import Clock
from tests.fakes.route53.errors import invalid_batch


def test_what_exists_is_not_created(account: Account) -> None:
    account.change(create(plain("www")))
    why = account.refused(create(plain("www", "192.0.2.2")))
    assert why == f"[Tried to create resource record set [name='www.{ZONE}', type='A'] but it already exists]"


def test_an_identifier_is_named_in_what_is_wrong(account: Account) -> None:
    account.change(create(plain("www", id="one", Weight=1)))
    why = account.refused(create(plain("www", id="one", Weight=2)))
    assert f"[name='www.{ZONE}', type='A', set-identifier='one'] but it already exists" in why


def test_an_upsert_creates_and_replaces(account: Account) -> None:
    account.change(upsert(plain("www")))
    account.change(upsert(plain("www", "192.0.2.7", ttl=5)))
    assert account.held("www") == [plain("www", "192.0.2.7", ttl=5)]


def test_what_is_not_there_is_not_deleted(account: Account) -> None:
    why = account.refused(delete(plain("www")))
    assert why == f"[Tried to delete resource record set [name='www.{ZONE}', type='A'] but it was not found]"


@pytest.mark.parametrize(
    "stale",
    [
        plain("w", "192.0.2.1", id="a", Weight=5),
        plain("w", "192.0.2.1", "192.0.2.3", id="a", Weight=5),
        plain("w", "192.0.2.1", "192.0.2.2", id="a", Weight=5, ttl=61),
        plain("w", "192.0.2.1", "192.0.2.2", id="a", Weight=4),
        plain("w", "192.0.2.1", "192.0.2.2", id="a", Region="eu-west-1"),
    ],
)
def test_a_delete_says_exactly_what_is_there(account: Account, stale: dict[str, object]) -> None:
    account.fake.settings.one_value = False
    account.change(create(plain("w", "192.0.2.1", "192.0.2.2", id="a", Weight=5)))
    assert "but the values provided do not match the current values" in account.refused(delete(stale))
    account.change(delete(plain("w", "192.0.2.2", "192.0.2.1", id="a", Weight=5)))  # the order of values is no matter


def test_a_delete_names_the_identifier_and_not_a_neighbour(account: Account) -> None:
    account.change(create(plain("a", id="1", Weight=1), plain("b", id="1", Weight=1)))
    assert "it was not found" in account.refused(delete(plain("a", id="2", Weight=1)))
    account.change(delete(plain("a", id="1", Weight=1)))
    assert account.held("b")


def test_an_alias_is_deleted_with_the_very_target_it_has(account: Account) -> None:
    account.change(create(plain("one"), plain("two"), alias(account.zone, "x", "one")))
    assert "do not match" in account.refused(delete(alias(account.zone, "x", "two")))
    account.change(delete(alias(account.zone, "x", "one")))


def test_a_batch_compares_and_sets(account: Account) -> None:
    account.change(create(plain("www", "192.0.2.1")))
    account.change(delete(plain("www", "192.0.2.1")), create(plain("www", "192.0.2.2")))
    why = account.refused(delete(plain("www", "192.0.2.1")), create(plain("www", "192.0.2.3")))
    assert "do not match" in why
    assert account.held("www") == [plain("www", "192.0.2.2")]


def test_one_fault_refuses_the_whole_batch_and_all_faults_are_told(account: Account) -> None:
    why = account.refused(create(plain("good"), plain("bad", "one")), delete(plain("none")))
    assert "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with 'one'" in why
    assert "it was not found" in why
    assert not account.held("good")


def test_faults_are_told_together_and_listed_one_by_one(account: Account) -> None:
    told = [f"Tried to delete resource record set [name='{it}.{ZONE}', type='A'] but it was not found" for it in "ab"]
    assert account.refused(delete(plain("a"), plain("b"))) == f"[{told[0]}, {told[1]}]"
    listed = fromstring(invalid_batch(*told).xml("1")).iterfind("{*}Messages/{*}Message")
    assert [message.text for message in listed] == told


@pytest.mark.parametrize(
    "changes",
    [
        create(plain("w"), plain("w", "192.0.2.2")),
        upsert(plain("w"), plain("w", "192.0.2.2")),
        create(plain("w")) + delete(plain("w")),
        delete(plain("w")) + delete(plain("w")),
        delete(plain("w")) + upsert(plain("w", "192.0.2.2")),
    ],
)
def test_a_batch_has_one_change_for_each_record_set(account: Account, changes: list[dict[str, object]]) -> None:
    account.change(create(plain("w")))
    why = account.refused(changes)
    assert f"invalid set of changes for a resource record set 'A w.{ZONE}'" in why


def test_changes_are_judged_in_their_order(account: Account) -> None:
    cname = plain("w", "example.net", kind="CNAME")
    account.change(create(plain("w")))
    assert "conflicts with other records" in account.refused(create(cname), delete(plain("w")))
    account.change(delete(plain("w")), create(cname))


def many(count: int) -> list[str]:
    return [f"192.0.{number // 256}.{number % 256}" for number in range(count)]


def test_a_batch_has_a_thousand_records_at_most(account: Account) -> None:
    assert "limit of 1000" in account.refused(
        create(*(plain(label, *many(400)) for label in "ab"), plain("c", *many(201)))
    )
    account.change(create(*(plain(label, *many(400)) for label in "ab"), plain("c", *many(200))))


def test_upserts_count_twice(account: Account) -> None:
    assert "limit of 1000" in account.refused(upsert(plain("a", *many(400)), plain("b", *many(101))))
    account.change(upsert(plain("a", *many(400)), plain("b", *many(100))))


def test_a_batch_has_so_many_characters_at_most(account: Account) -> None:
    long = [
        plain(str(number), " ".join(f'"{letter * 255}"' for letter in "abcdefgh"), kind="TXT") for number in range(16)
    ]
    assert "limit of 32000" in account.refused(create(*long))
    assert "limit of 32000" in account.refused(upsert(*long[:8]))
    account.change(create(*long[:15]))


def test_a_record_set_has_four_hundred_values_at_most(account: Account) -> None:
    account.refused(create(plain("a", *many(401))))
    account.change(create(plain("a", *many(400))))


def test_a_zone_takes_one_change_at_a_time(account: Account, clock: Clock) -> None:
    account.fake.settings.in_flight = 2
    other = account.fake.zone("example.org")
    account.change(create(plain("a")))
    why = account.refused(create(plain("b")), code="PriorRequestNotComplete")
    assert "still processing a prior request" in why
    batch = {"Changes": create(plain("a.example.org."))}
    account.client.change_resource_record_sets(HostedZoneId=other, ChangeBatch=batch)
    clock.advance(2)
    account.change(create(plain("b")))


def test_names_are_in_the_zone(account: Account) -> None:
    why = account.refused(create(plain("www.example.org.")))
    assert why == f"[RRSet with DNS name www.example.org. is not permitted in zone {ZONE}]"
    account.refused(create(plain(f"not{ZONE}")))


@pytest.mark.parametrize("label", ["a" * 64, "a..b", ".".join(["a" * 60] * 5)])
def test_names_are_names(account: Account, label: str) -> None:
    account.refused(create(plain(label)))


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("A", "192.0.2.1", ["192.0.2.256", "192.0.2", "2001:db8::1", "www", ""]),
        ("AAAA", "2001:db8::1", ["192.0.2.1", "2001:db8::g", "fe80::1%eth0"]),
        ("CNAME", "www.example.net", ["", "a..b", "a b", "http://example.net/"]),
        ("TXT", r'"a \"b\"" "c"', ["a", '"a', 'a"b"', '""a""', '"a""b"', f'"{"x" * 256}"', '"a" b']),
        ("MX", "10 mail.example.net.", ["mail.example.net", "70000 mail.example.net", "x mail.example.net"]),
        ("NS", "ns.example.net.", ["", "a..b"]),
        ("SRV", "1 2 443 www.example.net", ["1 2 www.example.net", "1 2 70000 www.example.net"]),
        ("CAA", '0 issue "ca.example.net"', ["0 issue ca.example.net", '256 issue "a"', '0 is-sue "a"']),
        ("PTR", "www.example.net", ["a..b"]),
        ("DS", "1 8 2 AABB", ["1 8 2 AAB", "1 8 300 AABB"]),
        ("SSHFP", "1 2 aabb", ["1 2 xx"]),
        ("HTTPS", "1 . alpn=h2", ["x . alpn=h2"]),
        ("NAPTR", '1 2 "U" "E2U" "!a!b!" .', ['1 2 U "E2U" "!a!b!" .']),
    ],
)
def test_values_are_what_their_type_wants(account: Account, kind: str, good: str, bad: list[str]) -> None:
    for value in bad:
        account.refused(create(plain("x", value, kind=kind)))
    account.change(create(plain("x", good, kind=kind)))


def test_a_string_of_255_characters_is_not_too_long(account: Account) -> None:
    account.change(create(plain("x", f'"{"x" * 254}\\""', kind="TXT")))


def test_a_value_is_there_once(account: Account) -> None:
    assert "Duplicate Resource Record" in account.refused(create(plain("www", "192.0.2.1", "192.0.2.1")))


def test_a_type_that_does_not_exist_is_no_type(account: Account) -> None:
    account.refused(create(plain("x", kind="TYPE1")), code="InvalidInput")


def test_a_cname_is_alone(account: Account) -> None:
    cname = plain("x", "example.net", kind="CNAME")
    account.change(create(plain("x", "192.0.2.1")))
    assert "conflicts with other records with the same DNS name" in account.refused(create(cname))
    account.change(delete(plain("x")), create(cname))
    assert "a conflicting RRSet of type CNAME" in account.refused(create(plain("x", '"a"', kind="TXT")))
    account.refused(upsert(plain("x", "example.net", "example.org", kind="CNAME")))


def test_the_apex_has_no_cname(account: Account) -> None:
    why = account.refused(create(plain(ZONE, "example.net", kind="CNAME")))
    assert why == f"[RRSet of type CNAME with DNS name {ZONE} is not permitted at apex in zone {ZONE}]"


@pytest.mark.parametrize("kind", ["NS", "SOA"])
def test_what_every_zone_needs_is_changed_but_not_deleted(account: Account, kind: str) -> None:
    there = next(it for it in account.held(ZONE) if it["Type"] == kind)
    assert "A HostedZone must contain" in account.refused(delete(there))
    account.change(upsert({**there, "TTL": 60}))
    account.change(delete({**there, "TTL": 60}), create(there))


def test_an_soa_is_at_the_apex(account: Account) -> None:
    there = next(it for it in account.held(ZONE) if it["Type"] == "SOA")
    account.refused(create({**there, "Name": f"sub.{ZONE}"}))


def test_a_delegation_is_no_wildcard(account: Account) -> None:
    account.change(create(plain("sub", "ns.example.net", kind="NS")))
    account.refused(create(plain("*", "ns.example.net", kind="NS")))


@pytest.mark.parametrize(
    ("without", "why"),
    [
        (["TTL"], "Missing field 'TTL'"),
        (["ResourceRecords"], "Missing field 'ResourceRecords'"),
        (["TTL", "ResourceRecords"], "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords]"),
    ],
)
def test_a_plain_record_has_a_ttl_and_values(account: Account, without: list[str], why: str) -> None:
    record_set = {name: value for name, value in plain("www").items() if name not in without}
    assert why in account.refused(create(record_set), code="InvalidInput")


@pytest.mark.parametrize("ttl", [-1, 2**31])
def test_a_ttl_has_bounds(account: Account, ttl: int) -> None:
    why = account.refused(create(plain("www", ttl=ttl)), code="InvalidInput")
    assert f"Value '{ttl}' at 'changeBatch.changes.1.member.resourceRecordSet.tTL'" in why


def test_an_alias_has_neither_ttl_nor_values(account: Account) -> None:
    account.change(create(plain("www")))
    account.refused(create({**alias(account.zone, "x", "www"), "TTL": 60}), code="InvalidInput")
    account.refused(create({**plain("x"), **alias(account.zone, "x", "www")}), code="InvalidInput")


def test_an_alias_says_whether_health_is_evaluated(account: Account) -> None:
    target = {"HostedZoneId": account.zone, "DNSName": f"www.{ZONE}"}
    account.change(create(plain("www")))
    why = account.refused(create({"Name": f"x.{ZONE}", "Type": "A", "AliasTarget": target}), code="InvalidInput")
    assert "EvaluateTargetHealth" in why


def test_an_alias_has_a_target_of_its_type(account: Account) -> None:
    account.change(create(plain("www")))
    assert "but that target was not found" in account.refused(create(alias(account.zone, "x", "none")))
    assert "but that target was not found" in account.refused(create(alias(account.zone, "x", "www", kind="AAAA")))
    account.refused(create(alias(account.zone, "x", "x")))
    account.change(create(alias(account.zone, "x", "www")))


def test_an_alias_stays_in_its_zone_or_leads_to_a_service_of_aws(account: Account) -> None:
    other = account.fake.zone("example.org")
    outside = alias(account.zone, "x", "www.example.org.")
    assert "does not lie within the target zone" in account.refused(create(outside))
    account.refused(create(alias(other, "x", "example.org.")))
    account.change(create(alias("Z2FDTNDATAQYW2", "x", "d1.cloudfront.net.")))


def test_an_alias_comes_after_its_target(account: Account) -> None:
    www, of_www = plain("www"), alias(account.zone, "x", "www")
    assert "but that target was not found" in account.refused(create(of_www, www))
    account.change(create(www, of_www))
    assert "but that target was not found" in account.refused(upsert(of_www, www))
    account.change(upsert(www, of_www))


def test_a_target_is_not_taken_from_under_its_alias(account: Account) -> None:
    www, of_www = plain("www"), alias(account.zone, "x", "www")
    account.change(create(www, of_www))
    account.refused(delete(www))
    account.change(delete(www), create(plain("www", "192.0.2.2")))
    account.change(delete(plain("www", "192.0.2.2"), of_www))


@pytest.mark.parametrize("kind", ["NS", "SOA"])
def test_an_alias_is_of_an_ordinary_type(account: Account, kind: str) -> None:
    account.refused(create(alias(account.zone, "x", ZONE, kind=kind)))


def test_a_health_check_exists(account: Account) -> None:
    record_set = {**plain("www"), "HealthCheckId": "h1"}
    account.refused(create(record_set), code="NoSuchHealthCheck")
    account.fake.store.health_checks.add("h1")
    account.change(create(record_set))
    assert account.held("www") == [record_set]


def test_an_empty_batch_is_no_batch(account: Account) -> None:
    refusal(lambda: account.change([]), "InvalidInput")


def test_what_the_zone_held_is_known_for_every_change(account: Account, clock: Clock) -> None:
    for number in range(3):
        clock.advance(1)
        account.change(upsert(plain("www", f"192.0.2.{number}")))
    commits = account.fake.commits(account.zone)
    assert all(earlier < later for earlier, later in pairwise(commits))
    held = [[it.values for it in account.fake.record_sets(account.zone, at) if it.type == "A"] for at in commits]
    assert held == [[("192.0.2.0",)], [("192.0.2.1",)], [("192.0.2.2",)]]
