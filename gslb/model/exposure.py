"""Until when resolvers may hold an answer with an endpoint: the exposure ledger.

An answer can be given until every place that answers has been told of a newer one, and be held for its TTL after that.
Whatever is not known for certain counts as exposed: a place that cannot be reached goes on giving what it has.

Of all answers with the same endpoint and TTL the newest ends last, so no other is remembered: the ledger has the size
of the answers, however often they change. In a failure of thousands that still is a lot, which is kept and stored all
the time. Hence msgspec.Structs, of which the many are short arrays that the garbage collector passes over.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache

import msgspec
from msgspec.structs import replace

from gslb.model.names import EndpointName

ROUNDING = 1.0
"""Seconds that caches may hold an answer beyond its TTL, since they count whole ones, as unbound does."""
ALLOWANCE = ROUNDING + 1.0
"""Seconds beyond its TTL for which an answer counts as held: it may be under way, and pass through a second cache."""
MAX_TTLS = 16
"""TTLs by which former answers of a service are told apart; of more, the two lowest are taken for the higher one."""


class Former(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How it ends: the newest answer with one endpoint and one TTL that is not published any more.

    Attributes:
        superseded: the generation that took its place: it is over once every place gives that or a later one. 0 of what
            was assumed before anything was published: then ``Answers.first`` takes its place.
        ended: since when no place gives it any more, in monotonic seconds; None while one may.
    """

    superseded: int
    ended: float | None = None

    def held_until(self, ttl: int) -> float:
        """Until when some resolver may hold it, with a TTL of so many seconds: infinite while it may be given."""
        return math.inf if self.ended is None else self.ended + ttl + ALLOWANCE


Formers = Mapping[int, Mapping[EndpointName, Former]]
"""Former answers, by TTL and endpoint."""


class Answers(msgspec.Struct, frozen=True):
    """What one service answers, and what it has answered that some resolver may hold.

    Attributes:
        generation: the first one with what was published last; 0 where nothing was.
        ttl: seconds that a resolver may hold an answer of these.
        endpoints: those that are in some answer of these.
        first: the first generation ever published; with it ends what had been assumed before. 0 where nothing was.
        confirmed: the newest generation of which it is known that no place can give older answers; 0 if none is.
        former: answers that are not published any more. Who is still answered with the same TTL is left out, to save
            room.
    """

    generation: int = 0
    ttl: int = 0
    endpoints: frozenset[EndpointName] = frozenset()
    first: int = 0
    confirmed: int = 0
    former: Formers = msgspec.field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Nobody is in any answer, and no resolver holds one."""
        return not self.endpoints and not self.former

    @property
    def exposed_endpoints(self) -> frozenset[EndpointName]:
        """Those that some resolver may hold an answer with."""
        return self.endpoints.union(*self.former.values())

    @property
    def is_settled(self) -> bool:
        """Every place gives what was published last."""
        return self.confirmed >= self.generation and not any(map(_is_open, self.former.values()))

    @property
    def next_end(self) -> float:
        """When the next answer is not held any more, in monotonic seconds; infinite where none is about to end."""
        ends = ((ttl, each.ended) for ttl, held in self.former.items() for each in held.values())
        return min((ended + ttl + ALLOWANCE for ttl, ended in ends if ended is not None), default=math.inf)


NOTHING = Answers()
"""Of a service of which nothing is known."""


def published(answers: Answers, generation: int, ttl: int, endpoints: Iterable[EndpointName]) -> Answers:
    """``answers`` with those of ``generation``, which some place may give from now on."""
    fresh = frozenset(endpoints)
    if answers.generation and (answers.ttl, answers.endpoints) == (ttl, fresh):
        return answers
    former = _with(answers.former, answers.ttl, answers.endpoints, Former(generation))
    left = {name: each for name, each in former.get(ttl, {}).items() if name not in fresh}
    former = _bounded({**former, ttl: left})
    return Answers(generation, ttl, fresh, answers.first or generation, answers.confirmed, former)


def assumed(answers: Answers, ttl: int, endpoints: Iterable[EndpointName]) -> Answers:
    """``answers``, when some place may give any of ``endpoints``, until all give what was published last.

    With ``ttl`` seconds, or whatever TTL is known to have been given.
    """
    longest = max(ttl, answers.ttl, *answers.former)
    besides = frozenset(endpoints) - (answers.endpoints if longest == answers.ttl else frozenset())
    return replace(answers, former=_bounded(_with(answers.former, longest, besides, Former(answers.generation))))


def settled(answers: Answers, generation: int, now: float) -> Answers:
    """``answers``, when every place gives those of ``generation`` or later ones."""
    if answers.is_settled or not 0 < answers.first <= generation:
        return answers

    def settle(each: Former) -> Former:
        over = each.ended is None and (each.superseded or answers.first) <= generation
        return Former(each.superseded, now) if over else each

    confirmed = max(answers.confirmed, min(generation, answers.generation))
    open_ = {ttl: held for ttl, held in answers.former.items() if _is_open(held)}
    return replace(answers, confirmed=confirmed, former={**answers.former, **_mapped(open_, settle)})


def remembered(answers: Answers, now: float) -> Answers:
    """``answers`` without those that no resolver can hold any more."""
    return replace(answers, former=_kept(answers.former, lambda ttl, each: each.held_until(ttl) > now))


def refuted(answers: Answers) -> Answers:
    """``answers``, when nothing had been given before the first generation."""
    return replace(answers, former=_kept(answers.former, lambda _, each: each.superseded > 0))


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


def _is_open(held: Mapping[EndpointName, Former]) -> bool:
    return any(each.ended is None for each in held.values())


def _mapped(former: Formers, function: Callable[[Former], Former]) -> Formers:
    """``former``, with ``function`` of each; called once for equal ones: thousands that left together share a value."""
    after = cache(function)
    return {ttl: {name: after(each) for name, each in held.items()} for ttl, held in former.items()}


def _kept(former: Formers, keep: Callable[[int, Former], bool]) -> Formers:
    """Those of ``former`` to be kept, without TTLs that nobody has then."""
    found = {ttl: {name: each for name, each in held.items() if keep(ttl, each)} for ttl, held in former.items()}
    return {ttl: held for ttl, held in found.items() if held}


def _with(former: Formers, ttl: int, endpoints: Iterable[EndpointName], newer: Former) -> Formers:
    """``former``, where ``newer`` takes the place of what is known of ``endpoints`` with that TTL."""
    return {**former, ttl: {**former.get(ttl, {}), **dict.fromkeys(endpoints, newer)}}


def _bounded(former: Formers) -> Formers:
    """``former`` without TTLs that nobody has, and no more of them than are told apart."""
    found = {ttl: held for ttl, held in former.items() if held}
    while len(found) > MAX_TTLS:
        low, high, *_ = sorted(found)
        both = dict(found[high])
        for name, each in found.pop(low).items():
            both[name] = max(each, both.get(name, each), key=lambda one: (one.held_until(0), one.superseded))
        found[high] = both
    return found
