"""Which header fields cross the gateway, in either direction, and which it adds. Pure."""

import re
from collections.abc import Iterable

Pairs = list[tuple[str, str]]

_HOP_BY_HOP = frozenset(("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"))
_NOT_TO_BE_NAMED = frozenset(("host", "authorization", "cookie", "content-length"))
_SAID_BY_PROXIES = frozenset(("forwarded", "x-real-ip", "proxy"))
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def to_upstream(fields: Iterable[tuple[str, str]], *, client: str, host: str, via: str) -> Pairs:
    """Fields of the request that goes to an upstream.

    No proxy before this one is trusted, so what the client says about forwarding is replaced. Names are compared with
    ``_`` read as ``-``, because CGI and WSGI do not tell them apart; ``Proxy`` would become HTTP_PROXY there. Expect
    is answered by the gateway itself.
    """
    kept = [(name, value) for name, value in _end_to_end(fields) if not _replaced(name)]
    forwarded = [("X-Forwarded-For", client), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", host)]
    return [*kept, *forwarded, ("Via", via)]


def to_client(fields: Iterable[tuple[str, str]], *, via: str) -> Pairs:
    """Fields of the response that goes to the client; repeated ones stay repeated."""
    return [*_end_to_end(fields), ("Via", via)]


def via(version: tuple[int, int], region: str) -> str:
    """One Via entry: the version the message came in with, and a pseudonym (RFC 9110, section 7.6.3)."""
    return f"{version[0]}.{version[1]} gslb-{region}"


def has_control(text: str) -> bool:
    """Whether ``text`` could split a message if it were sent in a header (RFC 9110, section 5.5)."""
    return _CONTROL.search(text) is not None


def sendable(text: str) -> str:
    """``text`` without the surrogates by which aiohttp stands for bytes that are not UTF-8, and which it cannot send.

    Such a text is taken for ISO-8859-1, what HTTP once said it was (RFC 9110, section 5.5).
    """
    octets = text.encode("utf-8", "surrogateescape")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("iso-8859-1")


def _end_to_end(fields: Iterable[tuple[str, str]]) -> Pairs:
    """Fields without the hop-by-hop ones and those that Connection names (RFC 9110, section 7.6.1).

    Connection cannot name away who asks and for what: a client could make the upstream see another request that way.
    """
    pairs = list(fields)
    named = {
        option.strip(" \t").lower()
        for name, value in pairs
        if name.lower() == "connection"
        for option in value.split(",")
    }
    dropped = _HOP_BY_HOP | (named - _NOT_TO_BE_NAMED)
    return [(name, sendable(value)) for name, value in pairs if not _dropped(name.lower(), dropped)]


def _dropped(name: str, dropped: frozenset[str] | set[str]) -> bool:
    return name in dropped or name.startswith("proxy-")


def _replaced(name: str) -> bool:
    folded = name.lower().replace("_", "-")
    return folded in _SAID_BY_PROXIES or folded == "expect" or folded.startswith("x-forwarded-")
