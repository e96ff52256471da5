"""Clients by where they come from: the octets of addresses, and networks that they are in."""

import socket
from collections.abc import Iterable
from ipaddress import ip_network

from gslb.model.address import client_network
from gslb.nameserver.networks import make_networks

_BITS = {4: 32, 6: 128}


def packed(source: str) -> bytes:
    """The octets of an address, in text form as sockets have it."""
    if ":" in source:
        return socket.inet_pton(socket.AF_INET6, source.partition("%")[0])
    return socket.inet_pton(socket.AF_INET, source)


class Clients:
    """Networks of both families. IPv4-mapped addresses count as IPv4.

    Args:
        networks: in CIDR form.

    Raises:
        ValueError: one of them is no network.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        found = [ip_network(text) for text in networks]
        self._networks = {
            version: make_networks(bits, [(network, 0) for network in found if network.version == version])
            for version, bits in _BITS.items()
        }

    def __contains__(self, source: str) -> bool:
        """Whether an address, in text form as sockets have it, is in one of them."""
        network = client_network(source)
        return self._networks[network.version].first(network) is not None
