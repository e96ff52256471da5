"""NOTIFY (RFC 1996): who is told of which zone, when, how often, and with which signature."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import cast

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest

from gslb.model.address import Address, parse_address, parse_ip
from gslb.nameserver.snapshot import Snapshot
from gslb.nameserver.transfer import notifier as module
from gslb.nameserver.transfer.access import Transfer, TsigKey, make_key
from gslb.nameserver.transfer.notifier import TRIES, Notice, Notifier
from gslb.nameserver.transfer.schedule import NotifySchedule, sources
from tests.control.loops import running
from tests.nameserver.support import ZONES
from tests.nameserver.transfers import COM, KEY, NET
from tests.waiting import until

Answer = Callable[[dns.message.Message], bool]


class Hearing(asyncio.DatagramProtocol):
    """A secondary that hears; it answers what ``answers`` says yes to."""

    def __init__(self, answers: Answer, key: TsigKey | None) -> None:
        self.heard: list[dns.message.Message] = []
        self.senders: list[str] = []
        self._answers, self._key = answers, key

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data, keyring=make_key(self._key) if self._key else False)
        self.heard.append(query)
        self.senders.append(addr[0])
        if self._answers(query):
            self._transport.sendto(dns.message.make_response(query).to_wire(), addr)

    @property
    def zones(self) -> list[str]:
        return [query.question[0].name.to_text() for query in self.heard]


@contextlib.asynccontextmanager
async def secondary(
    answers: Answer = lambda _: True, key: TsigKey | None = None
) -> AsyncIterator[tuple[Hearing, Address]]:
    loop = asyncio.get_running_loop()
    transport, heard = await loop.create_datagram_endpoint(lambda: Hearing(answers, key), local_addr=("127.0.0.1", 0))
    try:
        yield heard, Address(parse_ip("127.0.0.1"), transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)


@contextlib.asynccontextmanager
async def notifying(**addresses: str) -> AsyncIterator[Notifier]:
    made = Notifier({int(version[1:]): parse_ip(text) for version, text in addresses.items()})
    try:
        yield made
    finally:
        made.close()


async def test_a_secondary_is_told_once_if_it_answers() -> None:
    async with secondary() as (heard, address), notifying(v4="127.0.0.9") as notifier:
        notifier.tell(address, Notice(COM, 7))
        notifier.tell(address, Notice(NET, 8))
        await until(lambda: len(heard.heard) == 2)
        await asyncio.sleep(0.15)  # as long as a second try would have taken
        assert heard.zones == [COM, NET]
        assert set(heard.senders) == {"127.0.0.9"}
    query = heard.heard[0]
    assert (query.opcode(), query.question[0].rdtype.name) == (dns.opcode.NOTIFY, "SOA")
    assert query.flags & dns.flags.AA


async def test_it_is_told_again_until_it_answers_and_no_more_than_five_times() -> None:
    async with secondary(lambda _: False) as (silent, address), notifying() as notifier:
        notifier.tell(address, Notice(COM, 7))
        await until(lambda: len(silent.heard) == TRIES)
        await asyncio.sleep(0.4)  # the next pause would have been 0.16 s
        assert len(silent.heard) == TRIES
        notifier.tell(address, Notice(COM, 8))  # which begins anew
        await until(lambda: len(silent.heard) == 2 * TRIES)


async def test_each_secondary_is_told_by_itself() -> None:
    async with secondary(lambda _: False) as (silent, first), secondary() as (heard, second), notifying() as notifier:
        for address in (first, second):
            notifier.tell(address, Notice(COM, 7))
        began = time.monotonic()
        await until(lambda: heard.heard)
        assert time.monotonic() - began < 1
        await until(lambda: len(silent.heard) > 1)
        assert len(heard.heard) == 1


async def test_messages_are_signed_and_an_answer_that_is_not_does_not_count() -> None:
    async with secondary(key=KEY) as (heard, address), notifying() as notifier:
        notifier.tell(address, Notice(COM, 7, KEY))
        await until(lambda: heard.heard)
        assert heard.heard[0].had_tsig
    async with secondary() as (deaf, address), notifying() as notifier:  # signs nothing
        notifier.tell(address, Notice(COM, 7, KEY))
        await until(lambda: len(deaf.heard) == TRIES)


async def test_one_that_refuses_is_not_told_again() -> None:
    def refuse(query: dns.message.Message) -> bool:
        query.set_rcode(dns.rcode.NOTAUTH)
        return True

    async with secondary(refuse) as (heard, address), notifying() as notifier:
        notifier.tell(address, Notice(COM, 7))
        await until(lambda: heard.heard)
        await asyncio.sleep(0.15)
        assert len(heard.heard) == 1


async def test_an_address_that_cannot_be_reached_is_no_end() -> None:
    async with secondary() as (heard, address), notifying(v4="192.0.2.1") as notifier:  # not an address of ours
        notifier.tell(address, Notice(COM, 7))
        await asyncio.sleep(0.1)
        assert heard.heard == []


async def test_the_number_of_secondaries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TARGETS", 1)
    async with secondary() as (heard, first), secondary() as (other, second), notifying() as notifier:
        for address in (first, second):
            notifier.tell(address, Notice(COM, 7))
        await until(lambda: heard.heard)
        notifier.forget_others([second])
        notifier.tell(second, Notice(COM, 7))
        await until(lambda: other.heard)
        assert len(other.heard) == 1


def snapshot(generation: int, address: Address, **serials: int) -> Snapshot:
    told = Transfer(notify=(str(address),))
    zones = tuple(replace(zone, transfer=told) for zone in ZONES[:2])
    return Snapshot(generation, zones, (), serials={COM: serials["com"], NET: serials["net"]})


async def test_zones_are_told_of_at_start_and_when_their_serial_is_new_everywhere() -> None:
    in_force = 0

    async def settled(generation: int, _: float) -> bool:
        await until(lambda: in_force >= generation)
        return True

    async with secondary() as (heard, address):
        schedule = NotifySchedule([Address(parse_ip("127.0.0.1"), 53)], settled)
        async with running(schedule.run()):
            schedule.published(snapshot(1, address, com=7, net=7))
            await asyncio.sleep(0.05)
            assert heard.heard == []  # a worker still gives the former one
            in_force = 1
            await until(lambda: sorted(heard.zones) == [COM, NET])
            schedule.published(snapshot(2, address, com=7, net=8))
            schedule.published(snapshot(3, address, com=7, net=8))
            in_force = 3
            await until(lambda: len(heard.heard) == 3)
            schedule.published(snapshot(4, address, com=7, net=8))
            in_force = 4
            await asyncio.sleep(0.05)
            assert heard.zones[2:] == [NET]


async def test_a_worker_that_is_away_keeps_nobody_from_being_told_and_they_are_told_again_when_it_is_back() -> None:
    back = asyncio.Event()

    async def settled(_: int, __: float) -> bool:
        await asyncio.sleep(0.01)
        return back.is_set()

    async with secondary() as (heard, address):
        schedule = NotifySchedule([Address(parse_ip("127.0.0.1"), 53)], settled)
        async with running(schedule.run()):
            schedule.published(snapshot(1, address, com=7, net=7))
            await until(lambda: sorted(heard.zones) == [COM, NET])
            await asyncio.sleep(0.05)
            assert len(heard.heard) == 2
            back.set()
            await until(lambda: len(heard.heard) == 4)
            assert sorted(heard.zones[2:]) == [COM, NET]


def test_the_source_is_the_one_address_that_is_listened_on() -> None:
    def of(*texts: str) -> dict[int, str]:
        return {version: str(host) for version, host in sources(map(parse_address, texts)).items()}

    assert of("192.0.2.53:53", "192.0.2.53:5300", "[2001:db8::53]:53") == {4: "192.0.2.53", 6: "2001:db8::53"}
    assert of("192.0.2.53:53", "192.0.2.54:53") == {}
    assert of("0.0.0.0:53", "[::]:53") == {}
