"""From the verdicts of single checks to the health of an endpoint."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Literal

from gslb.model.names import ProbeName, VantageName
from gslb.model.step import Condition

Require = Literal["all", "any"] | int
"""How many of a service's probes must be up."""


class Health(StrEnum):
    """What is known of an endpoint."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    DRAINING = "draining"


def combine(
    verdicts: Mapping[tuple[ProbeName, VantageName], Condition],
    require: Require = "all",
    quorum: int = 1,
    *,
    draining: bool = False,
) -> Health:
    """Health of one endpoint from its probes, each judged over the live vantage points.

    Args:
        verdicts: the verdict of each check; without any (a service with ``probes = []``) the endpoint is up.
        require: probes that must be up: all of them, any, or a number.
        quorum: vantage points that must agree on 'down' before a probe counts as down.
        draining: the endpoint says of itself that it is draining.
    """
    votes: dict[ProbeName, list[Condition]] = {}
    for (probe, _), verdict in verdicts.items():
        votes.setdefault(probe, []).append(verdict)
    conditions = [_poll(ballots, quorum) for ballots in votes.values()]
    health = _count(conditions, _wanted(require, len(conditions)))
    return Health.DRAINING if draining and health is Health.UP else health


def _wanted(require: Require, probes: int) -> int:
    if require == "all":
        return probes
    return min(1 if require == "any" else require, probes)


def _poll(ballots: list[Condition], quorum: int) -> Condition:
    """Down when ``quorum`` vantage points (or all, where there are fewer) say so; up when one can still reach it."""
    down = ballots.count(Condition.DOWN)
    if down >= min(quorum, len(ballots)):
        return Condition.DOWN
    return Condition.UP if Condition.UP in ballots else Condition.UNKNOWN


def _count(conditions: Iterable[Condition], wanted: int) -> Health:
    """Up when enough are up; down when too few could still come up; else nobody knows yet."""
    seen = list(conditions)
    up = seen.count(Condition.UP)
    if up >= wanted:
        return Health.UP
    return Health.DOWN if up + seen.count(Condition.UNKNOWN) < wanted else Health.UNKNOWN
