"""What is said to those that ask for a transfer, and to those that have signed what they ask (RFC 5936, 1995, 8945).

IXFR is answered with all of the zone (RFC 1995, section 4). How messages go out, and come in, is not known here.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import structlog

from gslb.nameserver.rrset import AXFR, IN, IXFR
from gslb.nameserver.serials import is_later
from gslb.nameserver.table import Table
from gslb.nameserver.transfer.stream import OversizedRecordError, messages, zone_sets
from gslb.nameserver.transfer.tsig import MalformedSignatureError, Signature, open_request
from gslb.nameserver.wire import MAX_TCP, TC, Query, Rcode, Reply, build, parse
from gslb.nameserver.zone import CompiledZone

log = structlog.get_logger(__name__)

MAX_TRANSFERS, MAX_PER_CLIENT = 16, 4
"""transfers at the same time, in all and to one address"""

MAX_SECONDS = 600.0
"""that one transfer may take"""

QUIET = 1.0
"""seconds between two lines about transfers that are refused: anybody can ask for them"""

_NO_RCODE = 0xFFF0


class Request(NamedTuple):
    """A query whose signature, if it has one, is good.

    Attributes:
        packet: without the signature.
        query: taken apart.
        signer: the key it is signed with; None if it is not.
        signature: what signs the response.
    """

    packet: bytes
    query: Query
    signer: dns.name.Name | None = None
    signature: Signature | None = None

    def seal(self, response: bytes, limit: int) -> bytes:
        """``response``, signed if the request was; where that would pass ``limit``, with TC (RFC 8945, section 5.3)."""
        if self.signature is None:
            return response
        if len(response) + self.signature.room > limit:
            flags = (int.from_bytes(response[2:4]) & _NO_RCODE | TC).to_bytes(2)
            count = bool(self.query.question).to_bytes(2)
            response = response[:2] + flags + count + bytes(6) + self.query.question
        return self.signature.sign(response)


class Outgoing(Iterator[bytes]):
    """The messages of one response, without length prefixes. ``close`` it, whether all were taken or not."""

    def __init__(self, made: Iterator[bytes], ended: Callable[[str], object]) -> None:
        self._made, self._ended = made, ended
        self._deadline = time.monotonic() + MAX_SECONDS
        self._outcome: str | None = None

    def __next__(self) -> bytes:
        """The next message.

        Raises:
            ConnectionAbortedError: it cannot go on, or has taken too long; the connection is to be closed.
        """
        if time.monotonic() > self._deadline:
            raise ConnectionAbortedError(f"takes longer than {MAX_SECONDS:g} s")
        try:
            return next(self._made)
        except StopIteration:
            self._end("done")
            raise
        except OversizedRecordError as error:
            raise ConnectionAbortedError(str(error)) from error

    def close(self) -> None:
        """Nothing more is taken."""
        self._end("aborted")

    def _end(self, outcome: str) -> None:
        if self._outcome is None:
            self._outcome = outcome
            self._ended(outcome)


class Transfers:
    """Answers requests for transfers over TCP, each from the table in force when it came.

    Args:
        table: the one in force.

    Attributes:
        outcomes: how many were done, current (the client's serial is the zone's), refused, busy and aborted.
    """

    def __init__(self, table: Callable[[], Table | None]) -> None:
        self.outcomes: Counter[str] = Counter()
        self._table = table
        self._clients: Counter[str] = Counter()
        self._told = -QUIET

    def responses(self, packet: bytes, source: str) -> Outgoing | None:
        """What is said to a message from ``source``; None if it asks for no transfer. Raises nothing."""
        query, table = parse(packet), self._table()
        if query is None or table is None or query.fault is not None or query.type not in (AXFR, IXFR):
            return None
        request = check(packet, query, table)
        if isinstance(request, bytes):
            self._tell("transfer refused: its signature is not good", source, query.name)
            return self._brief(request, "refused")
        verdict = _verdict(table, request, source)
        if isinstance(verdict, Rcode):
            self._tell("transfer refused", source, query.name)
            return self._brief(_say(request, Reply(verdict)), "refused")
        if query.type == IXFR:
            serial = _serial_held(request.packet)
            if serial is None:
                return self._brief(_say(request, Reply(Rcode.FORMERR)), "refused")
            if not is_later(verdict.serial, serial):
                return self._brief(_say(request, _soa_alone(verdict)), "current")
        if self._clients.total() >= MAX_TRANSFERS or self._clients[source] >= MAX_PER_CLIENT:
            self._tell("too many transfers at the same time", source, query.name)
            return self._brief(_say(request, Reply(Rcode.SERVFAIL)), "busy")
        return self._begin(table, verdict, request, source)

    def _tell(self, event: str, source: str, zone: bytes) -> None:
        now = time.monotonic()
        if now - self._told >= QUIET:
            self._told = now
            log.warning(event, client=source, zone=_text(zone))

    def _brief(self, response: bytes, outcome: str) -> Outgoing:
        self.outcomes[outcome] += 1
        return Outgoing(iter((response,)), lambda _: None)

    def _begin(self, table: Table, zone: CompiledZone, request: Request, source: str) -> Outgoing:
        about = {"client": source, "zone": _text(zone.origin), "serial": zone.serial}
        signature = request.signature
        made = messages(request.packet[:2], request.query, zone_sets(table, zone), signature.room if signature else 0)
        self._clients[source] += 1

        def ended(outcome: str) -> None:
            self.outcomes[outcome] += 1
            self._clients[source] -= 1
            if not self._clients[source]:
                del self._clients[source]
            log.info("transfer ended", outcome=outcome, **about)

        return Outgoing(map(signature.sign, made) if signature else made, ended)


def changes(table: Table | None, request: Request, source: str, limit: int) -> bytes:
    """What is said to an IXFR over UDP: the SOA alone, upon which the rest is asked for over TCP (RFC 1995, section 2).

    Args:
        table: in force.
        request: the query.
        source: where it came from.
        limit: bytes of the response.
    """
    verdict = _verdict(table, request, source) if table else Rcode.SERVFAIL
    return _say(request, Reply(verdict) if isinstance(verdict, Rcode) else _soa_alone(verdict), limit)


def check(packet: bytes, query: Query, table: Table | None, limit: int = MAX_TCP) -> Request | bytes:
    """The request, if its signature is good or it has none; else what is said to it (RFC 8945, section 5.2)."""
    if query.tsig is None:
        return Request(packet, query)
    try:
        opened = open_request(packet, query.tsig, table.keys if table else {}, time.time())
    except MalformedSignatureError:
        return packet[:2] + build(query, Reply(Rcode.FORMERR), limit)
    request = Request(opened.packet, query, opened.owner, Signature(opened))
    return _say(request, Reply(Rcode.NOTAUTH), limit) if opened.error else request


def _verdict(table: Table, request: Request, source: str) -> CompiledZone | Rcode:
    """The zone that is asked for, or why it is not transferred."""
    query = request.query
    zone = table.zones.get(query.name) if query.rdclass == IN else None
    if zone is None:
        return Rcode.NOTAUTH
    return zone if zone.access.permits(source, request.signer) else Rcode.REFUSED


def _say(request: Request, reply: Reply, limit: int = MAX_TCP) -> bytes:
    return request.seal(request.packet[:2] + build(request.query, reply, limit), limit)


def _soa_alone(zone: CompiledZone) -> Reply:
    return Reply(Rcode.NOERROR, True, ((zone.origin, zone.soa),))


def _serial_held(packet: bytes) -> int | None:
    """The serial that the client has (RFC 1995, section 3); None if it does not say."""
    try:
        authority = dns.message.from_wire(packet).authority
    except (dns.exception.DNSException, ValueError):
        return None
    found = (rrset[0].serial for rrset in authority if rrset.rdtype == dns.rdatatype.SOA and len(rrset))
    return next(found, None)


def _text(name: bytes) -> str:
    return dns.name.from_wire(name, 0)[0].to_text()
