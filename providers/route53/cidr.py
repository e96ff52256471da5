"""CIDR collections of an account, as far as they are gslb's own: read, and there before a batch needs them.

Each belongs to one zone, so that the zone's record sets say whether it is needed. One that is not is removed when
another one is made: those that a batch has ceased to need are still there when it has been written, and none but the
latest of them stay.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from ipaddress import ip_network
from secrets import token_hex
from typing import Any, Protocol

from gslb.model.recordset import RecordSet
from providers.base import CasConflictError, HostedZone, Lane
from providers.route53.networks import collection_name
from providers.route53.wire import Blocks, CidrCollection, own_networks

Used = Callable[[HostedZone, Lane], Awaitable[Collection[str]]]
"""Ids of the collections that the record sets of a zone name."""
Held = dict[str, CidrCollection]
"""Collections by name."""


class Send(Protocol):
    """Sends one request when it is its turn."""

    async def __call__(
        self, action: str, about: str, lane: Lane, members: Mapping[str, object], *, writes: bool = False
    ) -> Mapping[str, Any]:
        """The answer.

        Raises:
            ProviderError: it was not taken.
        """


class Collections:
    """Knows collections as they were read last.

    Args:
        send: sends requests.
        used: reads what a zone uses.
    """

    def __init__(self, send: Send, used: Used) -> None:
        self._send, self._used = send, used
        self._known: dict[str, Held] = {}
        """by zone"""

    async def read(self, zone: HostedZone, lane: Lane) -> Held:
        """Those of ``zone``, by name, as they are."""
        own = collection_name(zone.id, "")
        listed = self._pages("ListCidrCollections", "CidrCollections", zone, lane)
        found = [await self._filled(it, zone, lane) async for it in listed if it["Name"].startswith(own)]
        self._known[zone.id] = {it.name: it for it in found}
        return self._known[zone.id]

    async def prepared(
        self, zone: HostedZone, removed: Iterable[RecordSet], after: Iterable[RecordSet], lane: Lane
    ) -> Mapping[str, str]:
        """Ids of collections by what record sets call them, once all are there as they are to be.

        Args:
            zone: whose record sets they are.
            removed: what a batch removes.
            after: what there is then of the services that it is for.
            lane: how urgent it is.

        Raises:
            CasConflictError: somebody else has changed or removed one meanwhile.
        """
        needed = {collection_name(zone.id, networks): blocks for networks, blocks in _needed(after).items()}
        names = {networks: collection_name(zone.id, networks) for networks in _needed((*removed, *after))}
        if not names:
            return {}
        held = self._known.get(zone.id, {})
        if not held.keys() >= set(names.values()):
            held = await self.read(zone, lane)
        if needed.keys() - held.keys():
            await self._tidy(zone, held, {*names.values()}, lane)
        for name, blocks in needed.items():
            await self._prepare(zone, held, name, blocks, lane)
        if gone := sorted(set(names.values()) - held.keys()):
            raise CasConflictError(f"Route 53, {zone.origin}: the CIDR collection {gone[0]} is not there any more")
        return {networks: held[name].id for networks, name in names.items()}

    def forget(self, zone: HostedZone) -> None:
        """Those of ``zone`` may not be as they were read: have them read before they are relied on."""
        self._known.pop(zone.id, None)

    async def _prepare(self, zone: HostedZone, held: Held, name: str, blocks: Blocks, lane: Lane) -> None:
        """Have a collection of this name that has these blocks, and no others."""
        if name not in held:
            members = {"Name": name, "CallerReference": token_hex(16)}
            answer = await self._send("CreateCidrCollection", zone.origin, lane, members, writes=True)
            held[name] = CidrCollection(answer["Collection"]["Id"], name, answer["Collection"]["Version"], {})
        if held[name].blocks != blocks:
            held[name] = await self._replaced(zone, held[name], blocks, lane)

    async def _tidy(self, zone: HostedZone, held: Held, kept: Collection[str], lane: Lane) -> None:
        """Remove collections of ``zone`` that none of its record sets names, but for some."""
        used = await self._used(zone, lane) if held.keys() - kept else ()
        for unused in [it for name, it in held.items() if name not in kept and it.id not in used]:
            if unused.blocks:
                await self._replaced(zone, unused, {}, lane)
            await self._send("DeleteCidrCollection", zone.origin, lane, {"Id": unused.id}, writes=True)
            del held[unused.name]

    async def _replaced(self, zone: HostedZone, held: CidrCollection, blocks: Blocks, lane: Lane) -> CidrCollection:
        """A collection with other blocks."""
        gone = {place: [it for it in each if it not in blocks.get(place, ())] for place, each in held.blocks.items()}
        come = {place: [it for it in each if it not in held.blocks.get(place, ())] for place, each in blocks.items()}
        changes = [
            {"Action": action, "LocationName": place, "CidrList": each}
            for action, changed in (("DELETE_IF_EXISTS", gone), ("PUT", come))
            for place, each in changed.items()
            if each
        ]
        members = {"Id": held.id, "CollectionVersion": held.version, "Changes": changes}
        await self._send("ChangeCidrCollection", zone.origin, lane, members, writes=True)
        return CidrCollection(held.id, held.name, held.version + 1, blocks)

    async def _filled(self, listed: Mapping[str, Any], zone: HostedZone, lane: Lane) -> CidrCollection:
        """A collection with its blocks."""
        blocks: dict[str, list[str]] = {}
        async for it in self._pages("ListCidrBlocks", "CidrBlocks", zone, lane, CollectionId=listed["Id"]):
            blocks.setdefault(it["LocationName"], []).append(str(ip_network(it["CidrBlock"])))
        told = {place: tuple(sorted(each)) for place, each in blocks.items()}
        return CidrCollection(listed["Id"], listed["Name"], listed["Version"], told)

    async def _pages(
        self, action: str, what: str, zone: HostedZone, lane: Lane, **members: str
    ) -> AsyncIterator[Mapping[str, Any]]:
        while True:
            page = await self._send(action, zone.origin, lane, members)
            for item in page[what]:
                yield item
            if not page.get("NextToken"):
                return
            members["NextToken"] = page["NextToken"]


def _needed(records: Iterable[RecordSet]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Blocks by location, by what ``records`` call their collection."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for record in records:
        if (cidr := own_networks(record)) is not None:
            places = found.setdefault(cidr["CollectionId"], {})
            if "Blocks" in cidr:
                places[cidr["LocationName"]] = tuple(cidr["Blocks"])
    return found
