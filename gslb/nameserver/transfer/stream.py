"""A zone as messages: its records from SOA to SOA, in as few messages as they fit in (RFC 5936, section 2.2). Pure.

Owner names are compressed, names in rdata are as they were compiled.
"""

import struct
from collections.abc import Iterable, Iterator

from gslb.nameserver.content import service_sets
from gslb.nameserver.rrset import SOA, Owned, RRset, make_rrset, wire_rdata
from gslb.nameserver.sections import Sections
from gslb.nameserver.table import Table
from gslb.nameserver.wire import AA, HEADER_SIZE, MAX_TCP, OPCODE, QR, RD, Query, Rcode, opt_record
from gslb.nameserver.zone import CompiledZone

_HEADER = struct.Struct(">HHHHHH")


class OversizedRecordError(Exception):
    """A record that fits in no message."""


def zone_sets(table: Table, zone: CompiledZone) -> Iterator[Owned]:
    """All RRsets of a transfer of ``zone``, which is one of ``table``, the SOA first and last."""
    soa = zone.origin, zone.soa
    yield soa
    for name, node in zone.nodes.items():
        yield from ((name, rrset) for rrset in node.rrsets.values() if rrset.type != SOA or name != zone.origin)
        if node.steered:
            for each in service_sets(table.services[name].steering):
                number, rdatas = zip(*(wire_rdata(each.type, rdata) for rdata in each.rdatas), strict=True)
                yield name, make_rrset(number[0], each.ttl, rdatas)
    yield soa


def messages(id_: bytes, query: Query, sets: Iterable[Owned], room: int, options: bytes = b"") -> Iterator[bytes]:
    """``sets`` as responses to ``query``; the question and OPT are in the first (RFC 5936, section 2.2).

    Args:
        id_: of the request.
        query: the request.
        sets: in this order.
        room: bytes to be left for a signature in each.
        options: of the OPT record.

    Raises:
        OversizedRecordError: one of them has a record that fits in no message.
    """
    limit = MAX_TCP - room
    opt = opt_record(query.edns, Rcode.NOERROR, options) if query.edns else b""
    message = Message(id_, query, limit, first=True, opt=opt)
    for owner, rrset in sets:
        for body in rrset.bodies:
            if message.add(owner, rrset.type, body):
                continue
            yield message.wire()
            message = Message(id_, query, limit, first=False)
            if not message.add(owner, rrset.type, body):
                raise OversizedRecordError(f"a record of {len(body)} bytes")
    yield message.wire()


class Message:
    """A response of which only the answer section grows."""

    def __init__(self, id_: bytes, query: Query, limit: int, *, first: bool, opt: bytes = b"") -> None:
        self._id = int.from_bytes(id_)
        self._flags = QR | AA | query.flags & (OPCODE | RD) | Rcode.NOERROR
        self._question = query.question if first else b""
        self._opt, self._count, self._limit = opt, 0, limit - len(opt)
        size = HEADER_SIZE + len(self._question)
        self._records = Sections(query.name if first else b"", HEADER_SIZE, size)

    def add(self, owner: bytes, type_: int, body: bytes) -> bool:
        """Put a record in; False if there is no room for it, nor for any other then."""
        added = self._records.add([(owner, RRset(type_, (body,)))], self._limit)
        self._count += added
        return added > 0

    def wire(self) -> bytes:
        """All of it."""
        header = _HEADER.pack(self._id, self._flags, bool(self._question), self._count, 0, bool(self._opt))
        return b"".join((header, self._question, self._records.body, self._opt))
