"""Record sets as they are listed."""

from tests.fakes.route53.records import (
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
from tests.fakes.route53.xmltree import Content


def listed(record_set: RecordSet) -> Content:
    """The elements of one record set."""
    alias = record_set.alias
    target: Content = None
    if alias:
        target = {"HostedZoneId": alias.zone, "DNSName": alias.name, "EvaluateTargetHealth": alias.evaluate_health}
    values: list[Content] = [{"Value": value} for value in record_set.values]
    return {
        "Name": record_set.name,
        "Type": record_set.type,
        "SetIdentifier": record_set.identifier or None,
        **_routing(record_set.routing),
        "TTL": record_set.ttl,
        "ResourceRecords": {"ResourceRecord": values} if values else None,
        "AliasTarget": target,
        "HealthCheckId": record_set.health_check or None,
    }


def _routing(routing: Routing | None) -> dict[str, Content]:
    match routing:
        case Weighted(weight):
            return {"Weight": weight}
        case Latency(region):
            return {"Region": region}
        case Failover(role):
            return {"Failover": role}
        case Multivalue():
            return {"MultiValueAnswer": True}
        case Geolocation():
            return {"GeoLocation": location(routing)}
        case Cidr(collection, place):
            return {"CidrRoutingConfig": {"CollectionId": collection, "LocationName": place}}
        case Geoproximity():
            return {"GeoProximityLocation": _proximity(routing)}
        case _:
            return {}


def location(routing: Geolocation) -> dict[str, Content]:
    """Codes only."""
    return {
        "ContinentCode": routing.continent or None,
        "CountryCode": routing.country or None,
        "SubdivisionCode": routing.subdivision or None,
    }


def _proximity(routing: Geoproximity) -> Content:
    point: Content = None
    if routing.coordinates:
        point = {"Latitude": routing.coordinates[0], "Longitude": routing.coordinates[1]}
    return {
        "AWSRegion": routing.region or None,
        "LocalZoneGroup": routing.local_zone or None,
        "Coordinates": point,
        "Bias": routing.bias or 0,
    }
