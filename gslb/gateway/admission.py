"""Which requests are fit to be forwarded, and the target they are forwarded with. Pure.

aiohttp's C parser has already refused what no parser should take (two Host or Content-Length fields, Content-Length
with Transfer-Encoding, a coding that does not end in chunked, bare CR or LF, a target that is not ASCII). Left are the
rules that it does not know.
"""

import re
from typing import Protocol

from gslb.gateway.refusal import RefusalError

_HOST = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9._~!$&'()*+;=%-]+)(?::[0-9]{0,5})?", re.IGNORECASE)
_ABSOLUTE = re.compile(r"http://([^/?]*)(.*)", re.IGNORECASE | re.DOTALL)
_VERSIONS = ((1, 0), (1, 1))


class Fields(Protocol):
    """Header fields, looked up without regard to case."""

    def getall(self, key: str, default: tuple[str, ...]) -> list[str] | tuple[str, ...]:
        """Every value of a field."""


def admit(method: str, target: str, version: tuple[int, int], fields: Fields) -> str:
    """Return the target in origin form (RFC 9112, section 3.2.1), otherwise byte for byte as received.

    Not supported in this form of the gateway, answered with 501: CONNECT, ``OPTIONS *``, Upgrade (WebSocket included),
    and transfer codings other than chunked.

    Raises:
        RefusalError: 400, 417, 501 or 505.
    """
    if version not in _VERSIONS:
        raise RefusalError(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    if method == "CONNECT" or fields.getall("Upgrade", ()):
        raise RefusalError(501, "CONNECT and Upgrade are not supported")
    _check_framing(version, fields)
    if any(expected.lower() != "100-continue" for expected in fields.getall("Expect", ())):
        raise RefusalError(417, "only 100-continue can be expected")
    return _origin_form(target, _host(fields))


def _check_framing(version: tuple[int, int], fields: Fields) -> None:
    """RFC 9112, section 6.1: HTTP/1.0 has no transfer codings; one that is not understood is answered with 501."""
    codings = ",".join(fields.getall("Transfer-Encoding", ()))
    if codings and version == (1, 0):
        raise RefusalError(400, "Transfer-Encoding in an HTTP/1.0 request")
    if codings and codings.lower() != "chunked":
        raise RefusalError(501, "the only transfer coding supported is chunked")


def _host(fields: Fields) -> str:
    """RFC 9112, section 3.2. An HTTP/1.0 request without Host is refused too: it could not be forwarded as HTTP/1.1."""
    hosts = fields.getall("Host", ())
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        raise RefusalError(400, "exactly one valid Host is required")
    return hosts[0]


def _origin_form(target: str, host: str) -> str:
    if "#" in target:
        raise RefusalError(400, "the request target has a fragment")
    if target.startswith("/"):
        return target
    if target == "*":
        raise RefusalError(501, "OPTIONS * is not supported")
    absolute = _ABSOLUTE.fullmatch(target)
    if not absolute or absolute[1].lower() != host.lower():
        raise RefusalError(400, "an absolute request target must be http and name the same authority as Host")
    return absolute[2] if absolute[2].startswith("/") else f"/{absolute[2]}"
