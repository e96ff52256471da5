"""Regions that have only a part of their normal share of the answers, while they come back or leave step by step."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from msgspec.structs import replace

from gslb.model.branch import Branch, Candidate, Grown, Reason, Tier, Verdict
from gslb.model.names import RegionName
from gslb.model.shift import whole

STEP = "share"


def apportion(branch: Branch, portions: Mapping[RegionName, Grown]) -> Branch:
    """What a policy has made, with these regions held at their portions of what it has given them.

    One that has all the answers alone has its portion of all of them, and those behind it the rest. One with a portion
    of 0 answers where nobody else can.
    """
    for found in [found for tier in branch.tiers for found in tier]:
        portion = portions.get(found.region)
        if portion is not None:
            branch = _hold(branch, found.region, portion)
    return branch


def behind_all(branch: Branch, found: Candidate, reason: Reason) -> Branch:
    """The branch with ``found`` in reserve, in a tier of the same place there: also in reserve tiers are in order."""
    tiers = tuple(tuple(each for each in tier if each is not found) for tier in branch.tiers)
    waiting = zip_longest(branch.reserve, branch.tiers, fillvalue=())
    reserve = tuple((*tier, found) if found in former else tier for tier, former in waiting)
    return replace(branch, tiers=tiers, reasons=(*branch.reasons, reason), reserve=reserve)


def joined(tiers: Sequence[Tier], held: Candidate) -> Sequence[Tier]:
    """The tiers, with what comes next in that of ``held`` where it would have all the answers alone.

    Each stays at its place: the one that came next is empty.
    """
    left = [index for index, tier in enumerate(tiers) if tier]
    if tiers[left[0]] != (held,) or len(left) == 1:
        return tiers
    first, second = left[:2]
    moved = {first: (held, *tiers[second]), second: ()}
    return [moved.get(index, tier) for index, tier in enumerate(tiers)]


def _hold(branch: Branch, region: RegionName, portion: Grown) -> Branch:
    found = next(each for tier in branch.tiers for each in tier if each.region == region)
    if not portion.share:
        return behind_all(branch, found, Reason(STEP, region, Verdict.STANDBY, f"behind all others: {portion.text}"))
    tiers = joined(branch.tiers, found)
    alone = tuple(tiers) != branch.tiers
    reason = Reason(STEP, region, Verdict.WEIGHT, f"{portion.share:.0%} of its share: {portion.text}")
    weighed = tuple(_weigh(tier, found, portion.share, alone=alone) if found in tier else tier for tier in tiers)
    return replace(branch, tiers=weighed, reasons=(*branch.reasons, reason))


def _weigh(tier: Tier, held: Candidate, portion: float, *, alone: bool) -> Tier:
    """The tier with weights by which ``held`` has its portion; of everything, if it would answer alone."""
    rest = sum(found.weight for found in tier if found is not held)
    if not rest or not held.weight:
        return tier
    own = rest * portion / (1.0 - portion) if alone else held.weight * portion
    weights = whole({found.region: float(found.weight) for found in tier} | {held.region: own})
    return tuple(replace(found, weight=weights[found.region]) for found in tier)
