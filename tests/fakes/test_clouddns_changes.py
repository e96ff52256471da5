"""Changes of the fake Cloud DNS as a whole: what they have to match, what they may not leave behind, and their size."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.clouddns import FakeCloudDns, Quota
from tests.fakes.clouddns_support import ZONE, Refused, backed_up, change, geo, google, reason, record, weighted

INVALID, REQUIRED = (400, "invalid"), (400, "required")
NEAR = record("near", "A", routingPolicy={"geo": geo(("us-east4", "192.0.2.1"))})


@pytest.fixture(scope="module")
def shared() -> Iterator[FakeCloudDns]:
    """One that refuses all that is asked of it, and so stays as it is."""
    with FakeCloudDns() as fake:
        fake.create(ZONE, "example.com.")
        fake.apply(
            ZONE, {"additions": [record("held", "A", "192.0.2.1", "192.0.2.2"), weighted("steered", one=1), NEAR]}
        )
        yield fake


@pytest.fixture
def untouched(shared: FakeCloudDns) -> Iterator[FakeCloudDns]:
    """Whatever is asked, nothing is altered."""
    before = shared.records(ZONE)
    yield shared
    assert shared.records(ZONE) == before


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        (record("none", "A", "192.0.2.1"), (404, "notFound")),
        (record("held", "AAAA", "2001:db8::1"), (404, "notFound")),
        (record("held", "A", "192.0.2.1"), (412, "conditionNotMet")),
        (record("held", "A", "192.0.2.1", "192.0.2.2", ttl=61), (412, "conditionNotMet")),
        (weighted("steered", one=2), (412, "conditionNotMet")),
        (weighted("steered", one=1, other=1), (412, "conditionNotMet")),
        (
            record("near", "A", routingPolicy={"geo": geo(("us-east4", "192.0.2.1"), fencing=True)}),
            (412, "conditionNotMet"),
        ),
        (record("near", "A", routingPolicy={"geo": geo(("us-east5", "192.0.2.1"))}), (412, "conditionNotMet")),
        (record("steered", "A", "192.0.2.1"), (412, "conditionNotMet")),
        (record("held", "A"), INVALID),
        (record("example.com.", "TXT", '"x"'), (404, "notFound")),
    ],
)
def test_a_deletion_has_to_match_what_is_held(untouched: FakeCloudDns, gone: Any, expected: tuple[int, str]) -> None:
    new = record("new", "A", "192.0.2.1")
    assert reason(change(untouched, new, deletions=(gone,))) == expected


def test_a_set_is_deleted_once(untouched: FakeCloudDns) -> None:
    held = record("held", "A", "192.0.2.1", "192.0.2.2")
    assert reason(change(untouched, deletions=(held, held))) == (404, "notFound")


def test_an_addition_is_of_what_is_not_there(untouched: FakeCloudDns) -> None:
    new = record("new", "A", "192.0.2.1")
    assert reason(change(untouched, new, record("held", "A", "192.0.2.9"))) == (409, "alreadyExists")
    assert reason(change(untouched, new, new)) == (409, "alreadyExists")
    assert reason(change(untouched)) == REQUIRED


def test_errors_are_worded_as_googles_are(untouched: FakeCloudDns) -> None:
    def said(*additions: Any, deletions: tuple[Any, ...] = ()) -> str:
        document = change(untouched, *additions, deletions=deletions)[1]["error"]
        assert document["errors"][0] == {"message": document["message"], "domain": "global"} | document["errors"][0]
        return str(document["message"])

    gone = "entity.change.deletions[held.example.com.][A]"
    held = "entity.change.additions[held.example.com.][A]"
    assert said(deletions=(record("held", "A", "192.0.2.1"),)) == f"Precondition not met for '{gone}'"
    assert (
        said(record("held", "A", "192.0.2.9")) == f"The resource '{held}' named 'held.example.com. (A)' already exists"
    )
    assert said(record("held", "A")) == f"Invalid value for '{held}.rrdata': '<empty>'"
    assert said(deletions=(record("none", "A", "192.0.2.1"),)) == (
        "The 'entity.change.deletions[none.example.com.][A]' resource named 'none.example.com. (A)' does not exist."
    )


def test_googles_client_raises_what_it_raises_at_google(untouched: FakeCloudDns) -> None:
    with google(untouched) as client:
        zone = client.zone(ZONE)
        made = zone.changes()
        made.delete_record_set(zone.resource_record_set("held.example.com.", "A", 60, ["192.0.2.1"]))
        with pytest.raises(Refused, match="Precondition not met") as raised:
            made.create()
    assert raised.value.code == 412
    assert raised.value.errors[0]["reason"] == "conditionNotMet"


def test_an_alias_is_alone_at_its_name() -> None:
    alias, address = record("www", "CNAME", "a.test."), record("www", "A", "192.0.2.1")
    conflict = (400, "cnameResourceRecordSetConflict")
    with FakeCloudDns() as fake:
        fake.create(ZONE, "example.com.")
        assert reason(change(fake, alias, address)) == conflict
        assert change(fake, alias)[0] == 200
        assert reason(change(fake, address)) == conflict
        assert reason(change(fake, record("www", "TXT", "x"))) == conflict
        assert change(fake, address, deletions=(alias,))[0] == 200
        assert reason(change(fake, alias)) == conflict


@pytest.mark.parametrize("kind", ["SOA", "NS"])
def test_the_apex_is_replaced_and_never_removed(kind: str) -> None:
    with FakeCloudDns() as fake:
        fake.create(ZONE, "example.com.")
        held = fake.records(ZONE)["example.com.", kind].to_json()
        assert reason(change(fake, deletions=(held,))) == (400, "invalidZoneApex")
        assert change(fake, {**held, "ttl": 5}, deletions=(held,))[0] == 200
        assert fake.records(ZONE)["example.com.", kind].ttl == 5


def test_a_change_has_at_most_1000_additions_and_deletions() -> None:
    some = [record(f"w{number}", "A", "192.0.2.1") for number in range(1001)]
    with FakeCloudDns() as fake:
        fake.create(ZONE, "example.com.")
        status, document = change(fake, *some, deletions=tuple(some))
        assert (status, [each["reason"] for each in document["error"]["errors"]]) == (403, ["quotaExceeded"] * 2)
        assert document["error"]["message"] == "The change would exceed quota for additions per change."
        assert change(fake, *some[:1000])[0] == 200
        assert change(fake, deletions=tuple(some[:1000]))[0] == 200


@pytest.mark.parametrize(
    ("quota", "given"),
    [
        (Quota(rrdata_size=17), [record("a", "A", "192.0.2.1"), record("b", "A", "192.0.2.2")]),
        (Quota(records_per_set=1), [record("a", "A", "192.0.2.1", "192.0.2.2")]),
        (Quota(sets_per_zone=3), [record("a", "A", "192.0.2.1"), record("b", "A", "192.0.2.2")]),
        (Quota(items_per_policy=2), [weighted(a=1, b=1, c=1)]),
        (Quota(items_per_policy=1), [backed_up()]),
    ],
)
def test_sizes_are_limited(quota: Quota, given: list[Any]) -> None:
    with FakeCloudDns(quota=quota) as fake:
        fake.create(ZONE, "example.com.")
        assert reason(change(fake, *given)) == (403, "quotaExceeded")
        assert len(fake.records(ZONE)) == 2
    with FakeCloudDns() as fake:
        fake.create(ZONE, "example.com.")
        assert change(fake, *given)[0] == 200
