"""Many replies to one message: made as the client reads."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from gslb.nameserver.connection import FLUSH, KERNEL_BUFFER, Connection
from gslb.nameserver.limits import DEFAULT, TcpLimits
from gslb.nameserver.responder import Responder
from gslb.nameserver.tally import Tally
from gslb.nameserver.tcp import TcpListener, client_of, open_tcp
from tests.nameserver.streams import LENGTH
from tests.waiting import until

SIZE = 60_000
MANY = 300


class Streaming(Responder):
    """Answers a message with as many replies as its id says; counts them."""

    made = 0

    def stream(self, packet: bytes, source: str, tally: Tally) -> Iterator[bytes]:
        for number in range(int.from_bytes(packet[:2])):
            self.made += 1
            yield packet[:2] + number.to_bytes(2) + bytes(SIZE)
        if packet[2]:
            raise ValueError("the zone has gone")


@contextlib.asynccontextmanager
async def serving(
    responder: Responder, limits: TcpLimits
) -> AsyncIterator[tuple[TcpListener, asyncio.StreamReader, asyncio.StreamWriter]]:
    listener = TcpListener(responder, limits)
    with open_tcp(socket.AF_INET, "127.0.0.1", 0, reuse_port=False) as sock:
        listener.start([sock])
        reader, writer = await asyncio.open_connection(*sock.getsockname(), limit=1024)
        try:
            yield listener, reader, writer
        finally:
            writer.close()
            await listener.stop()


def message(replies: int, fault: int = 0) -> bytes:
    return LENGTH.pack(12) + replies.to_bytes(2) + bytes([fault]) + bytes(9)


async def read(reader: asyncio.StreamReader) -> tuple[int, int]:
    """How many there are to be, and which of them this is."""
    (size,) = LENGTH.unpack(await reader.readexactly(2))
    packet = await reader.readexactly(size)
    return int.from_bytes(packet[:2]), int.from_bytes(packet[2:4])


async def test_replies_are_made_no_faster_than_they_are_read() -> None:
    responder = Streaming()
    async with serving(responder, TcpLimits()) as (_, reader, writer):
        writer.write(message(MANY))
        assert await read(reader) == (MANY, 0)
        made = -1
        while made != responder.made:  # until the buffers are full
            made = responder.made
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 0.1)
        assert made < MANY / 2
        assert made * SIZE < 8 * 2**20 + FLUSH + 2 * KERNEL_BUFFER  # the most that the kernel takes on loopback
        assert [await read(reader) for _ in range(1, MANY)] == [(MANY, number) for number in range(1, MANY)]


async def test_what_is_asked_behind_it_is_answered_behind_it() -> None:
    async with serving(Streaming(), TcpLimits()) as (_, reader, writer):
        writer.write(message(3) + message(1) + message(2))
        assert [await read(reader) for _ in range(6)] == [(3, 0), (3, 1), (3, 2), (1, 0), (2, 0), (2, 1)]


async def test_who_closes_its_side_gets_all_of_it() -> None:
    async with serving(Streaming(), TcpLimits()) as (_, reader, writer):
        writer.write(message(50))
        writer.write_eof()
        assert [await read(reader) for _ in range(50)] == [(50, number) for number in range(50)]
        assert await reader.read() == b""


async def test_a_reader_that_goes_on_reading_is_not_idle() -> None:
    async with serving(Streaming(), TcpLimits(idle=0.3)) as (_, reader, writer):
        loop = asyncio.get_running_loop()
        at = loop.time()
        writer.write(message(MANY))
        for number in range(MANY):
            assert await read(reader) == (MANY, number)
            if number % 20 == 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.Event().wait(), 0.05)
        assert loop.time() - at > 0.6


async def test_a_reader_that_stops_is_idle() -> None:
    responder = Streaming()
    async with serving(responder, TcpLimits(idle=0.2)) as (listener, _, writer):
        writer.write(message(65535))
        await until(lambda: listener.stats.closed_for_idling == 1)
        assert responder.made < 1000


async def test_where_it_fails_the_connection_ends(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(Streaming(), TcpLimits()) as (_, reader, writer):
        writer.write(message(2, fault=1))
        with contextlib.suppress(ConnectionResetError):
            assert len(await reader.read()) <= 2 * (SIZE + 6)
        assert "the zone has gone" in capsys.readouterr().out


async def test_the_idle_time_in_force_can_be_asked_for() -> None:
    async with serving(Streaming(), TcpLimits(connections=2, idle=10.0)) as (listener, reader, writer):
        assert listener.idle == 10.0
        writer.write(message(1))
        await read(reader)
        _, second = await asyncio.open_connection(*writer.get_extra_info("peername"))
        await until(lambda: listener.idle < 10.0)
        assert listener.idle == pytest.approx(1.0)
        second.close()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%lo", "fe80::2", True),
    ],
)
def test_a_client_is_an_address_or_a_network_of_64_bits(one: str, other: str, *, same: bool) -> None:
    assert (client_of(one) == client_of(other)) is same


async def test_a_connection_that_has_ended_leaves_nothing_behind() -> None:
    """Nothing that only the garbage collector would find, which has little time beside thousands of them a second."""
    gc.collect()
    gc.disable()
    try:
        async with serving(Responder(), DEFAULT) as (listener, _, _):
            for number in range(20):
                reader, writer = await asyncio.open_connection(*listener._sockets[0].getsockname())
                writer.write(message(1) * (number % 3))
                if number % 2:
                    writer.transport.abort()
                else:
                    writer.write_eof()
                    await reader.read()
                    writer.close()
                del reader, writer
            await until(lambda: len(left_of(Connection)) == 1)
            mine = 21  # of this side; of the other one the one that is there
            await until(lambda: len(left_of(asyncio.Transport)) <= mine + 1)
    finally:
        gc.enable()


def left_of(kind: type) -> list[object]:
    return [found for found in gc.get_objects() if isinstance(found, kind)]
