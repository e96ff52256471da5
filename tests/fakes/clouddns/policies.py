"""Which routing policies are allowed: reads one from JSON, or refuses it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.clouddns import rrdata
from tests.fakes.clouddns.errors import Json, bad_json, duplicate, invalid, quota_exceeded, required
from tests.fakes.clouddns.fields import array, flag, number, option, table, text
from tests.fakes.clouddns.regions import REGIONS
from tests.fakes.clouddns.routing import Balancer, Checked, Data, Geo, Policy, PrimaryBackup, Weighted

MOST_WEIGHT = 1000
_BALANCER_TYPES = {"none", "regionalL4ilb", "regionalL7ilb", "globalL7ilb"}
_BALANCER_FIELDS = {"loadBalancerType", "ipAddress", "port", "ipProtocol", "networkUrl", "project", "region"}
_ITEM_FIELDS = {"rrdatas", "healthCheckedTargets", "signatureRrdatas"}


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads policies for record sets of one type, in a zone that is public or not, with at most ``items`` items."""

    kind: str
    public: bool
    items: int

    def policy(self, value: Any, field: str) -> Policy:
        if self.kind not in rrdata.ROUTABLE:
            raise invalid(field, self.kind)
        source = table(value, field, {"wrr", "geo", "primaryBackup", "healthCheck"})
        given = [name for name in ("wrr", "geo", "primaryBackup") if source.get(name) is not None]
        if len(given) != 1:
            raise invalid(field, ", ".join(given))
        readers: dict[str, Callable[[Any, str], Weighted | Geo | PrimaryBackup]] = {
            "wrr": self._weighted,
            "geo": self._geo,
            "primaryBackup": self._primary_backup,
        }
        steers = readers[given[0]](source[given[0]], f"{field}.{given[0]}")
        policy = Policy(steers, option(source, "healthCheck", field))
        checked = any(data.checked.endpoints for data in policy.steers.data)
        if checked != bool(policy.health_check):  # each is of no use without the other
            raise required(f"{field}.healthCheck") if checked else invalid(f"{field}.healthCheck", policy.health_check)
        return policy

    def _weighted(self, value: Any, field: str) -> Weighted:
        source = table(value, field, {"items"})
        items = []
        for place, item in self._items(source, field, "weight"):
            items.append((number(item, "weight", place, MOST_WEIGHT), self._data(item, place)))
        return Weighted(tuple(items))

    def _geo(self, value: Any, field: str) -> Geo:
        source = table(value, field, {"items", "enableFencing"})
        items: list[tuple[str, Data]] = []
        for place, item in self._items(source, field, "location"):
            location = text(item, "location", place)
            if location not in REGIONS or location in dict(items):
                raise invalid(f"{place}.location", location)
            items.append((location, self._data(item, place)))
        return Geo(flag(source, "enableFencing", field), tuple(items))

    def _primary_backup(self, value: Any, field: str) -> PrimaryBackup:
        source = table(value, field, {"primaryTargets", "backupGeoTargets", "trickleTraffic"})
        for name in ("primaryTargets", "backupGeoTargets"):
            if source.get(name) is None:
                raise required(f"{field}.{name}")
        primary = self._checked(source["primaryTargets"], f"{field}.primaryTargets")
        backup = self._geo(source["backupGeoTargets"], f"{field}.backupGeoTargets")
        return PrimaryBackup(primary, backup, number(source, "trickleTraffic", field, 1, default=0))

    def _items(self, source: Json, field: str, key: str) -> list[tuple[str, Json]]:
        items = array(source.get("items"), f"{field}.items")
        if not items:
            raise required(f"{field}.items")
        if len(items) > self.items:
            raise quota_exceeded(["items per routing policy"])
        places = [f"{field}.items[{index}]" for index in range(len(items))]
        return [(place, table(item, place, _ITEM_FIELDS | {key})) for place, item in zip(places, items, strict=True)]

    def _data(self, item: Json, field: str) -> Data:
        checked = Checked()
        if item.get("healthCheckedTargets") is not None:
            checked = self._checked(item["healthCheckedTargets"], f"{field}.healthCheckedTargets")
        given = array(item.get("rrdatas"), f"{field}.rrdatas")
        if checked.values and not given:
            return Data((), checked)
        return Data(values(self.kind, given, f"{field}.rrdata"), checked)

    def _checked(self, value: Any, field: str) -> Checked:
        source = table(value, field, {"internalLoadBalancers", "externalEndpoints"})
        given = array(source.get("internalLoadBalancers"), f"{field}.internalLoadBalancers")
        places = [f"{field}.internalLoadBalancers[{index}]" for index in range(len(given))]
        balancers = tuple(self._balancer(each, place) for each, place in zip(given, places, strict=True))
        endpoints = array(source.get("externalEndpoints"), f"{field}.externalEndpoints")
        if not balancers and not endpoints:
            raise required(field)
        if self.kind not in {"A", "AAAA"} or (balancers and endpoints):
            raise invalid(field, self.kind)
        if self.public and balancers:  # these are reached, and their health is known, inside a network only
            raise invalid(f"{field}.internalLoadBalancers", balancers[0].address)
        if not self.public and endpoints:
            raise invalid(f"{field}.externalEndpoints", endpoints[0])
        return Checked(balancers, values(self.kind, endpoints, f"{field}.externalEndpoints") if endpoints else ())

    def _balancer(self, value: Any, field: str) -> Balancer:
        source = table(value, field, _BALANCER_FIELDS)
        of_type = option(source, "loadBalancerType", field) or "none"
        if of_type not in _BALANCER_TYPES:
            raise invalid(f"{field}.loadBalancerType", of_type)
        protocol = text(source, "ipProtocol", field)
        if protocol not in {"tcp", "udp"}:
            raise invalid(f"{field}.ipProtocol", protocol)
        address = values(self.kind, [text(source, "ipAddress", field)], f"{field}.ipAddress")[0]
        port, network, project = (text(source, name, field) for name in ("port", "networkUrl", "project"))
        region = (text if of_type.startswith("regional") else option)(source, "region", field)
        if region and region not in REGIONS:
            raise invalid(f"{field}.region", region)
        return Balancer(of_type, address, port, protocol, network, project, region)


def values(kind: str, given: Sequence[Any], field: str) -> tuple[str, ...]:
    """The records of a set in the form in which they are held: at least one, no two alike, CNAME and SOA have one."""
    if not given:
        raise invalid(field, "")
    held: list[str] = []
    for index, value in enumerate(given):
        if not isinstance(value, str):  # ipaddress takes numbers too
            raise bad_json(f"Invalid value at '{field}[{index}]' (TYPE_STRING), {value}")
        try:
            form = rrdata.canonical(kind, value)
        except ValueError:
            raise invalid(f"{field}[{index}]", value) from None
        if form in held:
            raise duplicate(field, form)
        held.append(form)
    if kind in rrdata.SINGLE and len(held) > 1:
        raise invalid(field, ", ".join(held))
    return tuple(held)
