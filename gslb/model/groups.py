"""From endpoints that may answer to groups of targets: the policy chain runs here, once for each record type."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from gslb.model.branch import ANYONE, Branch, Candidate, Context, Reason
from gslb.model.fitness import View, carries
from gslb.model.names import EndpointName, RegionName
from gslb.model.steering import Group, RecordType, Target, address_type
from gslb.model.topology import Endpoint, Region

if TYPE_CHECKING:
    from gslb.model.address import IP

Wanted = Callable[[Endpoint], bool]


def run_policy(
    view: View, kind: RecordType, wanted: Wanted, *, every_tier: bool = False
) -> tuple[tuple[Group, ...], tuple[Reason, ...]]:
    """Run the chain over the wanted endpoints that carry ``kind``.

    Returns:
        The groups of the first tier that has any, or of all tiers together, and what the steps said.
    """
    tier = tuple(
        found
        for member in view.service.members
        if (found := candidate(view, view.regions[member.region], member.weight, kind, wanted)).endpoints
    )
    branches: tuple[Branch, ...] = (Branch(ANYONE, (tier,)),)
    context = Context(view.service.name, tuple(member.region for member in view.service.members))
    for step in view.service.policy:
        branches = tuple(after for branch in branches for after in step(branch, context))
    branch = branches[-1]
    tiers = [tier for tier in branch.tiers if tier]
    answering = [found for tier in (tiers if every_tier else tiers[:1]) for found in tier]
    return groups_of(view, kind, answering), branch.reasons


def candidate(view: View, region: Region, weight: int, kind: RecordType, wanted: Wanted) -> Candidate:
    """``region`` with those of its endpoints that are wanted and carry ``kind``."""
    names = [e.name for e in region.endpoints if wanted(e) and carries(view.standings[e.name], kind)]
    mean = sum(view.standings[name].score for name in names) / len(names) if names else 0.0
    return Candidate(region.name, tuple(names), weight, mean)


def groups_of(view: View, kind: RecordType, candidates: Sequence[Candidate]) -> tuple[Group, ...]:
    """A group for each candidate. One of weight 0 answers only where all have weight 0; then all count alike."""
    idle = all(found.weight == 0 for found in candidates)
    return tuple(
        Group(found.region, found.weight or 1, _targets(view, kind, found.endpoints))
        for found in candidates
        if found.weight or idle
    )


def _targets(view: View, kind: RecordType, names: Iterable[EndpointName]) -> tuple[Target, ...]:
    sharing: dict[IP, list[EndpointName]] = {}
    for name in names:
        for ip in view.standings[name].addresses:
            if address_type(ip) is kind:
                sharing.setdefault(ip, []).append(name)
    return tuple(Target(tuple(endpoints), kind, str(ip)) for ip, endpoints in sharing.items())


def merge(per_type: Iterable[tuple[Group, ...]]) -> tuple[Group, ...]:
    """One group for each region and weight, with its targets of all types."""
    merged: dict[tuple[RegionName, int], tuple[Target, ...]] = {}
    for groups in per_type:
        for group in groups:
            key = (group.region, group.weight)
            merged[key] = merged.get(key, ()) + group.targets
    return tuple(Group(region, weight, targets) for (region, weight), targets in merged.items())
