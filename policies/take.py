"""take: so many regions answer, the heaviest; the others stand by.

Options: regions.
"""

from collections.abc import Iterator
from typing import Annotated

from msgspec.structs import replace
from pydantic import Field

from gslb.model.branch import Branch, Candidate, Context, Reason, Tier, Verdict
from gslb.model.chain import Chain, Fault
from gslb.model.options import Options
from policies.checking import listed, rehearse


class Take(Options):
    """Keep the heaviest regions of the first tier that has any, and put the others behind it."""

    regions: Annotated[int, Field(ge=1, le=1000, description="regions that answer at a time")]

    @property
    def name(self) -> str:
        """As written in TOML."""
        return "take"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        """The branch with its first tier parted, and a reason for each region of it."""
        taken, left = self._part(branch.first, context)
        reasons = tuple(
            Reason("take", found.region, Verdict.IN, self._text(found, "one of " if self.regions > 1 else ""))
            for found in taken
        )
        reasons += tuple(Reason("take", found.region, Verdict.STANDBY, self._text(found, "behind ")) for found in left)
        behind = [tier for tier in branch.tiers if tier][1:]
        tiers = tuple(tier for tier in (taken, left, *behind) if tier)
        return (replace(branch, tiers=tiers, reasons=branch.reasons + reasons),)

    def _part(self, tier: Tier, context: Context) -> tuple[Tier, Tier]:
        """Who is taken and who is not, each in the order of the tier."""
        order = {name: place for place, name in enumerate(context.regions)}
        heaviest = sorted(tier, key=lambda found: (-found.weight, order.get(found.region, len(order))))[: self.regions]
        return tuple(found for found in tier if found in heaviest), tuple(
            found for found in tier if found not in heaviest
        )

    def _text(self, found: Candidate, place: str) -> str:
        among = f"the {self.regions} heaviest" if self.regions > 1 else "the heaviest"
        return f"weight {found.weight}, {place}{among}"

    def faults(self, chain: Chain) -> Iterator[Fault]:
        """It takes every region there is, or every one that an earlier step leaves together."""
        if self.regions >= len(chain.regions):
            message = f"is {self.regions}, but the service has {len(chain.regions)} regions: all of them answer"
            yield Fault(message, "lower it, or remove this step", "regions")
        elif all(len(branch.first) <= self.regions for branch in rehearse(chain, chain.before, chain.regions)):
            message = f"has no effect: {listed([step.name for step in chain.before])} leaves no more regions together"
            yield Fault(message, "put it before them, or remove it")
