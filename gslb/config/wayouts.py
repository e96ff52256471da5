"""In words: what a provider cannot say of a service, and what to do about it."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from gslb.config.providers import ProviderSetup
from gslb.config.toml import to_toml
from gslb.model.expressible import DEGRADABLE, Feature
from gslb.model.rehearsal import Situation
from gslb.model.topology import AllDown, Service
from policies.checking import listed
from providers import EMBEDDED

INSTEAD: Mapping[Feature, str] = {
    Feature.STICKY: "clients then get regions by weight",
    Feature.NEAREST: "clients then get regions by weight, or as the provider has it",
    Feature.WITHHELD: "everybody is then answered",
    Feature.SERVFAIL: "clients are then told NODATA",
    Feature.NETWORKS: "clients of these networks then get the next rule that they are in",
    Feature.ASNS: "clients of these autonomous systems then get the next rule that they are in",
    Feature.SUBDIVISIONS: "clients there then get the next rule that they are in, or as the provider has it",
    Feature.PLACES: "clients there then get the next rule that they are in, or as the provider has it",
    Feature.UNKNOWN: "these clients then get the last rule, or as the provider has it",
}
"""What comes of a degradation."""


class Unsayable(NamedTuple):
    """Something that a provider cannot say of a service.

    Attributes:
        feature: what it takes.
        texts: what cannot be said, each in words.
        situation: when.
        step: index of the first step of the policy with which it cannot; None: it cannot without any.
    """

    feature: Feature
    texts: tuple[str, ...]
    situation: Situation
    step: int | None


def key_of(service: Service, found: Unsayable) -> tuple[str | int, ...]:
    """Where in the table of ``service`` it comes from."""
    at = ("services", service.name.removesuffix("."))
    if found.step is not None:
        return (*at, "policy", found.step)
    return (*at, "when_all_down" if found.feature is Feature.SERVFAIL else "regions")


def message_of(service: Service, setup: ProviderSetup, found: Unsayable) -> str:
    """What cannot be said, and by whom."""
    step = f"{service.policy[found.step].name}: " if found.step is not None else ""
    more = f" (and {len(found.texts) - 1} more)" if len(found.texts) > 1 else ""
    return f"{step}{setup} cannot say {found.texts[0]}{more}{_when(service, found.situation)}"


def _when(service: Service, situation: Situation) -> str:
    down = [member.region for member in service.members if member.region not in situation.up]
    when = ["there is more demand than room"] if situation.swamped else []
    if not situation.up:
        when.append("no endpoint is fit")
    elif down:
        when.append(f"{listed(down)} {'is' if len(down) == 1 else 'are'} down")
    if situation.held is not None:
        when.append(f"{situation.held} is on its way back (ramp)")
    return f" when {listed(when)}" if when else ""


def ways_out(service: Service, zone: str, found: Unsayable, needed: Collection[Feature]) -> str:
    """What to do about it.

    A degradation that the service has already is none: there are things that a provider cannot say even so.

    Args:
        service: the service.
        zone: the zone that it is in.
        found: what cannot be said.
        needed: features that a fence stands on.
    """
    ways = []
    if found.feature in DEGRADABLE - service.degrade and found.feature not in needed:
        wanted = sorted({*service.degrade, found.feature})
        ways.append(f"write degrade = {to_toml([each.value for each in wanted])}: {INSTEAD[found.feature]}")
    ways.append(_other_way(service, found))
    return "; or ".join([*ways, at_home(zone)])


def at_home(zone: str) -> str:
    """The way out that is always there."""
    return f'publish zone {zone.removesuffix(".")} at the embedded nameserver only: providers = ["{EMBEDDED}"]'


def _other_way(service: Service, found: Unsayable) -> str:
    if found.feature is Feature.SERVFAIL:
        return 'write when_all_down = "nodata", or "all"'
    if found.feature is Feature.GAP:
        failed = any(member.region not in found.situation.up for member in service.members)
        if failed and service.when_all_down in (AllDown.SERVFAIL, AllDown.NODATA):
            return 'write when_all_down = "last-good", or "all"'
        return "let a region that may answer these clients publish such addresses"
    if found.feature is Feature.WITHHELD and found.step is not None and service.policy[found.step].name == "capacity":
        return 'write excess = "spread"'
    if found.feature is Feature.SIZE or found.step is None:
        return "name fewer areas, regions or endpoints"
    return "remove this step"
