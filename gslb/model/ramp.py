"""How the share of a region grows step by step, and how it is taken back when that does harm.

state            at its next look                                              share
not begun        the region is in service: begins                              0
climbing         a step is over: the next one; harm is seen: withdrawn         that of the step
at the top       harm is seen: withdrawn                                       that of the last step
withdrawn        stays so until somebody lets it begin again                   0
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gslb.model.combine import Health
from gslb.model.fitness import Fitness, Standing
from gslb.model.names import RegionName, ServiceName
from gslb.model.topology import Service

Pair = tuple[ServiceName, RegionName]
"""Whose share grows, in the answers of what."""
WORSE = 0.25
"""By how much the score of a region must fall behind the others' mean for that to be harm: a quarter, as scores go."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """A plan: shares of the answers, ascending, and how many seconds each of them lasts but the last."""

    steps: tuple[float, ...]
    every: float


@dataclass(frozen=True, slots=True)
class Climb:
    """How far it has come. Times are monotonic seconds.

    Attributes:
        plan: what is being followed; another one begins anew.
        began: when its first step did.
        withdrawn: when it was taken back; None while it is not.
        reason: what harm was seen, once withdrawn.
    """

    plan: Ramp
    began: float
    withdrawn: float | None = None
    reason: str = ""


def climb(before: Climb | None, plan: Ramp, *, ready: bool, harm: str | None, now: float) -> Climb | None:
    """The state at ``now``.

    Args:
        before: the state so far; None: not begun.
        plan: as configured now.
        ready: the region is in service.
        harm: what speaks against it.
        now: monotonic seconds.
    """
    if before is None or before.plan != plan:
        return Climb(plan, now) if ready and harm is None else None
    if before.withdrawn is None and harm is not None:
        return replace(before, withdrawn=now, reason=harm)
    return before


def share(state: Climb | None, now: float) -> float:
    """Of the answers, 0..1."""
    if state is None or state.withdrawn is not None:
        return 0.0
    return state.plan.steps[step_of(state, now)]


def next_step(state: Climb | None, now: float) -> float | None:
    """When the share changes by itself; None for never."""
    if state is None or state.withdrawn is not None or step_of(state, now) == len(state.plan.steps) - 1:
        return None
    return state.began + (step_of(state, now) + 1) * state.plan.every


def step_of(state: Climb, now: float) -> int:
    """Which step it is at, from 0 on."""
    passed = max(0.0, now - state.began)
    return min(int((passed + 1e-6) // state.plan.every), len(state.plan.steps) - 1)


def harm(own: Sequence[tuple[Fitness, Standing]], others: Sequence[tuple[Fitness, Standing]]) -> str | None:
    """What speaks against a region: an endpoint that fails, or scores that fall behind those of the others.

    Args:
        own: fitness and standing of its endpoints; those that people have drained say nothing.
        others: those of the service's other regions.
    """
    failed = [standing for fitness, standing in own if fitness is Fitness.DOWN]
    if failed:
        return failed[0].detail or "an endpoint is down"
    mine, theirs = _mean(own), _mean(others)
    if mine is not None and theirs is not None and mine <= theirs - WORSE:
        return f"score {mine:.2f}, that of the others {theirs:.2f}"
    return None


def _mean(found: Sequence[tuple[Fitness, Standing]]) -> float | None:
    scores = [s.score for fitness, s in found if s.health is Health.UP and fitness is not Fitness.OUT]
    return sum(scores) / len(scores) if scores else None


def ramps_of(service: Service) -> Mapping[RegionName, Ramp]:
    """The plans that steps of its policy name (``ramps``), by region."""
    found: dict[RegionName, Ramp] = {}
    for step in service.policy:
        if hasattr(type(step), "ramps"):  # asking the step itself takes ten times as long
            found.update(getattr(step, "ramps", {}))
    return found
