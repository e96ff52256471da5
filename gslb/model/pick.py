"""Which of a rule's groups are picked for a client: the same sum wherever it is done."""

import math
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network

from gslb.model.geodesy import Coordinates, distance
from gslb.model.names import ServiceName
from gslb.model.steering import Group, Target

TIE = 1.0
"""Kilometres: what differs by less is equally far."""
STICKY_IPV4, STICKY_IPV6 = 24, 56
"""Prefix lengths of the networks that sticky tells apart, as RFC 7871, section 11.1, has them for client subnets."""


def nearest(groups: Sequence[Group], place: Coordinates | None) -> tuple[Group, ...]:
    """The groups nearest to a place; all of them where it, or where they are, is not known."""
    if place is None or any(group.location is None for group in groups):
        return tuple(groups)
    away = [distance(place, group.location) for group in groups if group.location is not None]
    least = min(away, default=0.0)
    return tuple(group for group, far in zip(groups, away, strict=True) if far <= least + TIE)


def sticky_length(version: int) -> int:
    """The prefix length for IPv4 or IPv6."""
    return STICKY_IPV4 if version == 4 else STICKY_IPV6  # noqa: PLR2004  the version of IP


def sticky_network(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """The network of a client as wide as sticky tells them apart."""
    length = sticky_length(network.version)
    return network.supernet(new_prefix=length) if network.prefixlen > length else network


def sticky_prefix(network: IPv4Network | IPv6Network) -> bytes:
    """What a client is known by: the octets of its network."""
    return sticky_network(network).network_address.packed[: sticky_length(network.version) // 8]


def sticky_group(name: ServiceName, groups: Sequence[Group], prefix: bytes) -> Group:
    """The group for a client, by weighted rendezvous hashing.

    A group that goes away moves only its own clients, and one that comes takes no more than its share from the others
    (Thaler and Ravishankar, 1998; the weights after Schindelhauer and Schomaker, 2005: the highest -w / ln(h) wins,
    h being a hash in 0..1).
    """
    return max(groups, key=lambda group: (group.weight / -math.log(_hash(name, group.region, prefix)), group.region))


def sticky_order(name: ServiceName, targets: Sequence[Target], prefix: bytes) -> tuple[Target, ...]:
    """The targets of the group of a client, the one that it is to reach first."""
    return tuple(sorted(targets, key=lambda target: (_hash(name, target.value, prefix), target.value)))


@lru_cache(maxsize=65536)
def _hash(name: str, what: str, prefix: bytes) -> float:
    """A number in 0..1, neither end included, that is the same on every machine."""
    digest = blake2b(b"\0".join((name.encode(), what.encode(), prefix)), digest_size=8).digest()
    return (int.from_bytes(digest) + 1) / (2**64 + 2)
