"""The fake Route 53: quotas, access, and all that it lets go wrong."""

import ssl
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import botocore
import pytest
import trustme
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError, ReadTimeoutError, SSLError

from tests.fakes.account import ZONE, Account, connected, create, plain, refusal, upsert
from tests.fakes.route53 import Access, Clock, Entry, FakeRoute53, Phase, Quota, errors, faults
from tests.waiting import eventually

CHANGE = "ChangeResourceRecordSets"


def test_a_burst_is_welcome_and_then_a_rate(account: Account, clock: Clock) -> None:
    account.fake.quota = Quota(burst=3, rate=1)
    for _ in range(3):
        account.change(upsert(plain("www")))
    assert account.refused(upsert(plain("www")), code="Throttling") == "Rate exceeded"
    account.listed()  # another action has a bucket of its own
    clock.advance(1)
    account.change(upsert(plain("www")))
    account.refused(upsert(plain("www")), code="Throttling")


def test_a_rate_may_be_that_of_all_actions_together(account: Account, clock: Clock) -> None:
    account.fake.quota = Quota(burst=1, rate=1, together=True)
    account.listed()
    account.refused(upsert(plain("www")), code="Throttling")
    clock.advance(1)
    account.change(upsert(plain("www")))


def test_fifty_requests_at_once_are_welcome_by_default() -> None:
    with FakeRoute53(clock=Clock()) as fake:
        client = connected(fake)
        for _ in range(50):
            client.list_hosted_zones()
        refusal(client.list_hosted_zones, "Throttling")


def test_throttling_has_status_400_and_is_what_botocore_retries(account: Account) -> None:
    account.fake.faults.add(faults.throttled())
    with pytest.raises(ClientError) as raised:
        account.change(create(plain("www")))
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    account.fake.faults.add(faults.throttled(), "ListHostedZones")
    patient = boto3.client(
        "route53",
        endpoint_url=account.fake.url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",
    )
    assert patient.list_hosted_zones()["ResponseMetadata"]["RetryAttempts"] == 1


def test_a_fault_is_for_the_request_it_is_meant_for(account: Account) -> None:
    account.fake.faults.add(faults.failing(500), nth=2)
    account.listed()
    account.change(upsert(plain("a")))
    refusal(lambda: account.change(upsert(plain("b"))), "InternalFailure")
    account.change(upsert(plain("c")))
    assert [bool(account.held(label)) for label in "abc"] == [True, False, True]


def test_a_fault_stays_until_it_is_cleared(account: Account) -> None:
    rule = account.fake.faults.always(faults.failing(), None, zone=account.zone, after=1)
    account.listed()
    for _ in range(3):
        refusal(account.listed, "ServiceUnavailable")
    account.client.list_hosted_zones()
    assert rule.seen == 4
    account.fake.faults.clear()
    account.listed()


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (faults.failing(503), "ServiceUnavailable", 503),
        (faults.denied(), "AccessDenied", 403),
        (faults.expired(), "ExpiredToken", 403),
        (faults.refused(errors.unknown_key()), "InvalidClientTokenId", 403),
        (faults.refused(errors.wrong_signature()), "SignatureDoesNotMatch", 403),
        (faults.refused(errors.prior_request()), "PriorRequestNotComplete", 400),
    ],
)
def test_an_error_comes_as_aws_sends_it(account: Account, fault: faults.Fault, code: str, status: int) -> None:
    account.fake.faults.add(fault)
    account.refused(create(plain("www")), code=code)
    entry = account.fake.log(CHANGE)[-1]
    assert (entry.error, entry.status, entry.committed) == (code, status, False)


def test_a_connection_is_cut_before_anything_is_done(account: Account) -> None:
    account.fake.faults.add(faults.dropped())
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        account.change(create(plain("www")))
    assert not account.held("www")
    entry = account.fake.log(CHANGE)[-1]
    assert (entry.status, len(entry.batch)) == (0, 1)


def test_a_connection_is_cut_after_all_is_done(account: Account) -> None:
    account.fake.faults.add(faults.lost())
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        account.change(create(plain("www")))
    assert account.held("www")
    assert account.fake.log(CHANGE)[-1].committed


def test_an_answer_may_come_too_late(account: Account) -> None:
    account.fake.faults.add(faults.slow(after=30))
    hasty = connected(account.fake, patience=0.2)
    batch = {"Changes": create(plain("www"))}
    with pytest.raises(ReadTimeoutError):
        hasty.change_resource_record_sets(HostedZoneId=account.zone, ChangeBatch=batch)
    assert account.held("www")


def test_a_request_may_wait_before_it_is_processed(account: Account) -> None:
    account.fake.faults.add(faults.slow(before=0.2))
    began = time.monotonic()
    account.change(create(plain("www")))
    assert time.monotonic() - began >= 0.2


def test_another_writer_comes_first(account: Account) -> None:
    other = connected(account.fake)

    def write() -> None:
        batch = {"Changes": create(plain("www", "192.0.2.66"))}
        other.change_resource_record_sets(HostedZoneId=account.zone, ChangeBatch=batch)

    account.fake.faults.add(faults.interfered(write))
    refusal(lambda: account.change(create(plain("www"))), "InvalidChangeBatch")
    assert account.held("www") == [plain("www", "192.0.2.66")]


def test_a_read_only_role_reads_only() -> None:
    with FakeRoute53(access=Access(read_only={"AKIDTEST"})) as fake:
        zone = fake.zone(ZONE)
        account = Account(fake, connected(fake), zone)
        assert account.listed()
        why = account.refused(create(plain("www")), code="AccessDenied")
        assert "is not authorized to perform: route53:ChangeResourceRecordSets" in why


def client(fake: FakeRoute53, key: str, secret: str, token: str | None = None) -> Any:
    options = {"endpoint_url": fake.url, "region_name": "us-east-1", "aws_session_token": token}
    return boto3.client("route53", aws_access_key_id=key, aws_secret_access_key=secret, **options)


def test_a_signature_is_checked_where_secrets_are_known() -> None:
    with FakeRoute53(access=Access({"AKID": "right"})) as fake:
        zone = fake.zone(ZONE)
        good = client(fake, "AKID", "right")
        good.list_resource_record_sets(HostedZoneId=zone, StartRecordName=r"\052.a b.example.com", StartRecordType="A")
        good.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": create(plain("www"))})
        refusal(client(fake, "AKID", "wrong").list_hosted_zones, "SignatureDoesNotMatch")
        refusal(client(fake, "OTHER", "right").list_hosted_zones, "InvalidClientTokenId")


def test_a_session_comes_to_its_end() -> None:
    access = Access()
    with FakeRoute53(access=access) as fake:
        mine = client(fake, "AKID", "x", "token-1")
        mine.list_hosted_zones()
        access.expired.add("token-1")
        refusal(mine.list_hosted_zones, "ExpiredToken")
        client(fake, "AKID", "x", "token-2").list_hosted_zones()


@pytest.mark.parametrize(
    ("offset", "why"), [(timedelta(hours=1), "Signature expired:"), (-timedelta(hours=1), "not yet current")]
)
def test_clocks_that_differ_too_much_are_told_apart(offset: timedelta, why: str) -> None:
    with FakeRoute53(access=Access(offset=offset)) as fake:
        assert why in refusal(client(fake, "AKID", "x").list_hosted_zones, "SignatureDoesNotMatch")


def test_a_role_is_assumed_by_whoever_knows_its_external_id() -> None:
    role = "arn:aws:iam::123456789012:role/dns"
    with FakeRoute53(access=Access({"AKIDTEST": "secret"}, roles={role: "x-1"})) as fake:
        sts = connected(fake, "sts")
        asked = {"RoleArn": role, "RoleSessionName": "test"}
        assert "not authorized to perform: sts:AssumeRole" in refusal(lambda: sts.assume_role(**asked), "AccessDenied")
        given = sts.assume_role(**asked, ExternalId="x-1")["Credentials"]
        client(fake, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]).list_hosted_zones()
        assert fake.log()[-1].key == given["AccessKeyId"]


def hooked(
    fake: FakeRoute53, verdict: Callable[[Phase, Entry], bool | None] = lambda *_: None
) -> list[tuple[Phase, str, bool]]:
    """What hooks see of each request: the phase, the action, whether it is committed."""
    seen: list[tuple[Phase, str, bool]] = []

    def hook(phase: Phase, entry: Entry) -> bool | None:
        seen.append((phase, entry.action, entry.committed))
        return verdict(phase, entry)

    fake.hooks.append(hook)
    return seen


def test_a_hook_is_called_at_each_phase_of_each_request(account: Account) -> None:
    seen = hooked(account.fake)
    account.change(create(plain("www")))
    wanted = [(Phase.BEFORE, CHANGE, False), (Phase.DURING, CHANGE, True), (Phase.AFTER, CHANGE, True)]
    assert eventually(lambda: len(seen) == 3)
    assert seen == wanted


def test_a_hook_may_keep_a_request_from_being_processed(account: Account) -> None:
    hooked(account.fake, lambda phase, _: phase is not Phase.BEFORE)
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        account.change(create(plain("www")))
    account.fake.hooks.clear()
    assert not account.held("www")


def test_every_request_is_in_the_log_with_its_batch(account: Account) -> None:
    account.change(create(plain("www")))
    account.listed(MaxItems="1")
    change, listing = account.fake.log()
    assert (change.action, change.zone, change.key, change.status) == (CHANGE, account.zone, "AKIDTEST", 200)
    assert [it.record_set.name for it in change.batch] == [f"www.{ZONE}"]
    assert listing.query == {"maxitems": "1"}
    assert account.fake.count() == 2
    assert account.fake.count(CHANGE, account.zone) == 1


def test_racing_writers_lose_nothing(account: Account) -> None:
    def write(first: int) -> None:
        mine = Account(account.fake, connected(account.fake), account.zone)
        for number in range(first, first + 20):
            mine.change(create(plain(f"r{number}")))

    threads = [threading.Thread(target=write, args=(20 * it,)) for it in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(account.listed()["ResourceRecordSets"]) == 82


def test_records_of_others_come_and_go_past_all_rules(account: Account) -> None:
    made = account.fake.fill(account.zone, 3)
    account.fake.remove(account.zone, made[0])
    account.fake.put(account.zone, made[0], made[1])
    assert account.fake.answers(f"foreign-0.{ZONE}")
    assert len(account.listed()["ResourceRecordSets"]) == 5


def test_a_request_without_signature_or_without_sense_is_refused(account: Account) -> None:
    unsigned = connected(account.fake)
    unsigned.meta.events.register("choose-signer.*", lambda **_: botocore.UNSIGNED)
    refusal(unsigned.list_hosted_zones, "MissingAuthenticationToken")
    garbled = connected(account.fake)
    garbled.meta.events.register("before-call.*", lambda params, **_: params.update(body=b"<Change"))
    refusal(lambda: Account(account.fake, garbled, account.zone).change(create(plain("www"))), "MalformedInput")


def test_a_fake_speaks_tls_if_it_is_told_to() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with FakeRoute53(tls=context) as fake, authority.cert_pem.tempfile() as path:
        connected(fake, verify=path).list_hosted_zones()
        with pytest.raises(SSLError):
            connected(fake).list_hosted_zones()
