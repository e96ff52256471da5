"""Responses to packets that are alike but for what is echoed: letter case, a client's subnet or cookie, or a name.

A template has such a response in pieces, so that it is put together and not made. What is in the pieces is not decided
here, nor which packets are alike.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import NamedTuple, TypeVar, cast

from gslb.model.steering import NoAnswer
from gslb.nameserver.edns import COOKIE, ExtendedError, option
from gslb.nameserver.features import STALE, Features
from gslb.nameserver.lookup import Answer
from gslb.nameserver.rrset import CNAME, DNAME, RRset
from gslb.nameserver.served import Counter, counted
from gslb.nameserver.steered import Steered, Turns
from gslb.nameserver.tailored import Place, Tailored
from gslb.nameserver.wire import HEADER_SIZE, MAX_NAME, MAX_UDP, PLAIN_UDP, TC, Query, Rcode, Reply, build

MAX_CHOICES = 64
"""different responses at most in one template: building them is work that a client can ask for"""

MAX_LENGTHS = 32
"""lengths of names that do not exist for which the response is kept"""

COOKIE_SIZE = 24
"""bytes of a client's cookie and the server's (RFC 9018)"""

_ID = 2
_POINTER = 0xC000
_TYPE_AND_CLASS = 4
_SAME_NAME = b"\xc0\x0c"
"""the owner that is the name in the question"""
_SHORT = struct.Struct(">H")

Pair = tuple[bytes, bytes]
"""What comes before the name in the question, without the id, and what comes behind it."""

_T = TypeVar("_T")

Counters = Mapping[Rcode, Counter]
"""Count responses that are put together, by rcode. Those without a counter are NOERROR."""


class Case(NamedTuple):
    """A query, and what is said to the client who sent it.

    Attributes:
        features: how.
        stale: what services say may be out of date.
        query: the packet taken apart.
        answer: what is said; of a service, what leads to it.
        place: what this client gets of that; None where it is no service.
        steered: its rule, likewise.
        turns: whose turn it is there, likewise.
    """

    features: Features
    stale: bool
    query: Query
    answer: Answer
    place: Place | None = None
    steered: Steered | None = None
    turns: Turns | None = None

    def next(self) -> Reply:
        """The reply whose turn it is."""
        if self.steered is None or self.turns is None:
            return self.answer.reply
        return self.reply(self.steered.turn(self.turns))

    def reply(self, choice: RRset | None) -> Reply:
        """That of a service when ``choice`` has its turn."""
        steered = cast("Steered", self.steered)
        error: ExtendedError | None = steered.error if choice is None else STALE if self.stale else None
        return self.answer.saying(choice, steered.no_answer, error)

    def response(self, reply: Reply, own: bytes, limit: int) -> bytes:
        """``reply`` without the id, of ``limit`` bytes with it; ``own`` options are this client's alone, and last."""
        scope = self.place.scope if self.place else 0
        options = self.features.options(self.query.edns, reply.error, scope) + own
        return build(self.query, reply, limit, options)


@dataclass(frozen=True, slots=True)
class Template:
    """Responses in pieces.

    Attributes:
        turns: the pieces of the one whose turn it is. Endless, in C alone: safe to share between threads.
        prebuilt: such turns of what it is given the pieces for, each built once.
        pairs: all pieces.
        cost: what keeping it takes, in responses.
    """

    turns: Iterator[Pair]
    prebuilt: Callable[[Callable[[Pair], bytes]], Iterator[bytes]]
    pairs: tuple[Pair, ...]
    cost: int = 1

    @property
    def size(self) -> int:
        """Bytes of the longest response, without the name and what is echoed."""
        return _ID + max(len(before) + len(behind) for before, behind in self.pairs)


def make_template(case: Case, echo: "Echo", counters: Counters, limit: int) -> Template | None:
    """The template of what is said to ``case``, one of the packets that are alike; None if that is too much.

    Args:
        case: one of them.
        echo: what responses end with.
        counters: count responses.
        limit: bytes that a response may have.
    """
    steered, turns = case.steered, case.turns
    if steered is None or turns is None:
        reply = case.answer.reply
        return _only(_pair(case, reply, echo, limit), counters.get(reply.rcode))
    if turns.size > MAX_CHOICES:
        return None
    pairs = {id(choice): pair for choice, pair in _pairs(case, turns, echo, limit)}
    if any(steered.pattern):
        pairs[id(None)] = _pair(case, case.reply(None), echo, limit)
    failed = counters.get(Rcode.SERVFAIL) if steered.no_answer is NoAnswer.SERVFAIL else None

    def prebuilt(finish: Callable[[Pair], bytes]) -> Iterator[bytes]:
        return steered.spin(turns, lambda choice: finish(pairs[id(choice)]), failed)

    cost = len(pairs) + (len(turns.order) + len(steered.pattern)) // 16
    return Template(steered.spin(turns, lambda choice: pairs[id(choice)], failed), prebuilt, (*pairs.values(),), cost)


def _pairs(case: Case, turns: Turns, echo: "Echo", limit: int) -> Iterator[tuple[RRset, Pair]]:
    """Each RRset of a service, and the pieces of the response with it.

    Those of one size differ in nothing but the records, and are made of the first one: to build each would take as long
    as all the rest. None that would not fit is among them, for then the records are not where they are looked for.
    """
    known: dict[int, tuple[Pair, int]] = {}
    for choice in (choice for group in turns.choices for choice in group):
        records = b"".join(_SAME_NAME + body for body in choice.bodies)
        (before, behind), size = known.get(len(choice.bodies), ((b"", b""), -1))
        if size != len(records):
            before, behind = pair = _pair(case, case.reply(choice), echo, limit)
            if behind[_TYPE_AND_CLASS : _TYPE_AND_CLASS + len(records)] == records:
                known[len(choice.bodies)] = pair, len(records)
        else:
            behind = behind[:_TYPE_AND_CLASS] + records + behind[_TYPE_AND_CLASS + size :]
        yield choice, (before, behind)


def _pair(case: Case, reply: Reply, echo: "Echo", limit: int) -> Pair:
    response = case.response(reply, echo.own, limit)
    start, end = HEADER_SIZE - _ID, len(response) - echo.size
    return response[:start], response[start + len(case.query.name) : end]


def _only(pair: Pair, counter: Counter | None) -> Template:
    def prebuilt(finish: Callable[[Pair], bytes]) -> Iterator[bytes]:
        return _counted(finish(pair), counter)

    return Template(_counted(pair, counter), prebuilt, (pair,))


def _counted(item: _T, counter: Counter | None) -> Iterator[_T]:
    return repeat(item) if counter is None else counted(repeat(item), counter)


class Echo(NamedTuple):
    """What responses end with that is not in their template.

    Attributes:
        size: how many bytes.
        own: the option that they are in, with zeros instead, where it is one for this client alone.
        is_cookie: they are a cookie: what is echoed then depends on who sends it.
    """

    size: int = 0
    own: bytes = b""
    is_cookie: bool = False


NOTHING = Echo()
COOKIES = Echo(COOKIE_SIZE, option(COOKIE, bytes(COOKIE_SIZE)), is_cookie=True)


@dataclass(slots=True)
class Shape:
    """What is known of packets that are alike.

    Attributes:
        tail: bytes in which they differ, at their end.
        echo: what responses end with.
        asked: the name and type that were, and what they are answered with.
        template: what is said to all clients; None where they are told apart.
        tailored: what tells them apart.
        templates: what is said to those who get the same.
        by_payload: where responses are long, the shape for each size that clients take, in the form of packets;
            nothing else then counts here.
    """

    tail: int
    echo: Echo
    asked: tuple[bytes, int, Answer] | None = None
    template: Template | None = None
    tailored: Tailored | None = None
    templates: dict[Place, Template] = field(default_factory=dict)
    by_payload: "dict[bytes, Shape] | None" = None

    @property
    def cost(self) -> int:
        """What keeping it takes, in responses."""
        shapes, templates = (
            tuple((self.by_payload or {}).values()),
            tuple(self.templates.values()),
        )  # others may add some
        own = self.template.cost if self.template else sum(it.cost for it in templates)
        return 1 + own + sum(it.cost for it in shapes)


class Below:
    """What is said of the names below one that exists, if they do not: that, or what a wildcard says.

    Args:
        case: such a name was asked for.
        template: of what is said to that.
        existing: names that do exist.
        echo: what responses end with.
        tail: bytes in which packets differ, at their end.
        counter: counts what is said.

    Attributes:
        existing, echo, tail: likewise.
    """

    __slots__ = ("_counter", "_longest", "_owner", "_template", "_templates", "echo", "existing", "tail")

    def __init__(
        self,
        case: Case,
        template: Template,
        existing: Mapping[bytes, object],
        echo: Echo,
        tail: int,
        counter: Counter | None,
    ) -> None:
        self.existing, self.echo, self.tail, self._template, self._counter = existing, echo, tail, template, counter
        self._longest = min(MAX_NAME, PLAIN_UDP - template.size - echo.size)
        authority = case.answer.reply.authority
        self._owner = len(authority[0][0]) if authority else 0
        self._templates: dict[int, Template] = {}

    def template(self, length: int) -> Template | None:
        """That for a name of so many bytes; None if the response has no room for it.

        The owner of the SOA record is a pointer to the end of the name in the question, wherever that is.
        """
        if length > self._longest:
            return None
        if not self._owner:
            return self._template
        found = self._templates.get(length)
        if found is None:
            if len(self._templates) >= MAX_LENGTHS:
                self._templates.clear()
            pre, post = self._template.pairs[0]
            moved = post[:_TYPE_AND_CLASS] + _pointer(length, self._owner) + post[_TYPE_AND_CLASS + 2 :]
            found = self._templates[length] = _only((pre, moved), self._counter)
        return found


def make_below(case: Case, existing: Mapping[bytes, object], echo: Echo, tail: int, counters: Counters) -> Below | None:
    """What is said of the names beside that of ``case``, which does not exist; None if it cannot be told from that."""
    reply, name, tailored = case.answer.reply, case.query.name, case.answer.tailored
    told_apart = tailored is not None and tailored.same is None
    withheld = case.steered is not None and any(case.steered.pattern)
    led_on = any(owner != name or rrset.type in {CNAME, DNAME} for owner, rrset in reply.answer)  # where to, and back?
    if told_apart or led_on or withheld or reply.additional or reply.optional or (reply.authority and reply.answer):
        return None
    template = make_template(case, echo, counters, MAX_UDP if case.query.edns else PLAIN_UDP)
    if template is None or any(pre[0] & TC >> 8 for pre, _ in template.pairs):
        return None
    if reply.authority:
        (owner, rrset), *more = reply.authority
        pointer = template.pairs[0][1][_TYPE_AND_CLASS:][:2]
        if more or len(rrset.bodies) > 1 or pointer != _pointer(len(name), len(owner)):
            return None
    return Below(case, template, existing, echo, tail, counters.get(reply.rcode))


def _pointer(length: int, owner: int) -> bytes:
    """To the last ``owner`` bytes of a name in the question that has ``length``."""
    return _SHORT.pack(_POINTER | HEADER_SIZE + length - owner)
