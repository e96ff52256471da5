"""The requests of the API that are made here (REST v1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from gslb.model.recordset import RecordSet
from gslb.model.zone_plan import Change
from providers.clouddns.wire import Json, write

SILENT = "see https://status.cloud.google.com; if that has nothing, look at the network, HTTPS_PROXY and endpoint"
"""What to do where there is no answer, or a failure of the server's."""
PAGE = 1000
"""Results that are asked for at a time; the server gives fewer where it wants to."""

_NONE: Mapping[RecordSet, Json] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        action: as the reference calls it: ``changes.create``.
        path: below that of the project.
        permissions: of IAM, that it takes.
        query: parameters.
        body: of a request that writes; the others have none.
    """

    action: str
    path: str
    permissions: tuple[str, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None

    @property
    def writes(self) -> bool:
        """Whether anything is different after it."""
        return self.body is not None


def list_zones(origin: str = "", page: str = "") -> Call:
    """The managed zones, or those of one DNS name."""
    query = _page(page) | ({"dnsName": origin} if origin else {})
    return Call("managedZones.list", "/managedZones", ("dns.managedZones.list",), query)


def get_zone(zone: str) -> Call:
    """One of them."""
    return Call("managedZones.get", _zone(zone), ("dns.managedZones.get",))


def list_records(zone: str, name: str = "", page: str = "") -> Call:
    """The record sets of a zone, or those of one name."""
    query = _page(page) | ({"name": name} if name else {})
    return Call("resourceRecordSets.list", f"{_zone(zone)}/rrsets", ("dns.resourceRecordSets.list",), query)


def create_change(zone: str, changes: Sequence[Change], spelled: Mapping[RecordSet, Json] = _NONE) -> Call:
    """All of ``changes``, or none; ``spelled`` is how record sets are listed that would be written in other words."""
    body = {
        "deletions": [spelled.get(record) or write(record) for change in changes for record in change.removed],
        "additions": [write(record) for change in changes for record in change.added],
    }
    actions = ("create", "update", "delete")
    permissions = ("dns.changes.create", *(f"dns.resourceRecordSets.{action}" for action in actions))
    return Call("changes.create", f"{_zone(zone)}/changes", permissions, body=body)


def get_change(zone: str, change: str) -> Call:
    """What has become of a change."""
    return Call("changes.get", f"{_zone(zone)}/changes/{quote(change, safe='')}", ("dns.changes.get",))


def _zone(zone: str) -> str:
    return f"/managedZones/{quote(zone, safe='')}"


def _page(token: str) -> dict[str, str]:
    return {"maxResults": str(PAGE)} | ({"pageToken": token} if token else {})
