"""What a probe saw: one observation of one address, and why it failed if it did.

Thousands of these values are made every second. So what makes them is a msgspec.Struct, which takes a tenth of the time
that a frozen dataclass does, and which the garbage collector need not look at.
"""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from gslb.model.names import ProbeName, VantageName


class Cause(StrEnum):
    """Why a probe failed."""

    REFUSED = "refused"
    RESET = "reset"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    RESOLVE = "resolve"
    TLS = "tls"
    CERTIFICATE = "certificate"
    STATUS = "status"
    BODY = "body"
    PROTOCOL = "protocol"
    ANSWER = "answer"
    """A DNS server answered with something else than expected."""
    EXIT = "exit"
    """A command ended with a failure."""
    FORBIDDEN = "forbidden"
    """The name or redirect leads to an address that must not be probed."""
    LOCAL = "local"
    """The prober itself could not try: no file descriptor, no source address."""


class ServingState(StrEnum):
    """What a gateway says of itself in its health document."""

    OK = "ok"
    DEGRADED = "degraded"
    DRAINING = "draining"
    UNAVAILABLE = "unavailable"


class HealthReport(msgspec.Struct, frozen=True, gc=False):
    """The part of a gateway's health document that decisions use.

    Attributes:
        state: what the gateway says of itself.
        saturation: load / capacity, 0.0 where the gateway states no capacity; above 1.0 when overloaded.
        errors: share of 5xx among its responses, 0..1.
        load: requests per second; None where it does not say.
        configuration: version of its configuration; empty where it does not say.
    """

    state: ServingState = ServingState.OK
    saturation: float = 0.0
    errors: float = 0.0
    load: float | None = None
    configuration: str = ""


class Timing(msgspec.Struct, frozen=True, gc=False):
    """Where the time of an attempt went, in seconds; None for a phase that it did not reach or does not have.

    Attributes:
        connect: until the TCP connection was established.
        tls: the TLS handshake.
        first_byte: from the request to the first octet of the response.
    """

    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None


class Observation(msgspec.Struct, frozen=True, gc=False):
    """Outcome of one attempt.

    Attributes:
        ok: the attempt met every expectation.
        latency: seconds from start to verdict.
        cause: None when ok.
        detail: one line for people: ``HTTP 503``, ``Connection refused``.
        report: the health document, where the probe reads one.
        timing: the latency by phases, where the probe knows them.
    """

    ok: bool
    latency: float
    cause: Cause | None = None
    detail: str = ""
    report: HealthReport | None = None
    timing: Timing | None = None


REFERENCE = ProbeName("reference target")
"""Names the checks of reference targets. No probe of a configuration can be called so: a key has no blanks."""


@dataclass(frozen=True, slots=True)
class CheckKey:
    """What is probed from where. Checks are shared: the same probe of the same address runs once."""

    vantage: VantageName
    probe: ProbeName
    target: str
    """``host:port`` as configured"""


class ProbeResult(msgspec.Struct, frozen=True, gc=False):
    """An observation with its place and time.

    Attributes:
        key: which check.
        at: monotonic seconds at which the attempt started.
        observation: what was seen.
        tripped: a closed tripwire led to the attempt.
    """

    key: CheckKey
    at: float
    observation: Observation
    tripped: bool = False

    @property
    def ended(self) -> float:
        """Monotonic seconds at which the outcome was known."""
        return self.at + self.observation.latency
