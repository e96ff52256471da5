"""The state of one check, and the pure step from one result to the next state.

What takes an endpoint out and what brings it back is decided here and nowhere else.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from gslb.model.observation import Cause, Observation, ServingState


class Condition(StrEnum):
    """Verdict on one check."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class Evidence(StrEnum):
    """What it takes to go down."""

    CONFIRMED = "confirmed"
    """``fall`` failures, so that a restart with a listening gap is ridden out."""
    TWO_SIGNALS = "two-signals"
    """That, or a closed tripwire and a reconnect that is refused or reset: two independent words of one kernel."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How much evidence a change of verdict takes.

    Attributes:
        fall: failures counted until an endpoint that is up goes down.
        ok: successes in a row that reset the failure counter.
        rise: successes in a row until an endpoint that is down comes up.
        evidence: whether a closed tripwire can stand in for ``fall`` failures.
    """

    fall: int = 3
    ok: int = 2
    rise: int = 3
    evidence: Evidence = Evidence.CONFIRMED


@dataclass(frozen=True, slots=True)
class ProbeState:
    """Verdict and counters of one check.

    Attributes:
        condition: the verdict.
        failures: failures counted against an endpoint that is not down.
        successes: successes in a row.
        since: when the verdict was reached; None while unknown.
        initial: it is the first verdict, so nothing has changed yet.
        last_failure: the latest failure that took the endpoint down or found it down. A lost probe that
            changed nothing is not one: otherwise no endpoint behind a lossy path would ever end its hold.
        cause: why it is down, or why it is suspect.
        draining_since: since when the endpoint has said of itself that it is draining.
    """

    condition: Condition = Condition.UNKNOWN
    failures: int = 0
    successes: int = 0
    since: float | None = None
    initial: bool = True
    last_failure: float | None = None
    cause: Cause | None = None
    draining_since: float | None = None

    @property
    def suspect(self) -> bool:
        """Failures are on the counter, but not enough of them: more evidence is wanted soon."""
        return self.condition is not Condition.DOWN and self.failures > 0


GONE = frozenset({Cause.REFUSED, Cause.RESET})
"""Causes by which the endpoint's own kernel says that nobody serves there."""


def step(
    state: ProbeState, observation: Observation, at: float, thresholds: Thresholds, *, tripped: bool = False
) -> ProbeState:
    """The state after ``observation`` at monotonic time ``at``; ``tripped`` if a closed tripwire led to the attempt.

        verdict   | success                                      | failure
        ----------+----------------------------------------------+--------------------------------------
        unknown   | up                                           | count; down when the count is `fall`
        up        | `ok` in a row reset the count                | count; down when the count is `fall`
        down      | up after `rise` in a row                     | stays down

    The first success settles an unknown endpoint, since nothing speaks against it; failures must add up as they
    do for one that is up, so that a single lost packet at start-up does not cost a hold. An attempt that the prober
    itself could not make (Cause.LOCAL) says nothing about the endpoint and changes nothing. With two signals a refused
    or reset attempt after a closed tripwire is all that it takes.
    """
    if observation.cause is Cause.LOCAL:
        return state
    if not observation.ok:
        gone = tripped and observation.cause in GONE and thresholds.evidence is Evidence.TWO_SIGNALS
        return _fail(state, observation.cause, at, 1 if gone else thresholds.fall)
    draining = observation.report is not None and observation.report.state is ServingState.DRAINING
    draining_since = (state.draining_since if state.draining_since is not None else at) if draining else None
    state = _succeed(state, at, thresholds)
    return state if state.draining_since == draining_since else replace(state, draining_since=draining_since)


def forgive(state: ProbeState) -> ProbeState:
    """``state`` without the failures that are counted but have decided nothing: they prove to say nothing."""
    if not state.suspect:
        return state
    return replace(state, failures=0, cause=None)


def _succeed(state: ProbeState, at: float, thresholds: Thresholds) -> ProbeState:
    successes = state.successes + 1
    if state.condition is Condition.UP:
        if not state.failures and state.successes == thresholds.ok:
            return state  # as nearly always
        if successes < thresholds.ok and state.failures:
            return replace(state, successes=successes)
        return replace(state, failures=0, successes=min(successes, thresholds.ok), cause=None)
    if state.condition is Condition.DOWN and successes < thresholds.rise:
        return replace(state, successes=successes)
    initial = state.condition is Condition.UNKNOWN
    return ProbeState(Condition.UP, since=at, initial=initial, last_failure=state.last_failure)


def _fail(state: ProbeState, cause: Cause | None, at: float, fall: int) -> ProbeState:
    if state.condition is Condition.DOWN:
        return replace(state, successes=0, last_failure=at, cause=cause)
    failures = state.failures + 1
    if failures < fall:
        return replace(state, failures=failures, successes=0, cause=cause)
    initial = state.condition is Condition.UNKNOWN
    return ProbeState(Condition.DOWN, since=at, initial=initial, last_failure=at, cause=cause)
