"""latency: clients are answered by the regions that are fastest, as the vantage point for their area measures it.

Options: ``tolerance`` and ``margin``, each a share of the lowest latency (``"20%"``) or a duration (``"15ms"``). A
share counts for 10 ms of tolerance and 5 ms of margin at least, since close by it would be nothing.

In each tier that an earlier step has made, with ``best`` the lowest latency of its regions:

    the region                             stays in its tier up to
    answered these clients until now       best + tolerance + margin
    did not                                best + tolerance - margin, or best if that is more
    there is no answer until now           best + tolerance

All that are further away go to a tier behind it. A region without a figure yet stays where it is.

So a region that has come or gone does the opposite only after latencies have moved by more than a margin between them:
as long as each stays within a band half as wide as the least margin, a region comes or goes once at most. Who has
answered is read off the rule for the same clients. So no later step may part them further or drop regions.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from msgspec.structs import replace
from pydantic import BeforeValidator, Field, PlainSerializer

from gslb.model.area import Area
from gslb.model.branch import Branch, Context, Reason, Step, Tier, Verdict
from gslb.model.chain import Chain, Fault
from gslb.model.duration import format_duration, parse_duration
from gslb.model.names import RegionName, VantageName
from gslb.model.options import Options, parse_share
from gslb.model.split import split
from policies.checking import alone, listed, rehearse, untold


@dataclass(frozen=True, slots=True)
class Slack:
    """How much more than the lowest latency.

    Attributes:
        share: of the lowest latency, 0..1.
        least: seconds that it is at least.
    """

    share: float
    least: float

    def of(self, best: float) -> float:
        """Seconds beside a lowest latency of ``best`` seconds."""
        return max(self.share * best, self.least)

    def __str__(self) -> str:
        """As it is written in TOML."""
        return f"{self.share * 100:g}%" if self.share else format_duration(self.least)


def _slack(floor: float, shortest: float) -> BeforeValidator:
    """Reads a share, which counts for ``floor`` seconds at least, or a duration of at least ``shortest`` seconds."""

    def read(value: object) -> Slack:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} should be text in quotes, for example '20%' or '15ms'")  # noqa: TRY004  pydantic collects ValueErrors only
        if value.endswith("%"):
            return Slack(parse_share(value), floor)
        seconds = parse_duration(value)
        if seconds < shortest:
            raise ValueError(f"{value!r} is too short; write {format_duration(shortest)} or more, or a share")
        return Slack(0.0, seconds)

    return BeforeValidator(read)


class Latency(Options):
    """Prefer the regions that answer fastest where the client is."""

    ranks_by_weight: ClassVar[bool] = False
    needs_latency: ClassVar[bool] = True

    tolerance: Annotated[
        Slack,
        _slack(0.010, 0.0),
        PlainSerializer(str),
        Field(description="how much more than the lowest latency is as good: a share (10 ms at least) or a duration"),
    ] = Slack(0.2, 0.010)
    margin: Annotated[
        Slack,
        _slack(0.005, 0.001),
        PlainSerializer(str),
        Field(
            description="how far beyond tolerance a region leaves, and short of it returns: a share (5 ms at least) "
            "or a duration"
        ),
    ] = Slack(0.1, 0.005)

    @property
    def name(self) -> str:
        """As written in TOML."""
        return "latency"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        """A branch for each area of the vantage points, with the regions far from there behind, and the rest."""
        judges = {area: name for name, areas in context.signals.vantages.items() for area in areas}
        return tuple(
            self._judge(replace(branch, match=match), context, judges[area]) if area else _unjudged(branch)
            for match, area in split(branch.match, judges)
        )

    def faults(self, chain: Chain) -> Iterator[Fault]:
        """What is wrong with this step at this place."""
        areas = [area for each in chain.vantages.values() for area in dict.fromkeys(each)]
        if not areas:
            text = "has no effect: no vantage point speaks for any clients"
            yield Fault(text, "set areas in [vantages.NAME] to those whose latency it stands for")
        for area in sorted({area for area in areas if areas.count(area) > 1}, key=str):
            rivals = listed([name for name, each in chain.vantages.items() if area in each])
            yield Fault(f"cannot tell whose latency counts: {area} is in areas of {rivals}", "leave it to one of them")
        yield from untold(chain, areas)
        yield from alone(chain)
        yield from self._blinded(chain)

    def _blinded(self, chain: Chain) -> Iterator[Fault]:
        """Faults for later steps after which it cannot be read off the answers who was in front."""
        steps: tuple[Step, ...] = (*chain.before, self)
        for later in chain.after:
            former, steps = rehearse(chain, steps, chain.regions), (*steps, later)
            if _shape(former) != _shape(rehearse(chain, steps, chain.regions)):
                undone = f"{later.name} after it parts clients or drops regions"
                yield Fault(
                    f"cannot see from the answers who was in front: {undone}", f"put {later.name} before latency"
                )

    def _judge(self, branch: Branch, context: Context, vantage: VantageName) -> Branch:
        figures = context.signals.latencies.get(vantage, {})
        former = _former(branch.match, context)
        tiers, reasons = list[Tier](), list(branch.reasons)
        for tier in branch.tiers:
            limits = self._limits(tier, figures, former)
            near = tuple(c for c in tier if c.region not in limits or figures[c.region] <= limits[c.region])
            far = tuple(c for c in tier if c not in near)
            tiers += [part for part in (near, far) if part]
            reasons += _explain(near, far, figures, limits, vantage)
        return replace(branch, tiers=tuple(tiers), reasons=tuple(reasons))

    def _limits(
        self, tier: Tier, figures: Mapping[RegionName, float], former: set[RegionName] | None
    ) -> Mapping[RegionName, float]:
        """The most latency with which each measured region of a tier stays in it, in seconds."""
        measured = [found.region for found in tier if found.region in figures]
        best = min((figures[region] for region in measured), default=0.0)
        return {r: best + self._allowed(best, answered=None if former is None else r in former) for r in measured}

    def _allowed(self, best: float, *, answered: bool | None) -> float:
        tolerance, margin = self.tolerance.of(best), self.margin.of(best)
        if answered is None:
            return tolerance
        return tolerance + margin if answered else max(tolerance - margin, 0.0)


def _shape(branches: Iterable[Branch]) -> Mapping[Area | None, int]:
    """How many candidates there are for whom."""
    return {branch.match: sum(map(len, branch.tiers)) for branch in branches}


def _former(match: Area | None, context: Context) -> set[RegionName] | None:
    """Who has answered these clients until now; None where nobody has, or they had no rule of their own."""
    rule = context.former(match)
    return set(rule.weights) or None if rule else None


def _explain(
    near: Tier,
    far: Tier,
    figures: Mapping[RegionName, float],
    limits: Mapping[RegionName, float],
    vantage: VantageName,
) -> Iterator[Reason]:
    best = min(limits, key=lambda region: figures[region], default=None)
    for found in near:
        yield Reason("latency", found.region, Verdict.IN, _text(found.region, best, figures, limits, vantage))
    for found in far:
        text = f"behind {best}: {_text(found.region, best, figures, limits, vantage)}"
        yield Reason("latency", found.region, Verdict.STANDBY, text)


def _text(
    region: RegionName,
    best: RegionName | None,
    figures: Mapping[RegionName, float],
    limits: Mapping[RegionName, float],
    vantage: VantageName,
) -> str:
    if region not in limits:
        return f"not measured from {vantage} yet"
    found = f"{_shown(figures[region])} from {vantage}"
    return f"{found}, the lowest" if region == best else f"{found}, up to {_shown(limits[region])} is near enough"


def _shown(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _unjudged(branch: Branch) -> Branch:
    text = "no vantage point speaks for these clients"
    reasons = tuple(Reason("latency", found.region, Verdict.IN, text) for found in branch.candidates)
    return replace(branch, reasons=branch.reasons + reasons)
