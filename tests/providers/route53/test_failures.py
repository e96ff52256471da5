"""What goes wrong is told as what it is, with what to do about it."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from gslb.model.recordset import RecordSet
from providers.base import (
    Account,
    AuthFailedError,
    HostedZone,
    Lane,
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    ThrottledError,
    UnavailableError,
)
from providers.route53 import Route53
from providers.route53.asked import Asked
from tests.fakes.route53 import Access, FakeRoute53, Fault, Quota, errors, faults
from tests.fakes.route53.errors import ApiError
from tests.providers.route53.support import DEADLINE, ORIGIN, Turns, account, answer, change, hosted
from tests.waiting import free_port

WRITES, READS = "ChangeResourceRecordSets", "ListResourceRecordSets"
writing_and_reading = pytest.mark.parametrize("writes", [True, False], ids=["writing", "reading"])


async def failing(at: Account, zone: HostedZone, *, writes: bool) -> ProviderError:
    """The error of one request."""
    writing, reading = at.apply(zone, [change(added=[answer()])], DEADLINE, Lane.ROUTINE), at.read(zone, Lane.ROUTINE)
    asked, other = (writing, reading) if writes else (reading, writing)
    other.close()
    with pytest.raises(ProviderError) as told:
        await asked
    return told.value


@pytest.mark.parametrize(
    ("fault", "writing", "reading", "remedy"),
    [
        (faults.throttled(), ThrottledError, ThrottledError, ""),
        (faults.refused(errors.prior_request()), ThrottledError, ThrottledError, ""),
        (faults.failing(503), OutcomeUnknownError, UnavailableError, "https://health.aws.amazon.com"),
        (faults.failing(500), OutcomeUnknownError, UnavailableError, "https://health.aws.amazon.com"),
        (faults.dropped(), OutcomeUnknownError, UnavailableError, "check the network"),
        (faults.lost(), OutcomeUnknownError, UnavailableError, "check the network"),
        (faults.denied(), AuthFailedError, AuthFailedError, "allow route53:ChangeResourceRecordSets"),
        (faults.expired(), AuthFailedError, AuthFailedError, "renew"),
        (faults.refused(errors.unknown_key()), AuthFailedError, AuthFailedError, "check the access key"),
        (faults.refused(errors.wrong_signature()), AuthFailedError, AuthFailedError, "check the secret access key"),
        (faults.refused(errors.no_zone("Z1")), RejectedError, RejectedError, "check zones"),
        (faults.refused(ApiError("LimitsExceeded", "Too many")), RejectedError, RejectedError, "higher quota"),
        (faults.refused(ApiError("RequestTimeTooSkewed", "x", 403)), AuthFailedError, AuthFailedError, "the clock"),
        (faults.refused(ApiError("ThrottlingException", "slow down")), ThrottledError, ThrottledError, ""),
        (faults.refused(ApiError("Unheard", "of", 429)), ThrottledError, ThrottledError, ""),
        (faults.refused(ApiError("Unheard", "of", 418)), RejectedError, RejectedError, ""),
    ],
)
@writing_and_reading
async def test_each_fault_has_its_error_and_its_remedy(
    fake: FakeRoute53,
    fault: Fault,
    writing: type[ProviderError],
    reading: type[ProviderError],
    remedy: str,
    *,
    writes: bool,
) -> None:
    action = WRITES if writes else READS
    fake.faults.always(fault, action)
    async with account(fake) as at:
        error = await failing(at, hosted(fake), writes=writes)
    assert isinstance(error, writing if writes else reading), error
    assert error.message.startswith(f"Route 53, {action} of example.com.: ")
    assert remedy in error.remedy
    assert fake.count(action) == 1  # nothing is sent twice


@pytest.mark.parametrize(
    ("config", "variables", "told", "remedy"),
    [
        ("[default]\ncredential_process = /nonexistent/tool\n", {}, "/nonexistent/tool", "AWS_CONFIG_FILE"),
        ("[default]\ncredential_process = echo hello\n", {}, "JSONDecodeError", "credential_process"),
        (
            "",
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent/token", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x"},
            "/nonexistent/token",
            "AWS_WEB_IDENTITY_TOKEN_FILE (/nonexistent/token)",
        ),
        (
            "",
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.org/x"},
            "Unsupported host",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        ("", {"AWS_ACCESS_KEY_ID": "A\n", "AWS_SECRET_ACCESS_KEY": "b"}, "cannot be sent", "stray characters"),
    ],
)
@writing_and_reading
async def test_what_is_wrong_with_where_credentials_come_from_is_told(
    fake: FakeRoute53,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    config: str,
    variables: dict[str, str],
    told: str,
    remedy: str,
    *,
    writes: bool,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config").write_text(config, encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    async with account(fake) as at:
        error = await failing(at, hosted(fake), writes=writes)
    assert isinstance(error, AuthFailedError), error
    assert told in error.message
    assert remedy in error.remedy
    assert fake.count() == 0


@pytest.mark.parametrize("role", ["", "arn:aws:iam::123456789012:role/x"], ids=["own", "role"])
async def test_a_refusal_of_a_proxy_is_none_of_aws(role: str) -> None:
    async def blocked(_: web.BaseRequest) -> web.Response:
        return web.Response(status=403, text="<html><body>403 Blocked</body></html>", content_type="text/html")

    runner = web.ServerRunner(web.Server(blocked))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port := free_port()).start()
        at = Route53(endpoint=f"http://127.0.0.1:{port}", role=role).open(Turns())
        for writes in (True, False):
            error = await failing(at, HostedZone(ORIGIN, "Z1"), writes=writes)
            assert isinstance(error, UnavailableError), error
            assert "status 403, and not by AWS" in error.message
            assert "HTTPS_PROXY" in error.remedy
        await at.close()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("fault", "refused"), [(faults.throttled(), 1), (faults.refused(errors.prior_request()), 0)])
async def test_a_zone_that_is_busy_does_not_slow_down_the_account(
    fake: FakeRoute53, fault: Fault, refused: int
) -> None:
    fake.faults.add(fault, WRITES)
    turns = Turns()
    async with account(fake, turns) as at:
        await failing(at, hosted(fake), writes=True)
    assert (turns.refused, turns.welcome) == (refused, 1 - refused)


async def test_what_is_above_the_quota_of_the_account_is_told_to_the_throttle(fake: FakeRoute53) -> None:
    fake.quota = Quota(burst=2, rate=0.001)
    turns = Turns()
    async with account(fake, turns) as at:
        for _ in range(2):
            await at.zones(Lane.ROUTINE)
        with pytest.raises(ThrottledError, match="Rate exceeded"):
            await at.zones(Lane.ROUTINE)
    assert (turns.welcome, turns.refused) == (2, 1)


@pytest.mark.parametrize(("fault", "written"), [(faults.lost(), True), (faults.dropped(), False)])
async def test_after_a_lost_answer_reading_tells_what_was_written(
    fake: FakeRoute53, fault: Fault, *, written: bool
) -> None:
    zone = hosted(fake)
    fake.faults.add(fault)
    async with account(fake) as at:
        assert isinstance(await failing(at, zone, writes=True), OutcomeUnknownError)
        assert (answer() in await at.read(zone, Lane.ROUTINE)) is written


async def test_a_read_only_role_reads_and_is_told_which_action_it_lacks() -> None:
    with FakeRoute53(access=Access(read_only={"AKIDTEST"})) as fake:
        zone = hosted(fake)
        async with account(fake) as at:
            assert len(await at.read(zone, Lane.ROUTINE)) == 2
            error = await failing(at, zone, writes=True)
    assert isinstance(error, AuthFailedError)
    assert error.remedy.startswith("allow route53:ChangeResourceRecordSets in the IAM policy")


@pytest.mark.parametrize(
    ("secrets", "remedy"),
    [({"AKIDTEST": "another"}, "it is not that of the access key"), ({"OTHER": "secret"}, "unknown, deleted")],
)
async def test_signatures_are_those_of_the_right_secret(secrets: dict[str, str], remedy: str) -> None:
    with FakeRoute53(access=Access(secrets)) as fake:
        async with account(fake) as at:
            error = await failing(at, hosted(fake), writes=False)
    assert isinstance(error, AuthFailedError)
    assert remedy in error.remedy


@pytest.mark.parametrize("offset", [timedelta(hours=1), -timedelta(hours=1)], ids=["late", "early"])
async def test_a_clock_that_is_wrong_is_told_as_such(offset: timedelta) -> None:
    with FakeRoute53(access=Access(offset=offset)) as fake:
        async with account(fake) as at:
            error = await failing(at, hosted(fake), writes=True)
    assert isinstance(error, AuthFailedError)
    assert "set the clock" in error.remedy


async def test_credentials_that_come_later_are_found(
    fake: FakeRoute53, credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    async with account(fake) as at:
        error = await failing(at, hosted(fake), writes=True)
        assert isinstance(error, AuthFailedError)
        assert "Unable to locate credentials" in error.message
        assert "give credentials where the AWS SDK looks" in error.remedy
        credentials.write_text("[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = x\n")
        assert await at.zones(Lane.ROUTINE)
    assert [entry.key for entry in fake.log()] == ["AKIDFILE"]


async def test_a_profile_that_comes_later_is_found(fake: FakeRoute53, credentials: Path) -> None:
    async with account(fake, profile="dns") as at:
        with pytest.raises(AuthFailedError, match=r"profile \(dns\) could not be found"):
            await at.zones(Lane.ROUTINE)
        credentials.write_text("[dns]\naws_access_key_id = AKIDDNS\naws_secret_access_key = x\n")
        await at.zones(Lane.ROUTINE)
    assert [entry.key for entry in fake.log()] == ["AKIDDNS"]


async def test_a_session_that_was_renewed_goes_on(
    fake: FakeRoute53, credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def session(token: str) -> None:
        keys = f"aws_access_key_id = AKID\naws_secret_access_key = x\naws_session_token = {token}\n"
        credentials.write_text(f"[default]\n{keys}")

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    session("one")
    async with account(fake) as at:
        await at.zones(Lane.ROUTINE)
        fake.access.expired.add("one")
        with pytest.raises(AuthFailedError, match="ExpiredToken") as told:
            await at.zones(Lane.ROUTINE)
        assert "renew" in told.value.remedy
        session("two")
        await at.zones(Lane.ROUTINE)


@writing_and_reading
async def test_where_nobody_listens_nothing_was_written(*, writes: bool) -> None:
    at = Route53(endpoint=f"http://127.0.0.1:{free_port()}").open(Turns())
    error = await failing(at, HostedZone(ORIGIN, "Z1"), writes=writes)
    await at.close()
    assert isinstance(error, UnavailableError)
    assert "check the network" in error.remedy


@writing_and_reading
async def test_a_certificate_that_is_not_trusted_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, *, writes: bool
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with FakeRoute53(tls=context) as fake, authority.cert_pem.tempfile() as path:
        zone = hosted(fake)
        async with account(fake) as at:
            error = await failing(at, zone, writes=writes)
        assert isinstance(error, UnavailableError)
        assert all(word in error.remedy for word in ("AWS_CA_BUNDLE", "clock", "endpoint"))
        assert fake.count() == 0
        monkeypatch.setenv("AWS_CA_BUNDLE", path)
        async with account(fake) as at:
            assert await at.read(zone, Lane.ROUTINE)


@pytest.mark.parametrize(
    ("status", "writing", "reading"),
    [(200, OutcomeUnknownError, UnavailableError), (403, UnavailableError, UnavailableError)],
)
@writing_and_reading
async def test_what_is_no_answer_of_route_53_is_not_taken_for_one(
    status: int, writing: type[ProviderError], reading: type[ProviderError], *, writes: bool
) -> None:
    """A proxy in between, say."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(status=status, text="<p>Welcome to the hotel<br>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    at = Route53(endpoint=f"http://127.0.0.1:{runner.addresses[0][1]}").open(Turns())
    error = await failing(at, HostedZone(ORIGIN, "Z1"), writes=writes)
    await at.close()
    await runner.cleanup()
    assert isinstance(error, writing if writes else reading)


async def test_what_the_sdk_itself_refuses_is_rejected(fake: FakeRoute53) -> None:
    async with account(fake) as at:
        wrong = RecordSet(f"a.{ORIGIN}", "A", ("192.0.2.1",), 30, "a", '{"Unheard":"of"}')
        with pytest.raises(RejectedError, match="Parameter validation failed"):
            await at.apply(hosted(fake), [change(added=[wrong])], DEADLINE, Lane.ROUTINE)
    assert fake.log() == []


@pytest.mark.parametrize("action", ["AssumeRole", WRITES])
def test_a_role_that_could_not_be_assumed_has_written_nothing(action: str) -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415  as in the code: not before it is needed

    from providers.route53.errors import translated  # noqa: PLC0415  likewise

    response = {"Error": {"Code": "InternalFailure", "Message": "x"}, "ResponseMetadata": {"HTTPStatusCode": 500}}
    error = translated(ClientError(response, action), Asked(WRITES, ORIGIN, writes=True), sent=True)
    assert isinstance(error, OutcomeUnknownError if action == WRITES else UnavailableError)
    assert action in error.message


async def test_where_sts_does_not_listen_nothing_was_written() -> None:
    role = "arn:aws:iam::123456789012:role/dns"
    at = Route53(endpoint=f"http://127.0.0.1:{free_port()}", role=role).open(Turns())
    error = await failing(at, HostedZone(ORIGIN, "Z1"), writes=True)
    await at.close()
    assert isinstance(error, UnavailableError)
