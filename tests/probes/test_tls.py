"""tls, and https: who is trusted, what is presented, and how often there is a full handshake."""

import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from gslb.model.observation import Cause, Observation
from probes.base import Probe, Target
from probes.http import Https
from probes.net.network import Network
from probes.tls import Tls
from tests.probes.attempts import attempt, attempt_of, networking
from tests.probes.certificates import Authority
from tests.probes.listening import NAME, gone, head_of, listening
from tests.waiting import until

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
DAY = timedelta(days=1)


class Server:
    """Completes handshakes and answers HTTP where it is asked; remembers how each client came."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.resumed: list[bool | None] = []
        self.clients: list[str] = []
        self.names: list[str | None] = []
        self.ended = 0
        self.context = context
        context.sni_callback = lambda _, name, __: self.names.append(name)

    def __call__(self, connection: socket.socket) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        self.resumed.append(connection.session_reused)
        subject: Any = (connection.getpeercert() or {}).get("subjectAltName", ())
        self.clients.extend(value for _, value in subject)
        try:
            if head_of(connection):
                connection.sendall(OK)
                gone(connection)
        finally:
            self.ended += 1


def tls(authority: Authority, **options: Any) -> Tls:
    return Tls.model_validate({"tls": authority.trust | options})


def https(authority: Authority, **options: Any) -> Https:
    return Https.model_validate({"tls": authority.trust | options})


BOTH = pytest.mark.parametrize("kind", [tls, https])
Kind = Callable[..., Probe]


async def probe(server: Server, kind: Probe, name: str | None = None) -> Observation:
    with listening(server, server.context) as target:
        return await attempt(kind, replace(target, name=f"{name}:{target.port}") if name else target)


@asynccontextmanager
async def probing(server: Server, kind: Probe) -> AsyncIterator[Callable[[], Any]]:
    """What makes the next attempt, once the server has seen the end of the one before."""
    with listening(server, server.context) as target, networking() as network:
        session = kind.session(target, network)

        async def once() -> None:
            seen = await attempt_of(session, network)
            assert seen.ok, seen
            await until(lambda: server.ended == len(server.resumed) > 0 and not network.reactor._handlers)

        yield once
        session.close()


@BOTH
async def test_a_certificate_is_verified_unless_told_otherwise(kind: Kind, authority: Authority) -> None:
    assert (await probe(Server(authority.server()), kind(authority))).ok
    unknown = type(kind(authority))()
    seen = await probe(Server(authority.server()), unknown)
    assert seen.cause is Cause.CERTIFICATE
    assert (await probe(Server(authority.server("other.test")), kind(authority, verify=False))).ok


async def test_an_unverified_certificate_that_has_expired_is_still_told_by_tls(authority: Authority) -> None:
    """``verify = false`` is about whom to trust; that the certificate is about to end is what tls is asked for."""
    seen = await probe(Server(authority.server(since=-9 * DAY, until=-DAY)), tls(authority, verify=False))
    assert seen.cause is Cause.CERTIFICATE
    assert seen.detail.startswith("certificate is valid until ")
    assert (await probe(Server(authority.server(since=-9 * DAY, until=-DAY)), https(authority, verify=False))).ok


@BOTH
async def test_the_name_of_the_endpoint_is_sent_and_verified(kind: Kind, authority: Authority) -> None:
    server = Server(authority.server())
    assert (await probe(server, kind(authority))).ok
    assert server.names == [NAME]


@BOTH
async def test_another_name_is_sent_and_verified_where_it_is_configured(kind: Kind, authority: Authority) -> None:
    server = Server(authority.server("other.test"))
    assert (await probe(server, kind(authority, name="other.test"))).ok
    assert server.names == ["other.test"]


async def test_https_takes_the_name_from_the_host_header(authority: Authority) -> None:
    for host in ("other.test", "other.test:8443", "other.test."):
        server = Server(authority.server("other.test"))
        seen = await probe(server, Https.model_validate({"tls": authority.trust, "host": host}))
        assert seen.ok, seen
        assert server.names == ["other.test"]


@BOTH
async def test_an_address_is_verified_but_not_sent_as_a_name(kind: Kind, authority: Authority) -> None:
    server = Server(authority.server("127.0.0.1"))
    assert (await probe(server, kind(authority), "127.0.0.1")).ok
    assert server.names == [None]
    assert (await probe(Server(authority.server("127.0.0.2")), kind(authority), "127.0.0.1")).cause is Cause.CERTIFICATE
    assert (await probe(Server(authority.server("2001:db8::1")), kind(authority), "[2001:db8::1]")).ok


@pytest.mark.parametrize(("min_valid", "ok"), [("0s", True), ("29d", True), ("31d", False)])
async def test_a_certificate_must_be_valid_for_as_long_as_configured(
    min_valid: str,
    ok: bool,  # noqa: FBT001
    authority: Authority,
) -> None:
    context = authority.server(until=30 * DAY)
    seen = await probe(Server(context), Tls.model_validate({"tls": authority.trust, "min_valid": min_valid}))
    assert (seen.ok, seen.cause) == (ok, None if ok else Cause.CERTIFICATE)
    until_day = datetime.now(UTC) + 30 * DAY
    days = {f"{day:%Y-%m-%d}" for day in (until_day, until_day - timedelta(minutes=10))}
    assert any(seen.detail.startswith(f"certificate is valid until {day} ") for day in days)
    assert seen.detail.endswith(" UTC")


@BOTH
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_session_is_resumed_where_asked(version: ssl.TLSVersion, kind: Kind, authority: Authority) -> None:
    server = Server(authority.server(version=version))
    async with probing(server, kind(authority, resume="1h")) as attempt_once:
        for _ in range(4):
            await attempt_once()
    assert server.resumed == [False, True, True, True]


@BOTH
@pytest.mark.parametrize("version", VERSIONS)
async def test_without_being_asked_every_handshake_is_a_full_one(
    version: ssl.TLSVersion, kind: Kind, authority: Authority
) -> None:
    server = Server(authority.server(version=version))
    async with probing(server, kind(authority)) as attempt_once:
        for _ in range(3):
            await attempt_once()
    assert server.resumed == [False, False, False]


@pytest.mark.parametrize("version", VERSIONS)
async def test_after_its_lifetime_a_session_is_followed_by_a_full_handshake(
    version: ssl.TLSVersion, authority: Authority
) -> None:
    """However often it was resumed meanwhile, or an expired certificate would never be seen."""
    server = Server(authority.server(version=version))
    async with probing(server, https(authority, resume="500ms")) as attempt_once:
        await until(lambda: _again(server, attempt_once))
    first = server.resumed.index(False, 1)
    assert server.resumed[0] is False
    assert all(server.resumed[1:first])


async def _again(server: Server, attempt_once: Callable[[], Any]) -> bool:
    """Whether one more attempt has brought a second full handshake."""
    await attempt_once()
    return server.resumed.count(False) == 2


async def test_a_resumed_session_still_tells_until_when_the_certificate_is_valid(authority: Authority) -> None:
    server = Server(authority.server())
    with listening(server, server.context) as target, networking() as network:
        session = tls(authority, resume="1h").session(target, network)
        details = set()
        for _ in range(2):
            details.add((await attempt_of(session, network)).detail)
            await until(lambda: not network.reactor._handlers)
        session.close()
    assert server.resumed == [False, True]
    assert len(details) == 1


async def test_a_session_that_another_server_gave_is_not_resumed_with_this_one(authority: Authority) -> None:
    """A redirect leads to a host that shares its keys with the target: resuming would skip the target's own name."""
    context = authority.server(NAME, "other.test")
    resumed: list[tuple[str, bool | None]] = []
    other: list[Target] = []

    def script(connection: socket.socket) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        head = head_of(connection)
        resumed.append(("there" if b"GET /there" in head else "here", connection.session_reused))
        if b"GET /there" in head:
            connection.sendall(OK)
        else:
            location = f"https://other.test:{other[0].port}/there"
            connection.sendall(f"HTTP/1.1 302 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
        gone(connection)

    async def lookup(_: str) -> Any:
        return ip_address("127.0.0.2")

    kind = Https.model_validate({"tls": authority.trust | {"resume": "1h"}, "redirects": 1})
    with listening(script, context) as target, listening(script, context, "127.0.0.2") as there, networking() as plain:
        other.append(there)
        network = Network(plain.reactor, lookup=lookup)
        session = kind.session(target, network)
        for _ in range(2):
            seen = await attempt_of(session, network)
            assert seen.ok, seen
        session.close()
    assert resumed == [("here", False), ("there", False)] * 2


@BOTH
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_client_certificate_is_presented(
    version: ssl.TLSVersion, kind: Kind, authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "client.pem"
    file.write_bytes(authority.client_pem("probe.test"))
    server = Server(authority.server(version=version, clients=authority))
    assert (await probe(server, kind(authority, certificate=str(file)))).ok
    assert server.clients == ["probe.test"]


async def test_tls_passes_where_tls_1_3_wants_another_certificate_and_https_does_not(authority: Authority) -> None:
    """The client is through with its handshake before the server has seen what it presents."""
    context = authority.server(version=ssl.TLSVersion.TLSv1_3, clients=authority)
    assert (await probe(Server(context), tls(authority))).ok
    assert (await probe(Server(context), https(authority))).cause is Cause.TLS


@BOTH
async def test_the_time_is_split_into_phases_in_order(kind: Kind, authority: Authority) -> None:
    seen = await probe(Server(authority.server()), kind(authority))
    timing = seen.timing
    assert timing is not None
    assert timing.connect is not None
    assert timing.tls is not None
    assert 0 < timing.connect < seen.latency
    assert 0 < timing.tls < seen.latency
    assert timing.connect + timing.tls + (timing.first_byte or 0.0) <= seen.latency
    assert (timing.first_byte is None) is isinstance(kind(authority), Tls)


@BOTH
async def test_a_failed_handshake_tells_how_long_the_connection_took(kind: Kind, authority: Authority) -> None:
    with listening(gone) as target:
        seen = await attempt(kind(authority), target, 0.05)
    assert (seen.cause, seen.detail) == (Cause.TIMEOUT, "no TLS handshake in time")
    mismatched = await probe(Server(authority.server("other.test")), kind(authority))
    for timing in (seen.timing, mismatched.timing):
        assert timing is not None
        assert timing.connect is not None
        assert timing.tls is None


async def test_closing_the_session_ends_a_connection_that_waits_for_its_ticket(authority: Authority) -> None:
    server = Server(authority.server())
    with listening(server, server.context) as target, networking() as network:
        session = tls(authority, resume="1h").session(target, network)
        assert (await attempt_of(session, network)).ok
        assert len(network.reactor._handlers) == 1
        session.close()
        assert not network.reactor._handlers


async def test_what_a_server_does_after_the_verdict_of_tls_is_of_no_concern(authority: Authority) -> None:
    def script(connection: socket.socket) -> None:
        connection.sendall(b"220 welcome\r\n")

    with listening(script, authority.server()) as target, networking() as network:
        session = tls(authority, resume="1h").session(target, network)
        for _ in range(2):
            assert (await attempt_of(session, network)).ok
            await until(lambda: not network.reactor._handlers)
        session.close()


@pytest.mark.parametrize(
    ("certificate", "detail"), [(None, "the server has no certificate"), (b"no DER", "certificate: error parsing")]
)
async def test_a_certificate_that_is_missing_or_cannot_be_read_fails(
    certificate: bytes | None, detail: str, authority: Authority
) -> None:
    with listening(gone) as target, networking() as network:
        under_way = tls(authority).session(target, network).start(1.0, lambda _: None)
        seen = under_way._judge(certificate)
        under_way.expire()
    assert seen.cause is Cause.CERTIFICATE
    assert seen.detail.startswith(detail)


async def test_a_server_that_hands_out_no_tickets_is_not_resumed(authority: Authority) -> None:
    context = authority.server(version=ssl.TLSVersion.TLSv1_3)
    context.num_tickets = 0
    server = Server(context)
    async with probing(server, https(authority, resume="1h")) as attempt_once:
        for _ in range(2):
            await attempt_once()
    assert server.resumed == [False, False]
