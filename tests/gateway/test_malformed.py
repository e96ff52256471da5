"""Requests that nobody should forward. Each is refused, and no upstream sees a byte of it."""

import asyncio

import pytest

from gslb.gateway import upload
from tests.gateway.rig import DEADLINE, gateway, get, upstream

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])
"""It is the parser that is asked here, whatever loop feeds it."""

POST = "POST / HTTP/1.1\r\nHost: a\r\n"

BAD = {
    "content-length with transfer-encoding": POST + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "differing content-lengths": POST + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "content-length list": POST + "Content-Length: 3, 4\r\n\r\nabc",
    "signed content-length": POST + "Content-Length: +3\r\n\r\nabc",
    "hexadecimal content-length": POST + "Content-Length: 0x3\r\n\r\nabc",
    "empty content-length": POST + "Content-Length: \r\n\r\nabc",
    "content-length in other digits": POST + "Content-Length: \u0663\r\n\r\nabc",
    "unknown coding": POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "another coding": POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "http/1.0 with transfer-encoding": "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "folded line": POST + "A: b\r\n c\r\n\r\n",
    "space before colon": POST + "A : b\r\n\r\n",
    "bare CR": POST + "A: b\rc\r\n\r\n",
    "bare LF": "GET / HTTP/1.1\nHost: a\n\n",
    "NUL": POST + "A: b\0c\r\n\r\n",
    "LF in a chunk extension": POST + "Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
    "chunk size overflow": POST + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "no host": "GET / HTTP/1.1\r\n\r\n",
    "no host, http/1.0": "GET / HTTP/1.0\r\n\r\n",
    "two hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "hosts joined": "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "target for another host": "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "target not ASCII": "GET /\u00e9 HTTP/1.1\r\nHost: a\r\n\r\n",
    "target with fragment": "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    "header too large": POST + f"A: {'x' * 9000}\r\n\r\n",
    "too many headers": POST + "A: b\r\n" * 200 + "\r\n",
    "tunnel": "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    "upgrade": "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
}


@pytest.mark.parametrize("request_text", BAD.values(), ids=BAD.keys())
async def test_it_is_refused_and_the_connection_closed(request_text: str) -> None:
    async with upstream() as seen, gateway(seen.address) as running:
        # What follows on the connection must not be taken for a request either.
        reply = await running.ask(request_text.encode() + get("/smuggled"))
    assert reply.status in (400, 501)
    assert reply.values("Content-Length") == [str(len(reply.body))]
    assert seen.requests == []


async def test_the_parser_speaks_of_bad_requests_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async with upstream() as seen, gateway(seen.address) as running:
        await running.ask(BAD["bare CR"].encode())
    assert caplog.records == []


async def test_a_body_that_goes_wrong_on_the_way_ends_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiohttp does not tell the handler about a malformed chunk, so it looks like a body that does not go on."""
    monkeypatch.setattr(upload, "CLIENT_PATIENCE", 0.2)
    begun, rest = asyncio.Event(), bytearray()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n3\r\nabc\r\n")
        begun.set()
        rest.extend(await reader.read())

    async with upstream(script) as seen, gateway(seen.address) as running:
        reader, writer = await running.connect()
        writer.write(get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n")
        async with asyncio.timeout(DEADLINE):
            await begun.wait()
        writer.write(b"zz\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        writer.close()
    assert rest == b""
