"""What the socket says is told in terms of causes."""

import errno

import pytest

from gslb.model.observation import Cause
from probes.base import cause_of, error_failure


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


def test_a_time_out_without_a_number_is_one_all_the_same() -> None:
    assert cause_of(TimeoutError()) is Cause.TIMEOUT


def test_an_error_without_a_number_is_unreachable_and_keeps_its_words() -> None:
    seen = error_failure(OSError("no luck"), 0.25)
    assert (seen.ok, seen.cause, seen.latency, seen.detail) == (False, Cause.UNREACHABLE, 0.25, "no luck")
