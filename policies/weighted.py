"""weighted: traffic goes to regions in proportion to weight x score.

Options: none. The base weight is the region's, or the one the service states for it.

The score of a region is the mean of its endpoints' levels. It counts in quarters, rounded to the nearest and halves up:
one endpoint of two that serves a little worse moves nothing by itself. A region that serves badly keeps at least a
quarter, since taking it out is the business of probes.
"""

import math
from dataclasses import replace

from gslb.model.branch import Branch, Candidate, Context, Reason, Tier, Verdict
from gslb.model.options import Options
from gslb.model.steering import MAX_WEIGHT, Pick

QUARTERS = 4
ROUNDING = 1e-9
"""what a sum of levels may be off, divided by their number"""


class Weighted(Options):
    """Weigh every candidate by its base weight and its score."""

    @property
    def name(self) -> str:
        """As written in TOML."""
        return "weighted"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:  # noqa: ARG002  the port's signature
        """The branch with weights set, and a reason for each region."""
        tiers = tuple(_weigh(tier) for tier in branch.tiers)
        reasons = tuple(
            _explain(before, after)
            for old, new in zip(branch.tiers, tiers, strict=True)
            for before, after in zip(old, new, strict=True)
        )
        return (replace(branch, tiers=tiers, pick=Pick.WEIGHTED, reasons=branch.reasons + reasons),)


def _quarters(candidate: Candidate) -> int:
    return max(1, math.floor(candidate.score * QUARTERS + 0.5 + ROUNDING))


def _weigh(tier: Tier) -> Tier:
    """Base weights as they stand while all scores are full; else the products, in lowest terms and within 0..255."""
    if all(_quarters(candidate) == QUARTERS for candidate in tier):
        return tier
    products = [candidate.weight * _quarters(candidate) for candidate in tier]
    divisor = math.gcd(*products) or 1
    divisor *= -(-max(products) // (divisor * MAX_WEIGHT)) or 1
    return tuple(replace(c, weight=-(-product // divisor)) for c, product in zip(tier, products, strict=True))


def _explain(before: Candidate, after: Candidate) -> Reason:
    text = f"weight {after.weight}"
    if _quarters(before) != QUARTERS:
        text += f": base {before.weight} x score {before.score:.2f}, in quarters"
    return Reason("weighted", before.region, Verdict.WEIGHT, text)
