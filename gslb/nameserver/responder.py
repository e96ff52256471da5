"""From packet to response, for every transport."""

import time
from collections.abc import Callable, Hashable, Iterator
from itertools import repeat
from typing import NamedTuple, Protocol, cast

import structlog

from gslb.geo.locator import Located
from gslb.model.address import IP
from gslb.model.location import Client
from gslb.model.steering import NoAnswer
from gslb.nameserver.first import First
from gslb.nameserver.lookup import Answer, lookup
from gslb.nameserver.ready import MAX_CHOICES, MAX_KEY, Asked, Ready, Who
from gslb.nameserver.rrset import ANY, AXFR, IN, IXFR, RRset
from gslb.nameserver.steered import Steered, Turns
from gslb.nameserver.subnet import Subnet, network_of
from gslb.nameserver.table import Table
from gslb.nameserver.tailored import Place, Tailored
from gslb.nameserver.tally import Tally
from gslb.nameserver.transfer.outgoing import Request, changes, check
from gslb.nameserver.wire import HEADER_SIZE, MAX_TCP, QR, Query, Rcode, Reply, build, parse, server_failure

log = structlog.get_logger(__name__)

_QUIET = 1.0
"""seconds between two reports of a fault in handling a packet"""


class Places(Protocol):
    """Knows where clients are (``gslb.geo.locator.Locator``)."""

    def locate(self, address: IP) -> Located:
        """Where ``address`` is, and for how many of its bits that is so."""
        ...


class _Case(NamedTuple):
    """A query, and what a service says to the client who sent it.

    Attributes:
        query: the packet taken apart.
        answer: what leads to the service, and to whom it says what.
        place: what this client gets.
        steered: its rule.
        turns: whose turn it is there.
    """

    query: Query
    answer: Answer
    place: Place
    steered: Steered
    turns: Turns

    @property
    def worth_keeping(self) -> bool:
        """Whether it is to be kept ready once it has been asked for again."""
        size = self.turns.size or self.steered.no_answer is NoAnswer.NODATA
        return 0 < size <= MAX_CHOICES

    @property
    def cost(self) -> int:
        """What keeping it ready takes, in prebuilt responses."""
        return 1 + self.turns.size + (len(self.turns.order) + len(self.steered.pattern)) // 16

    def next(self) -> Reply:
        """The reply whose turn it is."""
        return self._reply(self.steered.turn(self.turns))

    def prebuilt(self) -> Iterator[bytes]:
        """All responses over UDP in turn, without end."""
        return self.steered.spin(self.turns, self._over_udp)

    def _over_udp(self, choice: RRset | None) -> bytes:
        return build(self.query, self._reply(choice), self.query.udp_limit, self.place.scope)

    def _reply(self, choice: RRset | None) -> Reply:
        return self.answer.saying(choice, self.steered.no_answer)


class Responder:
    """Answers packets from the table in force. Any number of threads may use one.

    Args:
        places: where clients are; without it that is unknown of all of them.
        note: takes each first answer since a service has changed, and closes it, in the thread that gives it.
    """

    def __init__(self, places: Places | None = None, note: Callable[[First], None] = First.close) -> None:
        self.ready = Ready(None)
        self._places = places
        self._note = note
        self._reported = 0.0

    def adopt(self, table: Table) -> None:
        """Answer from ``table`` from now on."""
        self.ready = Ready(table)

    def relocate(self) -> None:
        """Forget what was made ready while clients were thought to be elsewhere."""
        self.ready = Ready(self.ready.table)

    def udp(self, packet: bytes, source: str, tally: Tally) -> bytes | None:
        """The response to a packet from ``source`` without a ready answer; None if it gets none. Never raises."""
        return self._guarded(packet, source, tally, None)

    def tcp(self, packet: bytes, source: str, tally: Tally) -> bytes | None:
        """The response to a message that came over TCP; None if it gets none. Never raises."""
        return self._guarded(packet, source, tally, MAX_TCP)

    def _guarded(self, packet: bytes, source: str, tally: Tally, limit: int | None) -> bytes | None:
        try:
            return self._respond(packet, source, tally, limit)
        except Exception:
            if self._may_report():
                log.exception("fault in handling a packet")
        if len(packet) < HEADER_SIZE or packet[2] & QR >> 8:
            return None
        tally.responses[Rcode.SERVFAIL] += 1
        return packet[:2] + server_failure(packet)

    def _respond(self, packet: bytes, source: str, tally: Tally, limit: int | None) -> bytes | None:
        ready, key = self.ready, packet[2:]
        asked = ready.asked.get(key)
        if asked is None:
            asked = _ask(ready.table, packet)
            if asked is None:
                tally.dropped += 1
                return None
            query = asked[0]
            if query.tsig is not None or (query.type == IXFR and query.fault is None):
                return self._apart(packet, query, source, tally, limit)
        made = self._serve(ready, key, asked, source, limit) if asked[1].tailored else _static(ready, key, asked, limit)
        response, rcode = made
        tally.responses[rcode] += 1
        return packet[:2] + response

    def _apart(self, packet: bytes, query: Query, source: str, tally: Tally, limit: int | None) -> bytes | None:
        """The response to a query that is signed, or asks for changes. It is never kept ready."""
        table, room = self.ready.table, limit or query.udp_limit
        request = check(packet, query, table, room)
        if isinstance(request, Request) and (query.type != IXFR or query.fault is not None):
            usual = self._respond(request.packet, source, tally, limit)
            return usual and request.seal(usual, room)
        response = changes(table, request, source, room) if isinstance(request, Request) else request
        tally.responses[response[3] & 0xF] += 1
        return response

    def _serve(self, ready: Ready, key: bytes, asked: Asked, source: str, limit: int | None) -> tuple[bytes, int]:
        """What a service says to the client, with its rcode.

        Nothing is ready when a new table comes. So the first answer of what has changed is not among what was kept.
        """
        query, answer = asked
        tailored = cast("Tailored", answer.tailored)
        place = tailored.same or self._place(ready, tailored, _subnet(query) or source)
        mark = _mark(key, query, tailored, place)
        kept = ready.replies.get(mark) if limit is None else None
        if kept is not None:
            response = next(kept)
            return response, response[1] & 0xF
        steered = tailored.rules[place.rule]
        case = _Case(query, answer, place, steered, steered.turns(place.choice))
        if limit is None and answer.lasting:
            _keep(ready, key, mark, case)
        reply = case.next()
        response = build(query, reply, limit or query.udp_limit, place.scope)
        if tailored.first.due:
            self._note(tailored.first)
        return response, reply.rcode

    def _place(self, ready: Ready, tailored: Tailored, who: Who) -> Place:
        place = ready.place(tailored, who)
        if place is None:
            place = self._find_place(tailored, who)
            ready.remember(tailored, who, place)
        return place

    def _find_place(self, tailored: Tailored, who: Who) -> Place:
        network = who.network if isinstance(who, Subnet) else network_of(who)
        if self._places is None or not tailored.needs_location or not network.prefixlen:
            return tailored.place(Client(network), 0)
        located = self._places.locate(network.network_address)
        return tailored.place(Client(network, located.location), located.prefix)

    def _may_report(self) -> bool:
        now = time.monotonic()
        due = now - self._reported >= _QUIET
        if due:
            self._reported = now
        return due


def _static(ready: Ready, key: bytes, asked: Asked, limit: int | None) -> tuple[bytes, int]:
    """What is said to everybody, with its rcode."""
    query, answer = asked
    if limit is None:
        limit = query.udp_limit
        if answer.lasting and len(key) <= MAX_KEY and ready.due(key):
            ready.admit(key, repeat(build(query, answer.reply, limit)), 1)
    return build(query, answer.reply, limit), answer.reply.rcode


def _mark(key: bytes, query: Query, tailored: Tailored, place: Place) -> Hashable:
    """What a ready answer depends on: the packet, and where that does not tell, what the client gets.

    An answer that may be SERVFAIL is not kept under the packet alone, for those are all counted as NOERROR.
    """
    decided = tailored.same is not None or _subnet(query) is not None
    return key if decided and not tailored.rules[place.rule].may_fail else (key, place.rule, place.choice)


def _keep(ready: Ready, key: bytes, mark: Hashable, case: _Case) -> None:
    """Make the answer ready for the next time, if it is worth it."""
    if len(key) > MAX_KEY or not case.worth_keeping or not ready.due(mark):
        return
    ready.admit(mark, case.prebuilt(), case.cost)
    if mark != key:
        ready.asked[key] = case.query, case.answer


def _subnet(query: Query) -> Subnet | None:
    return query.edns.subnet if query.edns else None


def _ask(table: Table | None, packet: bytes) -> Asked | None:
    query = parse(packet)
    return (query, _answer(table, query)) if query else None


def _answer(table: Table | None, query: Query) -> Answer:
    if query.fault is not None:
        return Answer(Reply(query.fault))
    if query.rdclass not in (IN, ANY) or query.type in (AXFR, IXFR):
        return Answer(Reply(Rcode.REFUSED))
    if table is None:
        return Answer(Reply(Rcode.SERVFAIL))
    return lookup(table, query.name, query.type)
