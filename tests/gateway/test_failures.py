"""What a client gets when an upstream fails it, at every point at which one can."""

import asyncio
import socket

import pytest

from gslb.model.address import Address
from tests.gateway.rig import DEADLINE, LOOPBACK, Script, gateway, get, read_message, refusing, reset, upstream
from tests.waiting import until


def says(*parts: bytes, rst: bool = False) -> Script:
    """Answer a request with ``parts`` and end the connection."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
        if rst:
            reset(writer)

    return script


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take everything, say nothing."""
    await reader.read()


async def test_an_upstream_that_refuses_is_passed_over() -> None:
    async with upstream() as seen:
        with refusing() as dead:
            async with gateway(dead, seen.address) as running:
                replies = [await running.ask(get("/", method="POST")) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 200]


async def test_an_upstream_that_died_since_the_last_check_is_passed_over_with_the_body_still_whole() -> None:
    async with upstream() as dying, upstream() as seen, gateway(dying.address, seen.address) as running:
        dying.stop()
        for _ in range(2):
            reply = await running.ask(get("/", "Content-Length: 5", method="POST") + b"hello")
            assert reply.status == 200
    assert [request.body for request in seen.requests] == [b"hello", b"hello"]


async def test_without_any_upstream_it_is_a_bad_gateway() -> None:
    with refusing() as one, refusing() as two:
        async with gateway(one, two) as running:
            assert (await running.ask(get("/"))).status == 502


async def test_an_upstream_is_left_alone_and_tried_again_once_its_time_has_come() -> None:
    """The checks come a second apart, so it is the requests that find out."""
    async with upstream() as seen, gateway(seen.address, upstream_retry=0.3) as running:
        seen.stop()
        assert (await running.ask(get("/"))).status == 502
        await seen.start()
        assert (await running.ask(get("/"))).status == 502

        async def answers() -> bool:
            return (await running.ask(get("/"))).status == 200

        await until(answers)


@pytest.mark.parametrize(
    "answer",
    [
        says(),
        says(rst=True),
        says(b"HTTP/1.1 200 OK\r\nContent-Le"),
        says(b"rubbish\r\n\r\n"),
        says(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 0\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"),
    ],
    ids=["closed", "reset", "half a header", "rubbish", "101", "gzip", "cl+te", "CR", "control", "huge header"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_valid_answer_is_a_bad_gateway_and_nothing_is_sent_twice(answer: Script, method: str) -> None:
    asked = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await answer(reader, writer)
        asked += 1

    async with upstream(counted) as one, upstream(counted) as two, gateway(one.address, two.address) as running:
        reply = await running.ask(get("/", method=method))
    assert (reply.status, asked) == (502, 1)


async def test_a_silent_upstream_is_a_gateway_timeout() -> None:
    async with upstream(silent) as seen, gateway(seen.address, idle_timeout=0.1) as running:
        assert (await running.ask(get("/"))).status == 504
        assert (await running.ask(get("/", "Content-Length: 2", method="POST") + b"ab")).status == 504


async def test_an_upstream_that_stops_reading_is_a_gateway_timeout() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        async with asyncio.timeout(DEADLINE):
            await done.wait()
        reset(writer)

    done, size = asyncio.Event(), 32 * 1024 * 1024
    async with upstream(deaf) as seen, gateway(seen.address, idle_timeout=0.2) as running:
        reply = await running.ask(get("/", f"Content-Length: {size}", method="PUT"), bytes(size))
        done.set()
    assert reply.status == 504


CUT = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
}


@pytest.mark.parametrize("answer", CUT.values(), ids=CUT.keys())
async def test_a_body_that_breaks_off_never_looks_complete(answer: bytes) -> None:
    async with upstream(says(answer)) as seen, gateway(seen.address) as running:
        reply = await running.ask(get("/"))
    assert not reply.raw.endswith(b"0\r\n\r\n")
    assert reply.values("Content-Length") in ([], ["100"])
    assert len(reply.body) < 100


async def test_a_malformed_chunk_breaks_a_body_off() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        writer.write(CUT["chunked"])
        async with asyncio.timeout(DEADLINE):
            await arrived.wait()
        writer.write(b"zz\r\n")

    arrived = asyncio.Event()
    async with upstream(script) as seen, gateway(seen.address, idle_timeout=0.3) as running:
        reader, writer = await running.connect()
        writer.write(get("/"))
        assert await reader.readuntil(b"half\r\n")
        arrived.set()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_to_an_old_client_a_body_that_breaks_off_is_a_reset() -> None:
    """It has no other way to tell the end of the connection from the end of the body."""
    async with upstream(says(CUT["chunked"])) as seen, gateway(seen.address) as running:
        reader, writer = await running.connect()
        writer.write(get("/", version="1.0"))
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_a_reset_does_not_pass_for_the_end_of_a_body_without_length() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await writer.drain()
        async with asyncio.timeout(DEADLINE):
            await arrived.wait()
        reset(writer)

    arrived = asyncio.Event()
    async with upstream(script) as seen, gateway(seen.address) as running:
        reader, writer = await running.connect()
        writer.write(get("/"))
        assert await reader.readuntil(b"half\r\n")
        arrived.set()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_the_end_of_the_connection_is_the_end_of_a_body_without_length() -> None:
    async with upstream(says(b"HTTP/1.1 200 OK\r\n\r\nwhole")) as seen, gateway(seen.address) as running:
        assert (await running.ask(get("/"))).raw.endswith(b"\r\n\r\n5\r\nwhole\r\n0\r\n\r\n")


async def test_silence_within_a_body_breaks_it_off() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(CUT["length"])
        await reader.read()

    async with upstream(script) as seen, gateway(seen.address, idle_timeout=0.1) as running:
        reply = await running.ask(get("/"))
    assert reply.body == b"half"


async def test_an_address_that_swallows_connections_costs_no_more_than_the_timeout() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        swallowing = Address(LOOPBACK, full.getsockname()[1])
        # A full backlog answers no SYN.
        with socket.create_connection(full.getsockname()):
            async with upstream() as seen, gateway(swallowing, seen.address, connect_timeout=0.2) as running:
                assert (await running.ask(get("/"))).status == 200
            async with gateway(swallowing, connect_timeout=0.2, upstream_retry=0) as running:
                assert (await running.ask(get("/"))).status == 502
