"""How a region that was out of a service comes back: at once, step by step (``ramp``), or when somebody says so.

phase       what holds                                                      it ends when
out         it has failed, or was taken out                                 it is fit: by hand: waiting; else climbing
waiting     it is in service, and answers only where nobody else can        somebody lets it (``gslb resume``)
climbing    it has a growing part of its normal share                       the last step is over: nothing is held back
aborted     it did harm on the way up, and answers only where nobody can    ``hold`` has passed without harm: climbing

A region that goes out on the way begins anew. One that was out by order, or had said of itself that it is draining,
does not wait for a word. Who is forced up is not held back at all.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from gslb.model.names import EndpointName

SHARES = (0.1, 0.25, 0.5, 0.75)
"""Of its normal share, that a region has step by step as it comes back."""

Names = frozenset[EndpointName]


class Stage(StrEnum):
    """How far a region has come back."""

    OUT = "out"
    WAITING = "waiting"
    CLIMBING = "climbing"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Comeback:
    """How far a region has come back. One that has come all the way has none.

    Two that differ only in what is seen on the way are equal.

    Attributes:
        stage: where it is.
        since: when it came there, or to this step, in monotonic seconds.
        ordered: people had taken it out, or have let it back in: it waits for no further word.
        reason: what harm was seen, once aborted.
        step: while climbing, which of ``SHARES`` it has.
        relied: endpoints in service on the way; that one of them fails is harm.
        harmed: when harm was last seen, in monotonic seconds; None where it was not in this process.
    """

    stage: Stage
    since: float
    ordered: bool = False
    reason: str = ""
    step: int = 0
    relied: Names = field(default=frozenset(), compare=False)
    harmed: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Way:
    """How regions of a service come back. Durations are seconds.

    Attributes:
        ramp: over which the share grows; 0: at once.
        manual: only when somebody says so.
        hold: how long it waits after doing harm.
    """

    ramp: float
    manual: bool
    hold: float


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of a region.

    Attributes:
        answers: it was in the answers until now.
        fit: its endpoints in service.
        gone: none is, because some are down, draining or drained, and not because they have not been probed yet.
        ordered: those that are not fit are out by order.
        leaving: its endpoints that are draining or drained.
        draining: some of these say so themselves.
        forced: people have forced it up.
        harm: what speaks against it.
    """

    answers: bool
    fit: Names
    gone: bool = False
    ordered: bool = False
    leaving: Names = frozenset()
    draining: bool = False
    forced: bool = False
    harm: str | None = None


def come_back(before: Comeback | None, way: Way, sight: Sight, now: float) -> Comeback | None:
    """The state at ``now``; None: nothing is held back."""
    if sight.forced:
        return None
    if sight.gone:
        return _out(before, way, sight, now)
    if before is None or not sight.fit:
        return before
    if before.stage in (Stage.OUT, Stage.WAITING):
        waits = way.manual and not before.ordered
        return _wait(before, now) if waits else _climb(way, now, sight.fit)
    return _on_the_way(before, way, sight, now)


def _out(before: Comeback | None, way: Way, sight: Sight, now: float) -> Comeback | None:
    if before is None:
        follows = sight.answers and (way.ramp or way.manual)
        return Comeback(Stage.OUT, now, sight.ordered or sight.draining) if follows else None
    if before.stage is Stage.OUT:
        return replace(before, ordered=before.ordered or sight.ordered)
    leaves = sight.draining and before.stage is not Stage.WAITING  # a restart is no word for one that waits
    return Comeback(Stage.OUT, now, sight.ordered or leaves)


def _on_the_way(before: Comeback, way: Way, sight: Sight, now: float) -> Comeback | None:
    """Climbing or aborted. Who has failed once is not relied on any more: it holds nobody back for ever."""
    if sight.harm is not None:
        aborted = before.stage is Stage.ABORTED
        state = before if aborted else Comeback(Stage.ABORTED, now, before.ordered, sight.harm)
        return replace(state, relied=sight.fit, harmed=now)
    state = replace(before, relied=(before.relied | sight.fit) - sight.leaving)
    if state.stage is Stage.ABORTED:
        if state.harmed is None:
            return replace(state, harmed=now)
        return _climb(way, now, sight.fit) if state.harmed + way.hold <= now else state
    if state.since + way.ramp / len(SHARES) > now:
        return state
    return replace(state, since=now, step=state.step + 1) if state.step + 1 < len(SHARES) else None


def can_resume(state: Comeback | None) -> bool:
    """Whether it waits for a word, or can do without it: one that climbs needs none."""
    return state is not None and state.stage is not Stage.CLIMBING


def let_in(before: Comeback, way: Way, now: float) -> Comeback | None:
    """The state after somebody has said that it may come back."""
    if before.stage is Stage.CLIMBING:
        return before
    return replace(before, ordered=True) if before.stage is Stage.OUT else _climb(way, now, frozenset())


def _wait(before: Comeback, now: float) -> Comeback:
    return before if before.stage is Stage.WAITING else Comeback(Stage.WAITING, now)


def _climb(way: Way, now: float, fit: Names) -> Comeback | None:
    return Comeback(Stage.CLIMBING, now, ordered=True, relied=fit) if way.ramp else None


def share(state: Comeback | None) -> float:
    """What the region has of its normal share, 0..1."""
    if state is None:
        return 1.0
    return SHARES[state.step] if state.stage is Stage.CLIMBING else 0.0


def next_moment(state: Comeback, way: Way) -> float | None:
    """When time alone changes the state, in monotonic seconds; None for never."""
    match state.stage:
        case Stage.CLIMBING:
            return state.since + way.ramp / len(SHARES)
        case Stage.ABORTED:
            return (state.since if state.harmed is None else state.harmed) + way.hold
    return None
