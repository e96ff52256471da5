"""The port that every probe implements, and what they share: targets, and causes of errors.

A probe is a class of options whose ``session`` opens what is needed to probe one target again and again. It starts
attempts, each of which ends exactly once: with a call of ``done``, or by ``expire`` when time is up. A probe that would
rather be a coroutine implements ``AsyncProbe`` instead.
"""

import errno
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Annotated, Protocol

from pydantic import AfterValidator, Field

from gslb.model.address import IP
from gslb.model.observation import Cause, Observation, Timing
from probes.net.network import Network


def without_port(authority: str) -> str:
    """The host of ``host`` or ``host:port``, without the brackets of an IPv6 address (RFC 3986, section 3.2)."""
    host, colon, _ = authority.rpartition(":")
    return (host if colon and not authority.endswith("]") else authority).strip("[]")


def _check_brackets(host: str) -> str:
    if host.startswith("["):
        try:
            IPv6Address(without_port(host))
        except ValueError:
            raise ValueError(f"{host!r} has no IPv6 address in its brackets; write one such as [::1]:8080") from None
    return host


Host = Annotated[
    str,
    Field(
        max_length=260,
        pattern=r"^(\[[0-9A-Fa-f:.]+\]|([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?)(:[0-9]{1,5})?$",
    ),
    AfterValidator(_check_brackets),
]
"""``host`` or ``host:port``, as a Host header or ``:authority`` names who is asked (RFC 9110, section 7.2)."""


@dataclass(frozen=True, slots=True)
class Target:
    """What one attempt connects to.

    Attributes:
        ip: the address, resolved.
        port: the port.
        name: ``host:port`` as configured, for headers that name the host.
    """

    ip: IP
    port: int
    name: str

    @property
    def host(self) -> str:
        """The host as configured: a name, or an address without brackets."""
        return without_port(self.name)


Done = Callable[[Observation], None]


class Attempt(Protocol):
    """One attempt under way."""

    def expire(self) -> Observation:
        """Time is up: give up, free what is held, and say what was missing. ``done`` is not called any more."""


class Session(Protocol):
    """Probes one target. Attempts may overlap while failures are being confirmed."""

    def start(self, timeout: float, done: Done) -> Attempt:
        """Begin an attempt. ``done`` takes its outcome, within this call already or later.

        Args:
            timeout: seconds after which ``expire`` will be called, for those who must know beforehand.
            done: takes the outcome, once; not called after ``expire``.

        Raises:
            OSError: it cannot even be tried; whoever calls makes it the outcome.
        """

    def close(self) -> None:
        """Free what is kept between attempts; none is under way."""


class Probe(Protocol):
    """One kind of check with its options. Instances are shared by all targets and hold no state between attempts."""

    def session(self, target: Target, network: Network) -> Session:
        """What probes ``target`` through ``network``."""


class AsyncProbe(Protocol):
    """The simpler port: one attempt is one coroutine."""

    async def attempt(self, target: Target, timeout: float) -> Observation:  # noqa: ASYNC109  told, not obeyed
        """Make one attempt; it is cancelled after ``timeout`` seconds. An OSError is told by its cause."""


_CAUSES: Mapping[int, Cause] = {
    errno.ECONNREFUSED: Cause.REFUSED,
    errno.ECONNRESET: Cause.RESET,
    errno.EPIPE: Cause.RESET,
    errno.ETIMEDOUT: Cause.TIMEOUT,
    errno.EMFILE: Cause.LOCAL,
    errno.ENFILE: Cause.LOCAL,
    errno.ENOBUFS: Cause.LOCAL,
    errno.ENOMEM: Cause.LOCAL,
    errno.EADDRNOTAVAIL: Cause.LOCAL,
    errno.EACCES: Cause.LOCAL,
    errno.EPERM: Cause.LOCAL,
    errno.ENOENT: Cause.LOCAL,
    errno.EAFNOSUPPORT: Cause.LOCAL,
}


def cause_of(error: Exception) -> Cause:
    """The cause that an error stands for. What is no OSError is a fault of the probe itself."""
    match error:
        case ssl.SSLCertVerificationError():
            return Cause.CERTIFICATE
        case ssl.SSLError():
            return Cause.TLS
        case TimeoutError():
            return Cause.TIMEOUT
        case OSError():
            return _CAUSES.get(error.errno or 0, Cause.UNREACHABLE)
        case _:
            return Cause.LOCAL


def failure(cause: Cause, latency: float, detail: str, timing: Timing | None = None) -> Observation:
    """A failed attempt."""
    return Observation(ok=False, latency=latency, cause=cause, detail=detail, timing=timing)


def error_failure(error: Exception, latency: float, timing: Timing | None = None) -> Observation:
    """The failed attempt that ended in ``error``."""
    return failure(cause_of(error), latency, _words(error), timing)


def _words(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"certificate: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS: {error.reason or error.strerror or error}"
        case OSError():
            return error.strerror or str(error)
        case _:
            return str(error)
