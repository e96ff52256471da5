"""Who is let in by the fake Cloud DNS, and how they get their tokens."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from google.auth import jwt
from google.auth.crypt import RSASigner
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.credentials import Credentials
from google.oauth2.service_account import Credentials as ServiceAccount

from tests.fakes.clouddns import FakeCloudDns
from tests.fakes.clouddns.tokens import JWT_GRANT, GrantError
from tests.fakes.clouddns_support import RECORDS, ZONE, Refused, change, google, reason, record, send

WWW = record("www", "A", "192.0.2.1")

# which have no annotations
account_of: Callable[..., Any] = ServiceAccount.from_service_account_info
signer_of: Callable[..., Any] = RSASigner.from_service_account_info
signed: Callable[..., bytes] = jwt.encode
session_of: Callable[..., Any] = AuthorizedSession


@pytest.fixture
def fake() -> Iterator[FakeCloudDns]:
    with FakeCloudDns() as running:
        running.create(ZONE, "example.com.")
        running.tokens.required = True
        yield running


@pytest.fixture(scope="module")
def key() -> dict[str, Any]:
    """The key file of an account; to make one takes long."""
    with FakeCloudDns() as fake:
        return fake.service_account()


def known(fake: FakeCloudDns, key: dict[str, Any]) -> dict[str, Any]:
    """The account at this fake."""
    fake.tokens.register(key)
    return {**key, "token_uri": fake.token_uri}


def test_without_a_token_nothing_is_served(fake: FakeCloudDns) -> None:
    assert reason(send(fake, "GET", RECORDS)) == (401, "required")
    status, document = send(fake, "GET", RECORDS, token="made-up")
    assert (status, document["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert document["error"]["message"].startswith("Request had invalid authentication credentials.")
    assert document["error"]["errors"] == [
        {
            "message": "Invalid Credentials",
            "domain": "global",
            "reason": "authError",
            "location": "Authorization",
            "locationType": "header",
        }
    ]


def test_a_token_is_good_until_it_expires(fake: FakeCloudDns) -> None:
    now = time.time()
    token = fake.tokens.issue(lifetime=60)
    assert send(fake, "GET", RECORDS, token=token)[0] == 200
    fake.tokens.wall = lambda: now + 61
    assert reason(send(fake, "GET", RECORDS, token=token)) == (401, "authError")


def test_a_token_that_may_only_read_does_not_write(fake: FakeCloudDns) -> None:
    token = fake.tokens.issue(read_only=True)
    assert send(fake, "GET", RECORDS, token=token)[0] == 200
    assert reason(change(fake, WWW, token=token)) == (403, "insufficientPermissions")


def test_a_service_account_gets_a_token_and_another_when_that_expires(fake: FakeCloudDns, key: dict[str, Any]) -> None:
    account = account_of(known(fake, key))
    with google(fake, account) as client:
        assert client.zone(ZONE).exists()
        assert client.zone(ZONE).exists()
        assert fake.tokens.granted == 1
        fake.tokens.expire()
        assert client.zone(ZONE).exists()
        assert fake.tokens.granted == 2
    assert fake.count("token") == 2


def test_an_account_that_is_gone_gets_none(fake: FakeCloudDns, key: dict[str, Any]) -> None:
    account = account_of(known(fake, key))
    fake.tokens.disable(key["client_email"])
    with google(fake, account) as client, pytest.raises(RefreshError, match="invalid_grant"):
        client.zone(ZONE).exists()


def test_a_key_that_is_not_the_accounts_gets_none(fake: FakeCloudDns, key: dict[str, Any]) -> None:
    stranger = fake.tokens.service_account("p", fake.token_uri)
    fake.tokens.register(key)  # the same account, with its old key
    account = account_of(stranger)
    with google(fake, account) as client, pytest.raises(RefreshError, match="Invalid JWT Signature"):
        client.zone(ZONE).exists()


@pytest.mark.parametrize("wrong", [-7200, 7200])
def test_a_clock_that_is_wrong_gets_none(fake: FakeCloudDns, key: dict[str, Any], wrong: float) -> None:
    account = account_of(known(fake, key))
    now = time.time()
    fake.tokens.wall = lambda: now + wrong
    with google(fake, account) as client, pytest.raises(RefreshError, match="reasonable timeframe"):
        client.zone(ZONE).exists()


def test_a_scope_that_only_reads_gets_a_token_that_only_reads(fake: FakeCloudDns, key: dict[str, Any]) -> None:
    scopes = ["https://www.googleapis.com/auth/ndev.clouddns.readonly"]
    account = account_of(known(fake, key), scopes=scopes)
    with session_of(account) as session:
        zone = f"{fake.url}/dns/v1/projects/p/managedZones/{ZONE}"
        assert session.get(zone).status_code == 200
        assert session.post(f"{zone}/changes", json={"additions": [WWW]}).status_code == 403


def test_a_refresh_token_gets_a_token_until_it_is_revoked(fake: FakeCloudDns) -> None:
    refresh = fake.tokens.refresh_token()
    user = Credentials(  # type: ignore[no-untyped-call]
        None, refresh_token=refresh, token_uri=fake.token_uri, client_id="c", client_secret="s"
    )
    with google(fake, user) as client:
        assert client.zone(ZONE).exists()
        fake.tokens.expire()
        fake.tokens.refreshing.clear()
        with pytest.raises(RefreshError, match="expired or revoked"):
            client.zone(ZONE).exists()


def test_the_token_endpoint_can_fail_too(fake: FakeCloudDns, key: dict[str, Any]) -> None:
    account = account_of(known(fake, key))
    fake.faults.throttle("token", 403)
    with google(fake, account) as client:
        with pytest.raises(RefreshError):
            client.zone(ZONE).exists()
        assert client.zone(ZONE).exists()


def test_expired_for_good_is_told_by_googles_client(fake: FakeCloudDns, key: dict[str, Any]) -> None:
    account = account_of(known(fake, key))
    fake.faults.expire("managedZones.*")
    with google(fake, account) as client, pytest.raises(Refused, match=r"^401 ") as raised:
        client.zone(ZONE).exists()
    assert raised.value.code == 401


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": JWT_GRANT, "assertion": "x"}, "invalid_grant"),
        ({"grant_type": JWT_GRANT, "assertion": "x.e30.x"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "made-up"}, "invalid_grant"),
    ],
)
def test_a_grant_that_is_none_is_refused(fake: FakeCloudDns, form: dict[str, str], error: str) -> None:
    with pytest.raises(HTTPError) as raised:
        urlopen(fake.token_uri, urlencode(form).encode())
    with raised.value as answer:
        assert (answer.code, json.load(answer)["error"]) == (400, error)


@pytest.mark.parametrize(
    ("audience", "lifetime", "said"),
    [("https://elsewhere.test/token", 60, "audience"), ("", 3601, "short-lived"), ("", 3600, "")],
)
def test_an_assertion_is_for_this_endpoint_and_an_hour(
    fake: FakeCloudDns, key: dict[str, Any], audience: str, lifetime: int, said: str
) -> None:
    now = int(time.time())
    claims = {"iss": key["client_email"], "iat": now, "exp": now + lifetime, "aud": audience or fake.token_uri}
    assertion = signed(signer_of(known(fake, key)), claims).decode()
    with pytest.raises(GrantError, match=said) if said else nullcontext():
        fake.tokens.grant({"grant_type": JWT_GRANT, "assertion": assertion}, fake.token_uri)
    assert fake.tokens.granted == (not said)
