"""Responses to packets that are alike but for what is echoed: letter case, a client's subnet or cookie, or a name.

A template has such responses without what is echoed, which is sent from where the packet is. What is in them is not
decided here, nor which packets are alike.
"""

import struct
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, NamedTuple, cast

from gslb.model.steering import NoAnswer
from gslb.nameserver.edns import COOKIE, ExtendedError, option
from gslb.nameserver.features import STALE, Features
from gslb.nameserver.first import GIVEN, First
from gslb.nameserver.lookup import Answer
from gslb.nameserver.parts import MAX_TAIL_AT, Parts
from gslb.nameserver.rrset import CNAME, DNAME, RRset
from gslb.nameserver.served import Counter, counted
from gslb.nameserver.steered import Steered, Turns
from gslb.nameserver.tailored import Place, Tailored
from gslb.nameserver.wire import HEADER_SIZE, MAX_NAME, MAX_UDP, PLAIN_UDP, TC, Query, Rcode, Reply, build

MAX_CHOICES = 64
"""different responses at most in one template: building them is work that a client can ask for"""

MAX_LENGTHS = 64
"""lengths of names that do not exist for which there are templates"""

MAX_MOVED = 256
"""responses in all of these, but for the first"""

COOKIE_SIZE = 24
"""bytes of a client's cookie and the server's (RFC 9018)"""

_PAUSE = 1.0
"""seconds at least between two times that templates for lengths are thrown away"""

_ID = 2
_POINTER = 0xC000
_TYPE_AND_CLASS = 4
_SAME_NAME = b"\xc0\x0c"
"""the owner that is the name in the question"""
_SHORT = struct.Struct(">H")

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


Record = Any
"""What listeners are given of a response in parts: ``Parts``, or what ``pin`` made of it."""

Pin = Callable[[Parts], Record]
"""Makes a record, which is of use as long as the parts are in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Responses to packets that are alike.

    Attributes:
        turns: the record of the one whose turn it is. Endless, in C alone: safe to share between threads.
        parts: all of them, which stay in memory as long as this.
        cost: what keeping it takes, in responses.
        changed: a template like this one, of parts that a function makes of these.
    """

    turns: Iterator[Record]
    parts: tuple[Parts, ...]
    cost: int
    changed: Callable[[Callable[[Parts], Parts]], "Template"]

    @property
    def size(self) -> int:
        """Bytes of the longest response, without the name and what is echoed."""
        return HEADER_SIZE + _TYPE_AND_CLASS + max(len(parts.body) for parts in self.parts)


class Mould(NamedTuple):
    """What templates are made with.

    Attributes:
        pin: makes records.
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
        steered, turns = case.steered, case.turns
        if echo.size and echo.at > MAX_TAIL_AT:
            return None
        if steered is None or turns is None:
            reply = case.answer.reply
            return self._only(_parts(case, reply, echo, limit), self.counters.get(reply.rcode))
        if turns.size > MAX_CHOICES:
            return None
        parts = {id(choice): made for choice, made in _all_parts(case, turns, echo, limit)}
        if any(steered.pattern):
            parts[id(None)] = _parts(case, case.reply(None), echo, limit)
        return self._in_turn(steered, turns, parts)

    def _in_turn(self, steered: Steered, turns: Turns, parts: Mapping[int, Parts]) -> Template:
        failed = self.counters.get(Rcode.SERVFAIL) if steered.no_answer is NoAnswer.SERVFAIL else None
        records = steered.spin(turns, lambda choice: self.pin(parts[id(choice)]), failed)

        def changed(change: Callable[[Parts], Parts]) -> Template:
            return self._in_turn(steered, turns, {choice: change(it) for choice, it in parts.items()})

        cost = len(parts) + (len(turns.order) + len(steered.pattern)) // 16
        return Template(records, (*parts.values(),), cost, changed)

    def _only(self, parts: Parts, counter: Counter | None) -> Template:
        record = repeat(self.pin(parts))
        records = record if counter is None else counted(record, counter)
        return Template(records, (parts,), 1, lambda change: self._only(change(parts), counter))


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
    head, body = response[: HEADER_SIZE - _ID], response[question - _ID : len(response) - echo.size]
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


@dataclass(slots=True)
class Shape:
    """What is known of packets that are alike.

    Attributes:
        tail: bytes in which they differ, at their end.
        echo: what responses end with.
        asked: the query that it was learned from, and what that is answered with.
        first: whether any answer of the service was given.
        template: what is said to all clients; None where they are told apart.
        tailored: what tells them apart.
        templates: what is said to those who get the same.
        by_payload: where responses are long, the shape for each size that clients take, in the form of packets;
            nothing else then counts here.
    """

    tail: int
    echo: Echo
    asked: tuple[Query, Answer] | None = None
    first: First = GIVEN
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
        retire: lets go of templates that may be in use.

    Attributes:
        existing, echo, tail: likewise.
    """

    __slots__ = (
        "_length",
        "_longest",
        "_owner",
        "_retire",
        "_since",
        "_template",
        "_templates",
        "echo",
        "existing",
        "tail",
    )

    def __init__(
        self,
        case: Case,
        template: Template,
        existing: Mapping[bytes, object],
        echo: Echo,
        tail: int,
        retire: Callable[[object], None],
    ) -> None:
        self.existing, self.echo, self.tail, self._template, self._retire = existing, echo, tail, template, retire
        self._length = length = len(case.query.name)
        self._longest = min(MAX_NAME, PLAIN_UDP - template.size - echo.size)
        if echo.size:
            self._longest = min(self._longest, MAX_TAIL_AT - echo.at + length)
        authority = case.answer.reply.authority
        self._owner = len(authority[0][0]) if authority else 0
        self._templates: dict[int, Template] = {length: template}
        self._since = 0.0

    @property
    def cost(self) -> int:
        """What keeping it takes, where the least is 1."""
        return 1 + self._template.cost // 4

    def template(self, length: int) -> Template | None:
        """That for a name of so many bytes; None if there is none."""
        if length > self._longest:
            return None
        found = self._templates.get(length)
        if found is None and self._has_room():
            made = self._template.changed(lambda parts: self._moved(parts, length))
            found = self._templates.setdefault(length, made)  # that of another thread is in use
        return found

    def _moved(self, parts: Parts, length: int) -> Parts:
        """The owner of the SOA record is a pointer to the end of the name in the question, wherever that is."""
        by, body = length - self._length, parts.body
        if self._owner:
            body = _pointer(length, self._owner) + body[len(_SAME_NAME) :]
        return Parts(parts.head, body, parts.question + by, parts.tail_at + by, parts.tail)

    def _has_room(self) -> bool:
        """Whether there is room for another length; after a while there is."""
        if len(self._templates) < min(MAX_LENGTHS, 1 + MAX_MOVED // self._template.cost):
            return True
        now = time.monotonic()
        if now - self._since < _PAUSE:
            return False
        self._since = now
        former, self._templates = self._templates, {}
        self._retire(former)
        return True


def make_below(
    case: Case, existing: Mapping[bytes, object], echo: Echo, tail: int, mould: Mould, retire: Callable[[object], None]
) -> Below | None:
    """What is said of the names beside that of ``case``, which does not exist; None if it cannot be told from that."""
    reply, name, tailored = case.answer.reply, case.query.name, case.answer.tailored
    told_apart = tailored is not None and tailored.same is None
    withheld = case.steered is not None and any(case.steered.pattern)
    led_on = any(owner != name or rrset.type in {CNAME, DNAME} for owner, rrset in reply.answer)  # where to, and back?
    if told_apart or led_on or withheld or reply.additional or reply.optional or (reply.authority and reply.answer):
        return None
    template = mould.template(case, echo, MAX_UDP if case.query.edns else PLAIN_UDP)
    if template is None or any(parts.head[0] & TC >> 8 for parts in template.parts):
        return None
    if reply.authority:
        (owner, rrset), *more = reply.authority
        pointer = template.parts[0].body[: len(_SAME_NAME)]
        if more or len(rrset.bodies) > 1 or pointer != _pointer(len(name), len(owner)):
            return None
    return Below(case, template, existing, echo, tail, retire)


def _pointer(length: int, owner: int) -> bytes:
    """To the last ``owner`` bytes of a name in the question that has ``length``."""
    return _SHORT.pack(_POINTER | HEADER_SIZE + length - owner)
