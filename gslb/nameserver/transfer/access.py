"""Who may transfer a zone, as data that travels with it, and the same made ready to be asked."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

import dns.exception
import dns.name
import dns.tsig

from gslb.errors import SnapshotError
from gslb.nameserver.clients import Clients

ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512")
"""those of RFC 8945, section 6, that are recommended or required"""


@dataclass(frozen=True, slots=True)
class TsigKey:
    """A secret that both sides sign with (RFC 8945).

    Attributes:
        name: absolute, in lower case.
        algorithm: one of ``ALGORITHMS``.
        secret: in base64.
    """

    name: str
    algorithm: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Who may transfer a zone, and who is told when it has changed. By default nobody.

    Attributes:
        allow: networks that requests come from; without any, from everywhere, if ``keys`` has some.
        keys: requests are signed with one of them; without any they need not be, if ``allow`` has some.
        notify: ``host:port`` of secondaries.
        notify_key: what these are told is signed with it.
    """

    allow: tuple[str, ...] = ()
    keys: tuple[TsigKey, ...] = ()
    notify: tuple[str, ...] = ()
    notify_key: TsigKey | None = None


NOBODY = Transfer()


@dataclass(frozen=True, slots=True)
class Access:
    """A ``Transfer`` made ready. A client must be in one of ``networks``, and have signed with one of ``keys``.

    What there is none of is not asked for; where there is neither, nobody is let in.
    """

    networks: Clients | None
    keys: Mapping[dns.name.Name, dns.tsig.Key]

    def permits(self, source: str, signer: dns.name.Name | None) -> bool:
        """Whether a request from the address ``source``, signed with the key ``signer``, may have the zone."""
        if self.networks is None and not self.keys:
            return False
        if self.keys and signer not in self.keys:
            return False
        return self.networks is None or source in self.networks


def make_access(transfer: Transfer) -> Access:
    """``transfer`` made ready.

    Raises:
        SnapshotError: it has what is no network or key.
    """
    try:
        networks = Clients(transfer.allow) if transfer.allow else None
    except ValueError as error:
        raise SnapshotError(f"transfers: {error}") from error
    return Access(networks, {made.name: made for made in map(make_key, transfer.keys)})


def make_key(key: TsigKey) -> dns.tsig.Key:
    """``key`` as it signs.

    Raises:
        SnapshotError: its name, algorithm or secret cannot be.
    """
    if key.algorithm not in ALGORITHMS:
        raise SnapshotError(f"key {key.name}: no algorithm {key.algorithm!r}")
    try:
        return dns.tsig.Key(dns.name.from_text(key.name), base64.b64decode(key.secret, validate=True), key.algorithm)
    except (dns.exception.DNSException, binascii.Error, ValueError) as error:
        raise SnapshotError(f"key {key.name!r} cannot be used: {type(error).__name__}") from error
