"""Server cookies (RFC 7873), made as all servers of an anycast address can make and check them (RFC 9018)."""

import struct

from siphash24 import siphash24

from gslb.nameserver.edns import CLIENT_COOKIE

VERSION = 1
SECRET_SIZE = 16
"""bytes in a secret"""

MAX_AGE = 3600
"""seconds for which a cookie is good (RFC 9018, section 4.3)"""
RENEWED = 1800
"""seconds after which a client is given a new one (RFC 9018, section 4.3)"""
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

    def renew(self, cookie: bytes, address: bytes, now: float) -> bytes:
        """What a client is given that sends ``cookie``: the same, if it is good and not old, else a new one.

        Args:
            cookie: that of the client, of 8 bytes, and maybe that of the server behind it.
            address: octets of the client's address.
            now: seconds since 1970.
        """
        if self.is_good(cookie, address, now, RENEWED):
            return cookie
        client, head = cookie[:CLIENT_COOKIE], _HEAD.pack(VERSION, int(now) & 0xFFFFFFFF)
        return client + head + _hash(self._secrets[0], client, head, address)

    def is_good(self, cookie: bytes, address: bytes, now: float, most: float = MAX_AGE) -> bool:
        """Whether ``cookie``, the client's and the server's, was made for ``address`` at most so many seconds ago."""
        client, server = cookie[:CLIENT_COOKIE], cookie[CLIENT_COOKIE:]
        if len(server) != _SIZE or server[0] != VERSION:
            return False
        head, made = server[: _HEAD.size], _HEAD.unpack_from(server)[1]
        age = (int(now) - made + 2**31) % 2**32 - 2**31  # serial number arithmetic (RFC 1982)
        if not -MAX_AHEAD <= age <= most:
            return False
        return any(_hash(secret, client, head, address) == server[_HEAD.size :] for secret in self._secrets)


def _hash(secret: bytes, client: bytes, head: bytes, address: bytes) -> bytes:
    return bytes(siphash24(client + head + address, key=secret).digest())
