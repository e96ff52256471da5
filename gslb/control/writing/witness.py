"""Asks the nameservers of a zone whether they answer by what was written: what a provider says of itself is its word.

A server has a change when it gives the service's marker with the generation that was written, or a later one, and no
value that the service may not answer any more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Protocol

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from gslb.control.resolver import Resolver
from gslb.model.address import IP, Address
from gslb.model.names import ServiceName
from gslb.model.recordset import RecordSet, marker_name, read_marker
from gslb.model.steering import RecordType
from gslb.model.zone_plan import ANSWERS

PATIENCE = 2.0
"""Seconds that a server has for an answer, all tries together."""
TRIES = 2
"""for a datagram may be lost"""
QUERIES = 64
"""under way at once, to all servers of all zones"""
PER_SERVER = 8
"""of them, to one server for one zone"""
PAYLOAD = 1232
"""octets of a UDP answer (DNS Flag Day 2020); a longer one is asked for over TCP"""
KEPT = 300.0
"""Seconds for which the address of a server is not looked up again."""
MOST_KEPT = 1000
"""addresses"""
PORT = 53
ANYBODY = "gslb-witness"
"""label that a wildcard is asked by"""


@dataclass(frozen=True, slots=True)
class Expected:
    """What servers are to answer for a service.

    Attributes:
        service: its name.
        owner: of its marker.
        generation: of its marker, at least; None: there is none of that owner.
        values: those that may be answered, by type; types that are left out are not asked for.
    """

    service: ServiceName
    owner: str
    generation: int | None
    values: Mapping[RecordType, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Sighting:
    """What servers have answered.

    Attributes:
        behind: services of which a server answers what is older, by server; those that have all are left out.
        silent: servers that have not answered for some service, or not as an authority, by why. What they have
            answered for others counts all the same.
    """

    behind: Mapping[Address, frozenset[ServiceName]]
    silent: Mapping[Address, str]


class Witness(Protocol):
    """Looks what nameservers answer."""

    async def look(self, asked: Mapping[Address, Sequence[Expected]]) -> Sighting:
        """What each server answers for the services that it is asked for. Bounded in time; raises nothing."""


class SilentError(Exception):
    """A server does not answer, or not as an authority for the zone."""


class DnsWitness:
    """Asks over UDP, and over TCP what is truncated.

    Args:
        address: looks up the address of a server; None: it has none.
    """

    def __init__(self, address: Callable[[str], Awaitable[IP | None]] | None = None) -> None:
        self._look_up = address or Resolver(lambda _: None).look_up
        self._addresses: dict[str, tuple[float, IP]] = {}
        self._queries = asyncio.Semaphore(QUERIES)

    async def look(self, asked: Mapping[Address, Sequence[Expected]]) -> Sighting:
        """See Witness."""
        seen = await asyncio.gather(*(self._look_at(server, expected) for server, expected in asked.items()))
        pairs = list(zip(asked, seen, strict=True))
        return Sighting(
            {server: behind for server, (behind, _) in pairs if behind},
            {server: why for server, (_, why) in pairs if why},
        )

    async def _look_at(self, server: Address, expected: Sequence[Expected]) -> tuple[frozenset[ServiceName], str]:
        """The services of which one server answers what is older, and why it does not answer for others, if so."""
        try:
            async with asyncio.timeout(PATIENCE):
                ip = await self._address(server.host)
        except TimeoutError:
            return frozenset(), "its name is not resolved in time"
        except SilentError as error:
            return frozenset(), str(error)
        behind, silent = set[ServiceName](), ""
        for start in range(0, len(expected), PER_SERVER):
            some = expected[start : start + PER_SERVER]
            seen = await asyncio.gather(*(self._judge(ip, server.port, each) for each in some))
            behind |= {each.service for each, has in zip(some, seen, strict=True) if has is False}
            silent = next((has for has in seen if isinstance(has, str)), silent)
            if all(isinstance(has, str) for has in seen):
                break  # it is away, and would keep all others waiting
        return frozenset(behind), silent

    async def _judge(self, ip: IP, port: int, expected: Expected) -> bool | str:
        """Whether a server has what was written of one service; or why it does not say."""
        try:
            return await self._has(ip, port, expected)
        except SilentError as error:
            return str(error)

    async def _address(self, server: IP | str) -> IP:
        if not isinstance(server, str):
            return server
        now = monotonic()
        known = self._addresses.get(server)
        if known is not None and now - known[0] < KEPT:
            return known[1]
        ip = await self._look_up(server)
        if ip is None:
            raise SilentError("its name has no address")
        if len(self._addresses) >= MOST_KEPT:
            self._addresses.clear()
        self._addresses[server] = now, ip
        return ip

    async def _has(self, ip: IP, port: int, expected: Expected) -> bool:
        """Whether the server at ``ip`` has what was written.

        Raises:
            SilentError: it does not answer.
        """
        texts = await self._ask(ip, port, marker_name(expected.service), "TXT")
        found = (read_marker(RecordSet(marker_name(expected.service), "TXT", (text,))) for text in texts)
        generations = [marker.generation for marker in found if marker is not None and marker.owner == expected.owner]
        if expected.generation is None:
            return not generations
        if not generations or max(generations) < expected.generation:
            return False
        name = f"{ANYBODY}{expected.service[1:]}" if expected.service.startswith("*.") else expected.service
        for kind, allowed in expected.values.items():
            if not await self._ask(ip, port, name, kind.value) <= allowed:
                return False
        return True

    async def _ask(self, ip: IP, port: int, name: str, kind: str) -> frozenset[str]:
        """The values of one type in the answer."""
        query = dns.message.make_query(name, kind, use_edns=0, payload=PAYLOAD)
        query.flags &= ~dns.flags.RD
        try:
            answer = await self._answer(query, ip, port)
        except dns.exception.Timeout:
            raise SilentError(f"no answer from {ip} within {PATIENCE:g} s") from None
        except (dns.exception.DNSException, OSError, EOFError) as error:
            raise SilentError(f"no answer from {ip}: {type(error).__name__} {error}") from None
        if answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN} or not answer.flags & dns.flags.AA:
            raise SilentError(f"{ip} is no authority: {dns.rcode.to_text(answer.rcode())}")
        wanted = dns.rdatatype.from_text(kind)
        found = [rdata.to_text() for rrset in answer.answer if rrset.rdtype == wanted for rdata in rrset]
        return frozenset(text.lower() if kind in ANSWERS else text for text in found)

    async def _answer(self, query: dns.message.Message, ip: IP, port: int) -> dns.message.Message:
        ask = partial(dns.asyncquery.udp_with_fallback, query, str(ip), PATIENCE / TRIES, port, ignore_unexpected=True)
        async with self._queries:
            for _ in range(TRIES - 1):
                with suppress(dns.exception.Timeout):
                    return (await ask())[0]
            return (await ask())[0]


def allowed_values(
    values: Collection[tuple[RecordType, str]], kinds: Collection[RecordType]
) -> dict[RecordType, frozenset[str]]:
    """``values`` by type, for each of ``kinds``."""
    return {kind: frozenset(value.lower() for each, value in values if each is kind) for kind in kinds}
