"""The port that every probe implements, and what they share: targets, and causes of socket errors."""

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gslb.model.address import IP
from gslb.model.observation import Cause, Observation


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


class Probe(Protocol):
    """One kind of check with its options. Instances are shared by all targets and hold no state between attempts."""

    async def attempt(self, target: Target, timeout: float) -> Observation:  # noqa: ASYNC109  a probe reports it as a cause
        """Make one attempt within ``timeout`` seconds.

        Every outcome is an Observation, time-out and socket errors included; only cancellation is raised.
        """


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
}


def cause_of(error: OSError) -> Cause:
    """The cause that a socket error stands for."""
    return _CAUSES.get(error.errno or 0, Cause.UNREACHABLE)


def failure(cause: Cause, latency: float, detail: str) -> Observation:
    """A failed attempt."""
    return Observation(ok=False, latency=latency, cause=cause, detail=detail)


def socket_failure(error: OSError, latency: float) -> Observation:
    """The failed attempt that ended in ``error``."""
    return failure(cause_of(error), latency, error.strerror or str(error))
