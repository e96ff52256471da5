"""Every cause of failure, each provoked by a server that misbehaves in just that way. Nothing is left open by any."""

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from gslb.model.observation import Cause, Observation
from probes.base import Probe, Target
from probes.http import Http, Https
from probes.net.network import Network
from probes.net.reactor import Reactor
from probes.net.source import Source
from probes.tcp import Tcp
from probes.tls import Tls
from tests.probes.attempts import attempt, networking
from tests.probes.certificates import Authority, new_authority
from tests.probes.listening import (
    Script,
    dripping,
    endless,
    first,
    gone,
    heard,
    listening,
    nothing,
    octets_of,
    reset,
    speaks,
)
from tests.probes.namespaces import namespace
from tests.probes.servers import BRIEF, DEADLINE, HOST, open_files, refusing, silent
from tests.probes.servers import target as at
from tests.waiting import until

Kind = Callable[[Authority, dict[str, Any]], Probe]
Place = Callable[[Authority], AbstractContextManager[Target]]

HEAD = b"HTTP/1.1 200 OK\r\n"
GARBAGE = b"SSH-2.0-OpenSSH_9.6\r\n\r\n"
DAY = timedelta(days=1)
NONE: dict[str, Any] = {}
BODY: dict[str, Any] = {"contains": "fine"}


def tcp(_: Authority, options: dict[str, Any]) -> Probe:
    return Tcp.model_validate(options)


def tls(authority: Authority, options: dict[str, Any]) -> Probe:
    return Tls.model_validate({"tls": authority.trust} | options)


def http(_: Authority, options: dict[str, Any]) -> Probe:
    return Http.model_validate(options)


def https(authority: Authority, options: dict[str, Any]) -> Probe:
    return Https.model_validate({"tls": authority.trust} | options)


@dataclass(frozen=True)
class Case:
    """A probe with ``options`` at ``place``; ``detail`` is a pattern of all that it says."""

    title: str
    kind: Kind
    place: Place
    cause: Cause
    detail: str
    options: dict[str, Any] = field(default_factory=dict)
    within: float = DEADLINE

    def __str__(self) -> str:
        return f"{self.kind.__name__} {self.title}"


def plain(script: Script) -> Place:
    return lambda _: listening(script)


def secure(script: Script, *names: str, **options: Any) -> Place:
    return lambda authority: listening(script, authority.server(*names, **options))


def elsewhere(place: Callable[[], AbstractContextManager[Target]]) -> Place:
    return lambda _: place()


@contextmanager
def stranger(authority: Authority) -> Iterator[Target]:
    """Its certificate is by an authority that nobody knows."""
    with listening(nothing, new_authority(authority.file.parent, "stranger").server()) as target:
        yield target


@contextmanager
def self_signed(authority: Authority) -> Iterator[Target]:
    """Its certificate vouches for itself."""
    alone = new_authority(authority.file.parent, "stranger").ca
    file = authority.file.parent / "alone.pem"
    file.write_bytes(alone.private_key_pem.bytes() + alone.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with listening(nothing, context) as target:
        yield target


def wants_certificate(version: ssl.TLSVersion) -> Place:
    return lambda authority: listening(heard(), authority.server(version=version, clients=authority))


def hangs_up(connection: socket.socket) -> None:
    """Takes the whole ClientHello, for else the end would be a reset."""
    octets_of(connection, int.from_bytes(octets_of(connection, 5)[3:], "big"))


def alert(number: int) -> Script:
    """A fatal alert (RFC 8446, section 6) in answer to the ClientHello."""
    return first(5, speaks(bytes((0x15, 3, 3, 0, 2, 2, number)), then=gone))


NETWORK = [
    case
    for kind in (tcp, tls, http, https)
    for case in (
        Case("at a closed port", kind, elsewhere(refusing), Cause.REFUSED, "Connection refused"),
        Case("where SYNs are dropped", kind, elsewhere(silent), Cause.TIMEOUT, "no connection in time", within=BRIEF),
    )
]

TCP = [
    Case(title, tcp, plain(script), cause, detail, {"send": "?", "expect": "fine"}, within)
    for title, script, cause, detail, within in (
        ("silent", gone, Cause.TIMEOUT, "no expected answer in time", BRIEF),
        ("reset", first(1, reset), Cause.RESET, "Connection reset by peer", DEADLINE),
        ("reset after half", first(1, speaks(b"fi", then=reset)), Cause.RESET, "Connection reset by peer", DEADLINE),
        ("closed", first(1, nothing), Cause.RESET, "closed without an answer", DEADLINE),
        ("closed after half", first(1, speaks(b"fi\x1b")), Cause.BODY, r"unexpected answer 'fi.x1b'", DEADLINE),
        ("answered in drips", dripping(b"x"), Cause.TIMEOUT, "no expected answer in time", 5 * BRIEF),
        ("flooded", endless(b"x" * 65536), Cause.BODY, "expected answer is not in the first 65536 octets", DEADLINE),
    )
]

TLS = [
    Case(title, kind, place, cause, detail, options, within)
    for kind in (tls, https)
    for title, place, cause, detail, options, within in (
        ("silent", plain(gone), Cause.TIMEOUT, "no TLS handshake in time", NONE, BRIEF),
        ("reset in the handshake", plain(first(5, reset)), Cause.RESET, "Connection reset by peer", {}, DEADLINE),
        ("at an expired certificate", secure(nothing, since=-9 * DAY, until=-DAY), Cause.CERTIFICATE,
         "certificate: certificate has expired", {}, DEADLINE),
        ("at a certificate of tomorrow", secure(nothing, since=DAY), Cause.CERTIFICATE,
         "certificate: certificate is not yet valid", {}, DEADLINE),
        ("at another name", secure(nothing, "other.test"), Cause.CERTIFICATE,
         "certificate: Hostname mismatch, certificate is not valid for 'gslb.test'.*", {}, DEADLINE),
        ("at an unknown authority", stranger, Cause.CERTIFICATE,
         "certificate: unable to get local issuer certificate", {}, DEADLINE),
        ("at a self-signed certificate", self_signed, Cause.CERTIFICATE,
         "certificate: self-signed certificate", {}, DEADLINE),
        ("at the system's authorities", secure(nothing), Cause.CERTIFICATE,
         "certificate: unable to get local issuer certificate", {"tls": {}}, DEADLINE),
        ("at an old version of TLS", plain(alert(70)), Cause.TLS, "TLS: .*ALERT_PROTOCOL_VERSION", {}, DEADLINE),
        ("without a common cipher", plain(alert(40)), Cause.TLS, "TLS: .*ALERT_HANDSHAKE_FAILURE", {}, DEADLINE),
        ("at an unknown name", plain(alert(112)), Cause.TLS, "TLS: .*UNRECOGNIZED_NAME", {}, DEADLINE),
        ("at plain HTTP", plain(first(5, speaks(HEAD, b"\r\n", then=gone))), Cause.TLS, "TLS: [A-Z_]+", {}, DEADLINE),
        ("at garbage", plain(speaks(GARBAGE, then=gone)), Cause.TLS, "TLS: [A-Z_]+", {}, DEADLINE),
        ("without the certificate that TLS 1.2 asks for", wants_certificate(ssl.TLSVersion.TLSv1_2), Cause.TLS,
         "TLS: .*ALERT_HANDSHAKE_FAILURE", {}, DEADLINE),
    )
] + [
    Case("closed in the handshake", tls, plain(hangs_up), Cause.RESET, "closed during the TLS handshake"),
    Case("closed in the handshake", https, plain(hangs_up), Cause.RESET, "closed before a request could be sent"),
    Case("without the certificate that TLS 1.3 asks for", https, wants_certificate(ssl.TLSVersion.TLSv1_3), Cause.TLS,
         "TLS: .*CERTIFICATE_REQUIRED"),
    Case("at a certificate that ends soon", tls, secure(gone), Cause.CERTIFICATE,
         "certificate is valid until .* UTC", {"min_valid": "60d"}),
]  # fmt: skip

HTTP = [
    Case(title, kind, over(script), cause, detail, options, within)
    for kind, over in ((http, plain), (https, secure))
    for title, script, cause, detail, options, within in (
        ("silent", heard(then=gone), Cause.TIMEOUT, "no response in time", {}, 5 * BRIEF),
        ("reset before the head", heard(then=reset), Cause.RESET, "Connection reset by peer", {}, DEADLINE),
        ("reset within the head", heard(HEAD, then=reset), Cause.RESET, "Connection reset by peer", {}, DEADLINE),
        ("reset within the body", heard(HEAD, b"\r\nfi", then=reset), Cause.RESET, "Connection reset by peer", BODY,
         DEADLINE),
        ("closed before the head", heard(), Cause.RESET, "closed before the response was complete", {}, DEADLINE),
        ("closed within the head", heard(HEAD), Cause.RESET, "closed before the response was complete", {}, DEADLINE),
        ("closed within the body", heard(HEAD, b"Content-Length: 9\r\n\r\nfine"), Cause.RESET,
         "closed before the response was complete", BODY, DEADLINE),
        ("closed within a chunk", heard(HEAD, b"Transfer-Encoding: chunked\r\n\r\n9\r\nfine"), Cause.RESET,
         "closed before the response was complete", BODY, DEADLINE),
        ("drips the head", dripping(HEAD), Cause.TIMEOUT, "no response in time", {}, 5 * BRIEF),
        ("drips the body", heard(HEAD, b"\r\n", then=dripping(b"x")), Cause.TIMEOUT, "no complete body in time", BODY,
         5 * BRIEF),
        ("has no end of head", heard(HEAD, then=endless(b"X: y\r\n" * 1000)), Cause.PROTOCOL,
         "head of more than 65536 octets", {}, DEADLINE),
        ("has no end of interim responses", heard(then=endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)),
         Cause.PROTOCOL, "head of more than 65536 octets", {}, DEADLINE),
        ("has no end of body", heard(HEAD, b"\r\n", then=endless(b"x" * 65536)), Cause.BODY,
         "HTTP 200, body does not contain 'fine'", BODY, DEADLINE),
        ("has no end of body to be parsed", heard(HEAD, b"\r\n", then=endless(b"x" * 65536)), Cause.BODY,
         "HTTP 200, body of more than 65536 octets", {"fields": {"a": 1}}, DEADLINE),
        ("has no end of trailers",
         heard(HEAD, b"Transfer-Encoding: chunked\r\n\r\n0\r\n", then=endless(b"X: y\r\n" * 1000)),
         Cause.PROTOCOL, "response of more than 589824 octets", BODY, DEADLINE),
        ("sends a bad chunk", heard(HEAD, b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", then=gone), Cause.PROTOCOL,
         "not an HTTP response: .*chunk.*", BODY, DEADLINE),
        ("sends a length in words", heard(HEAD, b"Content-Length: four\r\n\r\n", then=gone), Cause.PROTOCOL,
         "not an HTTP response: .*Content-Length.*", {}, DEADLINE),
        ("sends two lengths", heard(HEAD, b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n", then=gone),
         Cause.PROTOCOL, "not an HTTP response: .*Content-Length.*", {}, DEADLINE),
        ("promises more than it sends", heard(HEAD, b"Content-Length: 5\r\n\r\nfine", then=gone), Cause.TIMEOUT,
         "no complete body in time", BODY, 5 * BRIEF),
        ("promises less than it sends", heard(HEAD, b"Content-Length: 2\r\n\r\nfine", then=gone), Cause.BODY,
         "HTTP 200, body does not contain 'fine'", BODY, DEADLINE),
        ("speaks another protocol", heard(GARBAGE, then=gone), Cause.PROTOCOL, "not an HTTP response: .*", {},
         DEADLINE),
        ("speaks another version", heard(b"HTTP/2.0 200 OK\r\n\r\n", then=gone), Cause.PROTOCOL,
         r"not an HTTP response: version 2\.0", {}, DEADLINE),
        ("switches protocols", heard(b"HTTP/1.1 101 So\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", then=gone),
         Cause.PROTOCOL, "switched to another protocol", {}, DEADLINE),
        ("fails", heard(b"HTTP/1.1 500 Oh\r\n\r\n"), Cause.STATUS, "HTTP 500", {}, DEADLINE),
        ("says something else", heard(HEAD, b"\r\nill"), Cause.BODY, "HTTP 200, body does not contain 'fine'", BODY,
         DEADLINE),
        ("says no JSON", heard(HEAD, b"\r\n{"), Cause.BODY, "HTTP 200, body is not JSON: .*", {"fields": {"a": 1}},
         DEADLINE),
        ("redirects to nowhere", heard(b"HTTP/1.1 302 Found\r\nLocation: gopher://x/\r\n\r\n"), Cause.PROTOCOL,
         "redirected to b'gopher://x/', which is no URL of http", {"redirects": 1}, DEADLINE),
        ("redirects to a name without address",
         heard(b"HTTP/1.1 302 Found\r\nLocation: http://nobody.test/\r\n\r\n"), Cause.RESOLVE,
         "redirected to nobody.test, which has no address", {"redirects": 1}, DEADLINE),
    )
] + [
    Case("reset before the request", http, plain(reset), Cause.RESET, "Connection reset by peer"),
    Case("at TLS", http, plain(heard(bytes((0x15, 3, 1, 0, 2, 2, 70)), then=gone)), Cause.PROTOCOL,
         "not an HTTP response: .*"),
]  # fmt: skip


@pytest.mark.parametrize("case", [*NETWORK, *TCP, *TLS, *HTTP], ids=str)
async def test_a_server_that_misbehaves_is_told_by_cause_and_detail(case: Case, authority: Authority) -> None:
    before = open_files()
    with case.place(authority) as target:
        reactor = Reactor()
        try:
            named = replace(target, name=f"gslb.test:{target.port}")
            seen = await attempt(case.kind(authority, case.options), named, case.within, Network(reactor))
            assert not reactor._handlers
        finally:
            reactor.close()
    assert (seen.ok, seen.cause) == (False, case.cause), seen
    assert re.fullmatch(case.detail, seen.detail), seen
    assert 0 < seen.latency < case.within + DEADLINE
    await until(lambda: open_files() <= before)


@pytest.mark.parametrize("kind", [tcp, tls, http, https])
@pytest.mark.parametrize(
    ("route", "cause", "detail"),
    [
        ("unreachable", Cause.UNREACHABLE, "No route to host"),
        ("blackhole", Cause.UNREACHABLE, "Invalid argument"),
        ("prohibit", Cause.LOCAL, "Permission denied"),
        (None, Cause.UNREACHABLE, "Network is unreachable"),
    ],
)
async def test_an_address_without_a_route_is_unreachable_or_forbidden_by_this_machine(
    kind: Kind, route: str | None, cause: Cause, detail: str, authority: Authority
) -> None:
    before = open_files()
    with namespace() as made:
        made.run("ip", "link", "set", "lo", "up")
        if route is not None:
            made.run("ip", "route", "add", route, "198.51.100.0/24")
        reactor = Reactor()
        network = Network(reactor, Source(namespace=made.name))
        seen = await attempt(kind(authority, {}), Target(ip_address("198.51.100.7"), 9, "gslb.test:9"), network=network)
        assert not reactor._handlers
        reactor.close()
    assert (seen.cause, seen.detail) == (cause, detail)
    assert open_files() <= before


@pytest.mark.parametrize(
    ("probe", "cause", "detail"),
    [
        (Tcp(), None, ""),
        (Tcp(expect="fine"), Cause.RESET, "Connection reset by peer"),
        (Http(), Cause.RESET, "Connection reset by peer"),
    ],
    ids=["tcp", "tcp with an answer", "http"],
)
async def test_a_reset_before_anybody_looked_is_that_of_an_established_connection(
    probe: Probe, cause: Cause | None, detail: str
) -> None:
    """Both come as one event, so whether the process was busy must not decide what is seen."""
    outcome: list[Observation] = []
    with socket.create_server((HOST, 0)) as listener, networking() as network:
        session = probe.session(at(listener.getsockname()[1]), network)
        session.start(DEADLINE, outcome.append)
        reset(listener.accept()[0])
        await until(lambda: outcome)
        assert not network.reactor._handlers
    seen = outcome[0]
    assert (seen.ok, seen.cause, seen.detail) == (cause is None, cause, detail)
    assert seen.timing is not None
    assert seen.timing.connect is not None


async def test_what_came_before_a_reset_is_read_even_where_nobody_looked_in_time() -> None:
    outcome: list[Observation] = []
    with socket.create_server((HOST, 0)) as listener, networking() as network:
        Tcp(expect="fine").session(at(listener.getsockname()[1]), network).start(DEADLINE, outcome.append)
        connection, _ = listener.accept()
        connection.sendall(b"fine")
        reset(connection)
        await until(lambda: outcome)
    assert outcome[0].ok


def test_every_cause_of_these_probes_is_provoked() -> None:
    others = {Cause.ANSWER, Cause.EXIT, Cause.FORBIDDEN, Cause.LOCAL, Cause.UNREACHABLE}
    assert {case.cause for case in (*NETWORK, *TCP, *TLS, *HTTP)} == set(Cause) - others
