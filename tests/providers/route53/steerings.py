"""Steerings that Route 53 can say, and clients to ask for them."""

from itertools import combinations

from hypothesis import strategies as st

from gslb.model.address import client_network
from gslb.model.area import UNKNOWN, Area, AreaKind, parse_area, specificity
from gslb.model.countries import continent_of
from gslb.model.geodesy import distance
from gslb.model.location import NOWHERE, Client, Location
from gslb.model.names import RegionName
from gslb.model.steering import Group, Pick, RecordType, Rule, Steering, Target
from tests.providers.route53.support import SERVICE

A, AAAA, CNAME = RecordType.A, RecordType.AAAA, RecordType.CNAME
VALUES = {
    A: [f"192.0.2.{number}" for number in range(1, 21)],
    AAAA: [f"2001:db8::{number:x}" for number in range(1, 21)],
    CNAME: [f"edge-{number}.example.net." for number in range(1, 6)],
}
REGIONS = {
    "istanbul": (41.01, 28.98),
    "istanbul-2": (41.01, 28.98),
    "ankara": (39.93, 32.86),
    "frankfurt": (50.11, 8.68),
    "ashburn": (38.95, -77.45),
    "sydney": (-33.87, 151.21),
}
AREAS = [
    *map(
        parse_area,
        (
            *("198.51.100.0/24", "198.51.0.0/16", "128.0.0.0/1", "2001:db8:1::/48", "2001:db8::/32"),
            *("US-CA", "US-DC", "UA-43", "UA-40", "UA-30", "US", "UA", "TR", "DE", "XK"),
            *("continent:EU", "continent:AS", "continent:NA", "continent:AN"),
        ),
    ),
    UNKNOWN,
]
PLACES = {
    "US-CA": (34.05, -118.24),
    "US-DC": (38.90, -77.04),
    "US-TX": (29.76, -95.37),
    "UA-43": (44.95, 34.10),
    "UA-40": (44.60, 33.53),
    "UA-30": (50.45, 30.52),
    "UA-51": (46.48, 30.73),
    "TR": (37.87, 32.48),
    "DE": (52.52, 13.41),
    "XK": (42.66, 21.17),
    "FR": (48.86, 2.35),
    "JP": (35.68, 139.69),
    "BR": (-23.55, -46.63),
    "AQ": (-77.85, 166.67),
}
"""where clients are"""
NETWORKS = [
    *("198.51.100.7", "198.51.100.0/24", "198.51.7.0/24", "203.0.113.0/24", "8.8.8.8", "10.0.0.0/8"),
    *("2001:db8:1:2::/64", "2001:db8:2::/48", "2001:db9::/32"),
]


def location(code: str) -> Location:
    country = code[:2]
    return Location(continent_of(country) or "", country, (code,) if "-" in code else (), None, PLACES[code])


CLIENTS = [Client(client_network(network), NOWHERE) for network in NETWORKS] + [
    Client(client_network(NETWORKS[number % len(NETWORKS)]), location(code))
    for number, code in enumerate([*PLACES, *reversed(PLACES), *PLACES])
]

for client in CLIENTS:  # where two regions are as near, nobody says that both do the same
    if (at := client.location.coordinates) is not None:
        away = {place: distance(at, place) for place in REGIONS.values()}
        assert all(abs(away[one] - away[other]) > 5 for one, other in combinations(away, 2))


@st.composite
def groups(draw: st.DrawFn, types: tuple[RecordType, ...], *, most: int) -> tuple[Group, ...]:
    """At least one has targets of every type."""
    names = draw(st.lists(st.sampled_from(sorted(REGIONS)), min_size=1, max_size=4, unique=True))
    found = []
    for number, name in enumerate(names):
        targets = [
            Target((), kind, value)
            for kind in types
            for value in draw(
                st.lists(st.sampled_from(VALUES[kind]), min_size=not number, max_size=most, unique=True), label=kind
            )
        ]
        if targets:
            weight = draw(st.integers(1, 255) | st.just(1))
            found.append(Group(RegionName(name), weight, tuple(targets), REGIONS[name]))
    return tuple(found)


@st.composite
def rules(draw: st.DrawFn, match: Area | None, types: tuple[RecordType, ...], most: int) -> Rule:
    pick = draw(st.sampled_from([Pick.WEIGHTED, Pick.WEIGHTED, Pick.NEAREST]))
    return Rule(match, draw(groups(types, most=most)), pick)


@st.composite
def steerings(draw: st.DrawFn) -> Steering:
    """Rules are in order of their areas mostly, and in any order at times."""
    types = draw(st.sampled_from([(A,), (A, AAAA), (A, AAAA), (CNAME,)]))
    answers = 1 if types == (CNAME,) else draw(st.sampled_from([1, 1, 2, 3, 4, 8]))
    most = draw(st.sampled_from([1, 3, 3, 6, 12]))
    areas = draw(st.lists(st.sampled_from(AREAS), max_size=6, unique=True))
    if draw(st.integers(0, 3)):
        areas.sort(key=specificity)
    limited = [draw(rules(area, types, most)) for area in areas]
    ttl = draw(st.sampled_from([5, 30]))
    return Steering(SERVICE, ttl, 5, answers, types, (*limited, draw(rules(None, types, most))))


def has_places(steering: Steering) -> bool:
    """Whether it tells clients apart by where they are."""
    geographic = {AreaKind.SUBDIVISION, AreaKind.COUNTRY, AreaKind.CONTINENT}
    return any(
        (rule.match is not None and rule.match.kind in geographic) or rule.pick is Pick.NEAREST
        for rule in steering.rules
    )
