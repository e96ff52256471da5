"""Collections of CIDR blocks, which IP-based routing refers to."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

from tests.fakes.route53.errors import ApiError, invalid_input

Network = IPv4Network | IPv6Network
_LONGEST = {4: 24, 6: 48}
_MAX_BLOCKS = 1000


class Put(StrEnum):
    PUT = "PUT"
    DELETE = "DELETE_IF_EXISTS"


@dataclass(frozen=True, slots=True)
class CidrChange:
    action: Put
    location: str
    blocks: tuple[str, ...]


@dataclass(slots=True)
class Collection:
    """Blocks and their locations. ``version`` counts the changes."""

    name: str
    reference: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    version: int = 1
    blocks: dict[Network, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:route53:::cidrcollection/{self.id}"

    def locations(self) -> list[str]:
        return sorted(set(self.blocks.values()))

    def location_of(self, network: Network) -> str:
        """Of the longest block that has all of a network in it; empty if none has."""
        around = [
            block
            for block in self.blocks
            if block.version == network.version
            and block.prefixlen <= network.prefixlen
            and network.network_address in block
        ]
        return self.blocks[max(around, key=lambda block: block.prefixlen)] if around else ""

    def change(self, changes: Sequence[CidrChange], version: int | None) -> None:
        """All or none of the changes.

        Raises:
            ApiError: a version that is not the current one, a block that is none or is at another location.
        """
        if version is not None and version != self.version:
            raise _mismatch(version, self.version)
        blocks = dict(self.blocks)
        for change in changes:
            for network in map(_block, change.blocks):
                _apply(blocks, network, change)
        if len(blocks) > _MAX_BLOCKS:
            raise ApiError("LimitsExceeded", f"A CIDR collection has {_MAX_BLOCKS} blocks at most.")
        self.blocks = blocks
        self.version += 1


def _mismatch(given: int, current: int) -> ApiError:
    text = f"The CIDR collection version you provided, {given}, doesn't match the current one, {current}."
    return ApiError("CidrCollectionVersionMismatchException", text, 409)


def _block(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise invalid_input(f"Invalid CIDR block {text}: {error}") from None
    if not 1 <= network.prefixlen <= _LONGEST[network.version]:
        raise invalid_input(f"Invalid CIDR block {text}: prefixes have 1 to 24 bits in IPv4, 1 to 48 in IPv6")
    return network


def _apply(blocks: dict[Network, str], network: Network, change: CidrChange) -> None:
    there = blocks.get(network)
    if change.action is Put.DELETE:
        if there == change.location:
            del blocks[network]
    elif there not in {None, change.location}:
        raise ApiError("CidrBlockInUseException", f"CIDR block {network} is in use at location {there}.")
    else:
        blocks[network] = change.location


def no_collection(collection: str) -> ApiError:
    return ApiError("NoSuchCidrCollectionException", f"No CIDR collection found with ID: {collection}", 404)
