"""What record sets of one name, or of one name and type, must be like beside each other."""

from collections.abc import Callable

from tests.fakes.route53.places import CONTINENT_NAMES
from tests.fakes.route53.records import (
    DEFAULT,
    Cidr,
    Failover,
    Geolocation,
    Geoproximity,
    Latency,
    Multivalue,
    RecordSet,
    Routing,
    Weighted,
    described,
)
from tests.fakes.route53.zone import Draft

MOST, MOST_PROXIMATE = 100, 30
"""Sets of one name and type that have a routing policy; geoproximity has a limit of its own."""

CidrLocation = Callable[[str, str], bool]


def group_problems(draft: Draft, record_set: RecordSet, cidr_location: CidrLocation) -> list[str]:
    """All that is wrong with putting a set beside those of its name that are in the draft.

    Raises:
        ApiError: it names a CIDR collection that does not exist.
    """
    others = [other for other in draft.group(record_set.name, record_set.type) if other.key != record_set.key]
    return [
        *_cname_problems(draft, record_set),
        *_policy_problems(record_set, others),
        *_routing_problems(record_set, others, cidr_location),
    ]


def _cname_problems(draft: Draft, record_set: RecordSet) -> list[str]:
    kinds = {kind for kind, _ in draft.node(record_set.name)} - {record_set.type}
    what = f"RRSet of type {record_set.type} with DNS name {record_set.name} is not permitted"
    if record_set.type == "CNAME" and kinds:
        return [f"{what} as it conflicts with other records with the same DNS name"]
    if "CNAME" in kinds:
        return [f"{what} because a conflicting RRSet of type CNAME with the same DNS name already exists"]
    return []


def _policy_problems(record_set: RecordSet, others: list[RecordSet]) -> list[str]:
    """All sets of a name and type have the same routing policy, and a simple one is alone."""
    mine, told = record_set.routing, described(record_set)
    if mine is None:
        return [f"{told} cannot be created as other RRSets exist with the same name and type."] if others else []
    if all(isinstance(other.routing, type(mine)) for other in others):
        return []
    match mine:
        case Weighted():
            return [f"{told} cannot be created as a non-weighted set exists with the same name and type."]
        case Latency(region):
            why = "cannot be created because a non-latency RRSet with the same name and type already exists."
            return [f"{told}, and Region Name={region} {why}"]
        case Geolocation():
            why = "cannot be created because a non-GEO RRSet with the same name and type already exists"
            return [f"{told}, and routing to {_told(mine)} {why}"]
        case Multivalue():
            why = "cannot be created because a non multivalue answer rrset exists with the same name and type."
            return [f"{told} {why}"]
        case _:
            why = "cannot be created because an RRSet of another routing policy exists with the same name and type."
            return [f"{told} {why}"]


def _told(routing: Geolocation) -> str:
    if routing.continent:
        return f"[continent = ({routing.continent}, {CONTINENT_NAMES.get(routing.continent)})]"
    return f"[country = ({routing.country}), subdivision = ({routing.subdivision})]"


def _routing_problems(record_set: RecordSet, others: list[RecordSet], cidr_location: CidrLocation) -> list[str]:
    told = described(record_set)
    most = MOST_PROXIMATE if isinstance(record_set.routing, Geoproximity) else MOST
    problems = [f"{told} cannot be created: there are {most} of that name and type"] if len(others) >= most else []
    match record_set.routing:
        case Weighted():
            problems += _weighted_problems(record_set, others)
        case Latency() | Geolocation() | Failover() | Cidr() as routing if any(
            other.routing == routing for other in others
        ):
            problems.append(f"{told} cannot be created because an RRSet for the same {_what(routing)} already exists")
        case Geoproximity() as routing if any(_place(other.routing) == _place(routing) for other in others):
            problems.append(f"{told} cannot be created because an RRSet for the same place already exists")
        case _:
            pass
    if isinstance(record_set.routing, Cidr):
        problems += _cidr_problems(record_set, record_set.routing, others, cidr_location)
    return problems


def _what(routing: Routing) -> str:
    return {Latency: "region", Geolocation: "geolocation", Failover: "failover role"}.get(
        type(routing), "CIDR location"
    )


def _place(routing: Routing | None) -> object:
    return (routing.region, routing.local_zone, routing.coordinates) if isinstance(routing, Geoproximity) else None


def _weighted_problems(record_set: RecordSet, others: list[RecordSet]) -> list[str]:
    problems = []
    identifier = f"SetIdentifier {record_set.identifier}"
    ttls = {other.ttl for other in (record_set, *others) if not other.alias}
    if len(ttls) > 1:
        which = f"RRSet with DNS name {record_set.name} and type {record_set.type}, {identifier}"
        problems.append(f"{which} cannot be created as weighted sets must contain the same TTL.")
    return problems


def _cidr_problems(
    record_set: RecordSet, routing: Cidr, others: list[RecordSet], cidr_location: CidrLocation
) -> list[str]:
    told = described(record_set)
    if not cidr_location(routing.collection, routing.location) and routing.location != DEFAULT:
        return [f"{told} cannot be created: CIDR collection {routing.collection} has no location {routing.location}"]
    if any(isinstance(other.routing, Cidr) and other.routing.collection != routing.collection for other in others):
        return [f"{told} cannot be created: another CIDR collection is used with the same name and type"]
    return []
