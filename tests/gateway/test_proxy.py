"""What crosses the gateway, and how."""

import asyncio
import gzip
from ipaddress import ip_address

import pytest

from gslb.model.address import Address
from tests.gateway.rig import DEADLINE, Reply, gateway, get, read_message, reset, talk, upstream


async def test_a_request_crosses_byte_for_byte_and_says_where_it_came_from() -> None:
    target = "/a%2Fb//../c;d?x=%20+&y&&z=1?"
    request = get(target, "X-Forwarded-For: 10.9.8.7", "Via: 1.0 before", "X-Latin: \xe9", "Accept: a", "Accept: b")
    async with upstream() as seen, gateway(seen.address) as running:
        assert (await running.ask(request)).body == b"ok"
    assert seen.requests[0].head == [
        f"GET {target} HTTP/1.1",
        "Host: api.example.com",
        "Via: 1.0 before",
        "X-Latin: \xc3\xa9",
        "Accept: a",
        "Accept: b",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Host: api.example.com",
        "Via: 1.1 gslb-istanbul",
        "Connection: close",
    ]


@pytest.mark.parametrize("target", ["/a?", "/?", "/%zz", "//host/path", "/a/./b"])
async def test_odd_targets_are_not_tidied(target: str) -> None:
    async with upstream() as seen, gateway(seen.address) as running:
        await running.ask(get(target))
    assert seen.requests[0].head[0] == f"GET {target} HTTP/1.1"


async def test_a_response_crosses_with_its_fields_and_nothing_made_up() -> None:
    answer = (
        b"HTTP/1.1 299 As You Like\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        b"Keep-Alive: timeout=5\r\nConnection: x-hop\r\nX-Hop: 1\r\nProxy-Authenticate: Basic\r\n"
        b"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\nok"
    )
    async with upstream(answer) as seen, gateway(seen.address) as running:
        reply = await running.ask(get("/"))
    assert reply.body == b"ok"
    assert reply.head == [
        "HTTP/1.1 299 As You Like",
        "Content-Length: 2",
        "Set-Cookie: a=1",
        "Set-Cookie: b=2",
        "Date: Thu, 01 Jan 2026 00:00:00 GMT",
        "Via: 1.1 gslb-istanbul",
        "Connection: close",
    ]


async def test_a_redirect_is_the_clients_to_follow() -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with upstream(answer) as seen, gateway(seen.address) as running:
        reply = await running.ask(get("/"))
    assert (reply.status, reply.values("Location")) == (302, ["http://127.0.0.1:1/"])


async def test_a_cookie_of_one_client_is_not_sent_for_another() -> None:
    """aiohttp would keep cookies of named hosts only."""
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=secret\r\nContent-Length: 0\r\n\r\n"
    async with upstream(answer) as seen, gateway(Address("localhost", seen.address.port)) as running:
        await running.ask(get("/"))
        await running.ask(get("/"))
    assert seen.requests[1].values("Cookie") == []


async def test_compressed_bodies_stay_compressed_both_ways() -> None:
    packed = gzip.compress(b"x" * 1000)
    fields = f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}"
    answer = f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode() + packed
    async with upstream(answer) as seen, gateway(seen.address) as running:
        reply = await running.ask(get("/", fields, method="POST") + packed)
    assert seen.requests[0].body == packed
    assert (reply.body, reply.values("Content-Encoding")) == (packed, ["gzip"])


async def test_an_answer_to_head_has_the_length_but_no_body() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nContent-Type: text/plain\r\n\r\n"
    async with upstream(answer) as seen, gateway(seen.address) as running:
        reply = await running.ask(get("/", method="HEAD"))
    assert (reply.status, reply.values("Content-Length"), reply.body) == (200, ["1234"], b"")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_statuses_without_body_have_none(status: bytes) -> None:
    async with (
        upstream(b"HTTP/1.1 " + status + b'\r\nETag: "a"\r\n\r\n') as seen,
        gateway(seen.address) as running,
    ):
        reply = await running.ask(get("/"))
    assert reply.head[0].encode() == b"HTTP/1.1 " + status
    assert (reply.body, reply.values("Transfer-Encoding"), reply.values("ETag")) == (b"", [], ['"a"'])


async def test_a_body_of_known_length_arrives_with_that_length() -> None:
    async with upstream() as seen, gateway(seen.address) as running:
        await running.ask(get("/", "Content-Length: 5", method="PUT") + b"hello")
    (request,) = seen.requests
    assert (request.values("Content-Length"), request.values("Transfer-Encoding"), request.body) == (
        ["5"],
        [],
        b"hello",
    )


async def test_a_chunked_body_arrives_chunked() -> None:
    async with upstream() as seen, gateway(seen.address) as running:
        await running.ask(
            get("/", "Transfer-Encoding: chunked", method="POST"), b"5;ext=1\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n"
        )
    (request,) = seen.requests
    assert (request.values("Content-Length"), request.values("Transfer-Encoding")) == ([], ["chunked"])
    assert request.body == b"5\r\nhello\r\n0\r\n\r\n"


async def test_bodies_stream_both_ways_at_the_same_time() -> None:
    """Each chunk is sent only after the one before it has come back: neither side may be held until it is whole."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while (size := await reader.readline()) != b"0\r\n":
            writer.write(size + await reader.readexactly(int(size, 16) + 2))
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async with upstream(echo) as seen, gateway(seen.address) as running:
        reader, writer = await running.connect()
        writer.write(get("/", "Transfer-Encoding: chunked", method="POST"))
        for chunk in (b"3\r\none\r\n", b"3\r\ntwo\r\n"):
            writer.write(chunk)
            assert await reader.readuntil(chunk)
        writer.write(b"0\r\n\r\n")
        assert (await reader.read()).endswith(b"0\r\n\r\n")
        writer.close()


async def test_a_client_that_does_not_read_stops_the_upstream_instead_of_filling_memory() -> None:
    sent, size, stalled = 0, 64 * 1024 * 1024, asyncio.Event()

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        try:
            while sent < size:
                writer.write(bytes(65536))
                async with asyncio.timeout(0.3):
                    await writer.drain()
                sent += 65536
        except TimeoutError:
            stalled.set()
            reset(writer)

    async with upstream(pour) as seen, gateway(seen.address) as running:
        _, writer = await running.connect()
        writer.write(get("/"))
        async with asyncio.timeout(DEADLINE):
            await stalled.wait()
        writer.close()
    assert sent < size / 2


async def test_expect_is_answered_by_the_gateway_once_an_upstream_is_there() -> None:
    async with upstream() as seen, gateway(seen.address) as running:
        reply = await running.ask(get("/", "Content-Length: 5", "Expect: 100-continue", method="POST"), b"hello")
    assert reply.raw.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert (seen.requests[0].values("Expect"), seen.requests[0].body) == ([], b"hello")


async def test_a_connection_serves_one_request_after_the_other() -> None:
    async with upstream() as seen, gateway(seen.address) as running:
        reply = await running.ask(get("/1").replace(b"Connection: close\r\n", b"") + get("/2"))
    assert reply.raw.count(b"HTTP/1.1 200 OK") == 2
    assert [request.head[0] for request in seen.requests] == ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"]


async def test_an_old_client_gets_a_body_of_unknown_length_up_to_the_end_of_the_connection() -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    async with upstream(answer) as seen, gateway(seen.address) as running:
        reply = await running.ask(get("/", version="1.0"))
    assert (reply.values("Transfer-Encoding"), reply.body) == ([], b"ok")
    assert seen.requests[0].values("Via") == ["1.0 gslb-istanbul"]


async def test_upstreams_take_turns() -> None:
    async with upstream() as one, upstream() as two, gateway(one.address, two.address) as running:
        for _ in range(4):
            await running.ask(get("/"))
    assert len(one.requests) == len(two.requests) == 2


async def test_an_upstream_over_ipv6_and_one_by_name_are_reached() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with_request = await reader.read(65536)
        if with_request:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nv6")
        writer.close()

    server = await asyncio.start_server(serve, "::1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, gateway(Address(ip_address("::1"), port)) as running:
        assert (await running.ask(get("/"))).body == b"v6"
    async with upstream() as seen, gateway(Address("localhost", seen.address.port)) as running:
        assert (await running.ask(get("/"))).body == b"ok"


async def test_a_client_that_leaves_takes_its_upstream_request_along() -> None:
    left = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(65536):
            arrived.set()
            await reader.read()
            left.set()

    arrived = asyncio.Event()
    async with upstream(wait) as seen, gateway(seen.address) as running:
        _, writer = await running.connect()
        writer.write(get("/"))
        await arrived.wait()
        writer.close()
        async with asyncio.timeout(DEADLINE):
            await left.wait()


async def test_bytes_that_an_upstream_adds_to_its_answer_reach_nobody() -> None:
    """An upstream's connection is used once, so what is left over cannot become the answer to another request."""

    async def talkative(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(65536):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")

    async with upstream(talkative) as seen, gateway(seen.address) as running:
        replies = [await running.ask(get("/")) for _ in range(3)]
    assert all(b"poison" not in reply.raw for reply in replies)


async def test_a_request_without_body_gets_none_and_its_message_is_complete() -> None:
    async def exact(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        messages.append(Reply(await read_message(reader)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    messages: list[Reply] = []
    async with upstream(exact) as seen, gateway(seen.address) as running:
        for method in ("GET", "DELETE", "POST"):
            assert (await talk(running.address, get("/", method=method))).status == 200
    lengths = [message.values("Content-Length") for message in messages]
    assert lengths[0] == []
    assert all(length in ([], ["0"]) for length in lengths)
    assert all(message.values("Transfer-Encoding") == [] for message in messages)
