"""Who asks: files, Google's own chain, tokens that expire, and what to do where nobody is let in."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from providers.base import Account, AuthFailedError, Lane, ProviderError, RejectedError, UnavailableError
from providers.clouddns import CloudDns
from tests.fakes.clouddns import Delay, FakeCloudDns, Meddle
from tests.providers.clouddns.support import HOSTED, ORIGIN, ZONE, adding, address, answering, http, opened
from tests.waiting import free_port, until

Key = dict[str, Any]


@pytest.fixture(scope="module")
def key() -> Key:
    """The key file of an account; to make one takes long."""
    with FakeCloudDns() as fake:
        return fake.service_account()


@pytest.fixture
def fake() -> Iterator[FakeCloudDns]:
    """One that wants to know who asks."""
    with FakeCloudDns() as running:
        running.create(ZONE, ORIGIN)
        running.tokens.required = True
        yield running


@pytest.fixture
def file(fake: FakeCloudDns, key: Key, tmp_path: Path) -> Path:
    fake.tokens.register(key)
    return written(tmp_path, {**key, "token_uri": fake.token_uri})


def written(folder: Path, document: Key) -> Path:
    path = folder / "key.json"
    path.write_text(json.dumps(document))
    return path


def provider(fake: FakeCloudDns, file: Path | None = None, **others: Any) -> CloudDns:
    given = {"credentials": file.name} if file else {}
    context = {"folder": file.parent} if file else {}
    return CloudDns.model_validate({"endpoint": fake.url, **given, **others}, context=context)


async def read(account: Account) -> object:
    return await account.read(HOSTED, Lane.ROUTINE)


@asynccontextmanager
async def refused(provider: CloudDns, kind: type[ProviderError], *texts: str) -> AsyncIterator[None]:
    """A request is."""
    async with opened(provider) as account:
        with pytest.raises(ProviderError) as raised:
            await account.apply(HOSTED, adding(address()), 5.0, Lane.ROUTINE)
        assert type(raised.value) is kind, raised.value
        for text in texts:
            assert text in str(raised.value)
        yield


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A machine on which Google's chain finds nothing, and asks nobody."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    return monkeypatch


async def test_a_key_file_gets_a_token_for_its_own_project(fake: FakeCloudDns, file: Path) -> None:
    async with opened(provider(fake, file)) as account:
        await account.apply(HOSTED, adding(address()), 5.0, Lane.ROUTINE)
        await read(account)
    assert fake.tokens.granted == 1
    assert {logged.call.project for logged in fake.log if logged.action != "token"} == {"p"}


async def test_many_requests_at_once_get_one_token(fake: FakeCloudDns, file: Path) -> None:
    fake.faults.add("token", Delay(0.05))
    async with opened(provider(fake, file)) as account:
        await asyncio.gather(*(account.zone(ORIGIN, lane) for lane in Lane for _ in range(4)))
    assert fake.tokens.granted == 1


async def test_googles_own_chain_finds_the_file_that_the_environment_names(
    fake: FakeCloudDns, file: Path, alone: pytest.MonkeyPatch
) -> None:
    alone.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    async with opened(provider(fake)) as account:
        assert await read(account)


async def test_where_there_are_no_credentials_it_says_how_to_get_some_and_looks_again(
    fake: FakeCloudDns, file: Path, alone: pytest.MonkeyPatch
) -> None:
    remedy = "gcloud auth application-default login"
    async with opened(provider(fake)) as account:
        with pytest.raises(AuthFailedError, match=remedy):
            await read(account)
        assert not fake.log
        alone.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        assert await read(account)


async def test_a_project_has_to_be_known(fake: FakeCloudDns, key: Key, tmp_path: Path) -> None:
    file = written(tmp_path, {name: value for name, value in key.items() if name != "project_id"})
    with pytest.raises(RejectedError, match="write project"):
        async with opened(provider(fake, file)):
            pass
    async with opened(provider(fake, file, project="p")):
        pass


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"type": "authorized_user"}'])
async def test_a_key_file_that_cannot_be_used_is_named_at_once(
    fake: FakeCloudDns, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "key.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(AuthFailedError, match=r"key\.json cannot be used: (.|\n)*a key file of a service account"):
        async with opened(provider(fake, file)):
            pass


@pytest.mark.parametrize("chain", [False, True])
async def test_a_key_that_takes_the_place_of_one_that_is_no_more_is_found(
    fake: FakeCloudDns, file: Path, key: Key, alone: pytest.MonkeyPatch, *, chain: bool
) -> None:
    alone.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    async with opened(provider(fake, None if chain else file)) as account:
        assert await read(account)
        fake.tokens.disable(key["client_email"])
        fake.tokens.expire()
        for _ in range(2):  # its token, and then the key itself
            with pytest.raises(AuthFailedError):
                await read(account)
        other = {**key, "client_email": "other@p.iam.gserviceaccount.com", "token_uri": fake.token_uri}
        fake.tokens.register(other)
        written(file.parent, other)
        assert await read(account)


async def test_a_token_that_is_not_good_any_more_is_an_error_once(fake: FakeCloudDns, file: Path) -> None:
    async with opened(provider(fake, file)) as account:
        await read(account)
        fake.tokens.expire()
        with pytest.raises(AuthFailedError, match=r"invalid authentication credentials|Invalid Credentials"):
            await read(account)
        assert fake.count("resourceRecordSets.list") == 2
        await read(account)
    assert fake.tokens.granted == 2


async def test_who_asks_without_a_token_is_told_so(fake: FakeCloudDns) -> None:
    async with refused(provider(fake, project="p", anonymous=True), AuthFailedError, "Login Required"):
        pass


async def test_an_account_that_is_gone_is_named_a_reason(fake: FakeCloudDns, file: Path, key: Key) -> None:
    fake.tokens.disable(key["client_email"])
    async with refused(provider(fake, file), AuthFailedError, "account not found", "name another one"):
        assert not fake.count("changes.create")


async def test_a_key_that_is_no_more_is_to_be_made_anew(fake: FakeCloudDns, file: Path) -> None:
    fake.service_account()  # the same account, with another key
    async with refused(provider(fake, file), AuthFailedError, "Invalid JWT Signature", "make a new one"):
        assert not fake.count("changes.create")


@pytest.mark.parametrize("wrong", [-7200, 7200])
async def test_a_clock_that_is_wrong_is_to_be_set(fake: FakeCloudDns, file: Path, wrong: float) -> None:
    now = time.time()
    fake.tokens.wall = lambda: now + wrong
    async with refused(provider(fake, file), AuthFailedError, "invalid_grant", "the clock of this machine is wrong"):
        assert not fake.count("changes.create")


@pytest.mark.parametrize(
    ("error", "description", "remedy"),
    [
        ("invalid_grant", "Token has been expired or revoked.", "sign in again: gcloud auth application-default login"),
        ("unauthorized_client", "Client is unauthorized.", "make new credentials"),
    ],
)
async def test_what_the_token_endpoint_says_is_told_with_a_remedy(
    fake: FakeCloudDns, key: Key, tmp_path: Path, error: str, description: str, remedy: str
) -> None:
    refusal = http(json.dumps({"error": error, "error_description": description}), "400 Bad Request")
    async with answering(refusal) as url:
        file = written(tmp_path, {**key, "token_uri": f"{url}/token"})
        async with refused(provider(fake, file), AuthFailedError, description, remedy):
            assert not fake.log


async def test_a_token_endpoint_that_nobody_answers_at_is_named(fake: FakeCloudDns, key: Key, tmp_path: Path) -> None:
    port = free_port()
    file = written(tmp_path, {**key, "token_uri": f"http://127.0.0.1:{port}/token"})
    async with refused(provider(fake, file), UnavailableError, "no token can be got", str(port), "token endpoint"):
        assert not fake.log


async def test_what_gets_no_token_in_time_is_never_sent(fake: FakeCloudDns, file: Path) -> None:
    fake.faults.add("token", Delay(0.3))
    async with opened(provider(fake, file)) as account:
        with pytest.raises(UnavailableError, match=r"not sent within 0\.1 s|no token can be got"):
            await account.apply(HOSTED, adding(address()), 0.1, Lane.URGENT)
        await read(account)  # which gets a token when nobody else asks for one any more
    assert fake.count("changes.create") == 0


async def test_the_event_loop_goes_on_while_there_is_no_token(fake: FakeCloudDns, file: Path) -> None:
    going = asyncio.Event()
    loop = asyncio.get_running_loop()
    fake.faults.add("token", Meddle(lambda: asyncio.run_coroutine_threadsafe(going.wait(), loop).result(10)))
    async with opened(provider(fake, file)) as account:
        task = asyncio.create_task(read(account))
        await until(lambda: fake.count("token"))
        assert not task.done()
        going.set()
        assert await task


def good_for(account: Any, lifetime: timedelta) -> None:
    """Have the token of an account expire then."""
    account._client.connect()[0].credentials.expiry = datetime.now(UTC).replace(tzinfo=None) + lifetime


async def test_a_token_that_is_good_for_a_minute_is_good_enough_where_there_is_no_other(
    fake: FakeCloudDns, file: Path, key: Key
) -> None:
    async with opened(provider(fake, file)) as account:
        await read(account)
        good_for(account, timedelta(minutes=1))
        fake.tokens.disable(key["client_email"])
        await read(account)
        assert fake.count("token") == 2
        good_for(account, timedelta(0))
        with pytest.raises(AuthFailedError, match="account not found"):
            await read(account)


async def test_nobody_waits_for_a_new_token_while_there_is_a_good_one(fake: FakeCloudDns, file: Path) -> None:
    async with opened(provider(fake, file)) as account:
        await read(account)
        good_for(account, timedelta(minutes=1))
        fake.faults.add("token", Delay(30), times=None)
        trying = asyncio.create_task(read(account))
        await until(lambda: fake.count("token") == 2)
        await account.apply(HOSTED, adding(address()), 5.0, Lane.URGENT)
        assert not trying.done()
        assert fake.count("token") == 2
        trying.cancel()


async def test_who_tries_for_a_new_token_in_vain_has_time_left_for_the_request(fake: FakeCloudDns, file: Path) -> None:
    async with opened(provider(fake, file)) as account:
        await read(account)
        good_for(account, timedelta(minutes=1))
        fake.faults.add("token", Delay(30), times=None)
        await account.apply(HOSTED, adding(address()), 0.8, Lane.URGENT)


async def test_who_acts_as_another_account_asks_google_for_its_token(
    fake: FakeCloudDns, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's own endpoint, to which there is no way here: a proxy that is not there."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    impersonating = provider(fake, file, impersonate="dns@p.iam.gserviceaccount.com")
    async with refused(impersonating, UnavailableError, "no token can be got", "iamcredentials.googleapis.com"):
        assert fake.tokens.granted == 1
        assert not fake.count("changes.create")
