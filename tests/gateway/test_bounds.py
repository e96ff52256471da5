"""Nothing a client does takes more than its share."""

import asyncio

import pytest

from gslb.gateway import listeners, relay, upload
from tests.gateway.rig import DEADLINE, OK, gateway, get, read_message, upstream
from tests.waiting import until


async def test_a_body_that_says_it_is_too_large_is_refused_before_any_upstream_is_asked() -> None:
    async with upstream() as seen, gateway(seen.address, max_body=4) as running:
        reader, writer = await running.connect()
        writer.write(get("/", "Content-Length: 5", "Expect: 100-continue", method="POST"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
        writer.close()
    assert seen.requests == []


async def test_a_body_that_turns_out_too_large_is_refused_on_the_way() -> None:
    async with upstream() as seen, gateway(seen.address, max_body=4) as running:
        ask = get("/", "Transfer-Encoding: chunked", method="POST")
        assert (await running.ask(ask, b"4\r\nfour\r\n", b"0\r\n\r\n")).status == 200
        assert (await running.ask(ask, b"4\r\nfour\r\n", b"1\r\n!\r\n", b"0\r\n\r\n")).status == 413
    assert [request.body for request in seen.requests] == [b"4\r\nfour\r\n0\r\n\r\n"]


async def test_a_body_that_does_not_come_is_not_waited_for_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "CLIENT_PATIENCE", 0.1)
    async with upstream() as seen, gateway(seen.address) as running:
        reader, writer = await running.connect()
        writer.write(get("/", "Content-Length: 5", method="POST"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        writer.close()
    assert seen.requests == []


async def test_a_header_that_does_not_end_is_not_waited_for_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "CLIENT_PATIENCE", 0.1)
    async with upstream() as seen, gateway(seen.address) as running:
        assert (await running.ask(b"GET / HTTP/1.1\r\nHost: a\r\n")).raw == b""


async def test_a_client_that_does_not_read_is_not_waited_for_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "CLIENT_PATIENCE", 0.1)
    size = 64 * 1024 * 1024
    async with (
        upstream(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)) as seen,
        gateway(seen.address) as running,
    ):
        _, writer = await running.connect()
        writer.write(get("/"))
        await until(lambda: any("Reset" in each or "Broken" in each for each in seen.broken))
        writer.close()


async def test_more_requests_than_connections_wait_and_then_are_sent_away() -> None:
    release, busy = asyncio.Event(), asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        busy.set()
        async with asyncio.timeout(DEADLINE):
            await release.wait()
        writer.write(OK)

    async with upstream(hold) as seen, gateway(seen.address, max_connections=1, connect_timeout=0.2) as running:
        first = asyncio.create_task(running.ask(get("/")))
        await busy.wait()
        refused = await running.ask(get("/"))
        waiting = asyncio.create_task(running.ask(get("/")))
        release.set()
        assert (refused.status, refused.values("Retry-After")) == (503, ["1"])
        assert [(await first).status, (await waiting).status] == [200, 200]
