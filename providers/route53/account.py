"""An account of Route 53: its zones, what they hold, and changes of that."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Container, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gslb.model.names import ServiceName
from gslb.model.recordset import RecordSet, is_reserved_for, markers
from gslb.model.zone_plan import Change
from providers.base import HostedZone, Lane, ProviderError, Receipt, Throttle
from providers.route53 import wire
from providers.route53.batch import change_batch
from providers.route53.cidr import Collections
from providers.route53.requests import Requests
from providers.zones import named, only

if TYPE_CHECKING:
    from providers.route53 import Route53

_NEXT = ("RecordName", "RecordType", "RecordIdentifier")
"""what says where the next page starts"""
_FEW = "30"
"""record sets that are listed at once where those of one name are wanted"""
_NO_ZONE = "create it, or check profile and role in [providers.NAME]: whose account the credentials are for"


class Route53Account:
    """See ``providers.base.Account``.

    Args:
        options: whose account, and how to reach it.
        throttle: lets requests through.
    """

    def __init__(self, options: "Route53", throttle: Throttle) -> None:
        self._options = options
        self._requests = Requests(options, throttle)
        self._send = self._requests.send
        self._collections = Collections(self._send, self._used)
        self._spelled: dict[str, dict[RecordSet, wire.Wire]] = {}
        """by zone: record sets that are listed in other words than they would be written in, with those words"""

    async def zones(self, lane: Lane) -> tuple[HostedZone, ...]:
        """See Account."""
        members: dict[str, object] = {}
        found: list[HostedZone] = []
        while True:
            page = await self._send("ListHostedZones", "all zones", lane, members)
            found += map(_zone, page["HostedZones"])
            if not page.get("IsTruncated"):
                return tuple(found)
            members = {"Marker": page["NextMarker"]}

    async def zone(self, origin: str, lane: Lane) -> HostedZone:
        """See Account."""
        if origin in self._options.zones:
            answer = await self._send("GetHostedZone", origin, lane, {"Id": self._options.zones[origin]})
            return named(origin, _zone(answer["HostedZone"]), private=self._options.private)
        found = [zone async for zone in self._called(origin, lane)]
        return only(origin, found, _NO_ZONE, private=self._options.private)

    async def read(self, zone: HostedZone, lane: Lane, names: Collection[str] | None = None) -> tuple[RecordSet, ...]:
        """See Account."""
        listing = self._listed(zone, lane) if names is None else self._of_names(zone, sorted(names), lane)
        found, by_network = dict[RecordSet, wire.Wire | None](), list[wire.Wire]()
        async for listed in listing:  # read as they come: a page of them keeps the event loop busy for 3 ms
            if "CidrRoutingConfig" in listed:
                by_network.append(listed)
            else:
                found |= (wire.read_with_words(listed, zone.id),)
        marked = markers(found)
        ours = any(_is_for(wire.read_name(listed["Name"]), marked) for listed in by_network)
        own = (await self._collections.read(zone, lane)).values() if ours else ()  # which takes permissions of its own
        found |= (wire.read_with_words(listed, zone.id, own) for listed in by_network)
        spelled = {record: words for record, words in found.items() if words is not None}
        before = {} if names is None else self._spelled.get(zone.id, {})
        self._spelled[zone.id] = {record: words for record, words in before.items() if record not in found} | spelled
        return tuple(found)

    async def apply(self, zone: HostedZone, changes: Sequence[Change], deadline: float, lane: Lane) -> Receipt:
        """See Account."""
        removed = [record for change in changes for record in change.removed]
        after = [record for change in changes for record in change.after]
        try:
            ids = await self._collections.prepared(zone, removed, after, lane)
            written = partial(wire.written, zone=zone.id, collections=ids)
            spelled = self._spelled.get(zone.id, {})
            batch = change_batch(changes, lambda record: spelled.get(record) or written(record), written)
            members = {"HostedZoneId": zone.id, "ChangeBatch": batch}
            answer = await self._send(
                "ChangeResourceRecordSets", zone.origin, lane, members, writes=True, limit=deadline
            )
        except ProviderError:
            self._collections.forget(zone)
            raise
        for record in (record for change in changes for record in change.added):
            spelled.pop(record, None)  # it is in our words now
        return Receipt(zone, _bare(answer["ChangeInfo"]["Id"]))

    async def settled(self, receipt: Receipt, lane: Lane) -> bool:
        """See Account."""
        answer = await self._send("GetChange", receipt.zone.origin, lane, {"Id": receipt.id})
        return bool(answer["ChangeInfo"]["Status"] == "INSYNC")

    async def nameservers(self, zone: HostedZone, lane: Lane) -> tuple[str, ...]:
        """See Account."""
        answer = await self._send("GetHostedZone", zone.origin, lane, {"Id": zone.id})
        return tuple(wire.read_name(name) for name in answer.get("DelegationSet", {}).get("NameServers", ()))

    async def close(self) -> None:
        """See Account."""
        self._requests.close()

    async def _used(self, zone: HostedZone, lane: Lane) -> set[str]:
        """Ids of the CIDR collections that its record sets name."""
        routed = [each["CidrRoutingConfig"] async for each in self._listed(zone, lane) if "CidrRoutingConfig" in each]
        return {cidr["CollectionId"] for cidr in routed}

    async def _called(self, origin: str, lane: Lane) -> AsyncIterator[HostedZone]:
        """All zones of a name."""
        members: dict[str, object] = {"DNSName": wire.write_name(origin)}
        while True:
            page = await self._send("ListHostedZonesByName", origin, lane, members)
            for zone in map(_zone, page["HostedZones"]):
                if zone.origin != origin:
                    return
                yield zone
            if not page.get("IsTruncated"):
                return
            members = {"DNSName": page["NextDNSName"], "HostedZoneId": page["NextHostedZoneId"]}

    async def _of_names(self, zone: HostedZone, names: Sequence[str], lane: Lane) -> AsyncIterator[wire.Wire]:
        """Record sets of some names; those of one name are listed one after the other."""
        for name in names:
            async with aclosing(
                self._listed(zone, lane, {"StartRecordName": wire.write_name(name), "MaxItems": _FEW})
            ) as listing:
                async for listed in listing:
                    if wire.read_name(listed["Name"]) != name:
                        break
                    yield listed

    async def _listed(
        self, zone: HostedZone, lane: Lane, start: Mapping[str, object] = MappingProxyType({})
    ) -> AsyncGenerator[wire.Wire, None]:
        """Record sets in Route 53's order, from some place on."""
        members = {"HostedZoneId": zone.id, **start}
        while True:
            page = await self._send("ListResourceRecordSets", zone.origin, lane, members)
            for listed in page["ResourceRecordSets"]:
                yield listed
            if not page.get("IsTruncated"):
                return
            following = {f"Start{name}": page[f"Next{name}"] for name in _NEXT if f"Next{name}" in page}
            members = {name: it for name, it in members.items() if not name.startswith("Start")} | following


def _is_for(name: str, services: Container[str]) -> bool:
    """Whether ``name`` is one of ``services``, or reserved for one."""
    _, _, parent = name.partition(".")
    around = ServiceName(parent), ServiceName(f"*.{parent}")
    return name in services or any(it in services and is_reserved_for(name, it) for it in around)


def _zone(listed: Mapping[str, Any]) -> HostedZone:
    return HostedZone(wire.read_name(listed["Name"]), _bare(listed["Id"]), bool(listed["Config"]["PrivateZone"]))


def _bare(id_: str) -> str:
    """Without ``/hostedzone/`` or ``/change/``."""
    return id_.rpartition("/")[2]
