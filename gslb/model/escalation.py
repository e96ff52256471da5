"""How a region that is stressed, not dead, is helped: stage by stage, each with time to show whether it helps.

what is seen                               what follows
stressed for `after`                       the first stage begins
still stressed `wait` after a stage ended  the next one begins
calm for `calm`                            all is undone, and the next stress begins with the first stage again
nothing can be said of it, or it is frozen no stage begins, and neither stress nor calm counts

What is dead leaves the answers at once, by its health, and is no matter of this.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Plan:
    """How an escalation goes on. All are seconds.

    Attributes:
        after: of stress before the first stage, and before each later one.
        calm: without stress until it is over.
        waits: for each stage, how long it is given to help once it has ended.
    """

    after: float
    calm: float
    waits: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of the region.

    Attributes:
        known: something can be said and done: it is in service somewhere, the network to judge it by works, and no
            service is frozen.
        stressed: it needs help.
        open: help may begin: it is not drained where it is stressed.
    """

    known: bool
    stressed: bool
    open: bool


@dataclass(frozen=True, slots=True)
class Escalation:
    """How far it has come. Moments are monotonic seconds.

    Attributes:
        begun: how many stages have begun.
        ended: when the newest of them ended; None while it is under way, and before the first one.
        stressed_since: since when it has been stressed without a break; None while it is not.
        calm_since: likewise calm.
    """

    begun: int = 0
    ended: float | None = None
    stressed_since: float | None = None
    calm_since: float | None = None

    @property
    def under_way(self) -> bool:
        """Whether a stage has begun and not ended."""
        return self.begun > 0 and self.ended is None


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin the stage of this index; ``ended`` is to be told of its end."""

    stage: int


@dataclass(frozen=True, slots=True)
class Undo:
    """It is over: lift what its stages have ordered."""


Action = Begin | Undo


def escalate(state: Escalation, seen: Seen, plan: Plan, now: float) -> tuple[Escalation, Action | None]:
    """The state at ``now``, and what is to be done."""
    state = _counted(state, seen, now)
    if state.begun and not state.under_way and _lasts(state.calm_since, plan.calm, now):
        return Escalation(), Undo()
    if seen.known and seen.open and _is_due(state, plan, now):
        return replace(state, begun=state.begun + 1, ended=None), Begin(state.begun)
    return state, None


def ended(state: Escalation, now: float) -> Escalation:
    """The state when the stage under way has ended, whatever came of it."""
    return replace(state, ended=now)


def resumed(stage: int, now: float) -> Escalation:
    """The state where the order of the stage of this index is in force from before a restart."""
    return Escalation(begun=stage + 1, ended=now)


def _counted(state: Escalation, seen: Seen, now: float) -> Escalation:
    if not seen.known:
        return replace(state, stressed_since=None, calm_since=None)
    if seen.stressed:
        since = now if state.stressed_since is None else state.stressed_since
        return replace(state, stressed_since=since, calm_since=None)
    return replace(state, stressed_since=None, calm_since=now if state.calm_since is None else state.calm_since)


def _is_due(state: Escalation, plan: Plan, now: float) -> bool:
    if state.under_way or state.begun >= len(plan.waits) or not _lasts(state.stressed_since, plan.after, now):
        return False
    return state.begun == 0 or _lasts(state.ended, plan.waits[state.begun - 1], now)


def _lasts(since: float | None, seconds: float, now: float) -> bool:
    return since is not None and since + seconds <= now
