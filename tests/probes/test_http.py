"""http: up when a response with an expected status arrives in time, whatever else the server may send."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from gslb.model.observation import Cause, Observation
from probes.base import Target
from probes.http import Http
from tests.probes.attempts import attempt
from tests.probes.servers import (
    BRIEF,
    DEADLINE,
    Script,
    open_files,
    refusing,
    resetting,
    response,
    saying,
    serving,
    silent,
    stalling,
)

OK = response("200 OK", b"fine")


async def probe(script: Script, within: float = DEADLINE, **options: Any) -> Observation:
    """What a probe with ``options`` sees, within so many seconds, of a server that follows ``script``."""
    async with serving(script) as address:
        seen = await attempt(Http.model_validate(options), address, within)
    assert 0 < seen.latency < within + DEADLINE
    assert seen.ok is (seen.cause is None)
    return seen


async def test_an_expected_status_is_up() -> None:
    seen = await probe(saying(OK))
    assert (seen.ok, seen.detail, seen.report) == (True, "HTTP 200", None)


async def test_the_head_is_enough_where_no_document_is_read() -> None:
    assert (await probe(stalling(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"))).ok


@pytest.mark.parametrize(
    ("status", "expect", "ok"),
    [
        ("204 No Content", None, True),
        ("301 Moved Permanently", None, False),
        ("503 Service Unavailable", None, False),
        ("200 OK", ["204", "301"], False),
        ("301 Moved Permanently", ["204", "301"], True),
        ("399 Odd", ["200-399"], True),
        ("400 Bad Request", ["200-399"], False),
    ],
)
async def test_the_status_decides(status: str, expect: list[str] | None, ok: bool) -> None:  # noqa: FBT001
    options: dict[str, Any] = {"expect": expect} if expect else {}
    seen = await probe(saying(response(status)), **options)
    assert (seen.ok, seen.cause) == (ok, None if ok else Cause.STATUS)
    assert seen.detail == f"HTTP {status[:3]}"


@pytest.mark.parametrize(
    "parts",
    [
        [OK[:1], OK[1:17], OK[17:]],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"4\r\nfine\r\n", b"0\r\n\r\n"],
        [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", OK],
        [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + OK],
        [b"HTTP/1.0 200 OK\r\n\r\nfine"],
        [b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 100_000],
    ],
    ids=["in pieces", "chunked", "after early hints", "after two interim responses", "without length", "long"],
)
async def test_every_form_of_response_is_read(parts: list[bytes]) -> None:
    assert (await probe(saying(*parts))).ok


@pytest.mark.parametrize(
    ("parts", "detail"),
    [
        ([], "no response in time"),
        ([b"HTTP/1.1 200 OK\r\nContent-"], "no response in time"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"], "no response in time"),
    ],
    ids=["nothing", "half a head", "only an interim response"],
)
async def test_a_slow_response_is_a_time_out_that_says_what_was_missing(parts: list[bytes], detail: str) -> None:
    seen = await probe(stalling(*parts), BRIEF)
    assert (seen.cause, seen.detail) == (Cause.TIMEOUT, detail)
    assert seen.latency >= BRIEF * 0.9


async def test_a_slow_body_is_a_time_out_where_a_document_is_read() -> None:
    seen = await probe(stalling(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"schema'), BRIEF, document="gslb")
    assert (seen.cause, seen.detail) == (Cause.TIMEOUT, "no complete body in time")


async def test_a_silent_address_is_a_time_out() -> None:
    with silent() as hole:
        seen = await attempt(Http(), hole, BRIEF)
    assert (seen.cause, seen.detail) == (Cause.TIMEOUT, "no connection in time")


async def test_a_port_that_nobody_listens_on_is_refused() -> None:
    with refusing() as closed:
        assert (await attempt(Http(), closed, DEADLINE)).cause is Cause.REFUSED


@pytest.mark.parametrize("options", [{}, {"document": "gslb"}], ids=["head", "document"])
@pytest.mark.parametrize("parts", [[], [b"HTTP/1.1 200 OK\r\nContent-"]], ids=["at once", "within the head"])
async def test_a_reset_or_an_early_end_is_no_response(parts: list[bytes], options: dict[str, Any]) -> None:
    assert (await probe(resetting(*parts), **options)).cause is Cause.RESET
    seen = await probe(saying(*parts), **options)
    assert (seen.cause, seen.detail) == (Cause.RESET, "closed before the response was complete")


async def test_an_end_after_an_interim_response_is_no_response() -> None:
    assert (await probe(saying(b"HTTP/1.1 100 Continue\r\n\r\n"))).cause is Cause.RESET


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x03\x00\x02\x02\x46",
        b"HTTP/1.1 twohundred OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
    ids=["ssh", "tls alert", "status in words", "length in words", "another protocol"],
)
async def test_what_is_no_http_response_is_a_protocol_failure(garbage: bytes) -> None:
    assert (await probe(stalling(garbage))).cause is Cause.PROTOCOL


@pytest.mark.parametrize(
    ("options", "line", "host"),
    [
        ({}, b"GET / HTTP/1.1", None),
        ({"path": "/healthz?deep=1"}, b"GET /healthz?deep=1 HTTP/1.1", None),
        ({"method": "HEAD", "host": "api.example.com"}, b"HEAD / HTTP/1.1", b"api.example.com"),
    ],
)
async def test_the_request_is_as_configured(options: dict[str, Any], line: bytes, host: bytes | None) -> None:
    heads: list[bytes] = []

    async def script(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        await stalling(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")(head, reader, writer)

    async with serving(script) as address:
        assert (await attempt(Http.model_validate(options), address, DEADLINE)).ok
    first, *headers = heads[0].split(b"\r\n")
    assert first == line
    assert b"Host: " + (host or address.name.encode()) in headers
    assert b"Connection: close" in headers


async def test_the_host_header_is_the_configured_name_even_where_the_address_was_resolved() -> None:
    heads: list[bytes] = []

    async def script(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        await saying(OK)(head, reader, writer)

    async with serving(script) as address:
        named = Target(address.ip, address.port, "gw.example.com:8080")
        assert (await attempt(Http(), named, DEADLINE)).ok
    assert b"\r\nHost: gw.example.com:8080\r\n" in heads[0]


async def test_nothing_is_left_open_whatever_the_outcome() -> None:
    async def round_of_attempts() -> None:
        await probe(saying(OK))
        await probe(stalling(OK))
        await probe(stalling(), BRIEF / 10)
        await probe(resetting(OK[:9]))
        with refusing() as closed:
            await attempt(Http(), closed, DEADLINE)

    await round_of_attempts()  # uvloop opens a descriptor of its own with the first connection
    tasks, before = asyncio.all_tasks(), open_files()
    for _ in range(5):
        await round_of_attempts()
    async with asyncio.timeout(DEADLINE):
        while open_files() > before or asyncio.all_tasks() != tasks:  # noqa: ASYNC110  the kernel tells nobody
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "HEAD", "document": "gslb"}, "a response to HEAD has no body"),
        ({"expect": []}, "at least 1 item"),
        ({"expect": ["200-"]}, "'200-' is not a status"),
        ({"expect": ["300-200"]}, "'300-200' is not a status"),
        ({"expect": ["99"]}, "'99' is not a status"),
        ({"expect": ["600"]}, "'600' is not a status"),
        ({"expect": ["2xx"]}, "'2xx' is not a status"),
        ({"path": "healthz"}, "path"),
        ({"path": "/a b"}, "path"),
        ({"path": "/a\r\nX: y"}, "path"),
        ({"host": "a\r\nX: y"}, "host"),
        ({"host": ""}, "host"),
        ({"method": "TRACE"}, "method"),
        ({"document": "nagios"}, "document"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Http.model_validate(options)
