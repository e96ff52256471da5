"""A request that can be sent on to where a redirect points (RFC 9110, section 15.4)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import SplitResult, urljoin, urlsplit

from gslb.model.address import IP
from gslb.model.observation import Cause
from gslb.model.options import is_secret
from probes.net.http1 import ResponseError, encode_request

FOLLOWED = frozenset({300, 301, 302, 303, 307, 308})
"""statuses that say where to go on; 304 does not"""
_PORTS = {"http": 80, "https": 443}
_SEE_OTHER = 303
_AS_GET = {301, 302, _SEE_OTHER}
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}|[0-9a-f]*:[0-9a-f:.]*")
_PATH = re.compile(r"/[!-~]*")


@dataclass(frozen=True, slots=True)
class Request:
    """A request and where it goes; ``host`` is a name where it has not been looked up yet."""

    method: str
    secure: bool
    host: IP | str
    port: int
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    def encode(self) -> bytes:
        """What goes over the wire."""
        return encode_request(self.method, self.path, self.headers, self.body)

    def at(self, ip: IP) -> "Request":
        """The same, with its host looked up."""
        return replace(self, host=ip)


@dataclass(frozen=True, slots=True)
class _Origin:
    """Who answers a URL (RFC 6454), as a URL says it: scheme, host and port."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """As in a Host header: without user and password, which a probe does not send on."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def redirected(request: Request, status: int, location: bytes) -> Request:
    """The request that a redirect asks for.

    It stays with the address of the endpoint while it stays with its name: another answer of DNS could be another
    endpoint. Headers with credentials stay with scheme, name and port.

    Raises:
        ResponseError: it leads nowhere.
    """
    here = f"{'https' if request.secure else 'http'}://{request.headers['Host']}{request.path}"
    try:
        there = urlsplit(urljoin(here, location.decode("ascii")))
        origin, home = _origin(there), _origin(urlsplit(here))
    except (ValueError, KeyError):
        raise _nowhere(location) from None
    path = (there.path or "/") + (f"?{there.query}" if there.query else "")
    if not origin.port or _HOST.fullmatch(origin.host) is None or _PATH.fullmatch(path) is None:
        raise _nowhere(location)
    method, body = _method(request, status)
    same = origin == home
    headers = {
        name: value
        for name, value in request.headers.items()
        if (same or not is_secret(name)) and (body or name.lower() != "content-type")
    }
    return Request(
        method,
        origin.scheme == "https",
        request.host if origin.host == home.host else _address(origin.host),
        request.port if same else origin.port,
        path,
        headers | {"Host": request.headers["Host"] if same else origin.authority, "Connection": "close"},
        body,
    )


def _nowhere(location: bytes) -> ResponseError:
    return ResponseError(Cause.PROTOCOL, f"redirected to {location[:100]!r}, which is no URL of http")


def _origin(url: SplitResult) -> _Origin:
    """Who answers ``url``.

    Raises:
        ValueError: it has no port that there could be.
        KeyError: it is none of http.
    """
    standard = _PORTS[url.scheme]
    return _Origin(url.scheme, (url.hostname or "").removesuffix("."), standard if url.port is None else url.port)


def _method(request: Request, status: int) -> tuple[str, bytes]:
    if status in _AS_GET and request.method != "HEAD" and (status == _SEE_OTHER or request.method == "POST"):
        return "GET", b""
    return request.method, request.body


def _address(host: str) -> IP | str:
    try:
        return ip_address(host)
    except ValueError:
        return host
