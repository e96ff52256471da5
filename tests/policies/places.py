"""Regions that speak for areas, clients who are somewhere, and chains to be checked: builders for decision tables."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from ipaddress import ip_network

from gslb.model.area import UNKNOWN, Area, AreaKind, parse_area
from gslb.model.branch import QUIET, Branch, Candidate, Context, Reason, Signals, Step
from gslb.model.chain import Chain, Checked, Geography
from gslb.model.distribution import distribution
from gslb.model.location import Client, Location
from gslb.model.names import EndpointName, RegionName, ServiceName, VantageName
from gslb.model.steer import Decision, steer
from gslb.model.steering import RecordType, Steering
from gslb.model.topology import AllDown, Member, Region, Service
from tests.model.worlds import World

ALL = Geography(frozenset(AreaKind), coordinates=True)
BLIND = Geography()
Vantages = Mapping[VantageName, tuple[Area, ...]]

ISTANBUL = Client(ip_network("198.51.100.7"), Location("AS", "TR", ("TR-34",), 9121, (41.01, 28.98)))
ANKARA = Client(ip_network("203.0.113.7"), Location("AS", "TR", ("TR-06",), 9121, (39.93, 32.86)))
BERLIN = Client(ip_network("192.0.2.7"), Location("EU", "DE", ("DE-BE",), 3320, (52.52, 13.40)))
BOSTON = Client(ip_network("100.64.0.7"), Location("NA", "US", ("US-MA",), 7922, (42.36, -71.06)))
NOBODY_KNOWS = Client(ip_network("10.1.2.3"))


def area(text: str) -> Area:
    return UNKNOWN if text == "unknown" else parse_area(text)


def areas(*texts: str) -> tuple[Area, ...]:
    return tuple(map(area, texts))


def vantages(**by_name: Sequence[str]) -> Vantages:
    return {VantageName(name): areas(*texts) for name, texts in by_name.items()}


def spread(by_region: Mapping[str, Sequence[str]]) -> dict[RegionName, Region]:
    """Regions without endpoints, by the areas they speak for."""
    return {RegionName(name): Region(RegionName(name), (), areas=areas(*texts)) for name, texts in by_region.items()}


def placed(
    world: World,
    by_region: Mapping[str, Sequence[str]],
    locations: Mapping[str, tuple[float, float]] | None = None,
) -> World:
    """``world`` with its regions' areas and locations."""
    known = locations or {}
    regions = {
        name: replace(region, areas=areas(*by_region.get(name, ())), location=known.get(name))
        for name, region in world.regions.items()
    }
    return replace(world, regions=regions)


def branch(*tiers: Sequence[str], match: str | None = None) -> Branch:
    """Candidates of weight 1 in tiers."""
    found = tuple(tuple(Candidate(RegionName(n), (EndpointName(f"{n}/0"),), 1) for n in tier) for tier in tiers)
    return Branch(area(match) if match else None, found)


def parted(
    step: Step, before: Branch, regions: Mapping[RegionName, Region], signals: Signals = QUIET
) -> dict[str, list[list[str]]]:
    """The tiers that a step makes, by whom they are for, in order; ``all`` is whoever is left."""
    after = step(before, Context(service(regions), regions, signals))
    return {str(each.match or "all"): [[c.region for c in tier] for tier in each.tiers] for each in after}


def said(
    step: Step, before: Branch, regions: Mapping[RegionName, Region], signals: Signals = QUIET, match: str = "all"
) -> list[tuple[str, str, str]]:
    """Subject, verdict and text of what a step says to the clients of ``match``."""
    after = step(before, Context(service(regions), regions, signals))
    (found,) = (each for each in after if str(each.match or "all") == match)
    return [_told(reason) for reason in found.reasons]


def _told(reason: Reason) -> tuple[str, str, str]:
    return reason.subject, reason.verdict.value, reason.text


def service(regions: Mapping[RegionName, Region], *policy: Step, fallback: str | None = None) -> Service:
    members = tuple(Member(name, 1) for name in regions)
    mode = AllDown.FALLBACK if fallback else AllDown.ALL
    name = ServiceName("api.example.com.")
    return Service(name, members, (), policy, when_all_down=mode, fallback=RegionName(fallback) if fallback else None)


def faults(
    steps: Sequence[Step],
    regions: Mapping[RegionName, Region],
    place: int = 0,
    geography: Geography = ALL,
    vantages: Vantages | None = None,
    fallback: str | None = None,
) -> list[tuple[str, str, str]]:
    """Key, message and remedy of every fault of the step at ``place`` of a chain."""
    step = steps[place]
    assert isinstance(step, Checked)
    before, after = tuple(steps[:place]), tuple(steps[place + 1 :])
    seen = Chain(service(regions, *steps, fallback=fallback), regions, vantages or {}, geography, before, after)
    return [(fault.key, fault.message, fault.remedy) for fault in step.faults(seen)]


def decide(world: World, signals: Signals = QUIET, before: Steering | None = None, now: float = 0.0) -> Decision:
    return steer(
        world.service,
        world.regions,
        world.standings,
        world.overrides,
        world.last_good,
        now,
        signals=signals,
        before=before,
    )


def odds(decision: Decision, client: Client) -> dict[str, Fraction]:
    """How often each IPv4 address is in an answer to ``client``."""
    return distribution(decision.steering, RecordType.A, client)
