"""Self-doubt: whether a vantage point has more reason to believe that its own network has failed than the endpoints.

A refused connection or a bad status was said by somebody: it can be believed. Silence can have two causes, and when
most of what a vantage point looks at falls silent at the same time, in several regions, the likelier one is near.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gslb.model.names import RegionName
from gslb.model.observation import Cause, Observation

SHARE = 0.8
ENDPOINTS = 5
REGIONS = 2
FEW = 64
"""Targets that are all asked for their word as soon as one of them meets silence; more than that would be a storm."""
NEVER = float("-inf")


UNSAID = frozenset({Cause.TIMEOUT, Cause.UNREACHABLE, Cause.RESOLVE})
"""Causes by which nobody has said anything: a name without an address may be the fault of the network as well."""
UNTRIED = frozenset({Cause.LOCAL, Cause.FORBIDDEN})
"""Causes by which nobody was asked, so that neither an answer nor silence can have come back."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was last heard of one target; times are starts of attempts, in monotonic seconds.

    Attributes:
        region: where it is.
        answered: of the newest attempt that had any answer, a refusal included.
        silent: of the newest attempt that met silence.
    """

    region: RegionName
    answered: float = NEVER
    silent: float = NEVER

    @property
    def newest(self) -> float:
        """Start of the newest attempt of which anything is known."""
        return max(self.answered, self.silent)


def answered(observation: Observation) -> bool:
    """Whether somebody out there has said something, and be it a refusal."""
    return observation.cause not in UNSAID and observation.cause not in UNTRIED


def silent(observation: Observation) -> bool:
    """Whether nobody has said anything to an attempt."""
    return observation.cause in UNSAID


def hear(heard: Heard, observation: Observation, at: float) -> Heard:
    """What is known after the outcome of an attempt that started ``at``."""
    if answered(observation):
        return replace(heard, answered=max(at, heard.answered))
    if silent(observation):
        return replace(heard, silent=max(at, heard.silent))
    return heard


def fell_silent(heard: Iterable[Heard]) -> list[Heard]:
    """Those of which silence is the newest that is known."""
    return [target for target in heard if target.silent > target.answered]


def doubtful(heard: Iterable[Heard]) -> bool:
    """Whether so much has fallen silent that the silence is no word about the targets.

    Args:
        heard: of every target that is not already known to be down; what has long been down says nothing new.
    """
    targets = list(heard)
    fallen = fell_silent(targets)
    return (
        len(targets) >= ENDPOINTS
        and len(fallen) >= _many(len(targets))
        and len({target.region for target in fallen}) >= REGIONS
    )


def trusted_until(heard: Iterable[Heard]) -> float:
    """The newest moment at which the network was fine beyond doubt; infinite where the rule cannot apply.

    Silence that met an attempt begun by then is the target's own: enough others have answered to attempts begun since,
    so that however the rest turns out, it cannot amount to doubt. Arguments as for ``doubtful``.
    """
    targets = list(heard)
    regions = {target.region for target in targets}
    if len(targets) < ENDPOINTS or len(regions) < REGIONS:
        return math.inf
    answers = sorted((target.answered for target in targets), reverse=True)
    enough = answers[len(targets) - _many(len(targets))]
    return max(enough, _all_but_one_region(targets))


def _many(targets: int) -> int:
    return math.ceil(SHARE * targets - 1e-9)


def _all_but_one_region(targets: Sequence[Heard]) -> float:
    """Since when all targets of all regions but one have answered."""
    oldest: dict[RegionName, float] = {}
    for target in targets:
        oldest[target.region] = min(target.answered, oldest.get(target.region, math.inf))
    return sorted(oldest.values())[1]
