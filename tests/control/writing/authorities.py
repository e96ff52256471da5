"""Nameservers on loopback, over UDP and TCP, which answer what they are told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

from tests.waiting import free_port

Zone = Mapping[tuple[str, str], Iterable[str]]


@dataclass
class Authority:
    """One server.

    Attributes:
        zone: values by name and type.
        rcode: of all its answers.
        flags: of them.
        truncates: answers over UDP are cut short.
        mute: it answers nothing.
        garbles: its answers make no sense.
        questions: name, type and transport of what it was asked.
    """

    zone: Zone
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    flags: int = dns.flags.AA
    truncates: bool = False
    mute: bool = False
    garbles: bool = False
    questions: list[tuple[str, str, str]] = field(default_factory=list)

    def answer(self, wire: bytes, transport: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        (question,) = query.question
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        self.questions.append((name, kind, transport))
        if self.mute:
            return None
        if self.garbles:
            return wire[:2] + b"\x80" + b"?" * 30
        response = dns.message.make_response(query)
        response.flags |= self.flags
        assert not query.flags & dns.flags.RD
        response.set_rcode(self.rcode)
        if self.truncates and transport == "udp":
            response.flags |= dns.flags.TC
            return response.to_wire()
        values = list(self.zone.get((name, kind), ()))
        if values:
            response.answer.append(dns.rrset.from_text(question.name, 30, "IN", kind, *values))
        elif not any(known == name for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN if not self.rcode else self.rcode)
        return response.to_wire()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if (wire := self._authority.answer(data, "udp")) is not None:
            self._transport.sendto(wire, addr)


@asynccontextmanager
async def serving(authorities: Mapping[str, Authority]) -> AsyncIterator[int]:
    """Serve each on an address of its own; all have the port that is returned."""
    loop, port = asyncio.get_running_loop(), free_port()
    transports, servers = [], []
    for address, authority in authorities.items():
        transport, _ = await loop.create_datagram_endpoint(partial(_Udp, authority), (address, port))
        transports.append(transport)
        servers.append(await asyncio.start_server(_tcp(authority), address, port))
    try:
        yield port
    finally:
        for transport in transports:
            transport.close()
        for server in servers:
            server.close()
            await server.wait_closed()


def _tcp(authority: Authority) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2))
        wire = authority.answer(await reader.readexactly(size), "tcp")
        if wire is not None:
            writer.write(len(wire).to_bytes(2) + wire)
            await writer.drain()
        writer.close()

    return serve
