"""What a client is answered, worked out from nothing but what a zone holds.

Health is not modelled: every record set counts as healthy, so a failover group answers with its primary, and what
EvaluateTargetHealth says makes no difference. Which region is the fastest to reach is told, or taken from distances.
Geoproximity follows the formula of the developer guide, on great circles: a bias of 1 to 99 shortens the distance to
``distance * (1 - bias / 100)``, one below zero lengthens it to ``distance / (1 + bias / 100)``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from gslb.model.location import NOWHERE, Client, Location
from tests.fakes.route53.cidr import Collection
from tests.fakes.route53.names import WILDCARD, canonical, within
from tests.fakes.route53.nearest import Choice, equal, least_latency, most_proximate
from tests.fakes.route53.places import iso_subdivision
from tests.fakes.route53.records import (
    DEFAULT,
    Cidr,
    Failover,
    Geolocation,
    Geoproximity,
    Latency,
    Multivalue,
    RecordSet,
    Weighted,
)
from tests.fakes.route53.zone import Nodes

Odds = dict[str, Fraction]
"""How often each value is in an answer, as a share of all answers; empty where there is none."""

_MOST_ANSWERS = 8
_DEEPEST = 16
"""Aliases in a row; more than this is a loop."""


@dataclass(frozen=True, slots=True)
class View:
    """A zone at some moment, and who looks at it.

    Attributes:
        zone: its id.
        name: its name.
        nodes: what it holds.
        collections: of CIDR blocks, by id.
        client: who asks; None: somebody of whom nothing is known.
        latency: milliseconds to each region; a region that is not in it is not chosen. None: by distance.
    """

    zone: str
    name: str
    nodes: Nodes
    collections: Mapping[str, Collection] = field(default_factory=dict)
    client: Client | None = None
    latency: Mapping[str, float] | None = None

    @property
    def location(self) -> Location:
        return self.client.location if self.client else NOWHERE


def odds(view: View, name: str, kind: str, depth: int = 0) -> Odds:
    """What is answered to a question. CNAMEs are followed; one that leads out of the zone is itself the answer."""
    if depth > _DEEPEST:
        return {}
    found = _found(view.nodes, canonical(name))
    group = [record_set for record_set in found if record_set.type == kind]
    if group:
        return _sum((share, _of(view, record_set, depth)) for record_set, share in chosen(view, group))
    cnames = [record_set for record_set in found if record_set.type == "CNAME"]
    targets = _sum((share, _of(view, record_set, depth)) for record_set, share in chosen(view, cnames))
    return _sum((share, _followed(view, target, kind, depth)) for target, share in targets.items())


def _found(nodes: Nodes, name: str) -> list[RecordSet]:
    """All sets of a name, or else of the wildcard that stands for it (RFC 4592)."""
    if name in nodes:
        return list(nodes[name].values())
    encloser = name
    while encloser and not any(within(other, encloser) for other in nodes):
        encloser = encloser.partition(".")[2]
    wildcard = f"{WILDCARD}.{encloser}"
    return list(nodes[wildcard].values()) if encloser not in {"", name} and wildcard in nodes else []


def _followed(view: View, target: str, kind: str, depth: int) -> Odds:
    full = canonical(target)
    return odds(view, full, kind, depth + 1) if within(full, view.name) else {target: Fraction(1)}


def _of(view: View, record_set: RecordSet, depth: int) -> Odds:
    """What one record set answers."""
    if record_set.alias is None:
        return dict.fromkeys(record_set.values, Fraction(1))
    if record_set.alias.zone != view.zone:
        return {record_set.alias.name: Fraction(1)}
    return odds(view, record_set.alias.name, record_set.type, depth + 1)


def chosen(view: View, group: list[RecordSet]) -> Choice:
    """Which sets of one name and type answer, and how often."""
    group = sorted(group, key=lambda record_set: record_set.identifier)
    match group[0].routing if group else None:
        case Weighted():
            return _weighted(group)
        case Multivalue():
            share = Fraction(min(_MOST_ANSWERS, len(group)), len(group))
            return [(record_set, share) for record_set in group]
        case Failover():
            primary = [record_set for record_set in group if record_set.routing == Failover("PRIMARY")]
            return [((primary or group)[0], Fraction(1))]
        case Geolocation():
            return _located(view.location, group)
        case Cidr():
            return _of_block(view, group)
        case Latency():
            return least_latency(group, view.latency, view.location.coordinates)
        case Geoproximity():
            return most_proximate(group, view.location.coordinates)
        case None:
            return [(record_set, Fraction(1)) for record_set in group]


def _weighted(group: list[RecordSet]) -> Choice:
    weights = [record_set.routing.weight if isinstance(record_set.routing, Weighted) else 0 for record_set in group]
    total = sum(weights)
    if not total:
        return equal(group)
    return [(record_set, Fraction(weight, total)) for record_set, weight in zip(group, weights, strict=True) if weight]


def _located(location: Location, group: list[RecordSet]) -> Choice:
    """The most specific location that the client is in, or the default; nothing where there is no default."""
    by_place = {record_set.routing: record_set for record_set in group}
    subdivided = [
        routing
        for routing in by_place
        if isinstance(routing, Geolocation)
        and routing.subdivision
        and iso_subdivision(routing.country, routing.subdivision) in location.subdivisions
    ]
    around = (
        *subdivided,
        Geolocation(country=location.country),
        Geolocation(continent=location.continent),
        Geolocation(country=DEFAULT),
    )
    return next(([(by_place[place], Fraction(1))] for place in around if place in by_place), [])


def _of_block(view: View, group: list[RecordSet]) -> Choice:
    """The location of the longest block around the client's network, or the default."""
    by_location = {it.routing.location: it for it in group if isinstance(it.routing, Cidr)}
    routing = group[0].routing
    collection = view.collections.get(routing.collection) if isinstance(routing, Cidr) else None
    location = collection.location_of(view.client.network) if collection and view.client else ""
    found = by_location.get(location) or by_location.get(DEFAULT)
    return [(found, Fraction(1))] if found else []


def _sum(parts: Iterable[tuple[Fraction, Odds]]) -> Odds:
    total: Odds = {}
    for share, part in parts:
        for value, often in part.items():
            total[value] = total.get(value, Fraction(0)) + share * often
    return total
