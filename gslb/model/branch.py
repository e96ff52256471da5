"""What a policy step works on, and the port that every step implements.

A policy is a chain of steps; a step maps a branch to branches and leaves a reason for all it keeps, drops or reweights.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from gslb.model.area import Area
from gslb.model.names import EndpointName, RegionName, VantageName
from gslb.model.steering import MAX_WEIGHT, WITHHELD, Pick, Rule, Steering

if TYPE_CHECKING:
    from gslb.model.topology import Region, Service


class Verdict(StrEnum):
    """What became of a candidate."""

    IN = "in"
    OUT = "out"
    STANDBY = "standby"
    WEIGHT = "weight"


class Reason(msgspec.Struct, frozen=True):
    """Why something is as it is. Made many times over for each decision, which a Struct is quicker at.

    Attributes:
        step: who says so: ``health``, ``hold``, ``override``, a policy step, ``when_all_down``.
        subject: the endpoint or region it is about.
        verdict: what became of it.
        text: one line for people.
        match: the clients for whom it is so; None: all, or all that no other rule is for.
    """

    step: str
    subject: EndpointName | RegionName
    verdict: Verdict
    text: str
    match: Area | None = None


class Candidate(msgspec.Struct, frozen=True):
    """A region with those of its endpoints that may answer, and its weight, which may be 0.

    Attributes:
        region: name of the region.
        endpoints: usable endpoints, in the order of the configuration.
        weight: 0..255.
        score: mean score of these endpoints, 0..1.
        total: endpoints of the region that carry the record type, fit or not, or may once their names are resolved.
    """

    region: RegionName
    endpoints: tuple[EndpointName, ...]
    weight: int
    score: float = 1.0
    total: int = 0


Tier = tuple[Candidate, ...]


class Branch(msgspec.Struct, frozen=True):
    """Candidates in tiers: the first tier that has any answers.

    Attributes:
        match: whom it is for; None: everybody whom no other branch is for.
        tiers: candidates in order of preference.
        pick: how one of them is picked for an answer.
        reasons: what was said of them, without ``match``, which is the branch's own.
        withheld: so many of 256 clients are not answered.
        reserve: likewise tiers, that answer only where nobody else can, not even somebody less fit.
    """

    match: Area | None
    tiers: tuple[Tier, ...]
    pick: Pick = Pick.WEIGHTED
    reasons: tuple[Reason, ...] = ()
    withheld: int = 0
    reserve: tuple[Tier, ...] = ()

    @property
    def candidates(self) -> Tier:
        """Those of all tiers, and the reserve."""
        return tuple([found for tier in (*self.tiers, *self.reserve) for found in tier])

    @property
    def first(self) -> Tier:
        """The candidates that answer: those of the first tier that has any."""
        return next((tier for tier in self.tiers if tier), ())

    @property
    def last_resort(self) -> Tier:
        """The candidates that answer where nobody else can: those of the first tier in reserve that has any."""
        return next((tier for tier in self.reserve if tier), ())


@dataclass(frozen=True, slots=True)
class Grown:
    """How far a ramp has come: the share of the answers, 0..1, and a line on it for people."""

    share: float
    text: str


@dataclass(frozen=True, slots=True)
class Signals:
    """What is measured, beside health and scores, and damped so that noise does not change it.

    Attributes:
        vantages: who measures, and the areas that each speaks for.
        latencies: seconds from a vantage point to a region, where both are known well enough.
        demand: requests per second for the service; None where nobody says.
        configurations: version of the configuration that a region's gateways state in their health documents.
        shift: the share of the traffic that scores may move now, 0..1.
        ramps: how far canaries have come whose share of the answers grows step by step; see ``model.ramp``.
        portions: what regions have of their normal share, 0..1, that come back or leave step by step; others have all.
        lifted: when an order about the service was last lifted, in monotonic seconds; None where none was lately.
    """

    vantages: Mapping[VantageName, tuple[Area, ...]] = field(default_factory=dict)
    latencies: Mapping[VantageName, Mapping[RegionName, float]] = field(default_factory=dict)
    demand: float | None = None
    configurations: Mapping[RegionName, str] = field(default_factory=dict)
    shift: float = 1.0
    ramps: Mapping[RegionName, Grown] = field(default_factory=dict)
    portions: Mapping[RegionName, Grown] = field(default_factory=dict)
    lifted: float | None = None


QUIET = Signals()


@dataclass(frozen=True, slots=True)
class Context:
    """What a step may know beside the branch.

    Attributes:
        service: whose policy runs.
        regions: the service's regions, in the order of the configuration. A candidate may be of another one: of the
            fallback.
        signals: what is measured.
        before: what has been answered until now to questions of the record type that is decided; None at the start.
    """

    service: "Service"
    regions: "Mapping[RegionName, Region]"
    signals: Signals = QUIET
    before: Steering | None = None

    def former(self, match: Area | None) -> Rule | None:
        """The rule by which the clients of ``match``, and no others, have been answered until now."""
        return next((rule for rule in self.before.rules if rule.match == match), None) if self.before else None


class Step(Protocol):
    """One step of a policy: pure, no clock, no dice.

    With ``ranks_by_weight = False`` as a class attribute it says that weights decide nothing about who answers
    unless they are 0; services that differ in nothing else are then checked together.
    """

    @property
    def name(self) -> str:
        """As written in TOML."""

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        """Branches that together match exactly whom ``branch`` matched.

        Whom they are for may depend on the configuration, but not on which candidates there are.
        """


Apply = Callable[[Step, Branch, Context], Iterable[Branch]]


def apply(step: Step, branch: Branch, context: Context) -> tuple[Branch, ...]:
    """What a step makes of a branch.

    Raises:
        TypeError: no branches.
        ValueError: branches of something else: other clients, regions or endpoints, or weights that cannot be.
    """
    made: Any = step(branch, context)
    if not isinstance(made, tuple) or not made or not all(isinstance(after, Branch) for after in made):
        raise TypeError(f"it returned {made!r:.200}, not branches")
    if all(after.match != branch.match for after in made):
        raise ValueError(f"it left out the clients that are in no other branch than {branch.match or 'the last'}")
    offered = {found.region: found.endpoints for found in branch.candidates}
    for after in made:
        if not 0 <= after.withheld <= WITHHELD:
            raise ValueError(f"it withheld {after.withheld} of {WITHHELD}")
        for found in after.candidates:
            _check_candidate(found, offered.get(found.region))
    return made


def _check_candidate(found: Candidate, offered: tuple[EndpointName, ...] | None) -> None:
    if offered is None or (found.endpoints is not offered and not set(found.endpoints) <= set(offered)):
        raise ValueError(f"it added {found.region} or endpoints of it, which may not answer now")
    if type(found.weight) is not int or not 0 <= found.weight <= MAX_WEIGHT:
        raise ValueError(f"it gave {found.region} the weight {found.weight!r}; write a whole number of 0..{MAX_WEIGHT}")


def run(steps: Iterable[Step], start: Branch, context: Context, apply: Apply = apply) -> tuple[Branch, ...]:
    """What a chain makes of a branch.

    Where two branches are for the same clients, the first counts: it has come through all that the other one has, and
    was already more specific before.
    """
    branches: tuple[Branch, ...] = (start,)
    for step in steps:
        found: dict[Area | None, Branch] = {}
        for after in (after for branch in branches for after in apply(step, branch, context)):
            found.setdefault(after.match, after)
        branches = tuple(found.values())
    return branches
