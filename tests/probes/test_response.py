"""What is expected of a response, judged without any network; and what cannot be expected of one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gslb.model.observation import Cause, HealthReport, ServingState
from probes.http import Http
from probes.net.http1 import MAX_BODY, Response, ResponseError, encode_request
from probes.response import Expectation, Verdict


def response(body: bytes = b"", status: int = 200) -> Response:
    made = Response(whole=True, head_only=False)
    made.feed(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)))
    made.feed(body)
    return made


def judge(body: bytes = b"", status: int = 200, **options: Any) -> Verdict:
    return Expectation.model_validate(options).judge(response(body, status))


PASSES = Verdict(None, "HTTP 200")


@pytest.mark.parametrize(
    ("body", "options", "fault"),
    [
        (b"all is fine", {"contains": "fine"}, None),
        ("déjà vu".encode(), {"contains": "déjà"}, None),
        (b"all is ill", {"contains": "fine"}, "body does not contain 'fine'"),
        (b"FINE", {"contains": "fine"}, "body does not contain 'fine'"),
        (b"", {"contains": "fine"}, "body does not contain 'fine'"),
        (b"version 12.3", {"matches": r"version 12\.\d"}, None),
        (b"a\nfine\nb", {"matches": r"(?m)^fine$"}, None),
        (b"\xff fine", {"matches": "^. fine$"}, None),
        (b"version 13.3", {"matches": r"version 12\.\d"}, r"body does not match 'version 12\\.\\d'"),
        (b"fine", {"matches": "^f", "contains": "e"}, None),
        (b"fin", {"matches": "^f", "contains": "e"}, "body does not contain 'e'"),
    ],
)
def test_words_and_patterns_must_be_in_the_body(body: bytes, options: dict[str, Any], fault: str | None) -> None:
    expected = PASSES if fault is None else Verdict(Cause.BODY, f"HTTP 200, {fault}")
    assert judge(body, **options) == expected


@pytest.mark.parametrize(
    ("body", "fields", "fault"),
    [
        (b'{"a": "ok"}', {"a": "ok"}, None),
        (b'{"a": {"b": [{"c": 7}]}}', {"a.b.0.c": 7}, None),
        (b"[1, [2]]", {"0": 1, "1.0": 2}, None),
        (b'{"0": 1}', {"0": 1}, None),
        (b'{"a": 1.0}', {"a": 1}, None),
        (b'{"a": 1.5}', {"a": 1.5}, None),
        (b'{"a": true}', {"a": True}, None),
        (b'{"a": null}', {"a": None}, None),
        (b'{"a": true}', {"a": 1}, "field a is True and not 1"),
        (b'{"a": 1}', {"a": True}, "field a is 1 and not True"),
        (b'{"a": 0}', {"a": False}, "field a is 0 and not False"),
        (b'{"a": "1"}', {"a": 1}, "field a is '1' and not 1"),
        (b'{"a": null}', {"a": False}, "field a is None and not False"),
        (b'{"a": [1]}', {"a": 1}, "field a is [1] and not 1"),
        (b'{"a": 1}', {"b": 1}, "body has no field b"),
        (b'{"a": 1}', {"a.b": 1}, "body has no field a.b"),
        (b"[1]", {"1": 1}, "body has no field 1"),
        (b"[1]", {"-1": 1}, "body has no field -1"),
        (b"7", {"a": 1}, "body has no field a"),
        (b'{"a": 1, "b": 2}', {"a": 1, "b": 3}, "field b is 2 and not 3"),
    ],
)  # fmt: skip
def test_fields_of_a_json_body_must_have_their_values(body: bytes, fields: dict[str, Any], fault: str | None) -> None:
    expected = PASSES if fault is None else Verdict(Cause.BODY, f"HTTP 200, {fault}")
    assert judge(body, fields=fields) == expected


@pytest.mark.parametrize("body", [b"", b"fine", b"{", b'{"a": "\xff"}', b"[" * 50_000], ids=lambda body: body[:9].hex())
def test_a_body_that_is_no_json_has_no_fields(body: bytes) -> None:
    verdict = judge(body, fields={"a": 1})
    assert verdict.cause is Cause.BODY
    assert verdict.detail.startswith("HTTP 200, body is not JSON: ")


def test_what_a_server_says_is_told_in_part_and_without_what_a_terminal_obeys() -> None:
    assert judge(b'{"a": "%s"}' % (b"x" * 9999), fields={"a": 1}).detail == (
        f"HTTP 200, field a is '{'x' * 59}... and not 1"
    )
    report = b'{"schema": 1, "state": "\\u001b[31m%s"}' % (b"x" * 9999)
    detail = judge(report, document="gslb").detail
    assert len(detail) < 300
    assert detail.isprintable()


def test_only_the_first_64_kib_of_a_body_are_looked_at() -> None:
    assert judge(b"x" * (MAX_BODY - 4) + b"fine", contains="fine") == PASSES
    assert judge(b"x" * (MAX_BODY - 3) + b"fine", contains="fine").cause is Cause.BODY
    assert judge(b"fine" + b"x" * 2 * MAX_BODY, contains="fine") == PASSES
    whole = b'{"a": 1}'.ljust(MAX_BODY)
    assert judge(whole, fields={"a": 1}) == PASSES
    assert judge(whole + b" ", fields={"a": 1}) == Verdict(Cause.BODY, f"HTTP 200, body of more than {MAX_BODY} octets")
    assert judge(whole + b" ", document="gslb").detail == f"HTTP 200, body of more than {MAX_BODY} octets"


def test_the_status_is_judged_before_the_body() -> None:
    assert judge(b"fine", 503, contains="fine") == Verdict(Cause.STATUS, "HTTP 503")
    assert judge(b"fine", 503, contains="fine", expect=["500-599"]) == Verdict(None, "HTTP 503")


def test_a_health_document_goes_with_words() -> None:
    body = b'{"schema": 1, "state": "ok", "saturation": 0.5}'
    report = HealthReport(ServingState.OK, 0.5)
    assert judge(body, document="gslb", contains="saturation") == Verdict(None, "HTTP 200", report)
    assert judge(body, document="gslb", contains="other").cause is Cause.BODY


@given(st.binary(max_size=200), st.integers(100, 999), st.dictionaries(st.text(max_size=5), st.integers() | st.none()))
def test_every_response_has_a_verdict(body: bytes, status: int, fields: dict[str, Any]) -> None:
    verdict = judge(body, max(status, 200), fields=fields, matches="(?s).")
    assert verdict.detail.startswith("HTTP ")


@given(st.data())
def test_how_a_response_is_cut_makes_no_difference(data: st.DataObject) -> None:
    text = (
        b"HTTP/1.1 103 Early\r\nContent-Length: 7\r\nLocation: /x\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n5\r\n fine\r\n0\r\nLocation: /y\r\n\r\n"
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    made = Response(whole=True, head_only=False)
    for start, stop in zip([0, *cuts], [*cuts, len(text)], strict=True):
        made.feed(text[start:stop])
        assert made.judgeable is (stop == len(text))
    assert (made.status, made.body, made.location, made.reusable) == (200, b"all fine", b"", True)


def test_a_small_head_is_no_endless_one_because_much_of_the_body_comes_with_it() -> None:
    made = Response(whole=False, head_only=False)
    made.feed(b"HTTP/1.1 200 OK\r\n")
    made.feed(b"Content-Length: 65536\r\n\r\n" + b"x" * 65512)
    assert (made.status, made.judgeable, made.pending) == (200, True, True)


@pytest.mark.parametrize("surplus", [b"HTTP/1.1 302 X\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nno", b"noise"])
def test_what_follows_a_response_does_not_change_it(surplus: bytes) -> None:
    made = Response(whole=True, head_only=False)
    made.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine" + surplus)
    assert (made.status, made.body, made.location, made.reusable) == (200, b"fine", b"", False)


def test_a_body_in_answer_to_head_spoils_the_connection_only() -> None:
    made = Response(whole=False, head_only=True)
    made.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
    assert (made.status, made.body, made.judgeable, made.reusable) == (200, b"", True, False)


def test_a_coding_other_than_chunked_is_read_to_the_end() -> None:
    made = Response(whole=True, head_only=False)
    made.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nfine")
    assert not made.judgeable
    made.end()
    assert (made.judgeable, made.body) == (True, b"fine")


def test_the_end_of_the_connection_is_no_end_of_a_response_with_a_length() -> None:
    made = Response(whole=True, head_only=False)
    made.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfine")
    with pytest.raises(ResponseError, match="closed before the response was complete"):
        made.end()


def test_the_end_of_the_connection_adds_nothing_to_a_complete_response() -> None:
    made = response(b"fine")
    made.end()
    assert (made.complete, made.body) == (True, b"fine")


def test_a_request_has_a_length_where_its_method_or_body_calls_for_one() -> None:
    assert encode_request("GET", "/", {"Host": "x"}, b"") == b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert encode_request("POST", "/", {}, b"") == b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
    assert encode_request("DELETE", "/", {}, b"ab") == b"DELETE / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"


def test_credentials_are_masked_where_options_are_shown() -> None:
    probe = Http(headers={"Authorization": "Bearer 1234", "X-Api-Key": "1234", "cookie": "a=1234", "Accept": "x/y"})
    shown = probe.model_dump()["headers"]
    assert shown == {"Authorization": "***", "X-Api-Key": "***", "cookie": "***", "Accept": "x/y"}
    assert "1234" not in probe.model_dump_json()
    assert "1234" not in repr(probe)
    assert probe.headers["Authorization"] == "Bearer 1234"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "HEAD", "contains": "x"}, "a response to HEAD has no body; remove what is expected of it"),
        ({"method": "HEAD", "fields": {"a": 1}}, "a response to HEAD has no body"),
        ({"body": "x"}, "a GET request has no body; remove body, or use method POST"),
        ({"method": "HEAD", "body": "x"}, "a HEAD request has no body"),
        ({"document": "gslb", "fields": {"a": 1}}, "document and fields both say what is in the body; remove one"),
        ({"matches": "(x"}, r"'\(x' is not a regular expression: .*; see Python's re for the syntax"),
        ({"contains": ""}, "at least 1 character"),
        ({"fields": {"a": [1]}}, "fields"),
        ({"headers": {"Host": "x"}}, r"header Host is made by gslb itself; remove it \(host sets the Host header\)"),
        ({"headers": {"content-LENGTH": "1"}}, "header content-LENGTH is made by gslb itself"),
        ({"headers": {"A B": "1"}}, "headers"),
        ({"headers": {"A": "1\r\nB: 2"}}, "headers"),
        ({"headers": {f"A{number}": "" for number in range(51)}}, "at most 50 items"),
        ({"host": "a/b"}, "host"),
        ({"host": "a..b"}, "host"),
        ({"host": ".a"}, "host"),
        ({"host": "::1"}, "host"),
        ({"host": "a" * 64}, "host"),
        ({"redirects": 11}, "redirects"),
        ({"redirects": -1}, "redirects"),
        ({"path": "/\x7f"}, "path"),
        ({"tls": {}}, "tls"),
        ({"keepalive": True}, "keepalive"),
    ],
)  # fmt: skip
def test_options_that_cannot_work_are_refused_in_clear_words(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Http.model_validate(options)


@pytest.mark.parametrize("host", ["a", "a.b:80", "[::1]", "[::1]:80", "127.0.0.1:80", "a_b.c-d.", "xn--a.b"])
def test_hosts_that_work_are_taken(host: str) -> None:
    assert Http(host=host).host == host
