"""http with ``document = "gslb"``: the body says whether the gateway serves, and how busy it is."""

import pytest

from gslb.model.observation import Cause, HealthReport, Observation, ServingState
from probes.http import Http
from probes.net.http1 import MAX_BODY
from tests.probes.attempts import attempt
from tests.probes.servers import DEADLINE, Script, response, saying, serving


async def probe(script: Script) -> Observation:
    async with serving(script) as address:
        return await attempt(Http(document="gslb"), address, DEADLINE)


def document(state: str, more: str = "") -> bytes:
    return f'{{"schema": 1, "state": "{state}", "in_flight": 12.5, "version": "abc"{more}}}'.encode()


@pytest.mark.parametrize("state", ["ok", "degraded", "draining"])
async def test_a_gateway_that_serves_is_up_and_its_report_is_handed_on(state: str) -> None:
    seen = await probe(saying(response("200 OK", document(state, ', "saturation": 0.75'))))
    assert (seen.ok, seen.detail) == (True, "HTTP 200")
    assert seen.report == HealthReport(ServingState(state), 0.75)


@pytest.mark.parametrize(
    ("more", "saturation"), [("", 0.0), (', "saturation": 2', 2.0), (', "saturation": -1', 0.0), (', "x": [{}]', 0.0)]
)
async def test_saturation_is_optional_and_never_negative(more: str, saturation: float) -> None:
    seen = await probe(saying(response("200 OK", document("ok", more))))
    assert seen.report == HealthReport(ServingState.OK, saturation)


async def test_load_errors_and_configuration_are_handed_on() -> None:
    seen = await probe(
        saying(response("200 OK", document("ok", ', "load": 12.5, "errors": 0.02, "config_version": "b2"')))
    )
    assert seen.report == HealthReport(ServingState.OK, 0.0, 0.02, 12.5, "b2")


@pytest.mark.parametrize(
    ("more", "errors", "load"),
    [
        ("", 0.0, None),
        (', "load": null', 0.0, None),
        (', "load": 0', 0.0, 0.0),
        (', "load": -3', 0.0, 0.0),
        (', "errors": -1', 0.0, None),
        (', "errors": 7', 1.0, None),
    ],
)
async def test_load_may_be_unknown_and_errors_are_a_share(more: str, errors: float, load: float | None) -> None:
    seen = await probe(saying(response("200 OK", document("ok", more))))
    assert seen.report == HealthReport(ServingState.OK, errors=errors, load=load)


async def test_a_stated_configuration_is_shown_short_and_without_what_a_terminal_would_obey() -> None:
    seen = await probe(saying(response("200 OK", document("ok", f', "config_version": "\\u001b[2J{"x" * 100}"'))))
    assert seen.report is not None
    assert seen.report.configuration == "\\x1b[2J" + "x" * 56 + "..."


async def test_a_gateway_that_says_it_is_unavailable_is_down_even_with_status_200() -> None:
    seen = await probe(saying(response("200 OK", document("unavailable"))))
    assert (seen.cause, seen.detail) == (Cause.BODY, "HTTP 200, health document says unavailable")


async def test_status_503_is_down_and_says_what_the_document_says() -> None:
    seen = await probe(saying(response("503 Service Unavailable", document("unavailable"))))
    assert (seen.cause, seen.detail) == (Cause.STATUS, "HTTP 503, health document says unavailable")
    assert (await probe(saying(response("503 Service Unavailable", b"sorry")))).detail == "HTTP 503"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"\xff\xfe",
        b"[]",
        b'{"schema": 1, "state": "ok"',
        b'{"state": "ok"}',
        b'{"schema": 1}',
        b'{"schema": 2, "state": "ok"}',
        b'{"schema": 1, "state": "happy"}',
        b'{"schema": 1, "state": "ok", "saturation": "high"}',
        b'{"schema": 1, "state": "ok", "saturation": 1e999}',
        b'{"schema": 1, "state": "ok", "errors": "many"}',
        b'{"schema": 1, "state": "ok", "load": "heavy"}',
        b'{"schema": 1, "state": "ok", "config_version": 7}',
        b'{"schema": 1, "state": "ok", "x": ' + b"[" * 30_000,
    ],
    ids=[
        "empty",
        "text",
        "bytes",
        "list",
        "cut off",
        "no schema",
        "no state",
        "newer schema",
        "unknown state",
        "saturation in words",
        "saturation without bounds",
        "errors in words",
        "load in words",
        "configuration as a number",
        "nested too deeply",
    ],
)
async def test_what_is_no_health_document_is_down(body: bytes) -> None:
    seen = await probe(saying(response("200 OK", body)))
    assert (seen.ok, seen.cause) == (False, Cause.BODY)
    assert seen.detail.startswith("HTTP 200, health document: ")


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1d\r\n", document("ok")[:29], b"\r\n"],
        [b"HTTP/1.1 200 OK\r\n\r\n", document("ok")[:9], document("ok")[9:]],
        [b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n", document("ok")],
        [b"HTTP/1.1 103 Early Hints\r\n\r\n", response("200 OK", document("ok"))],
    ],
    ids=["chunked", "until the end of the connection", "HTTP 1.0", "after an interim response"],
)
async def test_the_document_is_read_in_every_form_of_body(parts: list[bytes]) -> None:
    if b"chunked" in parts[0]:
        rest = document("ok")[29:]
        parts = [*parts, f"{len(rest):x}\r\n".encode(), rest, b"\r\n0\r\n\r\n"]
    seen = await probe(saying(*parts))
    assert seen.report == HealthReport(ServingState.OK, 0.0), seen


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfi",
    ],
    ids=["by length", "by chunks"],
)
async def test_a_body_that_is_cut_off_is_no_response(head: bytes) -> None:
    """``Connection: close`` must not make a complete response of it."""
    for close in (b"", b"Connection: close\r\n"):
        cut = head.replace(b"OK\r\n", b"OK\r\n" + close, 1)
        seen = await probe(saying(cut + (document("ok") if b"Length" in head else b"")))
        assert (seen.cause, seen.detail) == (Cause.RESET, "closed before the response was complete")


async def test_a_body_without_end_is_not_read_to_the_end() -> None:
    seen = await probe(saying(b"HTTP/1.1 200 OK\r\n\r\n", *[b" " * 4096] * (MAX_BODY // 4096), b" ", b" " * 4096))
    assert (seen.cause, seen.detail) == (Cause.BODY, f"HTTP 200, body of more than {MAX_BODY} octets")


async def test_a_body_of_the_largest_size_is_read() -> None:
    body = document("ok").ljust(MAX_BODY)
    assert (await probe(saying(response("200 OK", body)))).ok
