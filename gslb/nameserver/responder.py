"""From packet to response, for every transport; and the answers kept ready for packets seen before.

The key of a ready answer is the packet after its id. So letter case, flags and EDNS are right without being looked at.
"""

import time
from collections.abc import Iterator
from functools import partial
from itertools import repeat
from random import Random

import structlog

from gslb.nameserver.lookup import Answer, lookup
from gslb.nameserver.rrset import ANY, AXFR, IN, IXFR, RRset
from gslb.nameserver.steered import spin
from gslb.nameserver.table import Table
from gslb.nameserver.tally import Tally
from gslb.nameserver.wire import HEADER_SIZE, MAX_TCP, QR, Query, Rcode, Reply, build, parse, server_failure

log = structlog.get_logger(__name__)

BUDGET = 2**16
"""prebuilt responses in all ready answers together"""

MAX_KEY = 512
"""bytes in the longest packet that gets a ready answer"""

MAX_CHOICES = 64
"""different answers at most in one ready answer: building them is work that a client can ask for"""

MAX_SEEN = 2**16
"""packets remembered as seen once"""

_QUIET = 1.0
"""seconds between two reports of a fault in handling a packet"""


class Ready:
    """The answers kept ready for one table. A packet is admitted when it comes for the second time.

    So a flood of unique packets evicts nothing; and one of repeated ones empties it at most, and it fills again.
    """

    __slots__ = ("_seen", "_spent", "replies", "table")

    def __init__(self, table: Table | None) -> None:
        self.table = table
        self.replies: dict[bytes, Iterator[bytes]] = {}
        self._seen: set[int] = set()
        self._spent = 0

    def due(self, key: bytes) -> bool:
        """Whether ``key`` has been seen before."""
        mark = hash(key)
        if mark in self._seen:
            return True
        if len(self._seen) >= MAX_SEEN:
            self._seen.clear()
        self._seen.add(mark)
        return False

    def admit(self, key: bytes, replies: Iterator[bytes], cost: int) -> None:
        """Answer ``key`` from ``replies`` from now on; ``cost`` is the number of prebuilt responses in it."""
        if self._spent + cost > BUDGET:
            self.replies.clear()
            self._spent = 0
        self._spent += cost
        self.replies[key] = replies


class Responder:
    """Answers packets from the table in force. Any number of threads may use one."""

    def __init__(self, random: Random) -> None:
        self.ready = Ready(None)
        self._random = random
        self._reported = 0.0

    def adopt(self, table: Table) -> None:
        """Answer from ``table`` from now on."""
        self.ready = Ready(table)

    def udp(self, packet: bytes, tally: Tally) -> bytes | None:
        """The response to a packet without a ready answer; None if it gets none. Never raises."""
        return self._guarded(packet, tally, None)

    def tcp(self, packet: bytes, tally: Tally) -> bytes | None:
        """The response to a message that came over TCP; None if it gets none. Never raises."""
        return self._guarded(packet, tally, MAX_TCP)

    def _guarded(self, packet: bytes, tally: Tally, limit: int | None) -> bytes | None:
        try:
            return self._respond(packet, tally, limit)
        except Exception:
            if self._may_report():
                log.exception("fault in handling a packet")
        if len(packet) < HEADER_SIZE or packet[2] & QR >> 8:
            return None
        tally.responses[Rcode.SERVFAIL] += 1
        return packet[:2] + server_failure(packet)

    def _respond(self, packet: bytes, tally: Tally, limit: int | None) -> bytes | None:
        query = parse(packet)
        if query is None:
            tally.dropped += 1
            return None
        ready = self.ready
        answer = _answer(ready.table, query)
        if limit is None:
            limit = query.udp_limit
            self._keep(ready, packet[2:], query, answer)
        reply = answer.with_choice(next(answer.steered.turns)) if answer.steered else answer.reply
        tally.responses[reply.rcode] += 1
        return packet[:2] + build(query, reply, limit)

    def _keep(self, ready: Ready, key: bytes, query: Query, answer: Answer) -> None:
        """Make the answer ready for the next time, if it is worth it."""
        steered = answer.steered
        if not answer.lasting or len(key) > MAX_KEY or (steered and steered.size > MAX_CHOICES) or not ready.due(key):
            return
        if steered is None:
            ready.admit(key, repeat(build(query, answer.reply, query.udp_limit)), 1)
        else:
            replies = spin(steered.order, steered.choices, partial(_build_choice, query, answer), self._random)
            ready.admit(key, replies, steered.size + len(steered.order) // 16)

    def _may_report(self) -> bool:
        now = time.monotonic()
        due = now - self._reported >= _QUIET
        if due:
            self._reported = now
        return due


def _build_choice(query: Query, answer: Answer, choice: RRset) -> bytes:
    return build(query, answer.with_choice(choice), query.udp_limit)


def _answer(table: Table | None, query: Query) -> Answer:
    if query.fault is not None:
        return Answer(Reply(query.fault))
    if query.rdclass not in (IN, ANY) or query.type in (AXFR, IXFR):
        return Answer(Reply(Rcode.REFUSED))
    if table is None:
        return Answer(Reply(Rcode.SERVFAIL))
    return lookup(table, query.name, query.type)
