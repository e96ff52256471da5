"""From packet to response, for every transport."""

import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Protocol, TypeVar

import structlog

from gslb.geo.locator import Located
from gslb.model.address import IP
from gslb.model.location import Client
from gslb.nameserver.answer import answer
from gslb.nameserver.clients import packed
from gslb.nameserver.edns import Edns, ExtendedError, keepalive
from gslb.nameserver.explain import LABEL, explained, explanation
from gslb.nameserver.features import Features
from gslb.nameserver.first import First
from gslb.nameserver.kept import Sightings
from gslb.nameserver.limiter import Limiter, Verdict
from gslb.nameserver.lookup import Answer
from gslb.nameserver.parts import Pin, as_they_are
from gslb.nameserver.querylog import QueryLogger
from gslb.nameserver.ready import LESSONS, Known, Memory, Ready
from gslb.nameserver.reclaim import Reclaimer
from gslb.nameserver.replies import Personal
from gslb.nameserver.rrset import ANY, IN, IXFR, TXT
from gslb.nameserver.served import Counter, new_counter
from gslb.nameserver.settings import DEFAULTS, QueryLog
from gslb.nameserver.subnet import network_of, who_of
from gslb.nameserver.table import Table
from gslb.nameserver.tailored import Place, Tailored
from gslb.nameserver.tally import Tally
from gslb.nameserver.template import Case
from gslb.nameserver.transfer.outgoing import Request, Transfers, changes, check, may_ask
from gslb.nameserver.wire import (
    HEADER_SIZE,
    ID_SIZE,
    MAX_TCP,
    MAX_UDP,
    QR,
    Query,
    Rcode,
    Reply,
    build,
    parse,
    server_failure,
)

log = structlog.get_logger(__name__)

_QUIET = 1.0
"""seconds between two reports of a fault in handling a packet"""

FRESH = 300.0
"""seconds for which a client is given the same cookie"""

_COUNTED = (Rcode.SERVFAIL, Rcode.NXDOMAIN, Rcode.REFUSED)
"""what is said without being built, beside NOERROR"""

_NO_ID = bytes(ID_SIZE)

_W = TypeVar("_W")

_ANSWERS = slice(6, 8)
"""where a message has the number of records in its answer section"""


class Places(Protocol):
    """Knows where clients are (``gslb.geo.locator.Locator``)."""

    def locate(self, address: IP) -> Located:
        """Where ``address`` is, and for how many of its bits that is so."""
        ...


class Responder:
    """Answers packets from the table in force. Any number of threads may use one.

    Args:
        places: where clients are; without it that is unknown of all of them.
        note: takes each first answer since a service has changed, and closes it, in the thread that gives it.
        worker: name of the process, for its query log.
        pin: makes of a response what listeners want to be given (``gslb.nameserver.ready.Memory``).

    Attributes:
        ready: what is in force.
        reclaimer: frees what was in force before.
        counters: of responses that were not built, by rcode; the others of those are NOERROR.
        idle: says for how many seconds a TCP connection may idle now, as clients are told (RFC 7828).
        transfers: zones on their way out over TCP.
    """

    def __init__(
        self,
        places: Places | None = None,
        note: Callable[[First], None] = First.close,
        worker: str = "",
        pin: Pin = as_they_are,
    ) -> None:
        self.reclaimer = Reclaimer()
        self.counters: dict[Rcode, Counter] = {rcode: new_counter() for rcode in _COUNTED}
        self._memory = Memory(Sightings(), self.counters, pin, self.reclaimer.retire, note)
        self._renewed = 0.0
        self.ready = Ready(None, Features(DEFAULTS), self._memory, self._locate)
        self.idle: Callable[[], float] = float
        self.transfers = Transfers()
        self._places, self._note, self._worker = places, note, worker
        self._reported = 0.0

    def prepare(self, table: Table, seconds: float) -> Ready | None:
        """Make what ``adopt`` may put in force for ``table``, with what was asked of late; None if that is of no use.

        For a thread beside those that answer. It takes as many ``seconds`` at most.
        """
        before = self.ready
        if table.snapshot.settings != before.features.settings:
            return None
        made = self._successor(before, table)
        try:
            made.warm(seconds)
        except Exception as error:  # noqa: BLE001  the table is a good one all the same
            self._report(error)
        return made

    def adopt(self, table: Table, prepared: Ready | None = None) -> None:
        """Answer from ``table`` from now on; by what was ``prepared`` for it, if nothing else has changed meanwhile.

        Raises:
            SnapshotError: its settings cannot be used.
        """
        before, settings = self.ready, table.snapshot.settings
        known, logger = before.features.settings, before.logger
        if known == settings:
            if prepared is None or prepared.table is not table or not prepared.succeeds(before):
                if prepared is not None:
                    self.reclaimer.retire(prepared.made)
                prepared = self._successor(before, table)
            self._replace(prepared)
            return
        features = Features(settings)
        if known.query_log != settings.query_log:
            if logger is not None:
                logger.stop()
            logger = _logger(settings.query_log, self._worker, before.logger)
        self._replace(Ready(table, features, self._memory, self._locate, logger, stale=before.stale))

    def _successor(self, before: Ready, table: Table) -> Ready:
        logger, stale = before.logger, before.stale
        return Ready(table, before.features, self._memory, self._locate, logger, stale=stale, former=before)

    def _anew(self, *, stale: bool) -> Ready:
        before = self.ready
        return Ready(before.table, before.features, self._memory, self._locate, before.logger, stale=stale)

    def _replace(self, ready: Ready) -> None:
        before, self.ready = self.ready, ready
        before.replies.forget()
        self.reclaimer.retire(before.remains(ready))

    def relocate(self) -> None:
        """Forget what was made ready while clients were thought to be elsewhere."""
        self._replace(self._anew(stale=self.ready.stale))

    def close(self) -> None:
        """Write down what is left to be written of queries."""
        if self.ready.logger is not None:
            self.ready.logger.stop()
            self.ready.logger.join()

    @property
    def unlogged(self) -> int:
        """Queries that should have been written down and were not."""
        return self.ready.logger.lost if self.ready.logger else 0

    def age(self, seconds: float) -> None:
        """Take note that there has been no control process for so long."""
        before = self.ready
        stale = 0 < before.features.settings.stale_after <= seconds
        if stale is not before.stale:
            self._replace(self._anew(stale=stale))
        now = time.monotonic()
        if now - self._renewed >= FRESH:
            self._renewed = now
            self.ready.renew()

    def answer(self, packet: bytes, source: str, tally: Tally, ready: Ready | None = None) -> bytes | None:
        """The response to a packet from ``source``, from a ready reply if there is one, and observed.

        ``ready`` is what a whole batch is answered from; without it that in force is taken.
        """
        ready, key = ready or self.ready, _NO_ID + packet[2:]
        ready.lessons = LESSONS
        turns = ready.replies.turns.get(key)
        parts, tail = None if turns is None else next(turns), None
        if isinstance(parts, Personal):
            address, tail, theirs = parts
            parts = next(theirs) if address == packed(source) else None
        if parts is None:
            parts, tail = self.known(ready, key, packed, source) or (None, None)
        reply = None if parts is None else parts.joined(packet, tail)
        response = self.build(ready, packet, source, tally) if reply is None else packet[:2] + reply
        tally.ready += reply is not None
        return self._observe(ready, packet, response, source, tally) if ready.observed else response

    def known(self, ready: Ready, key: bytes, host: Callable[[_W], bytes], whom: _W) -> Known | None:
        """As ``Ready.respond``, but never raises."""
        try:
            return ready.respond(key, host, whom)
        except Exception as error:  # noqa: BLE001  it is logged
            self._report(error)
            return None

    def build(self, ready: Ready, packet: bytes, source: str, tally: Tally, *, tcp: bool = False) -> bytes | None:
        """The response by ``ready`` to a packet, whatever it is; None if it gets none. Never raises."""
        try:
            return self._respond(ready, packet, source, tally, tcp=tcp)
        except Exception as error:  # noqa: BLE001  it is logged
            self._report(error)
        if len(packet) < HEADER_SIZE or packet[2] & QR >> 8:
            return None
        tally.responses[Rcode.SERVFAIL] += 1
        return packet[:2] + server_failure(packet)

    def tcp(self, packet: bytes, source: str, tally: Tally) -> bytes | None:
        """The response to a message that came over TCP; None if it gets none. Never raises."""
        ready = self.ready
        response = self.build(ready, packet, source, tally, tcp=True)
        if ready.logger is not None:
            ready.logger.take(source, "tcp", packet, response)
        return response

    def _observe(self, ready: Ready, packet: bytes, response: bytes | None, source: str, tally: Tally) -> bytes | None:
        """What becomes of a response over UDP where responses are limited or written down; None: nothing goes out."""
        try:
            if response is not None and ready.limiter is not None:
                response = self._limited(ready.limiter, ready.features, packet, response, source, tally)
            if ready.logger is not None:
                ready.logger.take(source, "udp", packet, response)
        except Exception as error:  # noqa: BLE001  it is logged
            self._report(error)
        return response

    def _limited(
        self, limiter: Limiter, features: Features, packet: bytes, response: bytes, source: str, tally: Tally
    ) -> bytes | None:
        """The response, or what goes out in its place.

        For some a client is asked to show who it is: by its cookie if it has one, else by coming over TCP.
        """
        verdict = limiter.judge(source, time.monotonic(), answered=any(response[_ANSWERS]))
        if verdict is Verdict.SEND:
            return response
        query = parse(packet)
        if query is None or features.knows(query.edns, source) or _is_signed(query, response):
            return response
        tally.limited += 1
        if verdict is Verdict.DROP:
            return None
        cookie = features.cookie(query.edns, source)
        rcode = Rcode.BADCOOKIE if cookie else Rcode.NOERROR
        return packet[:2] + build(query, Reply(rcode), MAX_UDP if cookie else 0, cookie)

    def stream(self, packet: bytes, source: str, tally: Tally) -> Iterator[bytes]:
        """The responses to a message that came over TCP, in order, each made when it is asked for.

        None at all if it is not worth any. Nothing is raised here; where asking for a further one raises, the
        connection ends, so that nobody takes what has come for the whole.
        """
        if may_ask(packet) and (replies := self._transfer(packet, source)) is not None:
            return self._noted(replies, packet, source, tally)
        response = self.tcp(packet, source, tally)
        return iter(() if response is None else (response,))

    def _transfer(self, packet: bytes, source: str) -> Iterator[bytes] | None:
        """The messages of a transfer; None if none is asked for."""
        ready, query = self.ready, parse(packet)
        if query is None or ready.table is None or not self.transfers.concern(query):
            return None
        options = self._options(ready, query, source, tcp=True)
        return self.transfers.responses(ready.table, packet, query, source, options)

    def _noted(self, replies: Iterator[bytes], packet: bytes, source: str, tally: Tally) -> Iterator[bytes]:
        """``replies``, the first of which is counted and written down."""
        first = next(replies)
        tally.responses[first[3] & 0xF] += 1
        if (logger := self.ready.logger) is not None:
            logger.take(source, "tcp", packet, first)
        yield first
        yield from replies

    def _respond(self, ready: Ready, packet: bytes, source: str, tally: Tally, *, tcp: bool) -> bytes | None:
        asked = self._ask(ready, packet, source)
        if asked is None:
            tally.dropped += 1
            return None
        query, answer = asked
        if query.tsig is not None or (query.type == IXFR and query.fault is None):
            return self._apart(ready, packet, query, source, tally, tcp=tcp)
        case = self._case(ready, query, answer, source)
        reply = case.next()
        own = self._own(ready.features, query.edns, source, tcp=tcp)
        response = packet[:2] + case.response(reply, own, MAX_TCP if tcp else query.udp_limit)
        tally.responses[reply.rcode] += 1
        if answer.tailored is not None and answer.tailored.first.due:
            self._note(answer.tailored.first)
        if not tcp:
            self._teach(ready, packet, case)
        return response

    def _teach(self, ready: Ready, packet: bytes, case: Case) -> None:
        try:
            ready.learn(packet, case)
        except Exception as error:  # noqa: BLE001  the response is a good one all the same
            self._report(error)

    def _case(self, ready: Ready, query: Query, answer: Answer, source: str) -> Case:
        if answer.tailored is None:
            return ready.case(query, answer)
        subnet = query.edns.subnet if query.edns else None
        return ready.case(query, answer, ready.place(answer.tailored, subnet.who if subnet else who_of(packed(source))))

    def _apart(
        self, ready: Ready, packet: bytes, query: Query, source: str, tally: Tally, *, tcp: bool
    ) -> bytes | None:
        """The response to a query that is signed, or asks for changes. It is never kept ready."""
        limit = MAX_TCP if tcp else query.udp_limit
        request = check(packet, query, ready.table, limit, self._options(ready, query, source, tcp=tcp))
        if isinstance(request, Request) and (query.type != IXFR or query.fault is not None):
            usual = self._respond(ready, request.packet, source, tally, tcp=tcp)
            return usual and request.seal(usual, limit)
        response = changes(ready.table, request, source, limit) if isinstance(request, Request) else request
        tally.responses[response[3] & 0xF] += 1
        return response

    def _options(
        self, ready: Ready, query: Query, source: str, *, tcp: bool
    ) -> Callable[[ExtendedError | None], bytes]:
        """Options of a response that is said to nobody else, if it says more about what is wrong."""
        own = self._own(ready.features, query.edns, source, tcp=tcp)
        return lambda error: ready.features.options(query.edns, error, 0) + own

    def _own(self, features: Features, edns: Edns | None, source: str, *, tcp: bool) -> bytes:
        """Options for this client alone: a response with any is not kept ready."""
        if edns is None:
            return b""
        idle = keepalive(self.idle()) if tcp and edns.keepalive else b""
        return idle + features.cookie(edns, source)

    def _locate(self, tailored: Tailored, who: bytes) -> Place:
        return tailored.place(*self._client(tailored, who))

    def _client(self, tailored: Tailored, who: bytes) -> tuple[Client, int]:
        """Whoever asks, and for how many bits of its address its location is so."""
        network = network_of(who)
        if self._places is None or not tailored.needs_location or not network.prefixlen:
            return Client(network), 0
        located = self._places.locate(network.network_address)
        return Client(network, located.location), located.prefix

    def _ask(self, ready: Ready, packet: bytes, source: str) -> tuple[Query, Answer] | None:
        query = parse(packet)
        if query is None:
            return None
        table = ready.table
        if table and query.name.startswith(LABEL) and source in ready.features.explain:
            return query, self._explain(table, query, source) or answer(ready.table, ready.features, query)
        return query, answer(ready.table, ready.features, query)

    def _explain(self, table: Table, query: Query, source: str) -> Answer | None:
        """The answer to a question for an explanation; None if it is another one."""
        found = explained(table, query.name)
        if found is None or query.fault is not None or query.type not in (TXT, ANY) or query.rdclass != IN:
            return None
        steering, tailored = found
        subnet = query.edns.subnet if query.edns else None
        client, prefix = self._client(tailored, subnet.who if subnet else who_of(packed(source)))
        place = tailored.place(client, prefix)
        said = explanation(steering, tailored.rules[place.rule], place, client, table.snapshot.generation)
        return Answer(Reply(Rcode.NOERROR, authoritative=True, answer=((query.name, said),)))

    def _report(self, error: Exception) -> None:
        """Say that handling a packet has failed, but not for each packet."""
        now = time.monotonic()
        if now - self._reported >= _QUIET:
            self._reported = now
            log.error("fault in handling a packet", exc_info=error)


def _logger(plan: QueryLog | None, worker: str, former: QueryLogger | None) -> QueryLogger | None:
    if plan is None:
        return None
    try:
        return QueryLogger(plan, worker, Random(), former)  # noqa: S311  a sample is no secret
    except RuntimeError as error:  # answers matter more than who has asked
        log.error("query log cannot begin", file=plan.file, reason=str(error))  # noqa: TRY400  no trace needed
        return None


def _is_signed(query: Query, response: bytes) -> bool:
    """Whether a query was signed well: else its response says so."""
    return query.tsig is not None and response[3] & 0xF != Rcode.NOTAUTH
