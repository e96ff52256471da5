"""What a policy step works on, and the port that every step implements.

A policy is a chain of steps; a step maps a branch to branches and leaves a reason for all it keeps, drops or reweights.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.steering import Anyone, Match, Pick


class Verdict(StrEnum):
    """What became of a candidate."""

    IN = "in"
    OUT = "out"
    STANDBY = "standby"
    WEIGHT = "weight"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is as it is.

    Attributes:
        step: who says so: ``health``, ``hold``, ``override``, a policy step, ``when_all_down``.
        subject: the endpoint or region it is about.
        verdict: what became of it.
        text: one line for people.
    """

    step: str
    subject: EndpointName | RegionName
    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A region with those of its endpoints that may answer, and its weight, which may be 0.

    Attributes:
        region: name of the region.
        endpoints: usable endpoints, in the order of the configuration.
        weight: 0..255.
        score: mean score of these endpoints, 0..1.
    """

    region: RegionName
    endpoints: tuple[EndpointName, ...]
    weight: int
    score: float = 1.0


Tier = tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """Candidates in tiers: the first tier that has any answers."""

    match: Match
    tiers: tuple[Tier, ...]
    pick: Pick = Pick.WEIGHTED
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What a step may know beside the branch.

    Attributes:
        service: whose policy runs.
        regions: the service's regions, in the order of the configuration.
    """

    service: ServiceName
    regions: tuple[RegionName, ...]


class Step(Protocol):
    """One step of a policy: pure, no clock, no dice."""

    @property
    def name(self) -> str:
        """As written in TOML."""

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        """Branches that together match exactly whom ``branch`` matched."""


ANYONE = Anyone()
