"""Rules that keep people from ordering an outage: an order is compared with what would come of it.

rule               refused is an order that would ...                                        forced past with --force
never-empty        leave a service without any endpoint, or without any fit one, of a type   yes
min_regions        leave a service fewer regions in service than that                        yes
min_endpoints      leave a service fewer endpoints in service than that                      yes
capacity_floor     leave a service less than that share of its regions' stated capacity      yes
overrules          bring back, with others, what people keep out                             yes
confirm_above      move more than that share of a service's answers                          no: repeat with a token
max_override       stand longer than that                                                    no

A service that breaks a rule already is none of the order's doing, as long as the order does not make it worse.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from gslb.model.duration import format_duration
from gslb.model.fitness import Fitness, Standing
from gslb.model.names import EndpointName, RegionName
from gslb.model.steer import Decision
from gslb.model.steering import RecordType, Rule, Steering, address_type, groups_for
from gslb.model.topology import Region, Service


class Safety(StrEnum):
    """The rules."""

    NEVER_EMPTY = "never-empty"
    MIN_REGIONS = "min_regions"
    MIN_ENDPOINTS = "min_endpoints"
    CAPACITY_FLOOR = "capacity_floor"
    OVERRULES = "overrules"
    CONFIRM_ABOVE = "confirm_above"
    MAX_OVERRIDE = "max_override"


@dataclass(frozen=True, slots=True)
class Limits:
    """What people may order.

    Attributes:
        min_regions: of each service that must stay in service.
        min_endpoints: likewise.
        capacity_floor: share of a service's stated capacity that must stay in service, 0..1.
        confirm_above: share of a service's answers, 0..1, above which a move must be confirmed.
        max_override: longest time that an order may stand, in seconds.
    """

    min_regions: int = 0
    min_endpoints: int = 0
    capacity_floor: float = 0.0
    confirm_above: float = 1.0
    max_override: float = 72 * 3600.0


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that an order would break, and by how much."""

    rule: Safety
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a service has to answer with.

    Attributes:
        carrying: of each record type, the endpoints that no order keeps out.
        fit: of each record type, those of them that could answer without ``when_all_down``.
        endpoints: in service.
        regions: with an endpoint in service.
        capacity: of the regions in service, in proportion to their endpoints in service; None where one states none.
        steering: what it answers.
    """

    carrying: Mapping[RecordType, int]
    fit: Mapping[RecordType, int]
    endpoints: int
    regions: int
    capacity: float | None
    steering: Steering


def outlook(
    service: Service,
    regions: Mapping[RegionName, Region],
    standings: Mapping[EndpointName, Standing],
    decision: Decision,
) -> Outlook:
    """What a decision leaves ``service`` to answer with."""
    carrying: dict[RecordType, int] = {}
    fit: dict[RecordType, int] = {}
    serving: dict[RegionName, int] = {}
    for endpoint in (e for member in service.members for e in regions[member.region].endpoints):
        level = decision.fitness[endpoint.name]
        # What a host name resolves to may not be known yet: it is taken for an A record.
        for kind in {address_type(ip) for ip in standings[endpoint.name].addresses} or {RecordType.A}:
            carrying[kind] = carrying.get(kind, 0) + (level is not Fitness.OUT)
            fit[kind] = fit.get(kind, 0) + (level < Fitness.DOWN)
        if level is Fitness.IN_SERVICE:
            serving[endpoint.region] = serving.get(endpoint.region, 0) + 1
    members = [regions[member.region] for member in service.members]
    return Outlook(
        carrying=carrying,
        fit=fit,
        endpoints=sum(serving.values()),
        regions=len(serving),
        capacity=_capacity(members, serving),
        steering=decision.steering,
    )


def _capacity(regions: list[Region], serving: Mapping[RegionName, int]) -> float | None:
    total = 0.0
    for region in regions:
        if region.capacity is None:
            return None
        total += region.capacity * serving.get(region.name, 0) / len(region.endpoints)
    return total


def breaches(
    service: Service, regions: Mapping[RegionName, Region], before: Outlook, after: Outlook, limits: Limits
) -> Iterator[Breach]:
    """The rules that are broken by what an order makes of ``before``, the gravest first."""
    name = service.name.removesuffix(".")
    yield from _empty(name, before, after)
    yield from _too_few(Safety.MIN_REGIONS, name, "regions", before.regions, after.regions, limits.min_regions)
    yield from _too_few(
        Safety.MIN_ENDPOINTS, name, "endpoints", before.endpoints, after.endpoints, limits.min_endpoints
    )
    yield from _too_weak(
        name, sum(regions[member.region].capacity or 0 for member in service.members), before, after, limits
    )
    share = moved(before.steering, after.steering)
    if share > Fraction(limits.confirm_above):
        text = f"moves {float(share):.0%} of the answers for {name}, which is {_above(share, limits)}"
        yield Breach(Safety.CONFIRM_ABOVE, text, "repeat it with the token that confirms it: --confirm TOKEN")


def _above(share: Fraction, limits: Limits) -> str:
    return f"{float(share) - limits.confirm_above:.0%} more than confirm_above, {limits.confirm_above:.0%}"


def _empty(name: str, before: Outlook, after: Outlook) -> Iterator[Breach]:
    for kind, count in before.carrying.items():
        none_left = count and not after.carrying.get(kind)
        if none_left or (before.fit.get(kind) and not after.fit.get(kind)):
            what = "endpoint" if none_left else "healthy endpoint"
            text = f"would leave {name} without any {what} ({kind})"
            yield Breach(Safety.NEVER_EMPTY, text, "undrain or mend another region first, or repeat with --force")


def _too_few(rule: Safety, name: str, what: str, before: int, after: int, least: int) -> Iterator[Breach]:
    if after < least and after < before:
        text = f"would leave {name} {after} {what} in service, {least - after} fewer than {rule}, {least}"
        yield Breach(rule, text, "bring another one into service first, or repeat with --force")


def _too_weak(name: str, stated: float, before: Outlook, after: Outlook, limits: Limits) -> Iterator[Breach]:
    if before.capacity is None or after.capacity is None or after.capacity >= before.capacity:
        return
    floor = limits.capacity_floor * stated
    if after.capacity < floor:
        text = (
            f"would leave {name} {after.capacity:.0f} requests/s of {stated:.0f}, "
            f"{floor - after.capacity:.0f} less than capacity_floor, {limits.capacity_floor:.0%}"
        )
        yield Breach(Safety.CAPACITY_FLOOR, text, "bring another region into service first, or repeat with --force")


def too_long(duration: float | None, limits: Limits) -> Breach | None:
    """What is wrong with how long an order is to stand, in seconds; None is for ever."""
    if duration is not None and duration <= limits.max_override:
        return None
    longest = format_duration(limits.max_override)
    if duration is None:
        return Breach(
            Safety.MAX_OVERRIDE, f"would stand for ever, and max_override is {longest}", f"add --for {longest}"
        )
    over = format_duration(float(round(duration - limits.max_override, 3)))
    text = f"would stand for {format_duration(duration)}, {over} longer than max_override, {longest}"
    return Breach(Safety.MAX_OVERRIDE, text, f"shorten it: --for {longest}, and renew it when that is over")


def moved(before: Steering, after: Steering) -> Fraction:
    """The largest share of answers, 0..1, that goes elsewhere (total variation) for some clients and record type."""
    former = {rule.match: rule for rule in before.rules}
    pairs = ((former.get(rule.match, before.rules[-1]), rule) for rule in after.rules)
    return max(
        (_moved(_shares(old, kind), _shares(new, kind)) for old, new in pairs for kind in after.types),
        default=Fraction(0),
    )


def _moved(before: Mapping[RegionName, Fraction], after: Mapping[RegionName, Fraction]) -> Fraction:
    return sum((max(Fraction(0), share - after.get(name, Fraction(0))) for name, share in before.items()), Fraction(0))


def _shares(rule: Rule, kind: RecordType) -> dict[RegionName, Fraction]:
    groups = groups_for(rule, kind)
    total = sum(group.weight for group in groups)
    return {group.region: Fraction(group.weight, total) for group in groups}
