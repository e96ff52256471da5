"""failover: regions in order of preference; a later one answers only when none before it can.

Options: none. The order is the one in which the service lists its regions.
"""

from dataclasses import replace

from gslb.model.branch import Branch, Context, Reason, Tier, Verdict
from gslb.model.options import Options


class Failover(Options):
    """Give every region a tier of its own."""

    @property
    def name(self) -> str:
        """As written in TOML."""
        return "failover"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        """The branch with each of its tiers split into one per region, and a reason for each region."""
        tiers = tuple(alone for tier in branch.tiers for alone in _split(tier, context))
        reasons = tuple(
            Reason("failover", candidate.region, Verdict.STANDBY if rank else Verdict.IN, _text(rank, tiers))
            for rank, tier in enumerate(tiers)
            for candidate in tier
        )
        return (replace(branch, tiers=tiers, reasons=branch.reasons + reasons),)


def _split(tier: Tier, context: Context) -> tuple[Tier, ...]:
    order = list(context.regions)
    return tuple((c,) for c in sorted(tier, key=lambda c: order.index(c.region) if c.region in order else len(order)))


def _text(rank: int, tiers: tuple[Tier, ...]) -> str:
    return f"standby number {rank}, behind {tiers[rank - 1][0].region}" if rank else "preferred"
