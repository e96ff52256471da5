"""Tells secondaries that a zone has changed (RFC 1996). When that is so, and who is to be told, is not known here."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import structlog

from gslb.model.address import IP, Address
from gslb.nameserver.transfer.access import TsigKey, make_key

log = structlog.get_logger(__name__)

TRIES = 5
PATIENCE = 2.0
"""seconds that a secondary has for an answer"""
FIRST_PAUSE = 1.0
"""seconds between two tries; doubled from one to the next"""
MAX_TARGETS = 256
"""secondaries that are told; further ones find out by themselves"""


@dataclass(frozen=True, slots=True)
class Notice:
    """A zone that has changed.

    Attributes:
        zone: its origin.
        serial: the one it has now.
        key: what the message is signed with, if it is to be.
    """

    zone: str
    serial: int
    key: TsigKey | None = None


@dataclass(slots=True)
class _Target:
    """A secondary, and the newest of each zone that it is to be told."""

    address: Address
    waiting: dict[str, Notice] = field(default_factory=dict)
    due: asyncio.Event = field(default_factory=asyncio.Event)


class Notifier:
    """Tells secondaries, each in a task of its own and of the newest serial only, until they have said that they know.

    Args:
        sources: where messages come from, by version of IP; of one that is left out the system chooses.
    """

    def __init__(self, sources: Mapping[int, IP]) -> None:
        self._sources = sources
        self._targets: dict[Address, _Target] = {}
        self._tasks: dict[Address, asyncio.Task[None]] = {}

    def tell(self, address: Address, notice: Notice) -> None:
        """Have the secondary at ``address`` told. Returns at once; a task does it."""
        target = self._targets.get(address)
        if target is None:
            if len(self._targets) >= MAX_TARGETS:
                log.warning("too many secondaries to notify", secondary=str(address), most=MAX_TARGETS)
                return
            target = self._targets[address] = _Target(address)
            self._tasks[address] = asyncio.create_task(self._follow(target))
        target.waiting[notice.zone] = notice
        target.due.set()

    def forget_others(self, addresses: Collection[Address]) -> None:
        """Only these are secondaries any more."""
        for address in self._targets.keys() - set(addresses):
            del self._targets[address]
            self._tasks.pop(address).cancel()

    def close(self) -> None:
        """Tell nobody any more."""
        self.forget_others(())

    async def _follow(self, target: _Target) -> None:
        while True:
            await target.due.wait()
            await self._tell_all(target)

    async def _tell_all(self, target: _Target) -> None:
        """Try until nothing waits, or it has been tried often enough since the newest came."""
        tries, pause = 0, FIRST_PAUSE
        while target.waiting and (tries < TRIES or target.due.is_set()):
            if target.due.is_set():
                tries, pause = 0, FIRST_PAUSE
                target.due.clear()
            tries += 1
            await self._tell_each(target)
            if target.waiting:
                await _wait(target.due, pause)
                pause *= 2
        if target.waiting:
            zones = sorted(target.waiting)
            log.warning("secondary does not answer", secondary=str(target.address), zones=zones, tries=tries)
            target.waiting.clear()
        target.due.clear()

    async def _tell_each(self, target: _Target) -> None:
        """Try once. Who does not answer at all is not asked about the other zones either."""
        for notice in tuple(target.waiting.values()):
            try:
                told = await self._told(target.address, notice)
            except TimeoutError:
                return
            if told and target.waiting.get(notice.zone) is notice:
                del target.waiting[notice.zone]

    async def _told(self, address: Address, notice: Notice) -> bool:
        """Whether the secondary has said that it knows.

        Raises:
            TimeoutError: it has said nothing.
        """
        query, host = make_notify(notice), str(address.host)
        source = self._sources.get(6 if ":" in host else 4)
        try:
            answer = await dns.asyncquery.udp(
                query, host, PATIENCE, address.port, str(source) if source else None, raise_on_truncation=False
            )
        except dns.exception.Timeout:
            raise TimeoutError from None
        except (dns.exception.DNSException, OSError) as error:
            log.info("secondary not notified", secondary=str(address), zone=notice.zone, reason=_words(error))
            return False
        if answer.rcode() != dns.rcode.NOERROR:
            rcode = dns.rcode.to_text(answer.rcode())
            log.warning("secondary refuses to be notified", secondary=str(address), zone=notice.zone, rcode=rcode)
        else:
            log.info("secondary notified", secondary=str(address), zone=notice.zone, serial=notice.serial)
        return True


def make_notify(notice: Notice) -> dns.message.Message:
    """The message (RFC 1996, section 3.7)."""
    query = dns.message.make_query(notice.zone, dns.rdatatype.SOA)
    query.set_opcode(dns.opcode.NOTIFY)
    query.flags |= dns.flags.AA
    query.flags &= ~dns.flags.RD
    if notice.key is not None:
        query.use_tsig(make_key(notice.key))
    return query


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
