"""Until when resolvers may hold an answer with an endpoint: the exposure ledger.

An answer can be given until every place that answers has been told of a newer one, and be held for its TTL after that.
Whatever is not known for certain counts as exposed: a place that cannot be reached goes on giving what it has.

Of all answers with the same endpoint and TTL the newest ends last, so no other is remembered: the ledger has the size
of the answers, however often they change.
"""

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache

import msgspec
from msgspec.structs import replace

from gslb.model.names import EndpointName

ROUNDING = 1.0
"""Seconds that caches may hold an answer beyond its TTL, since they count whole ones, as unbound does."""
ALLOWANCE = ROUNDING + 1.0
"""Seconds beyond its TTL for which an answer counts as held: it may be under way, and pass through a second cache."""
MOST = 16
"""TTLs by which former answers of a service are told apart; of more, the two lowest are taken for the higher one."""


class Former(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """When an answer was taken back.

    Attributes:
        superseded: the first generation with newer answers; 0: the first of all, of what had been assumed before it.
        ended: since when no place gives it any more, in monotonic seconds; None while one may.
    """

    superseded: int
    ended: float | None = None

    def held_until(self, ttl: int) -> float:
        """Until when some resolver may hold it, with a TTL of so many seconds: infinite while it may be given."""
        return math.inf if self.ended is None else self.ended + ttl + ALLOWANCE


Formers = Mapping[EndpointName, Former]
"""Former answers with one TTL, by who was in them."""


class Answers(msgspec.Struct, frozen=True):
    """What one service answers, and what it has answered that some resolver may hold.

    Attributes:
        generation: the first one with what was published last; 0 where nothing was.
        ttl: seconds that a resolver may hold an answer of these.
        endpoints: those that are in some answer of these.
        first: the first generation of all; 0 where nothing was published.
        confirmed: the newest generation known to be in force at all places, since which none gives older answers.
        withdrawn: the service is answered no more since ``generation``.
        former: the others, by TTL. With the TTL of those that were published last, nobody of those is among them.
    """

    generation: int = 0
    ttl: int = 0
    endpoints: frozenset[EndpointName] = frozenset()
    first: int = 0
    confirmed: int = 0
    withdrawn: bool = False
    former: Mapping[int, Formers] = msgspec.field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Nothing is published, and no resolver holds anything."""
        return not self.former and (self.withdrawn or not self.generation)

    @property
    def exposed(self) -> frozenset[EndpointName]:
        """The endpoints that some resolver may hold an answer with."""
        return self.endpoints.union(*self.former.values())

    @property
    def is_settled(self) -> bool:
        """Every place gives what was published last."""
        return self.confirmed >= self.generation and all(each.ended is not None for _, each in _each(self.former))

    @property
    def next_end(self) -> float:
        """When the next answer is not held any more, in monotonic seconds; infinite where none is about to end."""
        return min((each.held_until(ttl) for ttl, each in _each(self.former)), default=math.inf)


def published(answers: Answers, generation: int, ttl: int, endpoints: Iterable[EndpointName]) -> Answers:
    """``answers`` with those of ``generation``, which some place may give from now on."""
    fresh = frozenset(endpoints)
    if answers.generation and (answers.ttl, answers.endpoints, answers.withdrawn) == (ttl, fresh, False):
        return answers
    former = _with(answers.former, answers.ttl, answers.endpoints, Former(generation))
    given = {name: each for name, each in former.get(ttl, {}).items() if name not in fresh}
    former = _bounded({**former, ttl: given})
    return Answers(generation, ttl, fresh, answers.first or generation, answers.confirmed, former=former)


def withdrawn(answers: Answers, generation: int) -> Answers:
    """``answers`` of a service that is answered no more from ``generation`` on."""
    return answers if answers.withdrawn else replace(published(answers, generation, 0, ()), withdrawn=True)


def assumed(answers: Answers, ttl: int, endpoints: Iterable[EndpointName]) -> Answers:
    """``answers``, when some place may give any of ``endpoints``, until all give what was published last.

    With ``ttl`` seconds, or whatever TTL is known to have been given.
    """
    longest = max(ttl, answers.ttl, *answers.former, 0)
    besides = frozenset(endpoints) - (answers.endpoints if longest == answers.ttl else frozenset())
    return replace(answers, former=_bounded(_with(answers.former, longest, besides, Former(answers.generation))))


def settled(answers: Answers, generation: int, now: float) -> Answers:
    """``answers``, when every place gives those of ``generation`` or later ones."""
    known = {answers.first, answers.generation, *(each.superseded for _, each in _each(answers.former))}
    in_force = max((each for each in known if each <= generation), default=0)
    if not in_force or answers.is_settled:
        return answers

    def settle(each: Former) -> Former:
        over = each.ended is None and (each.superseded or answers.first) <= generation
        return Former(each.superseded, now) if over else each

    return replace(answers, confirmed=max(answers.confirmed, in_force), former=_mapped(answers.former, settle))


def remembered(answers: Answers, now: float) -> Answers:
    """``answers`` without those that no resolver can hold any more."""
    former = {
        ttl: {name: each for name, each in held.items() if each.held_until(ttl) > now}
        for ttl, held in answers.former.items()
    }
    return replace(answers, former=_bounded(former))


def refuted(answers: Answers) -> Answers:
    """``answers``, when nothing had been given before the first generation."""
    former = {
        ttl: {name: each for name, each in held.items() if each.superseded} for ttl, held in answers.former.items()
    }
    return replace(answers, former=_bounded(former))


def shifted(answers: Answers, seconds: float, now: float) -> Answers:
    """``answers`` by another monotonic clock that shows ``seconds`` more; nothing has ended later than ``now``."""

    def shift(each: Former) -> Former:
        return each if each.ended is None else Former(each.superseded, min(now, each.ended + seconds))

    return replace(answers, former=_mapped(answers.former, shift))


def exposed_until(answers: Answers, endpoint: EndpointName, *, above: int = -1) -> float:
    """Until when some resolver may hold an answer with ``endpoint``.

    Args:
        answers: those of one service.
        endpoint: who must be in the answer.
        above: only answers with a TTL above this many seconds.

    Returns:
        Monotonic seconds: infinite while one may still be given, minus infinite where none can be held.
    """
    if answers.ttl > above and endpoint in answers.endpoints:
        return math.inf
    held = (held[endpoint].held_until(ttl) for ttl, held in answers.former.items() if ttl > above and endpoint in held)
    return max(held, default=-math.inf)


def _each(former: Mapping[int, Formers]) -> Iterator[tuple[int, Former]]:
    for ttl, held in former.items():
        for each in held.values():
            yield ttl, each


def _mapped(former: Mapping[int, Formers], function: Callable[[Former], Former]) -> dict[int, Formers]:
    """What becomes of each: those that are the same before remain one value."""
    after = cache(function)
    return {ttl: {name: after(each) for name, each in held.items()} for ttl, held in former.items()}


def _with(
    former: Mapping[int, Formers], ttl: int, endpoints: Iterable[EndpointName], newer: Former
) -> dict[int, Formers]:
    """``former``, where ``newer`` takes the place of what is known of ``endpoints`` with that TTL."""
    return {**former, ttl: {**former.get(ttl, {}), **dict.fromkeys(endpoints, newer)}}


def _bounded(former: Mapping[int, Formers]) -> dict[int, Formers]:
    """``former`` without TTLs that nobody had, and no more of them than are told apart."""
    found = {ttl: held for ttl, held in former.items() if held}
    while len(found) > MOST:
        low, high, *_ = sorted(found)
        both = dict(found[high])
        for name, each in found.pop(low).items():
            both[name] = max(each, both.get(name, each), key=_latest)
        found[high] = both
    return found


def _latest(former: Former) -> tuple[float, int]:
    return former.held_until(0), former.superseded or sys.maxsize
