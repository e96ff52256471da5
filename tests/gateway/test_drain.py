"""Stopping: nobody who was promised an answer goes without."""

import asyncio
import json

import pytest
from structlog.testing import capture_logs

from tests.gateway.rig import DEADLINE, OK, Running, Script, gateway, get, talk, upstream
from tests.waiting import until


def paced(step: asyncio.Event) -> Script:
    """Send half a body, wait, send the rest."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
        async with asyncio.timeout(DEADLINE):
            await step.wait()
        writer.write(b"half")

    return script


async def begin(running: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await running.connect()
    writer.write(get("/").replace(b"Connection: close\r\n", b""))
    await reader.readuntil(b"half")
    return reader, writer


async def state(running: Running) -> str:
    return str(json.loads((await running.ask(get("/healthz"))).body)["state"])


async def test_draining_is_said_at_once_while_requests_are_still_taken() -> None:
    async with upstream() as seen, gateway(seen.address, drain_delay=0.5) as running:
        kept = get("/").replace(b"Connection: close\r\n", b"")
        running.stop.set()
        assert await state(running) == "draining"
        # The connection is not kept, or this would not return.
        assert (await talk(running.address, kept)).values("Connection") == ["close"]


async def test_a_response_in_flight_finishes_whole_after_the_gateway_has_stopped_listening() -> None:
    step = asyncio.Event()
    async with upstream(paced(step)) as seen, gateway(seen.address) as running:
        reader, writer = await begin(running)
        running.stop.set()
        await until(running.stopped_listening)
        assert not running.task.done()
        step.set()
        assert await reader.read() == b"half"
        assert await running.task == 0
        writer.close()


async def test_a_body_that_is_still_coming_in_gets_there_whole() -> None:
    halfway, whole = asyncio.Event(), bytearray()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        whole.extend(await reader.readexactly(4))
        halfway.set()
        whole.extend(await reader.readexactly(4))
        writer.write(OK)

    async with upstream(script) as seen, gateway(seen.address) as running:
        reader, writer = await running.connect()
        writer.write(get("/", "Content-Length: 8", method="POST") + b"half")
        async with asyncio.timeout(DEADLINE):
            await halfway.wait()
        running.stop.set()
        await until(running.stopped_listening)
        writer.write(b"done")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()
    assert whole == b"halfdone"


async def test_an_idle_connection_does_not_hold_up_the_end() -> None:
    async with upstream() as seen, gateway(seen.address, drain_timeout=DEADLINE) as running:
        reader, writer = await running.connect()
        writer.write(get("/").replace(b"Connection: close\r\n", b""))
        await reader.readuntil(b"ok")
        running.stop.set()
        async with asyncio.timeout(DEADLINE / 2):
            assert await running.task == 0
        assert await reader.read() == b""
        writer.close()


async def test_what_does_not_end_in_time_is_cut_and_counted() -> None:
    step = asyncio.Event()
    async with upstream(paced(step)) as seen, gateway(seen.address, drain_timeout=0.1) as running:
        reader, writer = await begin(running)
        with capture_logs() as logs:
            running.stop.set()
            assert await running.task == 0
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        step.set()
    assert [entry["requests"] for entry in logs if entry["event"] == "requests cut"] == [1]
