"""Hosted zones: made, shown, listed and deleted; and the account's limits."""

from collections.abc import Sequence

from tests.fakes.route53 import xmltree
from tests.fakes.route53.call import Call, Reply, change_info, created, reply
from tests.fakes.route53.errors import ApiError, invalid_input
from tests.fakes.route53.names import canonical, order
from tests.fakes.route53.xmltree import Content
from tests.fakes.route53.zone import Zone

_LIMITS = {
    "MAX_HEALTH_CHECKS_BY_OWNER": 200,
    "MAX_HOSTED_ZONES_BY_OWNER": 500,
    "MAX_TRAFFIC_POLICY_INSTANCES_BY_OWNER": 5,
    "MAX_REUSABLE_DELEGATION_SETS_BY_OWNER": 100,
    "MAX_TRAFFIC_POLICIES_BY_OWNER": 50,
}
_ZONE_LIMITS = {"MAX_RRSETS_BY_ZONE": 10_000, "MAX_VPCS_ASSOCIATED_BY_ZONE": 300}
_EMPTY = 2
"""Record sets of a zone that has none but its own NS and SOA."""


def create_hosted_zone(call: Call) -> Reply:
    root = xmltree.parse(call.body)
    vpcs = tuple((xmltree.text(vpc, "VPCRegion"), xmltree.text(vpc, "VPCId")) for vpc in root.iterfind("VPC"))
    zone = call.store.create_zone(
        xmltree.needed(root, "Name"),
        xmltree.needed(root, "CallerReference"),
        xmltree.text(root, "HostedZoneConfig/Comment"),
        vpcs,
        private=bool(vpcs) or xmltree.text(root, "HostedZoneConfig/PrivateZone") == "true",
    )
    content = {
        "HostedZone": _zone(zone),
        "ChangeInfo": change_info(call.store.submitted(), in_sync=False),
        "DelegationSet": _delegation(zone),
        "VPC": _vpcs(zone)[0] if zone.private else None,
    }
    return created("CreateHostedZoneResponse", content, f"hostedzone/{zone.id}")


def get_hosted_zone(call: Call) -> Reply:
    zone = call.store.zone(call.path["zone"])
    vpcs: Content = {"VPC": _vpcs(zone)} if zone.private else None
    content = {"HostedZone": _zone(zone), "DelegationSet": _delegation(zone), "VPCs": vpcs}
    return reply("GetHostedZoneResponse", content)


def delete_hosted_zone(call: Call) -> Reply:
    zone = call.store.zone(call.path["zone"])
    if len(zone.listed()) > _EMPTY:
        text = "The specified hosted zone contains non-required resource record sets and so cannot be deleted."
        raise ApiError("HostedZoneNotEmpty", text)
    del call.store.zones[zone.id]
    return reply("DeleteHostedZoneResponse", {"ChangeInfo": change_info(call.store.submitted(), in_sync=False)})


def get_hosted_zone_count(call: Call) -> Reply:
    return reply("GetHostedZoneCountResponse", {"HostedZoneCount": len(call.store.zones)})


def list_hosted_zones(call: Call) -> Reply:
    zones = sorted(call.store.zones.values(), key=lambda zone: zone.id)
    if call.query.get("hostedzonetype") == "PrivateHostedZone":
        zones = [zone for zone in zones if zone.private]
    marker, most = call.query.get("marker", ""), call.most()
    rest = [zone for zone in zones if zone.id >= marker]
    content = {
        "HostedZones": _zones(rest[:most]),
        "Marker": marker or None,
        "IsTruncated": len(rest) > most,
        "NextMarker": rest[most].id if len(rest) > most else None,
        "MaxItems": most,
    }
    return reply("ListHostedZonesResponse", content)


def list_hosted_zones_by_name(call: Call) -> Reply:
    name, zone_id = call.query.get("dnsname", ""), call.query.get("hostedzoneid", "").rpartition("/")[2]
    if zone_id and not name:
        raise invalid_input("HostedZoneId needs a DNSName")
    zones = sorted(call.store.zones.values(), key=_by_name)
    start = (order(canonical(name)), zone_id) if name else ("", "")
    most = call.most()
    rest = [zone for zone in zones if _by_name(zone) >= start]
    following = rest[most] if len(rest) > most else None
    content = {
        "HostedZones": _zones(rest[:most]),
        "DNSName": name or None,
        "HostedZoneId": zone_id or None,
        "IsTruncated": following is not None,
        "NextDNSName": following.name if following else None,
        "NextHostedZoneId": following.id if following else None,
        "MaxItems": most,
    }
    return reply("ListHostedZonesByNameResponse", content)


def get_account_limit(call: Call) -> Reply:
    kind = call.path["kind"]
    if kind not in _LIMITS:
        raise invalid_input(f"Invalid limit type: {kind}")
    count = len(call.store.zones) if kind == "MAX_HOSTED_ZONES_BY_OWNER" else 0
    return reply("GetAccountLimitResponse", {"Limit": {"Type": kind, "Value": _LIMITS[kind]}, "Count": count})


def get_hosted_zone_limit(call: Call) -> Reply:
    zone, kind = call.store.zone(call.path["zone"]), call.path["kind"]
    if kind not in _ZONE_LIMITS:
        raise invalid_input(f"Invalid limit type: {kind}")
    if kind == "MAX_VPCS_ASSOCIATED_BY_ZONE" and not zone.private:
        raise ApiError("HostedZoneNotPrivate", f"Hosted zone {zone.id} is not private.")
    count = len(zone.listed()) if kind == "MAX_RRSETS_BY_ZONE" else len(zone.vpcs)
    return reply("GetHostedZoneLimitResponse", {"Limit": {"Type": kind, "Value": _ZONE_LIMITS[kind]}, "Count": count})


def _by_name(zone: Zone) -> tuple[str, str]:
    return order(zone.name), zone.id


def _zones(zones: Sequence[Zone]) -> Content:
    return {"HostedZone": [_zone(zone) for zone in zones]}


def _zone(zone: Zone) -> Content:
    return {
        "Id": f"/hostedzone/{zone.id}",
        "Name": zone.name,
        "CallerReference": zone.reference,
        "Config": {"Comment": zone.comment or None, "PrivateZone": zone.private},
        "ResourceRecordSetCount": len(zone.listed()),
    }


def _delegation(zone: Zone) -> Content:
    return None if zone.private else {"NameServers": {"NameServer": zone.name_servers}}


def _vpcs(zone: Zone) -> list[Content]:
    return [{"VPCRegion": region, "VPCId": vpc} for region, vpc in zone.vpcs]
