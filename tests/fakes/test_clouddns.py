"""The fake Cloud DNS as Google's client sees it, and what that client cannot ask for."""

import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
import trustme

from tests.fakes.clouddns import FakeCloudDns, Quota
from tests.fakes.clouddns_support import (
    CHANGES,
    RECORDS,
    ZONE,
    Refused,
    backed_up,
    change,
    geo,
    google,
    reason,
    record,
    send,
    weighted,
)


@pytest.fixture
def fake() -> Iterator[FakeCloudDns]:
    with FakeCloudDns("p") as running:
        running.create(ZONE, "example.com.")
        yield running


@pytest.fixture
def client(fake: FakeCloudDns) -> Iterator[Any]:
    with google(fake) as made:
        yield made


def test_a_new_zone_has_its_apex_and_its_nameservers(client: Any) -> None:
    zone = client.zone("other", "Other.example.", "of others")
    zone.create()
    assert zone.exists()
    zone.reload()
    assert zone.dns_name == "other.example."
    assert len(zone.name_servers) == 4
    assert zone.created.tzinfo is not None
    apex = {each.record_type: each for each in zone.list_resource_record_sets()}
    assert apex.keys() == {"SOA", "NS"}
    assert apex["NS"].rrdatas == zone.name_servers
    assert [each.name for each in zone.list_changes()] == ["0"]


def test_zones_are_listed_in_pages_and_found_by_their_name_in_dns(fake: FakeCloudDns, client: Any) -> None:
    for number in range(200):
        fake.create(f"z{number}", f"z{number}.test.")
    assert len({zone.name for zone in client.list_zones()}) == 201
    assert fake.count("managedZones.list") == 3
    _, found = send(fake, "GET", "/managedZones", dnsName="z2.test.")
    assert [zone["name"] for zone in found["managedZones"]] == ["z2"]


def test_a_zone_is_found_by_its_number_too(fake: FakeCloudDns) -> None:
    number = fake.zone(ZONE).number
    assert send(fake, "GET", f"/managedZones/{number}")[1]["name"] == ZONE


def test_a_private_zone_says_so(fake: FakeCloudDns) -> None:
    document = {"name": "inner", "dnsName": "inner.test.", "description": "-", "visibility": "private"}
    status, zone = send(fake, "POST", "/managedZones", document)
    assert (status, zone["visibility"]) == (200, "private")


def test_a_zone_with_records_is_not_deleted(client: Any, fake: FakeCloudDns) -> None:
    fake.fill(ZONE, 1)
    with pytest.raises(Refused, match=r"^400 .* cannot be deleted because it contains one or more"):
        client.zone(ZONE).delete()
    fake.create("empty", "empty.test.")
    client.zone("empty").delete()
    assert not client.zone("empty").exists()


def test_a_change_adds_and_deletes(client: Any) -> None:
    zone = client.zone(ZONE)
    old = zone.resource_record_set("www.example.com.", "A", 60, ["192.0.2.1", "192.0.2.2"])
    first = zone.changes()
    first.add_record_set(old)
    first.create()
    assert (first.name, first.status) == ("1", "done")
    assert first.started.tzinfo is not None
    second = zone.changes()
    second.delete_record_set(zone.resource_record_set("WWW.example.com.", "A", 60, ["192.0.2.2", "192.0.2.1"]))
    second.add_record_set(zone.resource_record_set("www.example.com.", "A", 30, ["192.0.2.3"]))
    second.create()
    held = {each.name: each for each in zone.list_resource_record_sets() if each.record_type == "A"}
    assert (held["www.example.com."].ttl, held["www.example.com."].rrdatas) == (30, ["192.0.2.3"])
    assert [each.name for each in zone.list_changes()] == ["2", "1", "0"]


def test_googles_client_stumbles_over_a_policy(client: Any, fake: FakeCloudDns) -> None:
    """As it does at Google: a set that has a policy comes without rrdatas."""
    change(fake, weighted(one=1, other=2))
    with pytest.raises(KeyError, match="rrdatas"):
        list(client.zone(ZONE).list_resource_record_sets())


@pytest.mark.parametrize(
    "given",
    [
        weighted(one=1, other=0.5),
        record("www", "A", routingPolicy={"geo": geo(("europe-west3", "192.0.2.1"), fencing=True)}),
        backed_up(),
    ],
)
def test_a_policy_reads_back_as_it_was_written_and_can_be_deleted_so(fake: FakeCloudDns, given: Any) -> None:
    assert change(fake, given)[0] == 200
    _, held = send(fake, "GET", f"{RECORDS}/www.example.com./A")
    assert _bare(held) == given
    assert change(fake, deletions=(held,))[0] == 200
    assert send(fake, "GET", f"{RECORDS}/www.example.com./A")[0] == 404


def _bare(document: Any) -> Any:
    """Without ``kind``."""
    if isinstance(document, dict):
        return {name: _bare(value) for name, value in document.items() if name != "kind"}
    return [_bare(each) for each in document] if isinstance(document, list) else document


def test_record_sets_come_in_pages_that_survive_changes_in_between(fake: FakeCloudDns) -> None:
    fake.fill(ZONE, 250)
    _, first = send(fake, "GET", RECORDS)
    assert len(first["rrsets"]) == 100
    change(fake, deletions=(first["rrsets"][-1],))
    _, second = send(fake, "GET", RECORDS, pageToken=first["nextPageToken"], maxResults=1000)
    assert "nextPageToken" not in second
    names = [(each["name"], each["type"]) for each in first["rrsets"] + second["rrsets"]]
    assert len(set(names)) == len(names) == 252


def test_record_sets_are_filtered_by_name_and_type(fake: FakeCloudDns) -> None:
    change(fake, record("www", "A", "192.0.2.1"), record("www", "TXT", '"x"'), record("w", "A", "192.0.2.1"))
    assert {each["type"] for each in send(fake, "GET", RECORDS, name="www.example.com.")[1]["rrsets"]} == {"A", "TXT"}
    _, found = send(fake, "GET", RECORDS, name="www.example.com.", type="TXT")
    assert [each["rrdatas"] for each in found["rrsets"]] == [['"x"']]
    _, first = send(fake, "GET", RECORDS, name="www.example.com.", maxResults=1)
    _, second = send(fake, "GET", RECORDS, name="www.example.com.", maxResults=1, pageToken=first["nextPageToken"])
    assert [each["type"] for each in first["rrsets"] + second["rrsets"]] == ["A", "TXT"]
    assert "nextPageToken" not in second
    assert send(fake, "GET", RECORDS, name="none.example.com.")[1]["rrsets"] == []
    assert reason(send(fake, "GET", RECORDS, type="A")) == (400, "invalid")
    assert reason(send(fake, "GET", RECORDS, name="www.example.com")) == (400, "invalid")


@pytest.mark.parametrize("path", [RECORDS, CHANGES])
@pytest.mark.parametrize(
    "query", [{"maxResults": 0}, {"maxResults": 1001}, {"pageToken": "%%%"}, {"pageToken": "eA=="}]
)
def test_pages_that_are_none_are_refused(fake: FakeCloudDns, path: str, query: dict[str, Any]) -> None:
    assert reason(send(fake, "GET", path, **query)) == (400, "invalid")


def test_changes_are_listed_in_both_orders_and_in_pages(fake: FakeCloudDns) -> None:
    for number in range(4):
        change(fake, record(f"w{number}", "A", "192.0.2.1"))
    token, seen = "", []
    while True:
        _, page = send(fake, "GET", CHANGES, sortOrder="ascending", maxResults=2, pageToken=token)
        seen += [each["id"] for each in page["changes"]]
        if not (token := page.get("nextPageToken", "")):
            break
    assert seen == ["0", "1", "2", "3", "4"]
    assert send(fake, "GET", CHANGES)[1]["changes"][0]["additions"][0]["name"] == "w3.example.com."
    assert reason(send(fake, "GET", CHANGES, sortOrder="up")) == (400, "invalid")
    assert reason(send(fake, "GET", CHANGES, sortBy="age")) == (400, "invalid")


def test_a_change_is_pending_until_all_servers_have_it() -> None:
    now = [100.0]
    with FakeCloudDns(propagation=5.0, clock=lambda: now[0]) as fake, google(fake) as client:
        fake.create(ZONE, "example.com.")
        zone = client.zone(ZONE)
        made = zone.changes()
        made.add_record_set(zone.resource_record_set("www.example.com.", "A", 60, ["192.0.2.1"]))
        made.create()
        assert made.status == "pending"
        now[0] = 104.9
        made.reload()
        assert made.status == "pending"
        now[0] = 105.0
        made.reload()
        assert made.status == "done"


def test_a_change_can_be_asked_for_in_part_and_one_that_is_none_is_not_found(fake: FakeCloudDns, client: Any) -> None:
    change(fake, record("www", "A", "192.0.2.1"))
    made = client.zone(ZONE).changes()
    made.name = "1"
    assert made.exists()
    assert send(fake, "GET", f"{CHANGES}/1", fields="id")[1] == {"id": "1"}
    made.name = "2"
    assert not made.exists()


def test_the_serial_rises_with_each_change(fake: FakeCloudDns) -> None:
    def serial() -> int:
        soa = fake.records(ZONE)["example.com.", "SOA"].rrdatas[0]
        return int(soa.split()[2])

    assert serial() == 1
    change(fake, record("www", "A", "192.0.2.1"))
    assert serial() == 2
    change(fake, record("www", "A", "192.0.2.1"))  # which is refused
    assert serial() == 2
    held = fake.records(ZONE)["example.com.", "SOA"].to_json()
    replaced = {**held, "rrdatas": [held["rrdatas"][0].replace(" 2 ", " 70 ")]}
    assert change(fake, replaced, deletions=(held,))[0] == 200
    assert serial() == 70


def test_quotas_are_told(client: Any) -> None:
    quotas = client.quotas()
    assert (quotas["rrsetAdditionsPerChange"], quotas["rrsetDeletionsPerChange"]) == (1000, 1000)
    assert quotas["itemsPerRoutingPolicy"] == 100


def test_one_record_set_is_created_altered_and_deleted_by_itself(fake: FakeCloudDns) -> None:
    path = f"{RECORDS}/www.example.com./A"
    assert send(fake, "POST", RECORDS, record("www", "A", "192.0.2.1"))[0] == 200
    status, refused = send(fake, "POST", RECORDS, record("www", "A", "192.0.2.1"))
    assert status == 409
    assert refused["error"]["message"] == "The resource 'entity.rrset' named 'www.example.com. (A)' already exists"
    assert send(fake, "PATCH", path, {"ttl": 5})[1] == send(fake, "GET", path)[1]
    assert send(fake, "GET", path)[1]["ttl"] == 5
    policy = weighted(one=1)["routingPolicy"]
    assert _bare(send(fake, "PATCH", path, {"routingPolicy": policy})[1]) == {**weighted(one=1), "ttl": 5}
    assert send(fake, "PATCH", path, {"rrdatas": ["192.0.2.9"]})[1]["rrdatas"] == ["192.0.2.9"]
    assert reason(send(fake, "PATCH", path, {"rrdatas": ["none"]})) == (400, "invalid")
    assert send(fake, "DELETE", path) == (200, {})
    assert reason(send(fake, "DELETE", path)) == (404, "notFound")
    assert reason(send(fake, "DELETE", f"{RECORDS}/example.com./NS")) == (400, "invalidZoneApex")


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/managedZones/none", "'parameters.managedZone' resource named 'none'"),
        ("/managedZones/none/rrsets", "'parameters.managedZone' resource named 'none'"),
        (f"{CHANGES}/99", "'parameters.changeId' resource named '99'"),
        (f"{RECORDS}/no.example.com./A", "'parameters.name' resource named 'no.example.com. (A)'"),
    ],
)
def test_what_is_not_there_is_named(fake: FakeCloudDns, path: str, named: str) -> None:
    status, document = send(fake, "GET", path)
    assert (status, document["error"]["code"]) == (404, 404)
    assert document["error"]["message"] == f"The {named} does not exist."


def test_a_project_that_is_not_there_is_named(fake: FakeCloudDns) -> None:
    status, document = send(fake, "GET", "/managedZones", project="none")
    assert (status, document["error"]["message"]) == (
        404,
        "The 'parameters.project' resource named 'none' does not exist.",
    )


def test_projects_hold_zones_of_their_own() -> None:
    with FakeCloudDns("p", "q") as fake:
        fake.create(ZONE, "example.com.")
        fake.create(ZONE, "example.com.", project="q")
        fake.fill(ZONE, 1, project="q")
        assert len(fake.records(ZONE)) == 2
        assert len(fake.records(ZONE, "q")) == 3


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"name": "Bad", "dnsName": "x.test.", "description": "-"}, (400, "invalid")),
        ({"name": "-bad", "dnsName": "x.test.", "description": "-"}, (400, "invalid")),
        ({"name": "good", "dnsName": "x.test", "description": "-"}, (400, "invalid")),
        ({"name": "good", "dnsName": "x.test."}, (400, "required")),
        ({"name": "good", "dnsName": "x.test.", "description": "-", "visibility": "none"}, (400, "invalid")),
        ({"name": ZONE, "dnsName": "x.test.", "description": "-"}, (409, "alreadyExists")),
    ],
)
def test_a_bad_zone_is_refused(fake: FakeCloudDns, document: Any, expected: tuple[int, str]) -> None:
    assert reason(send(fake, "POST", "/managedZones", document)) == expected


def test_zones_are_limited() -> None:
    with FakeCloudDns(quota=Quota(zones=1)) as fake:
        fake.create(ZONE, "example.com.")
        document = {"name": "more", "dnsName": "more.test.", "description": "-"}
        assert reason(send(fake, "POST", "/managedZones", document)) == (403, "quotaExceeded")


def test_what_the_api_does_not_know_is_refused(fake: FakeCloudDns) -> None:
    assert reason(send(fake, "GET", RECORDS, nmae="x")) == (400, "badRequest")
    assert reason(change(fake, record("www", "A", "192.0.2.1", weight=1))) == (400, "badRequest")
    assert reason(send(fake, "GET", RECORDS, maxResults="many")) == (400, "badRequest")
    bodies: list[Any] = [b"{", [], {"additions": "x"}, {"additions": [1]}, {"additions": [{"name": 5, "type": "A"}]}]
    for body in bodies:
        assert reason(send(fake, "POST", CHANGES, body)) == (400, "badRequest")
    assert reason(send(fake, "PUT", CHANGES, {})) == (404, "notFound")


def test_many_records_of_others_are_there_at_once(fake: FakeCloudDns) -> None:
    fake.fill(ZONE, 10_000)
    kinds = [kind for _, kind in fake.records(ZONE)]
    assert (kinds.count("A"), kinds.count("TXT")) == (9000, 1000)


def test_a_port_that_is_taken_is_told_where_the_fake_is_started(fake: FakeCloudDns) -> None:
    with pytest.raises(OSError, match="address already in use"), FakeCloudDns(port=urlsplit(fake.url).port or 0):
        pass


def test_it_runs_as_a_process() -> None:
    command = [sys.executable, "-m", "tests.fakes.clouddns", "--port", "0", "--zone", "example.com"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["zones"] == {"example.com.": "example-com"}
        with urlopen(f"{told['url']}/dns/v1/projects/{told['project']}/managedZones/example-com") as response:
            assert json.load(response)["dnsName"] == "example.com."
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_fake_speaks_tls_if_it_is_told_to() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with FakeCloudDns(tls=context) as fake:
        url = f"{fake.url}/dns/v1/projects/p"
        with urlopen(url, timeout=5, context=trust) as response:
            assert json.load(response)["id"] == "p"
        with pytest.raises(URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urlopen(url, timeout=5)
