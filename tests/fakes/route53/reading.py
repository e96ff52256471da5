"""Batches of changes, from XML to values. Nothing is checked here that a value can hold."""

from xml.etree.ElementTree import Element

from tests.fakes.route53 import xmltree
from tests.fakes.route53.errors import invalid_input
from tests.fakes.route53.records import (
    Action,
    Alias,
    Change,
    Cidr,
    Failover,
    Geolocation,
    Geoproximity,
    Latency,
    Multivalue,
    RecordSet,
    Routing,
    Weighted,
)
from tests.fakes.route53.wanted import Wanted


def wanted(body: bytes) -> list[Wanted]:
    """The changes of a ChangeResourceRecordSets request.

    Raises:
        ApiError: it is not of the form that the API wants.
    """
    root = xmltree.parse(body)
    found = root.findall("ChangeBatch/Changes/Change")
    if not found:
        raise invalid_input("Invalid XML ; cvc-complex-type.2.4.b: The content of element 'Changes' is not complete.")
    return [_change(element) for element in found]


def comment(body: bytes) -> str:
    """Of a batch."""
    return xmltree.text(xmltree.parse(body), "ChangeBatch/Comment")


def _change(element: Element) -> Wanted:
    action = xmltree.needed(element, "Action")
    if action not in Action.__members__:
        raise invalid_input(f"Invalid XML ; cvc-enumeration-valid: Value '{action}' is not facet-valid")
    inner = element.find("ResourceRecordSet")
    if inner is None:
        raise invalid_input("Invalid XML ; cvc-complex-type.2.4.b: The content of element 'Change' is not complete.")
    routings = _routings(inner)
    record_set = RecordSet(
        name=xmltree.needed(inner, "Name"),
        type=xmltree.needed(inner, "Type"),
        identifier=xmltree.text(inner, "SetIdentifier"),
        routing=routings[0] if routings else None,
        ttl=xmltree.integer(inner, "TTL"),
        values=tuple(xmltree.texts(inner, "ResourceRecords/ResourceRecord/Value")),
        alias=_alias(inner),
        health_check=xmltree.text(inner, "HealthCheckId"),
    )
    return Wanted(Change(Action(action), record_set), len(routings))


def _routings(element: Element) -> list[Routing]:
    """All policies that are named; more than one is an error, which is told elsewhere."""
    found: list[Routing] = []
    if (weight := xmltree.integer(element, "Weight")) is not None:
        found.append(Weighted(weight))
    if region := xmltree.text(element, "Region"):
        found.append(Latency(region))
    if (geo := element.find("GeoLocation")) is not None:
        codes = (xmltree.text(geo, f"{kind}Code") for kind in ("Continent", "Country", "Subdivision"))
        found.append(Geolocation(*codes))
    if role := xmltree.text(element, "Failover"):
        found.append(Failover(role))
    if xmltree.text(element, "MultiValueAnswer") == "true":
        found.append(Multivalue())
    if (cidr := element.find("CidrRoutingConfig")) is not None:
        found.append(Cidr(xmltree.needed(cidr, "CollectionId"), xmltree.needed(cidr, "LocationName")))
    if (near := element.find("GeoProximityLocation")) is not None:
        found.append(_proximity(near))
    return found


def _proximity(element: Element) -> Geoproximity:
    point = element.find("Coordinates")
    coordinates = None
    if point is not None:
        coordinates = xmltree.needed(point, "Latitude"), xmltree.needed(point, "Longitude")
    region, local_zone = xmltree.text(element, "AWSRegion"), xmltree.text(element, "LocalZoneGroup")
    return Geoproximity(region, local_zone, coordinates, xmltree.integer(element, "Bias"))


def _alias(element: Element) -> Alias | None:
    found = element.find("AliasTarget")
    if found is None:
        return None
    zone, name, evaluate = (xmltree.needed(found, path) for path in ("HostedZoneId", "DNSName", "EvaluateTargetHealth"))
    return Alias(zone.rpartition("/")[2], name, evaluate == "true")
