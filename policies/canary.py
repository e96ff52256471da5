"""canary: a new region gets a small share of the answers, and none any more once it does harm.

Options: ``region``, ``steps`` (shares, each lasting ``every``; the last one stays).

The share counts within the tier that the region is in; the others there share the rest as their weights say. It is
taken back when one of the region's endpoints fails, or its score falls a quarter behind the others'. It then stays
behind all others until ``gslb resume``, or until the steps are changed.
"""

from collections.abc import Iterator
from typing import Annotated, Self

from msgspec.structs import replace
from pydantic import Field, model_validator

from gslb.model.branch import Branch, Candidate, Context, Reason, Tier, Verdict
from gslb.model.chain import Chain, Fault
from gslb.model.names import RegionName
from gslb.model.options import Key, Options, PositiveDuration, Share
from gslb.model.portion import behind_all, joined
from gslb.model.ramp import Ramp
from gslb.model.shift import whole
from policies.checking import foreign

_BEHIND = "behind all others: "


class Canary(Options):
    """Hold a region at its share."""

    region: Annotated[Key, Field(description="the new region")]
    steps: Annotated[
        list[Annotated[Share, Field(gt=0.0, lt=1.0)]],
        Field(min_length=1, max_length=100, description='its shares, one after the other, as in ["1%", "5%", "25%"]'),
    ]
    every: Annotated[PositiveDuration, Field(description="how long each step lasts, but the last")] = 600.0

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if sorted(set(self.steps)) != self.steps:
            raise ValueError("steps do not grow; write them in ascending order, each once")
        return self

    @property
    def name(self) -> str:
        """As written in TOML."""
        return "canary"

    @property
    def ramps(self) -> dict[RegionName, Ramp]:
        """What is to be followed: see ``Signals.ramps``."""
        return {RegionName(self.region): Ramp(tuple(self.steps), self.every)}

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        """The branch with the region at its share, or behind all others."""
        ramp = context.signals.ramps.get(RegionName(self.region))
        share, text = (ramp.share, ramp.text) if ramp else (0.0, "it has not been in service yet")
        found = next((c for c in branch.candidates if c.region == self.region), None)
        if found is None:
            return (branch,)
        if not share:
            return (behind_all(branch, found, Reason("canary", found.region, Verdict.STANDBY, _BEHIND + text)),)
        kept = Reason("canary", found.region, Verdict.WEIGHT, f"{share:.1%} of the answers of its tier: {text}")
        tiers = tuple(_hold(tier, found, share) if found in tier else tier for tier in joined(branch.tiers, found))
        return (replace(branch, tiers=tiers, reasons=(*branch.reasons, kept)),)

    def faults(self, chain: Chain) -> Iterator[Fault]:
        """What is wrong with this step at this place."""
        yield from foreign(chain, [self.region], "region")
        if list(chain.regions) == [self.region]:
            yield Fault("has no effect: the service has no other region", "give it one, or remove this step")
        if any(step.name == "capacity" for step in (*chain.before, *chain.after)):
            yield Fault("contradicts capacity, which fills regions by what they can take", "remove one of them")
        if any(step.name == "nearest" for step in (*chain.before, *chain.after)):
            remedy = "remove one of them"
            yield Fault("has no effect beside nearest, by which the place of the client decides, and no share", remedy)
        for step in chain.after:
            if step.name != "sticky":
                yield Fault(f"is undone by {step.name} after it, which shares out anew", f"put it after {step.name}")


def _hold(tier: Tier, held: Candidate, share: float) -> Tier:
    """The tier with weights by which ``held`` gets ``share``, as exactly as 0..255 can say."""
    rest = sum(found.weight for found in tier if found is not held)
    if not rest:
        return tier
    exact = {found.region: float(found.weight) for found in tier} | {held.region: rest * share / (1.0 - share)}
    weights = whole(exact)
    return tuple(replace(found, weight=weights[found.region]) for found in tier)
