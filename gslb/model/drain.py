"""A drain: how an endpoint, or a region, is taken out so that nobody notices.

phase       what holds                                        it ends when
lowering    it answers as before, with the alert TTL          no resolver holds an answer with a longer TTL
moving      its share shrinks step by step                    the last step is over
emptying    it is in no answer any more                       no resolver can hold an answer with it
drained     nobody is sent there                              lifted; or an old answer turns up again: emptying

``now`` begins with moving, and a drain without steps passes that over.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from gslb.model.watermark import Watermark


class Phase(StrEnum):
    """How far a drain has come."""

    LOWERING = "lowering"
    MOVING = "moving"
    EMPTYING = "emptying"
    DRAINED = "drained"


SHARES = (0.75, 0.5, 0.25)
"""Of its normal share, that a region has step by step while a drain moves it."""


@dataclass(frozen=True, slots=True)
class Drain:
    """How far a drain has come.

    Attributes:
        phase: where it is.
        since: when it came there, or to this step, in monotonic seconds.
        ramp: seconds over which the share shrinks; 0: at once.
        step: while moving, which of ``SHARES`` its target has.
        forced: it goes on even where nobody else is left.
        watermark: while drained, before what its target was in an answer; None: nothing to hold against what is
            answered after a restart.
    """

    phase: Phase
    since: float
    ramp: float = 0.0
    step: int = 0
    forced: bool = False
    watermark: Watermark | None = None

    @property
    def out(self) -> bool:
        """Whether it keeps its target out of all answers."""
        return self.phase in (Phase.EMPTYING, Phase.DRAINED)

    @property
    def share(self) -> float:
        """What its target has of its normal share, 0..1."""
        if self.phase is Phase.MOVING:
            return SHARES[self.step]
        return 0.0 if self.out else 1.0

    @property
    def step_ends(self) -> float:
        """When the step is over, while moving, in monotonic seconds."""
        return self.since + self.ramp / len(SHARES)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a drain depends on.

    Attributes:
        long_until: until when a resolver may hold an answer with the target and a TTL longer than the alert one.
        exposed_until: until when a resolver may hold any answer with the target. Monotonic seconds, maybe infinite.
        blocked: why the target must not leave the answers just now; None where it may.
        watermark: what all places are known to have left behind; None where nothing is.
    """

    long_until: float
    exposed_until: float
    blocked: str | None = None
    watermark: Watermark | None = None


def begin(now: float, *, at_once: bool = False, ramp: float = 0.0, forced: bool = False) -> Drain:
    """A drain that is ordered ``now``; ``at_once`` does not wait for longer TTLs to pass."""
    drain = Drain(Phase.LOWERING, now, ramp, forced=forced)
    return _move(drain, now) if at_once else drain


def advance(drain: Drain, facts: Facts, now: float) -> Drain:
    """The state at ``now``. One phase at a time: what the next one depends on may change with it."""
    match drain.phase:
        case Phase.LOWERING if facts.long_until <= now and facts.blocked is None:
            return _move(drain, now)
        case Phase.MOVING if drain.step_ends <= now and facts.blocked is None:
            if drain.step + 1 < len(SHARES):
                return replace(drain, since=now, step=drain.step + 1)
            return replace(drain, phase=Phase.EMPTYING, since=now)
        case Phase.EMPTYING if facts.exposed_until <= now:
            return replace(drain, phase=Phase.DRAINED, since=now, watermark=facts.watermark)
        case Phase.DRAINED if facts.exposed_until > now:
            return replace(drain, phase=Phase.EMPTYING, since=now, watermark=None)
    return drain


def _move(drain: Drain, now: float) -> Drain:
    return replace(drain, phase=Phase.MOVING if drain.ramp else Phase.EMPTYING, since=now)


def next_moment(drain: Drain, facts: Facts) -> float:
    """When time alone may change the drain, in monotonic seconds; infinite where it cannot."""
    match drain.phase:
        case Phase.LOWERING:
            return facts.long_until
        case Phase.MOVING:
            return drain.step_ends
        case Phase.EMPTYING:
            return facts.exposed_until
    return math.inf


def drained_at(drain: Drain, facts: Facts, alert: float, now: float) -> float:
    """When it will be drained if nothing else happens, in monotonic seconds; infinite where nobody can say.

    Args:
        drain: how far it has come.
        facts: what it depends on.
        alert: the longest that an answer of now is held, in seconds: the alert TTL and the ledger's allowance.
        now: monotonic seconds.
    """
    match drain.phase:
        case Phase.LOWERING:
            return max(now, facts.long_until) + drain.ramp + alert
        case Phase.MOVING:
            left = len(SHARES) - 1 - drain.step
            return max(now, drain.step_ends) + left * drain.ramp / len(SHARES) + alert
        case Phase.EMPTYING:
            return max(now, facts.exposed_until)
    return drain.since
