"""From the states of single checks to the health of an endpoint."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Literal

from gslb.model.names import ProbeName, VantageName
from gslb.model.step import Condition, ProbeState

Require = Literal["all", "any"] | int
"""How many of a service's probes must be up."""

States = Mapping[tuple[ProbeName, VantageName], ProbeState]
"""The state of every check of one endpoint that a service asks for."""


NEVER = float("-inf")


class Health(StrEnum):
    """What is known of an endpoint."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    DRAINING = "draining"


def combine(states: States, require: Require = "all", quorum: int = 1) -> Health:
    """Health of one endpoint from its probes, each judged over the live vantage points.

    Args:
        states: of every check; without any (a service with ``probes = []``) the endpoint is up.
        require: probes that must be up: all of them, any, or a number.
        quorum: vantage points that must agree on 'down' before a probe counts as down.
    """
    conditions = [_poll(votes, quorum) for votes in _by_probe(states)]
    health = _count(conditions, _wanted(require, len(conditions)))
    draining = any(state.draining_since is not None for state in states.values())
    return Health.DRAINING if draining and health is Health.UP else health


def last_failure(states: States, require: Require = "all", quorum: int = 1) -> float | None:
    """When the endpoint as a whole was last seen to be down; None for never. Arguments as for ``combine``.

    A probe was down as long as ``quorum`` vantage points failed, so its last failure is the ``quorum``-th newest of
    theirs; the endpoint was down until enough probes had recovered, so its last failure is the oldest but ``require``
    - 1. One probe that fails for ever does not hold out an endpoint that can do without it.
    """
    probes = [sorted(map(_failure, votes))[-min(quorum, len(votes))] for votes in _by_probe(states)]
    wanted = _wanted(require, len(probes))
    if not wanted:
        return None
    _, failed = sorted(probes)[wanted - 1]
    return None if failed == NEVER else failed


def _failure(state: ProbeState) -> tuple[bool, float]:
    """Orders failures from the one longest over to those that last."""
    return state.condition is Condition.DOWN, NEVER if state.last_failure is None else state.last_failure


def _by_probe(states: States) -> list[list[ProbeState]]:
    votes: dict[ProbeName, list[ProbeState]] = {}
    for (probe, _), state in states.items():
        votes.setdefault(probe, []).append(state)
    return list(votes.values())


def _poll(votes: list[ProbeState], quorum: int) -> Condition:
    """Down when ``quorum`` vantage points (or all, where there are fewer) say so; up when one can still reach it."""
    conditions = [vote.condition for vote in votes]
    if conditions.count(Condition.DOWN) >= min(quorum, len(conditions)):
        return Condition.DOWN
    return Condition.UP if Condition.UP in conditions else Condition.UNKNOWN


def _wanted(require: Require, probes: int) -> int:
    if require == "all":
        return probes
    return min(1 if require == "any" else require, probes)


def _count(conditions: Iterable[Condition], wanted: int) -> Health:
    """Up when enough are up; down when too few could still come up; else nobody knows yet."""
    seen = list(conditions)
    up = seen.count(Condition.UP)
    if up >= wanted:
        return Health.UP
    return Health.DOWN if up + seen.count(Condition.UNKNOWN) < wanted else Health.UNKNOWN
