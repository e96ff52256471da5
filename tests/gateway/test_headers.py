import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.gateway.headers import Pairs, has_control, sendable, to_client, to_upstream, via

END_TO_END = ("A", "B", "Host", "Authorization", "Cookie", "Content-Length", "Set-Cookie", "X-Forwarded-For")
NOT_END_TO_END = ("Connection", "TE", "Trailer", "Upgrade", "Keep-Alive", "Transfer-Encoding", "Proxy-Connection")
names = st.sampled_from((*END_TO_END, *NOT_END_TO_END, "Proxy-Authorization"))
pairs = st.lists(st.tuples(names, st.sampled_from(["x", "a", "close, B", "A,host , TE", "authorization"])))

HOP_BY_HOP = {"te", "trailer", "upgrade", "keep-alive", "transfer-encoding", "connection"}


def forwarded(*fields: tuple[str, str]) -> Pairs:
    return to_upstream(fields, client="192.0.2.1", host="h", via="1.1 g")


ADDED = [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "h"), ("Via", "1.1 g")]


@given(pairs)
def test_no_hop_by_hop_field_crosses_in_either_direction(fields: Pairs) -> None:
    for crossed in (forwarded(*fields), to_client(fields, via="1.1 g")):
        lowered = {name.lower() for name, _ in crossed}
        assert not lowered & HOP_BY_HOP
        assert not any(name.startswith("proxy-") for name in lowered)


@given(pairs)
def test_what_is_not_hop_by_hop_nor_named_crosses_in_order_and_as_often_as_it_came(fields: Pairs) -> None:
    named = {token.strip().lower() for name, value in fields if name == "Connection" for token in value.split(",")}
    kept = [pair for pair in fields if pair[0].lower() in {"a", "b", "set-cookie"} - named]
    crossed = to_client(fields, via="1.1 g")
    assert [pair for pair in crossed if pair[0].lower() in {"a", "b", "set-cookie"}] == kept


@given(pairs)
def test_connection_cannot_name_away_who_asks_and_for_what(fields: Pairs) -> None:
    for kept in ("Host", "Authorization", "Cookie", "Content-Length"):
        crossed = [value for name, value in forwarded(*fields, ("Connection", kept)) if name == kept]
        assert crossed == [value for name, value in fields if name == kept]


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "x_forwarded_for", "X-Forwarded-Port", "Forwarded", "X-Real-IP", "Proxy", "Expect"]
)
def test_what_a_client_says_about_forwarding_is_replaced(name: str) -> None:
    assert forwarded((name, "10.0.0.1"), ("Connection", "x-forwarded-for, via")) == ADDED


def test_via_entries_are_added_after_those_that_came() -> None:
    assert [value for name, value in forwarded(("Via", "1.0 a"), ("Via", "1.1 b")) if name == "Via"] == [
        "1.0 a",
        "1.1 b",
        "1.1 g",
    ]
    assert via((1, 0), "istanbul") == "1.0 gslb-istanbul"


@given(st.binary())
def test_every_header_value_can_be_sent_and_utf8_stays_as_it_is(octets: bytes) -> None:
    value = octets.decode("utf-8", "surrogateescape")
    sent = sendable(value).encode()
    assert sent == octets or sent.decode() == octets.decode("iso-8859-1")


def test_control_characters_are_found_but_tab_and_text_are_not() -> None:
    assert all(has_control(f"a{chr(code)}b") for code in [*range(9), *range(10, 32), 127])
    assert not has_control("a\tb ~é")
