"""From endpoints that may answer to groups of targets: the policy chain runs here, once for each record type."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gslb.model.address import text_of
from gslb.model.branch import Branch, Candidate, Context, Reason, Step, Tier, Verdict, apply, run
from gslb.model.fitness import View
from gslb.model.names import EndpointName, RegionName
from gslb.model.portion import apportion
from gslb.model.steering import Group, Pick, RecordType, Steering, Target, address_type, groups_for
from gslb.model.topology import Endpoint, Region

if TYPE_CHECKING:
    from gslb.model.address import IP

Wanted = Callable[[Endpoint], bool]


def members(view: View, kind: RecordType, wanted: Wanted) -> Tier:
    """The service's regions that have any wanted endpoints that carry ``kind``, each with those."""
    found = [candidate(view, view.regions[m.region], view.weight(m), kind, wanted) for m in view.service.members]
    return tuple([each for each in found if each.endpoints])


def candidate(view: View, region: Region, weight: int, kind: RecordType, wanted: Wanted) -> Candidate:
    """``region`` with those of its endpoints that are wanted and carry ``kind``."""
    carrying = [e for e in region.endpoints if kind in view.carried[e.name]]
    names = tuple([e.name for e in carrying if wanted(e)])
    mean = sum([view.score(name) for name in names]) / len(names) if names else 0.0
    unresolved = [e for e in region.endpoints if not view.carried[e.name]]
    return Candidate(region.name, names, weight, mean, len(carrying) + len(unresolved))


def run_policy(view: View, kind: RecordType, tier: Tier) -> tuple[Branch, ...]:
    """What the chain makes of the candidates of one tier, all of which carry ``kind``."""
    own = {member.region: view.regions[member.region] for member in view.service.members}
    context = Context(view.service, own, view.signals, _reduced(view.before, kind))
    branches = run(view.service.policy, Branch(None, (tier,)), context, partial(_after, view))
    portions = view.signals.portions
    return tuple(apportion(branch, portions) for branch in branches) if portions else branches


def _reduced(before: Steering | None, kind: RecordType) -> Steering | None:
    """What has been answered to questions for ``kind``."""
    if before is None or before.types == (kind,):
        return before
    return replace(before, rules=tuple(replace(rule, groups=groups_for(rule, kind)) for rule in before.rules))


def _after(view: View, step: Step, branch: Branch, context: Context) -> tuple[Branch, ...]:
    """What a step makes of a branch. One that fails is left out: it must not keep what is down in the answers."""
    try:
        return apply(step, branch, context)
    except Exception as error:  # noqa: BLE001  told in the decision: somebody else's step may raise anything
        fault = f"{step.name} failed and was left out: {type(error).__name__}: {error}"
        view.faults.append(fault)
        told = tuple(Reason(step.name, c.region, Verdict.IN, fault) for c in branch.candidates)
        return (replace(branch, reasons=branch.reasons + told),)


def unsaid(offered: Tier, branch: Branch) -> tuple[Reason, ...]:
    """Why candidates do not answer of which no step has said so."""
    if len(branch.tiers) == 1 and len(branch.tiers[0]) == len(offered) and all(each.weight for each in offered):
        return ()
    told = {reason.subject for reason in branch.reasons if reason.verdict in (Verdict.OUT, Verdict.STANDBY)}
    first = branch.first
    left = {found.region for found in branch.candidates}
    text = "a step has left it out and does not say why"
    gone = [each for each in offered if each.region not in left and each.region not in told]
    found = [Reason("policy", each.region, Verdict.OUT, text) for each in gone]
    behind = [each for tier in branch.tiers if tier is not first for each in tier if each.region not in told]
    found += [Reason("policy", e.region, Verdict.STANDBY, f"behind {first[0].region}") for e in behind]
    if any(each.weight for each in first):
        text = "of weight 0: answers only when no other region can"
        found += [Reason("weight", each.region, Verdict.OUT, text) for each in first if not each.weight]
    return tuple(found)


def groups_of(view: View, kind: RecordType, candidates: Sequence[Candidate], pick: Pick) -> tuple[Group, ...]:
    """A group for each candidate. One of weight 0 answers only where all have weight 0; then all count alike."""
    idle = all(found.weight == 0 for found in candidates)
    return tuple(
        [
            Group(
                found.region,
                found.weight or 1,
                _targets(view, kind, found.endpoints),
                view.regions[found.region].location if pick is Pick.NEAREST else None,
            )
            for found in candidates
            if found.weight or idle
        ]
    )


def _targets(view: View, kind: RecordType, names: Iterable[EndpointName]) -> tuple[Target, ...]:
    sharing: dict[IP, list[EndpointName]] = {}
    for name in names:
        for ip in view.standings[name].addresses:
            if address_type(ip) is kind:
                sharing.setdefault(ip, []).append(name)
    return tuple([Target(tuple(endpoints), kind, text_of(ip)) for ip, endpoints in sharing.items()])


def merge(per_type: Iterable[tuple[Group, ...]]) -> tuple[Group, ...]:
    """One group for each region and weight, with its targets of all types."""
    merged: dict[tuple[RegionName, int], Group] = {}
    for groups in per_type:
        for group in groups:
            key = (group.region, group.weight)
            known = merged.get(key)
            merged[key] = replace(known, targets=known.targets + group.targets) if known else group
    return tuple(merged.values())
