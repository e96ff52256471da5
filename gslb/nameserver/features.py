"""What the settings of a snapshot come to: compiled once, and used for every response that is not ready."""

import struct
import time
from collections.abc import Mapping

from gslb.errors import SnapshotError
from gslb.nameserver.clients import Clients, packed
from gslb.nameserver.cookies import SECRET_SIZE, Cookies
from gslb.nameserver.edns import COOKIE, NSID, Edns, ExtendedError, InfoCode, option
from gslb.nameserver.limiter import Limiter
from gslb.nameserver.rrset import TXT, RRset, text_strings, wire_name
from gslb.nameserver.settings import Settings

CHAOS = 3
"""class of questions about the server itself (RFC 4892)"""

STALE = ExtendedError(InfoCode.STALE_ANSWER, "control is away")

_RECORD = struct.Struct(">HHIH")


class Features:
    """What answers go by beside the table.

    Attributes:
        settings: what this was made of.
        limiter: None where nothing is limited.
        explain: those whose questions for explanations are answered.
        chaos: what is said of the server itself, by name in wire form.

    Args:
        settings: of the snapshot.

    Raises:
        SnapshotError: a network, a secret or a rate that cannot be.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        try:
            secrets = [bytes.fromhex(secret) for secret in settings.cookie_secrets]
            self.explain = Clients(settings.explain)
            self.limiter = Limiter(settings.rate_limit) if settings.rate_limit else None
        except (ValueError, ZeroDivisionError) as error:
            raise SnapshotError(f"settings cannot be used: {error}") from error
        if any(len(secret) != SECRET_SIZE for secret in secrets):
            raise SnapshotError(f"a cookie secret has {SECRET_SIZE} bytes")
        self._cookies = Cookies(*secrets) if secrets else None
        self._nsid = option(NSID, settings.identity.encode()) if settings.identity else b""
        self.chaos = _chaos(settings)

    @property
    def gives_cookies(self) -> bool:
        """Whether clients with a cookie get one."""
        return self._cookies is not None

    def knows(self, edns: Edns | None, source: str) -> bool:
        """Whether a client has shown by its cookie that its address is not forged."""
        if edns is None or not edns.cookie or self._cookies is None:
            return False
        return self._cookies.is_good(edns.cookie, packed(source), time.time())

    def options(self, edns: Edns | None, error: ExtendedError | None, scope: int) -> bytes:
        """Options of a response that are the same whoever asks, the client subnet last.

        It holds for the first ``scope`` bits of the client subnet (RFC 7871), for all clients where that is 0.
        """
        if edns is None:
            return b""
        subnet = edns.subnet.option(scope) if edns.subnet else b""
        return (self._nsid if edns.nsid else b"") + (error.option if error else b"") + subnet

    def cookie(self, edns: Edns | None, source: str) -> bytes:
        """The option with a cookie for a client that has one of its own."""
        given = self.renewed(edns.cookie, packed(source)) if edns is not None and edns.cookie else b""
        return option(COOKIE, given) if given else b""

    def renewed(self, cookie: bytes, address: bytes) -> bytes:
        """What a client is given that sends ``cookie`` from ``address``, in octets; nothing if there are no secrets."""
        return b"" if self._cookies is None else self._cookies.renew(cookie, address, time.time())


def _chaos(settings: Settings) -> Mapping[bytes, RRset]:
    said = {
        "version.server.": settings.version,
        "version.bind.": settings.version,
        "id.server.": settings.identity,
        "hostname.bind.": settings.identity,
    }
    return {wire_name(name): _text(text) for name, text in said.items() if text}


def _text(text: str) -> RRset:
    """A TXT record of class CHAOS; it is not to be kept (RFC 4892, section 2)."""
    rdata = text_strings(text)
    return RRset(TXT, (_RECORD.pack(TXT, CHAOS, 0, len(rdata)) + rdata,))
