"""weighted: traffic goes to regions in proportion to weight x score.

Options: none. The base weight is the region's, or the one the service states for it.

The score of a region is the mean of its endpoints' levels. It counts in quarters, rounded to the nearest and halves up:
one endpoint of two that serves a little worse moves nothing by itself. A region that serves badly keeps at least a
quarter, since taking it out is the business of probes.

Between the regions that answer now, scores move no more than ``max_shift`` of the traffic in a minute. What is lost, or
back, is not slowed by that.
"""

import math
from fractions import Fraction
from typing import ClassVar

from msgspec.structs import replace

from gslb.model.area import Area
from gslb.model.branch import Branch, Candidate, Context, Reason, Tier, Verdict
from gslb.model.options import Options
from gslb.model.shift import limited
from gslb.model.steering import MAX_WEIGHT, Pick

QUARTERS = 4
_SETTING = ("capacity", "canary")
"""steps that set weights as well: by what is answered then nobody can tell what scores have moved"""
ROUNDING = 1e-9
"""what a sum of levels may be off, divided by their number"""


class Weighted(Options):
    """Weigh every candidate by its base weight and its score."""

    ranks_by_weight: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """As written in TOML."""
        return "weighted"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        """The branch with weights set, and a reason for each region."""
        wanted = tuple(_weigh(tier) for tier in branch.tiers)
        tiers = tuple(_limit(tier, branch.match, context) for tier in wanted)
        reasons = tuple(
            _explain(*three)
            for old, aim, new in zip(branch.tiers, wanted, tiers, strict=True)
            for three in zip(old, aim, new, strict=True)
        )
        return (replace(branch, tiers=tiers, pick=Pick.WEIGHTED, reasons=branch.reasons + reasons),)


def _quarters(candidate: Candidate) -> int:
    if candidate.score >= 1.0:  # as most are
        return QUARTERS
    return max(1, math.floor(candidate.score * QUARTERS + 0.5 + ROUNDING))


def _weigh(tier: Tier) -> Tier:
    """Base weights as they stand while all scores are full; else the products, in lowest terms and within 0..255."""
    if all(_quarters(candidate) == QUARTERS for candidate in tier):
        return tier
    products = [candidate.weight * _quarters(candidate) for candidate in tier]
    divisor = math.gcd(*products) or 1
    divisor *= -(-max(products) // (divisor * MAX_WEIGHT)) or 1
    return tuple(replace(c, weight=-(-product // divisor)) for c, product in zip(tier, products, strict=True))


def _limit(tier: Tier, match: Area | None, context: Context) -> Tier:
    """The tier with weights on the way to these, as far as they may move now."""
    former = context.former(match) if context.signals.shift < 1 else None
    if former is None or not tier or any(step.name in _SETTING for step in context.service.policy):
        return tier
    wanted = {found.region: found.weight for found in tier}
    weights = limited(former.weights, wanted, Fraction(context.signals.shift))
    return tier if weights == wanted else tuple(replace(c, weight=weights[c.region]) for c in tier)


def _explain(before: Candidate, wanted: Candidate, after: Candidate) -> Reason:
    text = f"weight {after.weight}"
    if _quarters(before) != QUARTERS:
        text += f": base {before.weight} x score {before.score:.2f}, in quarters"
    if wanted.weight != after.weight:
        text += "; on the way, since scores may not move more than max_shift in a minute"
    return Reason("weighted", before.region, Verdict.WEIGHT, text)
