"""The actions of the API: from a request to what is answered, or an ApiError; no HTTP is done here."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.clouddns import change
from tests.fakes.clouddns.change import Wanted
from tests.fakes.clouddns.errors import Json, bad_json, invalid, not_found
from tests.fakes.clouddns.fields import table, text
from tests.fakes.clouddns.records import FIELDS, RecordSet
from tests.fakes.clouddns.store import Store
from tests.fakes.clouddns.zone import Zone

PAGE, MOST_PAGE = 100, 1000
"""Results in a page where the request does not say, and at most."""
_ZONE_FIELDS = {"name", "dnsName", "description", "visibility", "labels", "privateVisibilityConfig", "nameServerSet"}


@dataclass(frozen=True, slots=True)
class Call:
    """One request: names from its path, its query and its body."""

    action: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any = None

    @property
    def project(self) -> str:
        return self.path.get("project", "")

    @property
    def zone(self) -> str:
        return self.path.get("zone", "")


@dataclass(frozen=True, slots=True)
class Api:
    """Serves calls from a store; the caller holds the lock."""

    store: Store

    def serve(self, call: Call) -> Json:
        return _ACTIONS[call.action](self, call)

    def project(self, call: Call) -> Json:
        self.store.zones(call.project)
        number = str(1 + list(self.store.projects).index(call.project))
        return {"kind": "dns#project", "number": number, "id": call.project, "quota": self.store.quota.to_json()}

    def zones(self, call: Call) -> Json:
        zones = sorted(self.store.zones(call.project).values(), key=lambda zone: zone.name)
        dns_name, most = call.query.get("dnsName", ""), _most(call)
        after = "".join(_after(call))
        found = [zone for zone in zones if zone.origin.name == dns_name or not dns_name]
        found = [zone for zone in found if zone.name > after][: most + 1]
        return _page("managedZones", [zone.to_json() for zone in found], most, [(zone.name,) for zone in found])

    def zone(self, call: Call) -> Json:
        return self._zone(call).to_json()

    def create_zone(self, call: Call) -> Json:
        source = table(call.body, "managed_zone", _ZONE_FIELDS)
        name, dns_name, description = (
            text(source, name, "entity.managedZone") for name in ("name", "dnsName", "description")
        )
        visibility = source.get("visibility", "public")
        if visibility not in {"public", "private"}:
            raise invalid("entity.managedZone.visibility", visibility)
        public = visibility == "public"
        return self.store.create(call.project, name, dns_name, public=public, description=description).to_json()

    def delete_zone(self, call: Call) -> Json:
        self.store.delete(call.project, call.zone)
        return {}

    def records(self, call: Call) -> Json:
        name, kind = call.query.get("name"), call.query.get("type")
        if kind is not None and name is None:
            raise invalid("parameters.type", kind)
        if name is not None and not name.endswith("."):
            raise invalid("parameters.name", name)
        zone, most = self._zone(call), _most(call)
        after = _after(call)
        if len(after) not in {0, 2}:
            raise invalid("parameters.pageToken", call.query["pageToken"])
        found = zone.page((after[0], after[1]) if after else None, most, name and name.lower(), kind)
        return _page("rrsets", [record.to_json() for record in found], most, [record.key for record in found])

    def record(self, call: Call) -> Json:
        return self._record(call)[1].to_json()

    def create_record(self, call: Call) -> Json:
        zone = self._zone(call)
        record = zone.origin.read(call.body, "entity.rrset")
        self.store.apply(zone, Wanted((record,), (), "entity.rrset"))
        return record.to_json()

    def patch_record(self, call: Call) -> Json:
        zone, held = self._record(call)
        given = table(call.body, "rrset", FIELDS)
        document = held.to_json()
        for one, other in (("rrdatas", "routingPolicy"), ("routingPolicy", "rrdatas")):
            if given.get(one) and not given.get(other):
                document.pop(other, None)
        record = zone.origin.read(document | given, "entity.rrset")
        self.store.apply(zone, Wanted((record,), (held,), "entity.rrset"))
        return record.to_json()

    def delete_record(self, call: Call) -> Json:
        zone, held = self._record(call)
        self.store.apply(zone, Wanted((), (held,), "entity.rrset"))
        return {}

    def create_change(self, call: Call) -> Json:
        zone = self._zone(call)
        made = self.store.apply(zone, change.read(call.body, zone.origin))
        return made.to_json(self.store.clock())

    def change(self, call: Call) -> Json:
        zone, name = self._zone(call), call.path["change"]
        if not name.isdecimal() or int(name) >= len(zone.changes):
            raise not_found("parameters.changeId", name)
        return zone.changes[int(name)].to_json(self.store.clock())

    def changes(self, call: Call) -> Json:
        if call.query.get("sortBy", "changeSequence") != "changeSequence":
            raise invalid("parameters.sortBy", call.query["sortBy"])
        order = call.query.get("sortOrder", "descending")
        if order not in {"ascending", "descending"}:
            raise invalid("parameters.sortOrder", order)
        made, now, most = self._zone(call).changes, self.store.clock(), _most(call)
        after = "".join(_after(call))
        if after and not after.isdecimal():
            raise invalid("parameters.pageToken", call.query["pageToken"])
        if order == "ascending":
            found = made[int(after) + 1 if after else 0 :][: most + 1]
        else:
            found = made[: int(after) if after else None][::-1][: most + 1]
        return _page("changes", [each.to_json(now) for each in found], most, [(str(each.id),) for each in found])

    def _zone(self, call: Call) -> Zone:
        return self.store.zone(call.project, call.zone)

    def _record(self, call: Call) -> tuple[Zone, RecordSet]:
        zone, name, kind = self._zone(call), call.path["name"].lower(), call.path["type"]
        record = zone.held.get((name, kind))
        if record is None:
            raise not_found("parameters.name", f"{name} ({kind})")
        return zone, record


_ACTIONS: Mapping[str, Callable[[Api, Call], Json]] = {
    "projects.get": Api.project,
    "managedZones.list": Api.zones,
    "managedZones.get": Api.zone,
    "managedZones.create": Api.create_zone,
    "managedZones.delete": Api.delete_zone,
    "resourceRecordSets.list": Api.records,
    "resourceRecordSets.get": Api.record,
    "resourceRecordSets.create": Api.create_record,
    "resourceRecordSets.patch": Api.patch_record,
    "resourceRecordSets.delete": Api.delete_record,
    "changes.create": Api.create_change,
    "changes.get": Api.change,
    "changes.list": Api.changes,
}


def _most(call: Call) -> int:
    given = call.query.get("maxResults", str(PAGE))
    if not given.removeprefix("-").isdecimal():
        raise bad_json(f"Invalid value at 'max_results' (TYPE_INT32), {given}")
    if not 0 < int(given) <= MOST_PAGE:
        raise invalid("parameters.maxResults", given)
    return int(given)


def _after(call: Call) -> list[str]:
    """What a page token holds: the key of the last result before; empty for the first page."""
    token = call.query.get("pageToken", "")
    try:
        decoded = base64.b64decode(token.encode(), b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("parameters.pageToken", token) from None
    return decoded.split(" ") if decoded else []


def _page(items: str, found: list[Json], most: int, keys: Sequence[tuple[str, ...]]) -> Json:
    """A list, with a token where there are more than ``most``."""
    kind = {"rrsets": "resourceRecordSets"}.get(items, items)
    token = base64.urlsafe_b64encode(" ".join(keys[most - 1]).encode()).decode() if len(found) > most else ""
    more = {"nextPageToken": token} if token else {}
    return {"kind": f"dns#{kind}ListResponse", items: found[:most], **more}
