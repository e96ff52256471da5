"""Whom a query is asked for: the subnet that a resolver tells of (RFC 7871), or the address that the packet is from.

IPv4-mapped IPv6 addresses (RFC 4291, section 2.5.5.2) count as IPv4 in both.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from gslb.model.address import IPNetwork, client_network

ECS = 8
"""Number of the EDNS option."""

_BY_ADDRESS = b"@"
"""what no family begins with"""

_HEAD = struct.Struct(">HHHBB")
_FIXED = struct.Struct(">HBB")
_WHO = struct.Struct(">HB")
_IPV4, _IPV6 = 1, 2
_BITS = {_IPV4: 32, _IPV6: 128}
_MAPPED = bytes(10) + b"\xff\xff"
_MAPPED_BITS = 96


@dataclass(frozen=True, slots=True)
class Subnet:
    """The option as it came (RFC 7871, section 6).

    Attributes:
        family: 1 for IPv4, 2 for IPv6, 0 where no address is told.
        source: bits of the address that are told; 0 where the client does not want to be told apart.
        address: the octets that hold those bits.
    """

    family: int
    source: int
    address: bytes

    @property
    def network(self) -> IPNetwork:
        """The client's network; all of a family where nothing is told."""
        if self.family != _IPV6:
            return IPv4Network((self.address.ljust(4, b"\0"), self.source))
        address = self.address.ljust(16, b"\0")
        if self._mapped:
            return IPv4Network((address[12:], self.source - _MAPPED_BITS))
        return IPv6Network((address, self.source))

    @property
    def who(self) -> bytes:
        """Names the client, among those that ``who_of`` names."""
        return _WHO.pack(self.family, self.source) + self.address

    def option(self, scope: int) -> bytes:
        """The option of a response that holds for the first ``scope`` bits of ``network``, or for all if that is 0.

        Everything else is as it came, so that the resolver can tell the response from a forged one (section 7.2.1).
        """
        bits = scope + _MAPPED_BITS if scope and self._mapped else scope
        return _HEAD.pack(ECS, _FIXED.size + len(self.address), self.family, self.source, bits) + self.address

    @property
    def _mapped(self) -> bool:
        return self.family == _IPV6 and self.source >= _MAPPED_BITS and self.address.startswith(_MAPPED)


def read_subnet(data: bytes) -> Subnet | None:
    """The client subnet in the data of its option; None if it is malformed, which is FORMERR (section 7.2.1).

    Malformed is also a scope, which only responses have, a bit beyond the source prefix, and a family that is neither
    IPv4 nor IPv6. Family 0 is well-formed where no address is told: it says nothing then (section 7.1.2), and drafts
    of the RFC asked for it.
    """
    if len(data) < _FIXED.size:
        return None
    family, source, scope = _FIXED.unpack_from(data)
    address = data[_FIXED.size :]
    if scope or source > _BITS.get(family, 0) or len(address) != (source + 7) // 8 or not _is_known(family, source):
        return None
    beyond = -source % 8
    return Subnet(family, source, address) if not (beyond and address[-1] & (1 << beyond) - 1) else None


def _is_known(family: int, source: int) -> bool:
    return family in _BITS or family == source == 0


def can_be_cut(subnet: Subnet) -> bool:
    """Whether every address of so many octets is well-formed, and echoed alike."""
    return subnet.source % 8 == 0 and (subnet.family != _IPV6 or subnet.source < _MAPPED_BITS)


def who_of(address: bytes) -> bytes:
    """Names a client of which only the address is known that it sends from, in octets."""
    return _BY_ADDRESS + address


def network_of(who: bytes) -> IPNetwork:
    """The network of a client that is named as by ``who_of`` or ``Subnet.who``."""
    if who.startswith(_BY_ADDRESS):
        return client_network(str(ip_address(who[len(_BY_ADDRESS) :])))
    family, source = _WHO.unpack_from(who)
    return Subnet(family, source, who[_WHO.size :]).network
