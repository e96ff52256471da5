import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gslb.gateway.admission import admit
from gslb.gateway.refusal import RefusalError

HOST = ("Host", "api.example.com")


def refused(method: str, target: str, version: tuple[int, int], *fields: tuple[str, str]) -> int:
    with pytest.raises(RefusalError) as caught:
        admit(method, target, version, CIMultiDict(fields))
    return caught.value.status


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#")))
def test_an_origin_form_target_is_taken_as_it_is(rest: str) -> None:
    assert admit("GET", f"/{rest}", (1, 1), CIMultiDict([HOST])) == f"/{rest}"


@pytest.mark.parametrize(
    ("target", "taken"),
    [
        ("http://api.example.com/a?b", "/a?b"),
        ("HTTP://API.example.com", "/"),
        ("http://api.example.com?b", "/?b"),
        ("http://api.example.com//a", "//a"),
    ],
)
def test_an_absolute_target_for_the_host_becomes_origin_form(target: str, taken: str) -> None:
    assert admit("GET", target, (1, 1), CIMultiDict([HOST])) == taken


@pytest.mark.parametrize(
    "target",
    [
        "http://other.example.com/",
        "http://api.example.com:80/",
        "http://user@api.example.com/",
        "https://api.example.com/",
        "ftp://api.example.com/",
        "/a#b",
        "a",
        "",
    ],
)
def test_any_other_target_is_a_bad_request(target: str) -> None:
    assert refused("GET", target, (1, 1), HOST) == 400


@pytest.mark.parametrize("host", ["a,b", "a, a", "", "a b", "a/b", "user@a", "a:b", "a:123456", "[::1", "::1"])
def test_a_host_that_is_not_one_authority_is_a_bad_request(host: str) -> None:
    assert refused("GET", "/", (1, 1), ("Host", host)) == 400


@pytest.mark.parametrize("host", ["a", "api.example.com:8080", "192.0.2.1", "[2001:db8::1]:80", "a_b.example"])
def test_a_valid_host_is_taken(host: str) -> None:
    assert admit("GET", "/", (1, 1), CIMultiDict([("Host", host)])) == "/"


def test_host_is_required_once_in_every_version() -> None:
    assert refused("GET", "/", (1, 0)) == 400
    assert refused("GET", "/", (1, 1), HOST, HOST) == 400


def test_framing_that_others_might_read_differently_is_refused() -> None:
    assert refused("POST", "/", (1, 0), HOST, ("Transfer-Encoding", "chunked")) == 400
    assert refused("POST", "/", (1, 1), HOST, ("Transfer-Encoding", "gzip, chunked")) == 501
    assert refused("POST", "/", (1, 1), HOST, ("Transfer-Encoding", "gzip"), ("Transfer-Encoding", "chunked")) == 501


def test_what_this_form_of_the_gateway_does_not_do_is_said_so() -> None:
    assert refused("CONNECT", "a:1", (1, 1), HOST) == 501
    assert refused("GET", "/", (1, 1), HOST, ("Upgrade", "websocket")) == 501
    assert refused("OPTIONS", "*", (1, 1), HOST) == 501
    assert refused("GET", "/", (1, 1), HOST, ("Expect", "a miracle")) == 417
    assert refused("GET", "/", (2, 0), HOST) == 505
