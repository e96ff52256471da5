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

from gslb.nameserver.edns import PROHIBITED, ExtendedError
from gslb.nameserver.rrset import AXFR, IN, IXFR
from gslb.nameserver.serials import is_later
from gslb.nameserver.table import Table
from gslb.nameserver.transfer.stream import OversizedRecordError, messages, zone_sets
from gslb.nameserver.transfer.tsig import MalformedSignatureError, Signature, open_request
from gslb.nameserver.wire import MAX_TCP, Query, Rcode, Reply, build, expiry
from gslb.nameserver.zone import CompiledZone

log = structlog.get_logger(__name__)

MAX_TRANSFERS, MAX_PER_CLIENT = 16, 4
"""transfers at the same time, in all and to one address"""

MAX_SECONDS = 600.0
"""that one transfer may take"""

QUIET = 1.0
"""seconds between two lines about transfers that are refused: anybody can ask for them"""

_AXFR, _IXFR = (type_.to_bytes(2) + IN.to_bytes(2) for type_ in (AXFR, IXFR))


Options = Callable[[ExtendedError | None], bytes]
"""What goes into the OPT record of a response, if that says more about what is wrong."""


class Request(NamedTuple):
    """A query whose signature, if it has one, is good.

    Attributes:
        packet: without the signature.
        query: taken apart.
        options: of the response.
        signer: the key it is signed with; None if it is not.
        signature: what signs the response.
    """

    packet: bytes
    query: Query
    options: Options
    signer: dns.name.Name | None = None
    signature: Signature | None = None

    def seal(self, response: bytes, limit: int) -> bytes:
        """``response``, signed if the request was; where that would pass ``limit``, with TC (RFC 8945, section 5.3)."""
        if self.signature is None:
            return response
        if len(response) + self.signature.room > limit:
            response = response[:2] + build(self.query, Reply(Rcode.NOERROR), 0, self.options(None))  # with TC
        return self.signature.sign(response)

    def say(self, reply: Reply, limit: int = MAX_TCP) -> bytes:
        """``reply`` as a message."""
        response = build(self.query, reply, limit, self.options(reply.error))
        return self.seal(self.packet[:2] + response, limit)


class Transfers:
    """Answers requests for transfers over TCP. Not for several threads.

    Attributes:
        outcomes: how many were done, current (the client's serial is the zone's), refused, busy and aborted.
    """

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self._clients: Counter[str] = Counter()
        self._told = -QUIET

    @staticmethod
    def concern(query: Query) -> bool:
        """Whether ``query`` asks for a transfer."""
        return query.fault is None and query.type in (AXFR, IXFR)

    def responses(self, table: Table, packet: bytes, query: Query, source: str, options: Options) -> Iterator[bytes]:
        """What is said to a query for a transfer, each message made when it is asked for, from ``table`` all of them.

        Args:
            table: the one in force when the query came.
            packet: the query.
            query: taken apart.
            source: where it came from.
            options: of the first response.

        Raises:
            ConnectionAbortedError: it cannot go on, or has taken too long; the connection is to be closed.
        """
        request = check(packet, query, table, MAX_TCP, options)
        if isinstance(request, bytes):
            self._tell("transfer refused: its signature is not good", source, query.name)
            self.outcomes["refused"] += 1
            yield request
            return
        found = self._decide(table, request, source)
        if isinstance(found, CompiledZone):
            yield from self._send(table, found, request, source)
            return
        outcome, reply = found
        self.outcomes[outcome] += 1
        if outcome != "current":
            self._tell(f"transfer: {outcome}", source, query.name)
        yield request.say(reply)

    def _decide(self, table: Table, request: Request, source: str) -> CompiledZone | tuple[str, Reply]:
        """The zone to send, or what becomes of the request instead, and what is said to it."""
        verdict = _verdict(table, request, source)
        if isinstance(verdict, Reply):
            return "refused", verdict
        if request.query.type == IXFR:
            serial = _serial_held(request.packet)
            if serial is None:
                return "refused", Reply(Rcode.FORMERR)
            if not is_later(verdict.serial, serial):
                return "current", _soa_alone(verdict)
        if self._clients.total() >= MAX_TRANSFERS or self._clients[source] >= MAX_PER_CLIENT:
            return "busy", Reply(Rcode.SERVFAIL)
        return verdict

    def _send(self, table: Table, zone: CompiledZone, request: Request, source: str) -> Iterator[bytes]:
        signature, outcome, began = request.signature, "aborted", time.monotonic()
        room, options = signature.room if signature else 0, request.options(None)
        options += expiry(request.query.edns, [(zone.origin, zone.soa)])
        made = messages(request.packet[:2], request.query, zone_sets(table, zone), room, options)
        self._clients[source] += 1
        try:
            message = next(made)
            for following in made:
                yield signature.sign(message) if signature else message
                if time.monotonic() - began > MAX_SECONDS:
                    raise ConnectionAbortedError(f"a transfer takes longer than {MAX_SECONDS:g} s")
                message = following
            outcome = "done"  # as soon as the last one is taken: whether there are more is not always asked
            yield signature.sign(message) if signature else message
        except OversizedRecordError as error:
            raise ConnectionAbortedError(str(error)) from error
        finally:
            self._end(source, outcome)
            log.info("transfer ended", client=source, zone=_text(zone.origin), serial=zone.serial, outcome=outcome)

    def _end(self, source: str, outcome: str) -> None:
        self.outcomes[outcome] += 1
        self._clients[source] -= 1
        if not self._clients[source]:
            del self._clients[source]

    def _tell(self, event: str, source: str, zone: bytes) -> None:
        now = time.monotonic()
        if now - self._told >= QUIET:
            self._told = now
            log.warning(event, client=source, zone=_text(zone))


def may_ask(packet: bytes) -> bool:
    """Whether ``packet`` may ask for a transfer: a look that costs little, and passes over none that does."""
    return _AXFR in packet or _IXFR in packet


def changes(table: Table | None, request: Request, source: str, limit: int) -> bytes:
    """What is said to an IXFR over UDP: the SOA alone, upon which the rest is asked for over TCP (RFC 1995, section 2).

    Args:
        table: in force.
        request: the query.
        source: where it came from.
        limit: bytes of the response.
    """
    verdict = _verdict(table, request, source) if table else Reply(Rcode.SERVFAIL)
    return request.say(verdict if isinstance(verdict, Reply) else _soa_alone(verdict), limit)


def check(packet: bytes, query: Query, table: Table | None, limit: int, options: Options) -> Request | bytes:
    """The request, if its signature is good or it has none; else what is said to it (RFC 8945, section 5.2)."""
    if query.tsig is None:
        return Request(packet, query, options)
    try:
        opened = open_request(packet, query.tsig, table.keys if table else {}, time.time())
    except MalformedSignatureError:
        return Request(packet, query, options).say(Reply(Rcode.FORMERR), limit)
    request = Request(opened.packet, query, options, opened.owner, Signature(opened))
    return request.say(Reply(Rcode.NOTAUTH), limit) if opened.error else request


def _verdict(table: Table, request: Request, source: str) -> CompiledZone | Reply:
    """The zone that is asked for, or what is said instead."""
    query = request.query
    zone = table.zones.get(query.name) if query.rdclass == IN else None
    if zone is None:
        return Reply(Rcode.NOTAUTH)
    return zone if zone.access.permits(source, request.signer) else Reply(Rcode.REFUSED, error=PROHIBITED)


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
