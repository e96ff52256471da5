"""Responses to packets that are alike but for what is echoed: letter case, a client's subnet or cookie, or a name.

A template has such responses without what is echoed, which is sent from where the packet is. What is in them is not
decided here, nor which packets are alike.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple, cast

from gslb.model.steering import NoAnswer
from gslb.nameserver.edns import COOKIE, ExtendedError, option
from gslb.nameserver.features import STALE, Features
from gslb.nameserver.lookup import Answer
from gslb.nameserver.parts import MAX_TAIL_AT, Parts, Pin, Sendable
from gslb.nameserver.rrset import RRset
from gslb.nameserver.served import Counter, counted
from gslb.nameserver.steered import Steered, Turns
from gslb.nameserver.tailored import Place
from gslb.nameserver.wire import HEADER_SIZE, ID_SIZE, Query, Rcode, Reply, build

MAX_CHOICES = 64
"""different responses at most in one template: building them is work that a client can ask for"""

COOKIE_SIZE = 24
"""bytes of a client's cookie and the server's (RFC 9018)"""

_TYPE_AND_CLASS = 4
_SAME_NAME = b"\xc0\x0c"
"""the owner that is the name in the question"""

Counters = Mapping[Rcode, Counter]
"""Count responses that are not built, by rcode. Those without a counter are NOERROR."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Responses to packets that are alike.

    Attributes:
        turns: the one whose turn it is. Endless, in C alone: safe to share between threads.
        parts: all of them, which stay in memory as long as this.
        cost: what keeping it takes, in responses.
    """

    turns: Iterator[Sendable]
    parts: tuple[Parts, ...]
    cost: int = 1

    @property
    def size(self) -> int:
        """Bytes of the longest response, without the name and what is echoed."""
        return HEADER_SIZE + _TYPE_AND_CLASS + max(len(parts.body) for parts in self.parts)


Choices = Mapping[int, Parts]
"""Responses by the identity of the RRset that is in them, or of None; of a single one by that of None."""


class Mould(NamedTuple):
    """What templates are made with.

    Attributes:
        pin: makes what listeners want to be given.
        counters: count responses.
    """

    pin: Pin
    counters: Counters

    def template(self, case: Case, echo: "Echo", limit: int) -> Template | None:
        """That of what is said to ``case``, one of the packets that are alike; None if it cannot be.

        Args:
            case: one of them.
            echo: what responses end with.
            limit: bytes that a response may have.
        """
        choices = choices_of(case, echo, limit)
        return None if choices is None else self.of(case, choices)

    def of(self, case: Case, choices: Choices) -> Template:
        """That of ``choices``, which take turns as those of ``case`` do."""
        steered, turns = case.steered, case.turns
        if steered is None or turns is None:
            counter, only = self.counters.get(case.answer.reply.rcode), repeat(self.pin(choices[id(None)]))
            return Template(only if counter is None else counted(only, counter), (*choices.values(),))
        failed = self.counters.get(Rcode.SERVFAIL) if steered.no_answer is NoAnswer.SERVFAIL else None
        sendable = steered.spin(turns, lambda choice: self.pin(choices[id(choice)]), failed)
        cost = len(choices) + (len(turns.order) + len(steered.pattern)) // 16
        return Template(sendable, (*choices.values(),), cost)


def choices_of(case: Case, echo: "Echo", limit: int) -> Choices | None:
    """All responses to ``case`` that there may be; None if they are too many, or cannot be in parts."""
    if echo.size and echo.at > MAX_TAIL_AT:
        return None
    if case.steered is None or case.turns is None:
        return {id(None): _parts(case, case.answer.reply, echo, limit)}
    if case.turns.size > MAX_CHOICES:
        return None
    choices = {id(choice): made for choice, made in _all_parts(case, case.turns, echo, limit)}
    if any(case.steered.pattern):
        choices[id(None)] = _parts(case, case.reply(None), echo, limit)
    return choices


def _all_parts(case: Case, turns: Turns, echo: "Echo", limit: int) -> Iterator[tuple[RRset, Parts]]:
    """Each RRset of a service, and the response with it.

    Those of one size differ in nothing but the records, and are made of the first one: to build each would take as long
    as all the rest. None that would not fit is among them, for then the records are not where they are looked for.
    """
    known: dict[int, tuple[Parts, int]] = {}
    for choice in (choice for group in turns.choices for choice in group):
        records = b"".join(_SAME_NAME + body for body in choice.bodies)
        parts, size = known.get(len(choice.bodies), (None, -1))
        if parts is None or size != len(records):
            parts = _parts(case, case.reply(choice), echo, limit)
            if parts.body.startswith(records):
                known[len(choice.bodies)] = parts, len(records)
        else:
            parts = parts._replace(body=records + parts.body[size:])
        yield choice, parts


def _parts(case: Case, reply: Reply, echo: "Echo", limit: int) -> Parts:
    response = case.response(reply, echo.own, limit)
    question = HEADER_SIZE + len(case.query.name) + _TYPE_AND_CLASS
    head, body = response[: HEADER_SIZE - ID_SIZE], response[question - ID_SIZE : len(response) - echo.size]
    return Parts(head, body, question, echo.at, echo.size)


class Echo(NamedTuple):
    """What responses end with that is not in their template.

    Attributes:
        size: how many bytes.
        at: where packets have it.
        own: the option that they are in, with zeros instead, where it is one for this client alone.
        is_cookie: they are a cookie: what is echoed then depends on who sends it.
    """

    size: int = 0
    at: int = 0
    own: bytes = b""
    is_cookie: bool = False


NOTHING = Echo()


def cookies(at: int) -> Echo:
    """A cookie of the client's and the server's."""
    return Echo(COOKIE_SIZE, at, option(COOKIE, bytes(COOKIE_SIZE)), is_cookie=True)
