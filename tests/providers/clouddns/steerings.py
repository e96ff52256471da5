"""Steerings of all forms, those that a geo policy can say exactly, and the clients for whom it does."""

from ipaddress import ip_network

from hypothesis import strategies as st

from gslb.model.area import Area, AreaKind, parse_area, specificity
from gslb.model.countries import continent_of
from gslb.model.location import Client, Location
from gslb.model.names import EndpointName, RegionName
from gslb.model.pick import nearest
from gslb.model.steering import Group, NoAnswer, Pick, RecordType, Rule, Steering, Target, groups_for, rule_for
from providers.clouddns.regions import REGIONS
from tests.providers.clouddns.support import API

A, AAAA, CNAME = RecordType.A, RecordType.AAAA, RecordType.CNAME
VALUES = {
    A: [f"192.0.2.{number}" for number in range(1, 9)],
    AAAA: [f"2001:db8::{number:x}" for number in range(9, 17)],
    CNAME: [f"{letter}.example.net." for letter in "abcd"],
}
NAMES = [RegionName(name) for name in ("istanbul", "ankara", "frankfurt", "virginia")]

countries = sorted({region.country for region in REGIONS.values()})
own = [
    *(Area(AreaKind.COUNTRY, country) for country in countries),
    *(Area(AreaKind.CONTINENT, str(code)) for code in sorted({continent_of(country) or "" for country in countries})),
]
"""Areas in which there is a region of Google Cloud."""
strange = [parse_area(text) for text in ("TR", "KE", "continent:AN", "TR-34", "192.0.2.0/24", "AS9121")]

types = st.sampled_from([(A,), (AAAA,), (A, AAAA), (CNAME,)])
places = st.sampled_from([region.coordinates for region in REGIONS.values()])


def client_at(region: str) -> Client:
    """Somebody who is where a region of Google Cloud is."""
    coordinates, country = REGIONS[region]
    return Client(
        ip_network("198.51.100.0/24"), Location(continent_of(country) or "", country, coordinates=coordinates)
    )


CLIENTS = {region: client_at(region) for region in REGIONS}


def is_tied(steering: Steering, kind: RecordType, client: Client) -> bool:
    """Whether several regions are nearest, so that weights decide."""
    rule = rule_for(steering, client)
    picked = nearest(groups_for(rule, kind), client.location.coordinates)
    return rule.pick is Pick.NEAREST and len(picked) > 1


@st.composite
def targets(draw: st.DrawFn, kinds: tuple[RecordType, ...], least: int, most: int) -> tuple[Target, ...]:
    found = []
    for kind in kinds:
        values = draw(st.lists(st.sampled_from(VALUES[kind]), unique=True, min_size=least, max_size=most))
        found += [Target((EndpointName(f"e/{value}"),), kind, value) for value in values]
    return tuple(found)


@st.composite
def groups(
    draw: st.DrawFn, kinds: tuple[RecordType, ...], least: int, most: int, regions: int, *, located: bool = False
) -> tuple[Group, ...]:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=min(least, 1), max_size=regions))
    where = draw(st.lists(places, unique=True, min_size=len(names), max_size=len(names)))
    weights = st.integers(1, 255)
    return tuple(
        Group(name, draw(weights), draw(targets(kinds, least, most)), where[number] if located else None)
        for number, name in enumerate(names)
    )


@st.composite
def weighted(draw: st.DrawFn) -> Steering:
    """One rule for everybody."""
    kinds = draw(types)
    answers = 1 if CNAME in kinds else draw(st.integers(1, 5))
    rule = Rule(None, draw(groups(kinds, 0, 8, 4)), no_answer=NoAnswer.NODATA)
    return Steering(API, draw(st.integers(0, 300)), 5, answers, kinds, (rule,))


@st.composite
def located(draw: st.DrawFn) -> Steering:
    """Rules for areas that have a region of Google Cloud, and groups that are where one is."""
    kinds = draw(types)
    most = 1 if CNAME in kinds else 4
    areas: list[Area | None] = draw(st.lists(st.sampled_from(own), unique=True, max_size=6))
    rules = []
    for area in [*sorted(areas, key=specificity), None]:
        pick = draw(st.sampled_from([Pick.WEIGHTED, Pick.NEAREST]))
        regions = 1 if pick is Pick.WEIGHTED else 4
        rules.append(Rule(area, draw(groups(kinds, 1, most, regions, located=True)), pick, NoAnswer.NODATA))
    return Steering(API, draw(st.integers(0, 300)), 5, most, kinds, tuple(rules))


@st.composite
def anything(draw: st.DrawFn) -> Steering:
    """What there may be, whether Cloud DNS can say it or not."""
    kinds = draw(types)
    areas: list[Area | None] = draw(st.lists(st.sampled_from([*own, *strange]), unique=True, max_size=3))
    rules = []
    for area in [*sorted(areas, key=specificity), None]:
        pick = draw(st.sampled_from(Pick))
        no_answer, withheld = draw(st.sampled_from(NoAnswer)), draw(st.sampled_from([0, 0, 64]))
        rules.append(Rule(area, draw(groups(kinds, 0, 8, 4, located=True)), pick, no_answer, withheld))
    return Steering(API, draw(st.integers(0, 300)), 5, draw(st.integers(1, 5)), kinds, tuple(rules))
