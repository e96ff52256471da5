"""Addresses are read strictly and written so that they read back."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.address import Address, parse_address, parse_ip

_labels = st.text("abyz059-_", max_size=61).map("g{}0".format)
_names = st.lists(_labels, min_size=1, max_size=4).map(".".join)
_addresses = st.builds(Address, st.ip_addresses() | _names, st.integers(1, 65535))


@given(_addresses)
def test_a_written_address_reads_back(address: Address) -> None:
    assert parse_address(str(address)) == address


@given(st.ip_addresses())
def test_a_written_ip_reads_back(ip: IPv4Address | IPv6Address) -> None:
    assert parse_ip(str(ip)) == ip


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("192.0.2.1:80", ip_address("192.0.2.1")),
        ("[2001:db8::1]:80", ip_address("2001:db8::1")),
        ("[2001:DB8:0::1]:80", ip_address("2001:db8::1")),
        ("gw-1.Example.com:80", "gw-1.example.com"),
        ("localhost:80", "localhost"),
    ],
)
def test_ip_bracketed_ip_and_name_are_told_apart(text: str, host: str | IPv4Address | IPv6Address) -> None:
    assert parse_address(text) == Address(host, 80)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("", "write host:port, or [address]:port for IPv6"),
        ("192.0.2.1", "write host:port, or [address]:port for IPv6"),
        ("192.0.2.1:", "write host:port, or [address]:port for IPv6"),
        ("192.0.2.1:http", "write host:port, or [address]:port for IPv6"),
        ("192.0.2.1:²", "write host:port, or [address]:port for IPv6"),
        ("[::1]", "write host:port, or [address]:port for IPv6"),
        ("::1:80", "write [::1:80]:port"),
        ("192.0.2.1:0", "ports go from 1 to 65535"),
        ("[::1]:65536", "ports go from 1 to 65535"),
        ("192.0.2.256:80", "write one such as 203.0.113.7"),
        ("192.0.2:80", "write one such as 203.0.113.7"),
    ],
)
def test_a_faulty_address_is_refused_with_its_remedy(text: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=re.escape(remedy)):
        parse_address(text)


@pytest.mark.parametrize("host", ["", "a b", "-gw.example", "gw-.example", "gw..example", "x" * 64, "x." * 127 + "x"])
def test_what_is_no_host_name_is_refused_by_name(host: str) -> None:
    with pytest.raises(ValueError, match="neither an IP address nor a host name") as caught:
        parse_address(f"{host}:80")
    assert repr(host) in str(caught.value)


@pytest.mark.parametrize("text", ["", "192.0.2", "192.0.2.1/32", "gw.example", "::1::"])
def test_what_is_no_ip_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match=r"write one such as 203\.0\.113\.7 or 2001:db8::7"):
        parse_ip(text)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("[127.0.0.1]:80", "write"),  # At least 3 parts expected in '127.0.0.1'
        ("[gw.example]:80", "write"),  # At least 3 parts expected in 'gw.example'
        ("[]:80", "write"),  # Address cannot be empty
        (":80", "write"),  # ':80' has '', which is neither an IP address nor a host name
        ("a b:80", "write"),
        ("2001:db8::7", "[2001:db8::7]:port"),  # write [2001:db8:]:7
        ("::1", "[::1]:port"),  # write [:]:1
    ],
)
def test_an_address_that_is_nearly_right_is_refused_with_its_remedy(text: str, remedy: str) -> None:
    with pytest.raises(ValueError, match="write") as caught:
        parse_address(text)
    assert remedy in str(caught.value)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["[::1]:٨٠", "\u017f.example:80", "\u212a.example:80"])
def test_only_ascii_is_an_address(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_address(text)
