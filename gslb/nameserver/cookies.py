"""Server cookies (RFC 7873), made as all servers of an anycast address can make and check them (RFC 9018)."""

import struct

from siphash24 import siphash24

from gslb.nameserver.clients import packed
from gslb.nameserver.edns import CLIENT_COOKIE

VERSION = 1
SECRET_SIZE = 16
"""bytes in a secret"""

MAX_AGE = 3600
"""seconds for which a cookie is good (RFC 9018, section 4.3)"""
MAX_AHEAD = 300
"""seconds that the clock of whoever made a cookie may be ahead of this one's"""

_HEAD = struct.Struct(">B3xI")
_SIZE = _HEAD.size + 8


class Cookies:
    """Makes and checks server cookies.

    Args:
        secrets: of 16 bytes each; the first one makes cookies, all are good for checking them. So a new one can be
            given to all servers before any of them uses it (RFC 9018, section 5).
    """

    def __init__(self, *secrets: bytes) -> None:
        self._secrets = secrets

    def make(self, client: bytes, source: str, now: float) -> bytes:
        """The cookie for a client: its own, and behind it the server's.

        Args:
            client: its cookie, of 8 bytes.
            source: its address.
            now: seconds since 1970.
        """
        head = _HEAD.pack(VERSION, int(now) & 0xFFFFFFFF)
        return client + head + _hash(self._secrets[0], client, head, source)

    def is_good(self, cookie: bytes, source: str, now: float) -> bool:
        """Whether ``cookie``, the client's and the server's, was made for ``source`` not long ago."""
        client, server = cookie[:CLIENT_COOKIE], cookie[CLIENT_COOKIE:]
        if len(server) != _SIZE or server[0] != VERSION:
            return False
        head, made = server[: _HEAD.size], _HEAD.unpack_from(server)[1]
        age = (int(now) - made + 2**31) % 2**32 - 2**31  # serial number arithmetic (RFC 1982)
        if not -MAX_AHEAD <= age <= MAX_AGE:
            return False
        return any(_hash(secret, client, head, source) == server[_HEAD.size :] for secret in self._secrets)


def _hash(secret: bytes, client: bytes, head: bytes, source: str) -> bytes:
    return bytes(siphash24(client + head + packed(source), key=secret).digest())
