"""Each thing that goes wrong is told apart from others, with what to do about it."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from providers.base import (
    Account,
    AuthFailedError,
    CasConflictError,
    HostedZone,
    Lane,
    NotOwnedError,
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    ThrottledError,
    UnavailableError,
)
from providers.clouddns import CloudDns
from tests.fakes.clouddns import ApiError, Delay, Effect, FakeCloudDns, Meddle, Quota, Rate
from tests.fakes.clouddns.errors import Reason
from tests.probes.certificates import new_authority
from tests.providers.clouddns.support import (
    API,
    HOSTED,
    ORIGIN,
    ZONE,
    Turnstile,
    adding,
    address,
    answering,
    http,
    opened,
    options,
    removing,
)
from tests.waiting import free_port

Request = Callable[[Account], Awaitable[object]]


async def reading(account: Account) -> object:
    return await account.read(HOSTED, Lane.ROUTINE)


async def writing(account: Account) -> object:
    return await account.apply(HOSTED, adding(address()), 5.0, Lane.ROUTINE)


async def told(request: Awaitable[object], kind: type[ProviderError], *texts: str) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        await request
    assert type(raised.value) is kind, raised.value
    for text in texts:
        assert text in str(raised.value)
    return raised.value


def nobody(url: str) -> CloudDns:
    return CloudDns(project="p", endpoint=url, anonymous=True)


def theirs(fake: FakeCloudDns, *values: str) -> Callable[[], object]:
    document = {"name": API, "type": "A", "ttl": 30, "rrdatas": list(values)}
    return lambda: fake.apply(ZONE, {"additions": [document]})


async def test_what_is_not_there_as_it_was_read_is_a_conflict(
    account: Account, fake: FakeCloudDns, turnstile: Turnstile
) -> None:
    await told(account.apply(HOSTED, removing(address()), 5.0, Lane.ROUTINE), CasConflictError, "does not exist")
    theirs(fake, "192.0.2.9")()
    await told(account.apply(HOSTED, removing(address()), 5.0, Lane.ROUTINE), CasConflictError, "Precondition not met")
    await told(writing(account), CasConflictError, "already exists")
    assert turnstile.outcomes == ["succeeded"] * 3


async def test_whoever_is_slower_has_a_conflict(account: Account, fake: FakeCloudDns) -> None:
    fake.faults.add("changes.create", Meddle(theirs(fake, "192.0.2.9")))
    await told(writing(account), CasConflictError)
    assert fake.records(ZONE)[API, "A"].rrdatas == ("192.0.2.9",)


async def test_record_sets_of_others_beside_an_alias_are_in_the_way(account: Account, fake: FakeCloudDns) -> None:
    fake.apply(ZONE, {"additions": [{"name": API, "type": "CNAME", "ttl": 30, "rrdatas": ["www.example.net."]}]})
    await told(writing(account), NotOwnedError, "an alias (CNAME)")


@pytest.mark.parametrize("request_", [reading, writing])
async def test_a_zone_or_a_project_that_is_not_there_is_refused(fake: FakeCloudDns, request_: Request) -> None:
    async with opened(options(fake, project="other")) as account:
        await told(request_(account), RejectedError, "'parameters.project'", "look at project")
    fake.apply(ZONE, {"additions": [{"name": API, "type": "TXT", "ttl": 30, "rrdatas": ['"x"']}]})
    async with opened(options(fake)) as account:
        gone = HostedZone(ORIGIN, "gone")
        await told(
            account.read(gone, Lane.ROUTINE), RejectedError, "'gone' does not exist", "look at project and zones"
        )
        await told(account.apply(gone, adding(address()), 5.0, Lane.ROUTINE), RejectedError, "'gone' does not exist")


@pytest.mark.parametrize("request_", [reading, writing])
@pytest.mark.parametrize("code", [429, 403])
async def test_too_many_requests_are_to_be_fewer(
    account: Account, fake: FakeCloudDns, turnstile: Turnstile, request_: Request, code: int
) -> None:
    fake.rates.append(Rate(0.001, 0, code))
    await told(request_(account), ThrottledError, "lower rate")
    assert turnstile.outcomes == ["throttled"]
    assert len(fake.log) == 1


async def test_a_user_may_have_a_limit_of_its_own(account: Account, fake: FakeCloudDns) -> None:
    fake.faults.add("*", ApiError(403, [Reason("User Rate Limit Exceeded", "userRateLimitExceeded", "usageLimits")]))
    await told(reading(account), ThrottledError)


async def test_a_quota_that_is_used_up_is_a_refusal() -> None:
    with FakeCloudDns(quota=Quota(sets_per_zone=2)) as fake:
        fake.create(ZONE, ORIGIN)
        async with opened(options(fake)) as account:
            await told(writing(account), RejectedError, "exceed quota for rrsets per managed zone", "ask Google")


@pytest.mark.parametrize(
    ("reason", "kind", "remedy"),
    [
        ("accessNotConfigured", RejectedError, "gcloud services enable dns.googleapis.com"),
        ("accountDisabled", RejectedError, "no billing account"),
        ("insufficientPermissions", AuthFailedError, "the scope https://"),
        ("forbidden", AuthFailedError, "dns.resourceRecordSets.list"),
    ],
)
async def test_what_is_forbidden_says_what_it_takes(
    account: Account, fake: FakeCloudDns, reason: str, kind: type[ProviderError], remedy: str
) -> None:
    fake.faults.add("*", ApiError(403, [Reason("No.", reason)]))
    await told(reading(account), kind, "No.", remedy)


async def test_who_may_only_read_is_told_which_permissions_are_missing(account: Account, fake: FakeCloudDns) -> None:
    fake.faults.read_only()
    await reading(account)
    await told(
        writing(account),
        AuthFailedError,
        "Forbidden",
        "dns.changes.create and dns.resourceRecordSets.create and dns.resourceRecordSets.update and"
        " dns.resourceRecordSets.delete",
    )


async def test_what_is_not_valid_is_refused(account: Account) -> None:
    outside = account.apply(HOSTED, adding(address("www.example.net.")), 5.0, Lane.ROUTINE)
    await told(outside, RejectedError, "Invalid value for")


@pytest.mark.parametrize("code", [500, 502, 503, 504])
async def test_a_failure_of_the_server_leaves_a_change_open(account: Account, fake: FakeCloudDns, code: int) -> None:
    fake.faults.fail("*", code, times=None)
    await told(reading(account), UnavailableError, "https://status.cloud.google.com")
    await told(writing(account), OutcomeUnknownError, "https://status.cloud.google.com")
    assert len(fake.log) == 2


@pytest.mark.parametrize("effect", [Effect.DROP, Effect.COMMIT_AND_DROP])
async def test_a_connection_that_breaks_leaves_a_change_open(
    account: Account, fake: FakeCloudDns, turnstile: Turnstile, effect: Effect
) -> None:
    fake.faults.add("*", effect, times=None)
    await told(reading(account), UnavailableError, "look at endpoint")
    await told(writing(account), OutcomeUnknownError, "https://status.cloud.google.com")
    assert fake.count("changes.create") == 1
    assert ((API, "A") in fake.records(ZONE)) is (effect is Effect.COMMIT_AND_DROP)
    assert turnstile.outcomes == []


async def test_a_read_that_gets_no_answer_ends(
    account: Account, fake: FakeCloudDns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.clouddns.account.READ_LIMIT", 0.1)
    fake.faults.add("*", Delay(30))
    await told(reading(account), UnavailableError, "no answer within 0.1 s")


@pytest.mark.parametrize("request_", [reading, writing])
async def test_nobody_is_there(request_: Request) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with opened(nobody(url)) as account:
        await told(request_(account), UnavailableError, url, "Connection refused", "HTTPS_PROXY")


@pytest.mark.parametrize("request_", [reading, writing])
async def test_a_certificate_has_to_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_: Request
) -> None:
    authority = new_authority(tmp_path)
    with FakeCloudDns(tls=authority.server("127.0.0.1")) as fake:
        fake.create(ZONE, ORIGIN)
        async with opened(options(fake)) as account:
            await told(request_(account), UnavailableError, "certificate verify failed", "REQUESTS_CA_BUNDLE")
            assert not fake.log
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
            await request_(account)
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
            await told(reading(account), UnavailableError, "none.pem", "REQUESTS_CA_BUNDLE")


@pytest.mark.parametrize(
    "answer",
    [
        http("<html>Log in to the hotel's network</html>"),
        http("[]"),
        http("{"),
        http("<html>Bad Gateway</html>", "502 Bad Gateway"),
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
    ],
)
async def test_whatever_is_no_answer_leaves_a_change_open(answer: bytes) -> None:
    async with answering(answer) as url, opened(nobody(url)) as account:
        await told(reading(account), UnavailableError)
        await told(writing(account), OutcomeUnknownError)


@pytest.mark.parametrize("request_", [reading, writing])
async def test_nothing_is_sent_on_to_another_place(request_: Request) -> None:
    moved = http("", "302 Found", "Location: http://127.0.0.1:1/")
    async with answering(moved) as url, opened(nobody(url)) as account:
        await told(request_(account), UnavailableError, "(302)", "proxies")


async def test_record_sets_that_cannot_be_read_are_an_error() -> None:
    async with answering(http('{"rrsets": [{"type": "A"}]}')) as url, opened(nobody(url)) as account:
        await told(reading(account), UnavailableError, "not known")


@pytest.mark.parametrize("code", [400, 402, 405, 408, 409, 410, 412, 418, 499, 501, 599])
async def test_every_status_is_an_error_of_the_port(account: Account, fake: FakeCloudDns, code: int) -> None:
    fake.faults.add("*", ApiError(code, [], message="Something new."), times=None)
    open_ = code >= 500 or code == 408
    conflict = code in {409, 412}
    await told(reading(account), UnavailableError if open_ else RejectedError, "Something new.", f"({code})")
    kind = OutcomeUnknownError if open_ else CasConflictError if conflict else RejectedError
    await told(writing(account), kind, "Something new.", f"({code})")
