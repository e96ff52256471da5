"""Networks as IP-based routing has them: blocks, each at a location of a CIDR collection.

A client is at the location of the longest block of the whole collection that it is in, whether or not a name has a
record set for that. So a collection is there for one set of networks, after which it is called, and is not changed. A
location is there for one block, after which it is called.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from ipaddress import IPv4Network

from gslb.model.address import IPNetwork
from gslb.model.area import Area, network_of

OUTSIDE = "*"
"""location of those who are in no block"""
PREFIX = "gslb-"
"""begins the names of gslb's own collections"""

_LONGEST = {4: 24, 6: 48}


def block(area: Area) -> IPNetwork | None:
    """The block that an area of kind NETWORK is; None where Route 53 has none so long, or so short."""
    network = network_of(area)
    return network if 1 <= network.prefixlen <= _LONGEST[network.version] else None


def location(network: IPNetwork) -> str:
    """What the location of a block is called: ``192_0_2-24``, ``20010db80001-48``; 16 characters at most.

    Those octets are left out that no block of IPv4, or of IPv6, has bits in.
    """
    if isinstance(network, IPv4Network):
        return f"{'_'.join(map(str, network.network_address.packed[:3]))}-{network.prefixlen}"
    return f"{network.network_address.packed[:6].hex()}-{network.prefixlen}"


def networks_name(blocks: Iterable[str]) -> str:
    """What a set of networks is called: ``gslb-3f0c8a21b7d4``. Record sets name their collection so in the model."""
    return PREFIX + sha256(" ".join(sorted(blocks)).encode()).hexdigest()[:12]


def collection_name(zone: str, networks: str) -> str:
    """What the collection of a zone, by its id, for a set of networks is called at the account."""
    return f"{PREFIX}{zone}-{networks.removeprefix(PREFIX)}"


def cidr(areas: Iterable[Area], area: Area | None) -> Mapping[str, object]:
    """The member of a record set for one of the networks ``areas``, or, for None, for everybody else.

    It says which block there is at its location, which a record set of Route 53 does not.
    """
    networks = networks_name(str(network_of(each)) for each in areas)
    if area is None:
        return {"CollectionId": networks, "LocationName": OUTSIDE}
    network = network_of(area)
    return {"Blocks": [str(network)], "CollectionId": networks, "LocationName": location(network)}
