"""Until when some resolver may hold an answer with an endpoint: the exposure ledger.

An answer can be given until every place that answers has been told of a newer one, and be held for its TTL after that.
Whatever is not known for certain counts as exposed: a place that cannot be reached goes on giving what it has.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gslb.model.names import EndpointName

ROUNDING = 1.0
"""Seconds that caches may hold an answer beyond its TTL, since they count whole ones, as unbound does."""
ALLOWANCE = ROUNDING + 1.0
"""Seconds beyond its TTL for which an answer counts as held: it may be under way, and pass through a second cache."""
MOST = 64
"""Versions of a service's answers that are told apart; of more, the oldest are taken for one."""


@dataclass(frozen=True, slots=True)
class Given:
    """One version of what a service answers.

    Attributes:
        generation: the first one with these answers.
        ttl: seconds that a resolver may hold one of them.
        endpoints: those that are in some answer.
        ended: since when no place gives it any more, in monotonic seconds; None while one may.
        confirmed: once it was in force, no place could give older answers any more.
    """

    generation: int
    ttl: int
    endpoints: frozenset[EndpointName]
    ended: float | None = None
    confirmed: bool = False

    @property
    def held_until(self) -> float:
        """Until when some resolver may hold one of these answers: infinite while they are given."""
        return math.inf if self.ended is None else self.ended + self.ttl + ALLOWANCE


Answers = tuple[Given, ...]
"""Versions of what one service answers, that some resolver may hold. Oldest first."""


def published(answers: Answers, generation: int, ttl: int, endpoints: Iterable[EndpointName]) -> Answers:
    """``answers`` with those of ``generation``, which some place may give from now on."""
    fresh = Given(generation, ttl, frozenset(endpoints))
    newest = answers[-1] if answers else None
    if newest and newest.generation and (newest.ttl, newest.endpoints, newest.ended) == (ttl, fresh.endpoints, None):
        return answers
    return _bounded((*answers, fresh))


def assumed(answers: Answers, ttl: int, endpoints: Iterable[EndpointName]) -> Answers:
    """``answers``, when some place may give any of ``endpoints``, until all give what is published.

    With ``ttl`` seconds, or whatever TTL is known to have been given.
    """
    longest, anybody = max([ttl, *(given.ttl for given in answers)]), frozenset(endpoints)
    if answers and (answers[0].generation, answers[0].ended) == (0, None):  # assumed before, and not refuted yet
        anybody, answers = anybody | answers[0].endpoints, answers[1:]
    return _bounded((Given(0, longest, anybody), *answers))


def settled(answers: Answers, generation: int, now: float) -> Answers:
    """``answers``, when every place gives those of ``generation`` or later ones."""
    in_force = max((given.generation for given in answers if given.generation <= generation), default=None)
    if not in_force:  # nothing that is known of, or only what is assumed
        return answers
    return tuple(_settled(given, in_force, now) for given in answers)


def _settled(given: Given, in_force: int, now: float) -> Given:
    if given.generation == in_force:
        return replace(given, confirmed=True)
    return replace(given, ended=now) if given.ended is None and given.generation < in_force else given


def remembered(answers: Answers, now: float) -> Answers:
    """``answers`` without those that no resolver can hold any more."""
    return tuple(given for given in answers if given.held_until > now)


def exposed_until(answers: Iterable[Given], endpoint: EndpointName, *, above: int = -1) -> float:
    """Until when some resolver may hold an answer with ``endpoint``.

    Args:
        answers: versions of the answers of one service.
        endpoint: who must be in the answer.
        above: only answers with a TTL above this many seconds.

    Returns:
        Monotonic seconds: infinite while one may still be given, minus infinite where none can be held.
    """
    held = (given.held_until for given in answers if given.ttl > above and endpoint in given.endpoints)
    return max(held, default=-math.inf)


def _bounded(answers: Answers) -> Answers:
    """``answers``, with the oldest two taken for one that is held as long as either, where there are too many."""
    if len(answers) <= MOST:
        return answers
    one, other, *rest = answers
    ended = None if one.ended is None or other.ended is None else max(one.ended, other.ended)
    both = Given(other.generation, max(one.ttl, other.ttl), one.endpoints | other.endpoints, ended)
    return (both, *rest)
