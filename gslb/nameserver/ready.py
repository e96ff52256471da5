"""What is kept ready for packets that come again, or are like some that came before. All of it is bounded.

There are two levels. ``Ready.replies`` has responses by the whole packet but its id, so that letter case, flags and
EDNS are right without being looked at. What is not there is cut into a shape and what responses merely echo: the
letter case of the name, a client's subnet, its cookie, or a name that does not exist; for shapes that are known there
is a template, which packets lead to at the first level as well once they have come again. Everything else is built, in
``responder``.

What comes for the first time is not kept, at either level: so a flood of what never comes again evicts nothing.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any, NamedTuple, TypeVar

from gslb.nameserver.below import Below, make_below
from gslb.nameserver.explain import LABEL
from gslb.nameserver.features import Features
from gslb.nameserver.first import First
from gslb.nameserver.kept import Recent, Sightings
from gslb.nameserver.lookup import Answer, lookup
from gslb.nameserver.parts import Pin, Sendable, as_they_are
from gslb.nameserver.polite import politely
from gslb.nameserver.querylog import QueryLogger
from gslb.nameserver.replies import Replies
from gslb.nameserver.rrset import AXFR, IN, IXFR, ancestors
from gslb.nameserver.shape import PAYLOAD, PAYLOAD_SIZE, WHO, Shape, common_of, cut, tail_of
from gslb.nameserver.subnet import who_of
from gslb.nameserver.table import Table
from gslb.nameserver.tailored import Place, Tailored
from gslb.nameserver.template import Case, Counters, Echo, Mould, Template
from gslb.nameserver.wire import HEADER_SIZE, ID_SIZE, MAX_LABEL, MAX_UDP, PLAIN_UDP, Query

BUDGET = 2**16
"""responses in all templates together"""

MAX_KEY = 512
"""bytes in the longest packet that gets a ready reply, or a shape"""

MAX_CLIENTS = 2**15
"""clients of whom it is remembered what they get, and which cookie"""

MAX_BELOW = 2**10
"""shapes of queries for names that do not exist"""

MAX_PLACES = 256
"""groups of clients that one shape has templates for"""

LESSONS = 32
"""templates that are made for one batch: more would hold up those who wait, fewer would hold them up for longer"""

MAX_PAYLOADS = 16
"""sizes of responses that clients take, where responses are long"""

MAX_DEPTH = 4
"""labels that a name which does not exist may have below one that does, for it to have a template"""

_W = TypeVar("_W")


class Memory(NamedTuple):
    """What outlives one ``Ready``.

    Attributes:
        sightings: of packets and shapes.
        counters: of responses that are not built, by rcode.
        pin: makes of a response what a listener wants to be given; the parts stay in memory as long as that may be
            used.
        retire: lets go of what no listener finds any more, once none is in the midst of using it.
        note: takes note of the first answer of a service.
    """

    sightings: Sightings
    counters: Counters
    pin: Pin
    retire: Callable[[object], None]
    note: Callable[[First], None]


Known = tuple[Sendable, bytes | None]
"""What a listener is given, and what the response ends with if that is not what the packet has there."""


class Ready:
    """What is kept ready for one table, its features, and one state of the geo databases.

    Args:
        table: what is answered.
        features: how.
        memory: what outlives this.
        locate: what a client gets, who is named as by ``who_of`` or ``Subnet.who``.
        logger: takes what goes over the wire; None: nobody does.
        stale: answers of services say that they are.
        former: of another table, but the same in all else: what is still so is taken over from there.

    Attributes:
        observed: there is a limiter or a logger, which ready replies pass through as well, as they are.
        replies: the hot path looks no further than here.
        lessons: templates that may yet be made for the batch in hand. After a change many are missing, and all at once
            would hold up answers.
    """

    def __init__(
        self,
        table: Table | None,
        features: Features,
        memory: Memory,
        locate: Callable[[Tailored, bytes], Place],
        logger: QueryLogger | None = None,
        *,
        stale: bool = False,
        former: "Ready | None" = None,
    ) -> None:
        self.table, self.features, self.logger, self.stale = table, features, logger, stale
        self.limiter = features.limiter
        self.observed = self.limiter is not None or logger is not None
        self.lessons = LESSONS
        self.replies = Replies(memory.retire)
        self._mould = Mould(as_they_are if self.observed else memory.pin, memory.counters)
        self._memory, self._again, self._locate = memory, memory.sightings.again, locate
        self._storing = Lock()
        self._zones: Mapping[bytes, object] = table.zones if table else {}
        self._shapes: Recent[bytes, Shape] = Recent(BUDGET, lambda shape: shape.cost, memory.retire)
        self._former = former._shapes if former else None  # noqa: SLF001  one of the same class
        self._below: Recent[bytes, Below] = Recent(MAX_BELOW, lambda below: below.cost, memory.retire)
        self._places: Recent[tuple[Tailored, bytes], Place] = Recent(MAX_CLIENTS, retire=memory.retire)
        self._cookies: Recent[tuple[bytes, bytes], bytes] = Recent(MAX_CLIENTS, retire=memory.retire)

    def respond(  # noqa: C901, PLR0912  in one piece, for calls take time
        self, key: bytes, host: Callable[[_W], bytes], whom: _W
    ) -> Known | None:
        """What is said to a packet of a shape that is known; None for others.

        Args:
            key: the packet, with zeros for its id; it is not kept.
            host: gives the octets of the address that it came from; that takes a while, and is seldom needed.
            whom: what ``host`` is to be asked for.
        """
        end = key.find(0, HEADER_SIZE) + 1
        name, rest, tail = key[HEADER_SIZE:end], key[end:], b""
        if (at := tail_of(rest)) is not None:
            rest, tail = rest[:at], rest[at:]
        head, lowered, common, shapes = key[ID_SIZE:HEADER_SIZE], name.lower(), common_of(rest), self._shapes
        mark = head + lowered + common
        shape = shapes.young.get(mark) or (shapes.get(mark) if shapes.old else None)
        if shape is None and self._former is not None:
            shape = self._inherit(mark, self._former)
        if shape is None:
            below = self._find_below(head, lowered, common)
            if below is None or len(tail) != below.tail:
                return None
            template, echo, told = below.template(len(name)), below.echo, True
        else:
            if shape.first.due:
                self._memory.note(shape.first)
            if shape.by_payload is not None:
                shape = shape.by_payload.get(rest[PAYLOAD])
            if shape is None or len(tail) != shape.tail:
                return None
            template, echo, told = shape.template, shape.echo, True
            if template is None:
                told = echo.size > 0 and not echo.is_cookie
                template = self._tailored(shape, rest[WHO] + tail if told else who_of(host(whom)))
        if template is None:
            return None
        if echo.is_cookie:
            address = host(whom)
            given = self.cookie(tail, address)
            cookie = None if given == tail else given
            if self._again(hash(key)):
                self.replies.add_personal(_copied(key), template, address, cookie)
            return next(template.turns), cookie
        if told and self._again(hash(key)):
            self.replies.add(_copied(key), template)
        return next(template.turns), None

    def succeeds(self, other: "Ready") -> bool:
        """Whether this takes over what is still so from ``other``."""
        return self._former is other._shapes  # noqa: SLF001  one of the same class

    def warm(self, seconds: float) -> None:
        """Make templates for what was asked of the table before, before anybody has to wait for them.

        For a thread beside those that answer, and as many ``seconds`` at most.
        """
        former, table, until = self._former, self.table, time.monotonic() + seconds
        if former is None or table is None:
            return
        for mark in politely([*former.young, *former.old]):
            if time.monotonic() > until:
                return
            shape = former.peek(mark)
            if shape is None or shape.asked is None:
                continue
            query, answer = shape.asked
            now = lookup(table, query.name, query.type)
            if answer.is_as_good_as(now):
                self._shapes.put(mark, shape)
            elif shape.by_payload is None and now.lasting:
                self._make_anew(mark, shape, query, now, until)

    def _make_anew(self, mark: bytes, shape: Shape, query: Query, answer: Answer, until: float) -> None:
        """A shape for packets that are answered in another way now."""
        tailored = answer.tailored
        places: Iterable[Place | None] = (None,)
        if tailored is not None:
            places = (tailored.same,) if tailored.same else [it for it in tuple(shape.templates) if tailored.has(it)]
        payload = query.edns.payload.to_bytes(PAYLOAD_SIZE) if query.edns else b""
        for place in politely(places):
            if time.monotonic() > until:
                return
            self._make_shape(mark, payload, self.case(query, answer, place), shape.echo, shape.tail)

    def case(self, query: Query, answer: Answer, place: Place | None = None) -> Case:
        """What is said to ``query`` by a client who gets ``place``."""
        if place is None or answer.tailored is None:
            return Case(self.features, self.stale, query, answer)
        steered = answer.tailored.rules[place.rule]
        return Case(self.features, self.stale, query, answer, place, steered, steered.turns(place.choice))

    def _inherit(self, mark: bytes, former: Recent[bytes, Shape]) -> Shape | None:
        """What was known of the table before, if all that it was made of is still so."""
        shape = former.peek(mark)
        if shape is None or self.table is None or shape.asked is None:
            return None
        query, answer = shape.asked
        if not answer.is_as_good_as(lookup(self.table, query.name, query.type)):
            return None
        self._shapes.put(mark, shape)
        return shape

    def _tailored(self, shape: Shape, who: bytes) -> Template | None:
        """That for a client, where clients are told apart."""
        return shape.templates.get(self.place(shape.tailored, who)) if shape.tailored else None

    def _find_below(self, head: bytes, name: bytes, common: bytes) -> Below | None:
        """What is said of a name that does not exist, or that a wildcard stands for."""
        if name.startswith(LABEL):
            return None
        below, zones = self._below, self._zones
        for _ in range(MAX_DEPTH):
            parent = name[name[0] + 1 :] if name else b""
            if not parent or name[0] > MAX_LABEL or name in zones:  # without a parent: the root, or cut off at a zero
                return None
            mark = head + parent + common
            found = below.young.get(mark) or (below.get(mark) if below.old else None)
            if found is not None:
                return None if name in found.existing else found
            name = parent
        return None

    def learn(self, packet: bytes, case: Case) -> None:
        """Take note that ``packet`` was answered as ``case`` says: maybe others like it come."""
        query = case.query
        end = HEADER_SIZE + len(query.name)
        usual = query.fault is None and query.tsig is None and query.rdclass == IN and query.type not in {AXFR, IXFR}
        if not usual or len(packet) > MAX_KEY or packet.find(0, HEADER_SIZE) + 1 != end or query.name.startswith(LABEL):
            return
        head, rest = packet[ID_SIZE:HEADER_SIZE], packet[end:]
        self._again(hash(bytes(ID_SIZE) + packet[ID_SIZE:]))
        parted = cut(query.edns, rest, end, gives_cookies=self.features.gives_cookies)
        if parted is None:
            return
        echo, at = parted
        rest, tail = rest[:at], rest[at:]
        if case.answer.lasting:
            self._learn_shape(head + query.name + common_of(rest), rest[PAYLOAD], case, echo, len(tail))
        else:
            self._learn_below(head, common_of(rest), case, echo, len(tail))

    def _learn_shape(self, mark: bytes, payload: bytes, case: Case, echo: Echo, tail: int) -> None:
        if self._again(hash(mark)) and self.lessons > 0:
            self.lessons -= 1
            self._make_shape(mark, payload, case, echo, tail)

    def _make_shape(self, mark: bytes, payload: bytes, case: Case, echo: Echo, tail: int) -> None:
        query, limit = case.query, PLAIN_UDP if case.query.edns is None else MAX_UDP
        template = self._mould.template(case, echo, limit)
        if template is None:
            return
        with self._storing:  # what another thread stores would be dropped, and maybe it is using that
            self._store(mark, payload, case, Shape(tail, echo, (query, case.answer)), template)

    def _store(self, mark: bytes, payload: bytes, case: Case, new: Shape, template: Template) -> None:
        query, tailored, echo = case.query, case.answer.tailored, new.echo
        if tailored is not None:
            new.first = tailored.first
        known = shape = self._shapes.get(mark) or new
        if known.by_payload is None and query.edns and template.size + len(query.name) + echo.size > PLAIN_UDP:
            known, new.by_payload = new, {}
        if known.by_payload is not None:
            if not self._may_join(known.by_payload, payload, mark):
                return
            template = self._mould.template(case, echo, query.udp_limit) or template
            known.by_payload = self._with_room(known.by_payload, MAX_PAYLOADS)
            shape = known.by_payload.setdefault(payload, Shape(new.tail, echo))
        subnet = query.edns.subnet if query.edns else None
        former: Template | None = None
        if case.place is None or tailored is None or tailored.same or (subnet and not new.tail):
            former, shape.template = shape.template, template
        elif self._may_join(shape.templates, case.place, mark):
            shape.templates = self._with_room(shape.templates, MAX_PLACES)
            shape.tailored = tailored
            former, shape.templates[case.place] = shape.templates.get(case.place), template
        if former is not None:
            self._memory.retire(former)
        self._shapes.put(mark, known)

    def _with_room(self, kept: dict[_W, Any], most: int) -> dict[_W, Any]:
        """``kept``, or an empty one in its place."""
        if len(kept) < most:
            return kept
        self._memory.retire(kept)
        return {}

    def _may_join(self, others: Mapping[_W, object], one: _W, mark: bytes) -> bool:
        """Whether ``one``, that a shape may be seen with, is to be kept beside others: not when it is seen first."""
        return not others or one in others or self._again(hash((mark, one)))

    def _learn_below(self, head: bytes, common: bytes, case: Case, echo: Echo, tail: int) -> None:
        query = case.query
        zone = self.table.zone_for(query.name, query.type) if self.table else None
        existing: Mapping[bytes, object] = zone.nodes if zone else {}
        path = ancestors(query.name)
        depth = next((depth for depth, name in enumerate(path) if name in existing), len(path) - 1)
        mark = head + path[depth] + common
        if not 0 < depth <= MAX_DEPTH or not self._again(hash(mark)) or self.lessons <= 0:
            return
        if self._below.peek(mark) is not None:  # which has no room for the moment, or none for a name so long
            return
        self.lessons -= 1
        below = make_below(case, existing, echo, tail, self._mould, self._memory.retire)
        if below is not None:
            self._below.put(mark, below)

    def place(self, tailored: Tailored, who: bytes) -> Place:
        """What a client gets."""
        if tailored.same:
            return tailored.same
        key = (tailored, who)
        place = self._places.get(key)
        if place is None:
            place = self._locate(tailored, who)
            if self._again(hash(key)):
                self._places.put(key, place)
        return place

    def cookie(self, cookie: bytes, address: bytes) -> bytes:
        """What a client with ``cookie`` that asks from ``address`` is given, which is the same for a while."""
        key = (cookie, address)
        given = self._cookies.get(key)
        if given is None:
            given = self.features.renewed(cookie, address)
            if self._again(hash(key)):
                self._cookies.put(key, given)
        return given

    @property
    def made(self) -> object:
        """What was made for this and is of no use if it is never in force."""
        return self._shapes.parts

    def remains(self, successor: "Ready") -> object:
        """What is of no use any more to anybody when ``successor`` is in place of this."""
        gone: list[Recent[Any, Any]] = [self._below, self._places, self._cookies]
        gone += [] if successor.succeeds(self) else [self._shapes]
        if self._former is not None:
            gone.append(self._former)
        return tuple(recent.parts for recent in gone)

    def renew(self) -> None:
        """Look at the clock again before cookies are given out."""
        former, self._cookies = self._cookies, Recent(MAX_CLIENTS, retire=self._memory.retire)
        self._memory.retire(former.parts)
        self.replies.forget_personal()


def _copied(key: bytes) -> bytes:
    """A key that may be kept: of a whole ``bytes`` object a slice, say, would be the object itself."""
    return bytes(memoryview(key))
