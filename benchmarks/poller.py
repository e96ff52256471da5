"""Asks a nameserver the same question over and over, and knows when its answer first became another."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import cast

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from benchmarks.tools import BenchmarkError

PAUSE = 0.001
"""Seconds between an answer and the next question."""
PATIENCE = 0.25
"""Seconds after which a question counts as lost."""
REMEMBERED = 32
"""Answers of distinct bytes whose meaning is kept."""

Answer = frozenset[str]
"""Addresses of one A answer; empty for an error."""


@dataclass(frozen=True, slots=True)
class _Wish:
    holds: Callable[[Answer], bool]
    moment: asyncio.Future[float]


class Poller(asyncio.DatagramProtocol):
    """One question at a time, ``PAUSE`` after the answer to the one before.

    Attributes:
        answer: the latest.
    """

    def __init__(self, name: str) -> None:
        query = dns.message.make_query(name, dns.rdatatype.A, use_edns=False)
        query.flags = 0
        self._query = query.to_wire()[2:]
        self._number = 0
        self.answer = Answer()
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._wish: _Wish | None = None
        self._read: dict[bytes, Answer] = {}

    async def until(self, holds: Callable[[Answer], bool], what: str, within: float) -> float:
        """The monotonic moment of the next answer for which ``holds``.

        Raises:
            BenchmarkError: there is none within so many seconds.
        """
        self._wish = _Wish(holds, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(within):
                return await self._wish.moment
        except TimeoutError:
            raise BenchmarkError(f"{what}: not within {within:.0f} s") from None
        finally:
            self._wish = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to ask."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        self._ask()

    def datagram_received(self, data: bytes, _: object) -> None:
        """Look at an answer; one that came too late counts no more."""
        moment = time.monotonic()
        if data[:2] != self._number.to_bytes(2):
            return
        self._next(PAUSE)
        self.answer = self._meaning(data[2:])
        if self._wish and not self._wish.moment.done() and self._wish.holds(self.answer):
            self._wish.moment.set_result(moment)

    def error_received(self, _: Exception) -> None:
        """Nobody listens yet, or any more: the question is lost, and asked again in time."""

    def close(self) -> None:
        """Ask no more."""
        if self._timer:
            self._timer.cancel()
        if self._transport:
            self._transport.close()

    def _ask(self) -> None:
        if self._transport:
            self._number = (self._number + 1) % 0x10000
            self._transport.sendto(self._number.to_bytes(2) + self._query)
        self._next(PATIENCE)

    def _next(self, pause: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(pause, self._ask)

    def _meaning(self, data: bytes) -> Answer:
        """Addresses in an answer without its first two bytes, read once for all that are alike."""
        if data not in self._read:
            if len(self._read) >= REMEMBERED:
                self._read.clear()
            self._read[data] = _addresses(data)
        return self._read[data]


@contextlib.asynccontextmanager
async def polling(name: str, port: int) -> AsyncIterator[Poller]:
    """A poller of the A records of ``name`` at a port of 127.0.0.1."""
    loop = asyncio.get_running_loop()
    _, poller = await loop.create_datagram_endpoint(lambda: Poller(name), remote_addr=("127.0.0.1", port))
    with contextlib.closing(poller):
        yield poller


def _addresses(data: bytes) -> Answer:
    with contextlib.suppress(dns.exception.DNSException):
        message = dns.message.from_wire(b"\0\0" + data)
        if message.rcode() == dns.rcode.NOERROR:
            return frozenset(
                record.address for rrset in message.answer if rrset.rdtype == dns.rdatatype.A for record in rrset
            )
    return frozenset()
