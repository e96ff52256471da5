"""What the socket says is told in terms of causes."""

import errno
from ipaddress import ip_address

import pytest
from pydantic import TypeAdapter, ValidationError

from gslb.model.observation import Cause
from probes.base import Host, Target, cause_of, error_failure, without_port


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ECONNREFUSED, Cause.REFUSED),
        (errno.ECONNRESET, Cause.RESET),
        (errno.EPIPE, Cause.RESET),
        (errno.ETIMEDOUT, Cause.TIMEOUT),
        (errno.EHOSTUNREACH, Cause.UNREACHABLE),
        (errno.ENETUNREACH, Cause.UNREACHABLE),
        (errno.EMFILE, Cause.LOCAL),
        (errno.EADDRNOTAVAIL, Cause.LOCAL),
        (errno.EPERM, Cause.LOCAL),
    ],
)
def test_every_socket_error_has_its_cause(number: int, cause: Cause) -> None:
    assert cause_of(OSError(number, "text")) is cause


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("gw.example.net", "gw.example.net"),
        ("gw.example.net:443", "gw.example.net"),
        ("192.0.2.1:443", "192.0.2.1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
    ],
)
def test_the_host_of_an_authority_has_neither_port_nor_brackets(authority: str, host: str) -> None:
    assert TypeAdapter(Host).validate_python(authority) == authority
    assert without_port(authority) == host


@pytest.mark.parametrize("name", ["gw.example.net:443", "192.0.2.1:443", "[2001:db8::1]:443"])
def test_a_target_has_the_host_that_its_name_begins_with(name: str) -> None:
    host = name.removesuffix(":443").strip("[]")
    assert Target(ip_address("192.0.2.1"), 443, name).host == host


@pytest.mark.parametrize("host", ["[...]", "[1]", "[:::::]", "[::1]:443:", "::1", "a/b", "user@a", "a?b", ""])
def test_what_names_no_host_is_refused(host: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Host).validate_python(host)


def test_a_time_out_without_a_number_is_one_all_the_same() -> None:
    assert cause_of(TimeoutError()) is Cause.TIMEOUT


def test_an_error_without_a_number_is_unreachable_and_keeps_its_words() -> None:
    seen = error_failure(OSError("no luck"), 0.25)
    assert (seen.ok, seen.cause, seen.latency, seen.detail) == (False, Cause.UNREACHABLE, 0.25, "no luck")
