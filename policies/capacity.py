"""capacity: regions are filled up to what they can take; what is beyond that goes on to those with room.

Options: low, high, excess.

A region can take its stated capacity x the share of its endpoints that can answer. A demand of x requests per second
fills tier after tier. With L and H what a tier carries at the marks ``low`` and ``high``, and R what all the tiers
behind it carry at ``high``, a tier keeps

    x                                            while x <= L
    max(min(H, L + (x - L) / 2), min(H, x - R))  above: every second request beyond L goes on, until H is reached or
                                                 nobody behind has room left

and the rest is what the next tier gets. Inside a tier regions are filled in proportion to their weights: first all up
to ``low``, then all up to ``high``. What no tier has room for is spread in proportion to capacity, or withheld.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from msgspec.structs import replace
from pydantic import Field

from gslb.model.branch import Branch, Candidate, Context, Reason, Tier, Verdict
from gslb.model.chain import Chain, Fault
from gslb.model.names import RegionName
from gslb.model.options import Options
from gslb.model.steering import MAX_WEIGHT, WITHHELD

Amount = Fraction | float
"""Requests per second; exact, but for an infinity."""
Loads = Mapping[RegionName, Amount]

DRIFT = Fraction(1, 32)
"""Shares of the demand that differ by no more than this are not changed."""
OVERRUN = Fraction(1, 64)
"""So far above its limit a region may get while shares are left as they are."""
_UNDOING = ("weighted", "take", "failover", "latency", "geo", "fence")
_WHOLE = 10
"""requests per second from which on nobody asks for decimals"""


@dataclass(frozen=True, slots=True)
class Place:
    """A region to fill: its weight, at least 1, and what it may carry, infinite where no capacity is stated."""

    region: RegionName
    weight: int
    capacity: Amount


@dataclass(frozen=True, slots=True)
class Sharing:
    """Who gets how much.

    Attributes:
        loads: of each region that gets any.
        weights: in proportion to them, 0..255; of 0 where a load is too small to count.
        withheld: so many of 256 clients are not answered.
    """

    loads: Loads
    weights: Mapping[RegionName, int]
    withheld: int = 0


class Capacity(Options):
    """Fill regions in proportion to their weights, none beyond what it can take while another has room."""

    low: Annotated[
        float, Field(gt=0.0, le=1.0, description="share of a capacity above which every second request goes on")
    ] = 0.8
    high: Annotated[
        float, Field(gt=0.0, le=1.0, description="share of a capacity above which every request goes on")
    ] = 1.0
    excess: Annotated[
        Literal["spread", "withhold"],
        Field(description="what becomes of demand that nobody has room for: spread over all, or withhold answers"),
    ] = "spread"

    needs_demand: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """As written in TOML."""
        return "capacity"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        """The branch with those that get a share in its first tier, and a reason for each region."""
        demand = _demand(context)
        if demand is None:
            text = "demand is not known: weights stay as they are"
            said = tuple(Reason(self.name, c.region, Verdict.WEIGHT, text) for c in branch.candidates)
            return (replace(branch, reasons=branch.reasons + said),)
        stages = _stages(branch, context)
        if not stages:
            return (branch,)
        sharing = self._share(stages, demand, withhold=self.excess == "withhold" and not _reduced(branch, context))
        sharing = self._settle(sharing, stages, demand, branch, context)
        return (_shared(branch, sharing, _explain(sharing, stages, demand, self._room(stages))),)

    def _share(self, stages: Sequence[Sequence[Place]], demand: Fraction, *, withhold: bool) -> Sharing:
        loads = fill(stages, demand, _exact(self.low), _exact(self.high))
        excess = demand - sum(loads.values())
        if not excess:
            return Sharing(loads, _as_stated(stages[0], loads) or quantise(loads))
        if withhold:
            return Sharing(loads, quantise(loads), min(WITHHELD - 1, round(WITHHELD * excess / demand)))
        total = sum(place.capacity for stage in stages for place in stage)
        loads = {place.region: demand * place.capacity / total for stage in stages for place in stage}
        return Sharing(loads, quantise(loads))

    def _settle(
        self, fresh: Sharing, stages: Sequence[Sequence[Place]], demand: Fraction, branch: Branch, context: Context
    ) -> Sharing:
        """What is in force, while it is about as good: a demand that trembles moves nobody twice."""
        former = _in_force(branch, context, demand)
        if former is None or (former.withheld and not fresh.withheld) or _as_stated(stages[0], fresh.loads):
            return fresh
        limits = {place.region: place.capacity * _exact(self.high) for stage in stages for place in stage}
        return former if _about_as_good(former.loads, fresh.loads, limits, demand) else fresh

    def _room(self, stages: Sequence[Sequence[Place]]) -> Amount:
        return sum(room(stage, _exact(self.high)) for stage in stages)

    def faults(self, chain: Chain) -> Iterator[Fault]:
        """There is no capacity to look at, or another step overrules the shares."""
        if self.low > self.high:
            yield Fault(f"{self.low:g} is above high, {self.high:g}", "lower it, or raise high", "low")
        if not any(region.capacity for region in chain.regions.values()):
            yield Fault("has no effect: no region has a capacity", "state capacity in [regions], or remove this step")
        for step in (*chain.before, *chain.after):
            if step.name == "nearest":
                yield Fault("contradicts nearest, which picks by distance alone", "remove one of the two")
        for step in chain.after:
            if step.name in _UNDOING:
                yield Fault(f"is undone by {step.name}, which comes after it", f"put {step.name} before capacity")


def _exact(value: float) -> Fraction:
    """As it is written: 0.8 is four fifths."""
    return Fraction(str(value))


def _demand(context: Context) -> Fraction | None:
    """What the configuration states counts, else what is measured."""
    stated = context.service.demand
    found = stated if stated is not None else context.signals.demand
    return _exact(found) if found else None


def _stages(branch: Branch, context: Context) -> list[list[Place]]:
    """The tiers to fill, one after the other; regions of weight 0 are one of their own behind the others of theirs."""
    parts = ([c for c in tier if bool(c.weight) is heavy] for tier in branch.tiers for heavy in (True, False))
    return [[Place(c.region, c.weight or 1, _capacity(c, context)) for c in part] for part in parts if part]


def _capacity(candidate: Candidate, context: Context) -> Amount:
    region = context.regions.get(candidate.region)
    if region is None or region.capacity is None:
        return math.inf
    return _exact(region.capacity) * Fraction(len(candidate.endpoints), candidate.total or len(region.endpoints))


def _reduced(branch: Branch, context: Context) -> bool:
    """Whether a step has taken regions from these clients: then nobody knows how much of the demand is theirs."""
    return any(reason.verdict is Verdict.OUT and reason.subject in context.regions for reason in branch.reasons)


def room(stage: Sequence[Place], mark: Fraction) -> Amount:
    """What a tier carries at a mark."""
    return sum(place.capacity * mark for place in stage)


def kept(amount: Amount, low: Amount, high: Amount, behind: Amount) -> Amount:
    """What a tier keeps of an amount: see above. It grows with the amount, and no faster."""
    if amount <= low:
        return amount
    return max(min(high, low + (amount - low) / 2), min(high, amount - behind))


def pour(amount: Amount, stage: Sequence[Place], mark: Fraction) -> dict[RegionName, Amount]:
    """``amount`` in proportion to weights, nobody above its capacity x mark; what nobody has room for is left over."""
    given: dict[RegionName, Amount] = {}
    left = list(stage)
    while left:
        total = sum(place.weight for place in left)
        full = [place for place in left if amount * place.weight >= place.capacity * mark * total]
        if not full:
            return given | {place.region: amount * place.weight / total for place in left}
        given |= {place.region: place.capacity * mark for place in full}
        amount -= sum(place.capacity * mark for place in full)
        left = [place for place in left if place not in full]
    return given


def fill(stages: Sequence[Sequence[Place]], demand: Amount, low: Fraction, high: Fraction) -> dict[RegionName, Amount]:
    """What each region gets of a demand, in requests per second; those that get nothing are left out."""
    loads: dict[RegionName, Amount] = {}
    for number, stage in enumerate(stages):
        behind = sum(room(later, high) for later in stages[number + 1 :])
        stays = kept(demand, room(stage, low), room(stage, high), behind)
        lower = pour(stays, stage, low)
        beyond = stays - sum(lower.values())
        upper = pour(beyond, stage, high - low) if beyond else {}
        loads |= {region: load + upper.get(region, 0) for region, load in lower.items()}
        demand -= stays
    return {region: load for region, load in loads.items() if load}


def _as_stated(stage: Sequence[Place], loads: Loads) -> dict[RegionName, int] | None:
    """The weights as they are, where they alone say who gets what."""
    per_weight = {loads.get(place.region, 0) / place.weight for place in stage}
    if len(loads) == len(stage) and len(per_weight) == 1:
        return {place.region: place.weight for place in stage}
    return None


def quantise(loads: Loads) -> dict[RegionName, int]:
    """Weights that add up to 255, in proportion to ``loads``: what is missing goes to the largest remainders."""
    total = sum(loads.values())
    exact = {region: load * MAX_WEIGHT / total for region, load in loads.items()}
    weights = {region: math.floor(part) for region, part in exact.items()}
    nearest = sorted(exact, key=lambda region: (weights[region] - exact[region], region))
    for region in nearest[: MAX_WEIGHT - sum(weights.values())]:
        weights[region] += 1
    return weights


def _in_force(branch: Branch, context: Context, demand: Fraction) -> Sharing | None:
    """How the demand is shared by what has been answered until now, where each of its regions may still answer."""
    rule = context.former(branch.match)
    there = {candidate.region for candidate in branch.candidates}
    weights = rule.weights if rule else {}
    if rule is None or not weights or len(weights) < len(rule.groups) or not weights.keys() <= there:
        return None
    answered = demand * Fraction(WITHHELD - rule.withheld, WITHHELD)
    total = sum(weights.values())
    return Sharing({r: answered * weight / total for r, weight in weights.items()}, weights, rule.withheld)


def _about_as_good(former: Loads, fresh: Loads, limits: Loads, demand: Fraction) -> bool:
    for region in former.keys() | fresh.keys():
        given, wanted = former.get(region, Fraction()), fresh.get(region, Fraction())
        above = given > wanted * (1 + OVERRUN) and given > limits[region] * (1 + OVERRUN)
        if above or not -DRIFT * demand <= wanted - given <= DRIFT * demand:
            return False
    return True


def _shared(branch: Branch, sharing: Sharing, reasons: tuple[Reason, ...]) -> Branch:
    def gets(candidate: Candidate) -> bool:
        return sharing.weights.get(candidate.region, 0) > 0

    first = tuple(replace(c, weight=sharing.weights[c.region]) for c in branch.candidates if gets(c))
    behind = (tuple(c for c in tier if not gets(c)) for tier in branch.tiers)
    tiers: tuple[Tier, ...] = (first, *(tier for tier in behind if tier))
    return replace(
        branch, tiers=tiers, reasons=branch.reasons + reasons, withheld=max(branch.withheld, sharing.withheld)
    )


def _explain(
    sharing: Sharing, stages: Sequence[Sequence[Place]], demand: Fraction, limit: Amount
) -> tuple[Reason, ...]:
    given = sum(sharing.loads.values())
    note = ""
    if given < demand:
        note = f"; no region has room: {_text(demand - given)} requests/s are withheld"
    elif demand > limit:
        note = f"; no region has room: {_text(demand - limit)} requests/s above all limits are spread"
    return tuple(_reason(place, sharing, demand, note) for stage in stages for place in stage)


def _reason(place: Place, sharing: Sharing, demand: Fraction, note: str) -> Reason:
    if not sharing.weights.get(place.region):
        return Reason("capacity", place.region, Verdict.STANDBY, f"not needed for {_text(demand)} requests/s")
    load = sharing.loads[place.region]
    share = (
        "no capacity stated"
        if place.capacity == math.inf
        else f"{float(load / place.capacity):.0%} of what it can take"
    )
    text = f"{_text(load)} of {_text(demand)} requests/s, {share}{note}"
    return Reason("capacity", place.region, Verdict.WEIGHT, text)


def _text(amount: Amount) -> str:
    return f"{float(amount):.{0 if amount >= _WHOLE else 1}f}"
