"""http with ``redirects``: followed as far as asked, never to where it must not, and without giving secrets away."""

import asyncio
import socket
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.address import IP
from gslb.model.observation import Cause, Observation
from gslb.model.options import is_secret
from probes.base import Target
from probes.http import Http, Https
from probes.net.http1 import ResponseError
from probes.net.network import Network
from probes.net.reactor import Reactor
from probes.net.source import DIRECT, Source
from probes.redirect import Request, redirected
from tests.probes.attempts import attempt
from tests.probes.certificates import Authority
from tests.probes.listening import head_of, listening, octets_of
from tests.probes.namespaces import namespace
from tests.probes.servers import HOST

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"


def to(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")


class Site:
    """Answers by path, once per connection, and remembers what it was asked."""

    def __init__(self, pages: dict[str, bytes]) -> None:
        self.pages = pages
        self.heads: list[str] = []
        self.bodies: list[bytes] = []

    def __call__(self, connection: socket.socket) -> None:
        head = head_of(connection).decode()
        self.heads.append(head)
        length = next((line for line in head.split("\r\n") if line.startswith("Content-Length")), ": 0")
        self.bodies.append(octets_of(connection, int(length.partition(": ")[2])))
        connection.sendall(self.pages.get(head.split()[1], OK))

    @property
    def lines(self) -> list[str]:
        return [head.partition(" HTTP")[0] for head in self.heads]


async def probe(
    target: Target,
    lookup: dict[str, IP] | None = None,
    allowed: str | None = None,
    kind: type[Http] = Http,
    source: Source = DIRECT,
    **options: Any,
) -> Observation:
    async def look_up(name: str) -> IP | None:
        return (lookup or {}).get(name)

    reactor = Reactor()
    network = Network(reactor, source, allowed=(ip_network(allowed),) if allowed else (), lookup=look_up)
    try:
        seen = await attempt(kind.model_validate({"redirects": 5} | options), target, network=network)
        assert not reactor._handlers
        return seen
    finally:
        reactor.close()


@pytest.mark.parametrize(("redirects", "detail"), [(0, "HTTP 302"), (1, "HTTP 301"), (2, "HTTP 200"), (9, "HTTP 200")])
async def test_redirects_are_followed_only_when_asked_and_so_many(redirects: int, detail: str) -> None:
    site = Site({"/": to("/a"), "/a": to("/b", 301)})
    with listening(site) as target:
        seen = await probe(target, redirects=redirects)
    assert (seen.detail, seen.ok) == (detail, detail == "HTTP 200")
    assert site.lines == ["GET /", "GET /a", "GET /b"][: redirects + 1]


async def test_a_loop_ends_with_the_last_redirect_that_may_be_followed() -> None:
    site = Site({"/": to("/")})
    with listening(site) as target:
        seen = await probe(target, redirects=3)
    assert (seen.cause, seen.detail, len(site.heads)) == (Cause.STATUS, "HTTP 302", 4)


@pytest.mark.parametrize(
    ("location", "line"),
    [
        ("b", "GET /a/b"),
        ("/b?c=1#d", "GET /b?c=1"),
        ("?c", "GET /a/?c"),
        ("../b", "GET /b"),
        ("//{authority}/b", "GET /b"),
        ("http://{authority}", "GET /"),
        ("HTTP://{AUTHORITY}/b", "GET /b"),
        ("http://user:secret@{authority}/b", "GET /b"),
    ],
)
async def test_relative_and_absolute_locations_lead_where_they_say(location: str, line: str) -> None:
    site = Site({})
    with listening(site) as target:
        text = location.format(authority=target.name, AUTHORITY=target.name.upper())
        site.pages["/a/"] = to(text)
        assert (await probe(target, path="/a/")).ok
    assert site.lines == ["GET /a/", line]
    assert "secret" not in site.heads[1]


@pytest.mark.parametrize("status", [300, 304, 305, 306])
async def test_a_status_that_does_not_send_on_is_judged(status: int) -> None:
    site = Site({"/": to("/b", status)})
    with listening(site) as target:
        seen = await probe(target)
    assert seen.detail == ("HTTP 200" if status == 300 else f"HTTP {status}")


async def test_another_host_is_looked_up_and_asked_by_its_name() -> None:
    here, there = Site({}), Site({})
    with listening(here) as target, listening(there, host="127.0.0.2") as other:
        here.pages["/"] = to(f"http://other.test:{other.port}/x")
        seen = await probe(target, {"other.test": ip_address("127.0.0.2")})
    assert seen.ok
    assert f"Host: other.test:{other.port}\r\n" in there.heads[0]


async def test_another_address_is_asked_without_a_look_up() -> None:
    here, there = Site({}), Site({})
    with listening(here) as target, listening(there, host="127.0.0.2") as other:
        here.pages["/"] = to(f"http://127.0.0.2:{other.port}/x")
        assert (await probe(target)).ok
    assert there.lines == ["GET /x"]


async def test_the_name_of_the_endpoint_stays_with_the_endpoint_whatever_dns_says() -> None:
    """DNS may well answer with another region by now."""
    here, there = Site({}), Site({})
    with listening(here) as target, listening(there) as second:
        here.pages["/"] = to(f"http://gslb.test:{second.port}/x")
        assert (await probe(target, {"gslb.test": ip_address("127.0.0.9")})).ok
    assert there.lines == ["GET /x"]


async def test_a_look_up_that_fails_or_takes_too_long_is_told() -> None:
    async def failing(_: str) -> IP | None:
        raise OSError("no resolver")

    async def endless(_: str) -> IP | None:
        await asyncio.Event().wait()
        return None

    with listening(Site({"/": to("http://other.test/")})) as target:
        for lookup, cause, detail in (
            (failing, Cause.RESOLVE, "redirected to other.test, which has no address"),
            (endless, Cause.TIMEOUT, "no address of other.test in time"),
        ):
            reactor = Reactor()
            seen = await attempt(Http(redirects=1), target, 0.1, Network(reactor, lookup=lookup))
            reactor.close()
            assert (seen.cause, seen.detail) == (cause, detail)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::169.254.169.254]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "0.0.0.0",
        "metadata.test",
        "mapped.test",
    ],
)
async def test_a_redirect_to_metadata_or_link_local_addresses_is_refused(host: str) -> None:
    names = {"metadata.test": ip_address("169.254.169.254"), "mapped.test": ip_address("::ffff:169.254.169.254")}
    with listening(Site({"/": to(f"http://{host}/latest/meta-data/")})) as target:
        seen = await probe(target, names)
    assert seen.cause is Cause.FORBIDDEN
    assert seen.detail.startswith("redirected to ")


@pytest.mark.parametrize("location", ["http://224.0.0.1:9/", "http://multicast.test:9/"])
async def test_a_refused_address_that_is_allowed_is_asked(location: str) -> None:
    """Multicast, because TCP to it fails at once on every machine, and does not ask any server of metadata."""
    with listening(Site({"/": to(location)})) as target:
        seen = await probe(target, {"multicast.test": IPv4Address("224.0.0.1")}, "224.0.0.0/4")
    assert (seen.cause, seen.detail) == (Cause.UNREACHABLE, "Network is unreachable")


@pytest.mark.parametrize(
    ("method", "status", "line", "body"),
    [
        ("POST", 301, "GET /b", b""),
        ("POST", 302, "GET /b", b""),
        ("POST", 303, "GET /b", b""),
        ("PUT", 303, "GET /b", b""),
        ("PUT", 302, "PUT /b", b"{}"),
        ("POST", 307, "POST /b", b"{}"),
        ("POST", 308, "POST /b", b"{}"),
    ],
)
async def test_a_redirect_may_turn_a_post_into_a_get(method: str, status: int, line: str, body: bytes) -> None:
    site = Site({"/": to("/b", status)})
    with listening(site) as target:
        assert (await probe(target, method=method, body="{}")).ok
    assert site.lines == [f"{method} /", line]
    assert site.bodies == [b"{}", body]
    assert ("Content-Type" in site.heads[1]) is bool(body)


async def test_a_redirected_head_stays_a_head() -> None:
    site = Site({"/": to("/b", 303), "/b": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"})
    with listening(site) as target:
        assert (await probe(target, method="HEAD")).ok
    assert site.lines == ["HEAD /", "HEAD /b"]


@pytest.mark.parametrize(
    "location",
    [
        "gopher://x/",
        "ftp://x:80/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https:x",
        "http://a..b/",
        "http://a b/",
        "http://x:99999/",
        "http://x:0/",
        "http://x:y/",
        "http://[::1/",
        "http://[fe80::1%25lo]/",
        "http://x/\x7f",
        "http://x/\xe9",
        "http://" + "a" * 64 + "/",
        "http://x/a b",
    ],
)
async def test_a_location_that_leads_nowhere_breaks_the_protocol(location: str) -> None:
    site = Site({"/": to(location)})
    with listening(site) as target:
        seen = await probe(target, {"x": ip_address(HOST)})
    assert seen.cause is Cause.PROTOCOL
    assert len(site.lines) == 1


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::", "2002:7f12:3456::9"]
)
@pytest.mark.parametrize("named", [False, True])
async def test_from_another_machine_no_redirect_leads_to_this_one(address: str, named: bool) -> None:  # noqa: FBT001
    ip = ip_address(address)
    place = "here.test" if named else f"[{address}]" if ":" in address else address
    with namespace() as host, ExitStack() as stack:
        host.run("ip", "link", "set", "lo", "up")
        host.run("ip", "address", "add", "198.18.0.9/32", "dev", "lo")
        source = Source(namespace=host.name)
        with source.entered():
            target = stack.enter_context(listening(Site({"/": to(f"http://{place}:8053/")}), host="198.18.0.9"))
        seen = await probe(target, {"here.test": ip}, source=source)
    assert seen.cause is Cause.FORBIDDEN
    assert seen.detail == f"redirected to {ip}: this machine's own address"


async def test_an_endpoint_on_this_machine_may_redirect_to_it_in_any_clothes() -> None:
    """IPv6 sockets reach IPv4 loopback by its mapped address (RFC 4291, section 2.5.5.2)."""
    here, there = Site({}), Site({})
    with listening(here) as target, listening(there) as other:
        here.pages["/"] = to(f"http://[::ffff:{HOST}]:{other.port}/x")
        seen = await probe(replace(target, ip=ip_address(f"::ffff:{HOST}")))
    assert seen.ok, seen
    assert there.lines == ["GET /x"]


async def test_a_redirect_to_a_closed_port_is_refused() -> None:
    with listening(Site({"/": to("http://127.0.0.3:9/")})) as target:
        assert (await probe(target)).cause is Cause.REFUSED


async def test_https_leads_to_another_host_by_its_own_name(authority: Authority) -> None:
    here, there = Site({}), Site({})
    with ExitStack() as stack:
        target = stack.enter_context(listening(here, authority.server()))
        other = stack.enter_context(listening(there, authority.server("other.test"), host="127.0.0.2"))
        here.pages["/"] = to(f"https://other.test:{other.port}/x")
        seen = await probe(
            target, {"other.test": ip_address("127.0.0.2")}, kind=Https, tls=authority.trust | {"resume": "1h"}
        )
    assert seen.ok, seen
    assert there.lines == ["GET /x"]


async def test_http_leads_to_https_whose_certificate_must_be_valid(authority: Authority) -> None:
    here, there = Site({}), Site({})
    with listening(here) as target, listening(there, authority.server()) as second:
        here.pages["/"] = to(f"https://gslb.test:{second.port}/")
        seen = await probe(target)
    assert (seen.cause, seen.detail) == (Cause.CERTIFICATE, "certificate: unable to get local issuer certificate")


SECRETS = {"Authorization": "Bearer 1", "Cookie": "a=1", "X-Api-Key": "1", "X-Passphrase": "1", "X-Trace": "1"}


@pytest.mark.parametrize(
    ("where", "kept"), [("same", True), ("other name", False), ("other port", False), ("other address", False)]
)
async def test_credentials_stay_with_the_server_that_they_are_for(where: str, kept: bool) -> None:  # noqa: FBT001
    here, there = Site({}), Site({})
    with listening(here) as target, listening(there) if where != "same" else nullcontext() as second:
        there = there if second else here
        location = {
            "same": f"http://{target.name}/x",
            "other name": f"http://other.test:{second.port if second else 0}/x",
            "other port": f"http://gslb.test:{second.port if second else 0}/x",
            "other address": f"http://{HOST}:{second.port if second else 0}/x",
        }[where]
        here.pages["/"] = to(location)
        assert (await probe(target, {"other.test": ip_address(HOST)}, headers=SECRETS)).ok
    asked = there.heads[-1]
    assert "GET /x" in asked
    assert "X-Trace: 1" in asked
    for name in SECRETS.keys() - {"X-Trace"}:
        assert (name in asked) is kept


HOSTS = st.sampled_from(["gslb.test", "GSLB.test", "gslb.test.", "other.test", "127.0.0.1", "[::1]", "a@gslb.test", ""])
URLS = st.builds(
    lambda scheme, host, port, path: f"{scheme}{host}{port}{path}",
    st.sampled_from(["http://", "https://", "//", "ftp://", "HTTPS://", ""]),
    HOSTS,
    st.sampled_from(["", ":80", ":443", ":8080", ":0", ":x"]),
    st.text(max_size=20).map(lambda text: "/" + quote(text, safe="/?#@:&=\\\r\n\t ")),
)
STATUSES = st.sampled_from([301, 302, 303, 307, 308])
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT"])


@given(URLS | st.text(max_size=50), STATUSES, METHODS, st.booleans(), st.sampled_from(["gslb.test", "gslb.test:8080"]))
def test_no_redirect_leads_out_of_http_or_gives_credentials_to_another_server(
    location: str,
    status: int,
    method: str,
    secure: bool,  # noqa: FBT001
    host: str,
) -> None:
    body = b"{}" if method in ("POST", "PUT") else b""
    request = Request(method, secure, ip_address("192.0.2.1"), 8080, "/", {"Host": host} | SECRETS, body)
    try:
        there = redirected(request, status, location.encode("utf-8", "replace"))
    except ResponseError as error:
        assert error.cause is Cause.PROTOCOL  # noqa: PT017  either is right
        return
    asked = there.at(ip_address("192.0.2.2")).encode()
    assert asked.count(b"\r\n\r\n") == 1
    assert asked.startswith(f"{there.method} /".encode())
    assert 0 < there.port < 65536
    assert there.headers["Connection"] == "close"
    assert there.body in (b"", body)
    standard = 443 if secure else 80
    same = _server(there.headers["Host"], 443 if there.secure else 80) == _server(host, standard)
    if not same or there.secure is not secure:
        assert not any(is_secret(name) for name in there.headers)
        assert b"Bearer" not in asked
    else:
        assert there.host == request.host
    if isinstance(there.host, str):
        assert there.host.islower()


def _server(authority: str, standard: int) -> tuple[str, int]:
    name, colon, port = authority.rpartition(":") if not authority.endswith("]") else (authority, "", "")
    return (name, int(port)) if colon else (authority, standard)


def test_the_standard_port_is_the_same_server_whether_it_is_said_or_not() -> None:
    request = Request("GET", False, ip_address("192.0.2.1"), 8080, "/", {"Host": "gslb.test:80"} | SECRETS)
    there = redirected(request, 302, b"http://gslb.test/x")
    assert (there.host, there.port, there.headers["Authorization"]) == (request.host, 8080, "Bearer 1")


def test_credentials_do_not_go_from_https_to_http() -> None:
    request = Request("GET", True, ip_address("192.0.2.1"), 443, "/", {"Host": "gslb.test"} | SECRETS)
    there = redirected(request, 302, b"http://gslb.test/x")
    assert (there.host, there.port, there.secure) == (request.host, 80, False)
    assert "Authorization" not in there.headers
