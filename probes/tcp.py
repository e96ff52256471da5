"""tcp: the endpoint accepts a connection and, where asked to, answers as expected.

Options:
    send        text to send once connected; default none
    expect      text that must then come, within the first 64 KiB; default none, so that the connection alone is enough

A service that speaks first (SMTP, SSH) needs ``expect`` only.
"""

from time import monotonic
from typing import Annotated, Self

from pydantic import Field, model_validator

from gslb.model.observation import Cause, Observation, Timing
from gslb.model.options import CONFIDENTIAL, Options
from probes.base import Done, Target, error_failure, failure
from probes.net.network import Network

MAX_ANSWER = 64 * 1024
SHOWN = 60
"""characters of an unexpected answer that are told"""

Text = Annotated[str, Field(min_length=1, max_length=4096)]


class Tcp(Options):
    """Connect; maybe say something and listen; close."""

    send: Annotated[Text | None, CONFIDENTIAL, Field(repr=False, description="text to send once connected")] = None
    expect: Annotated[Text | None, Field(description="text that must then come, within the first 64 KiB")] = None

    @model_validator(mode="after")
    def _an_answer_is_waited_for(self) -> Self:
        if self.send is not None and self.expect is None:
            raise ValueError("the connection ends before what is sent can be read; add expect, or remove send")
        return self

    def session(self, target: Target, network: Network) -> "_Session":
        """See Probe."""
        return _Session(self, target, network)


class _Session:
    """Nothing is kept between attempts."""

    def __init__(self, probe: Tcp, target: Target, network: Network) -> None:
        self._target, self._network = target, network
        self._send = probe.send.encode() if probe.send else b""
        self._expect = probe.expect.encode() if probe.expect else b""

    def start(self, timeout: float, done: Done) -> "_Attempt":  # noqa: ARG002  the port's signature
        """See Session."""
        return _Attempt(self._target, self._network, self._send, self._expect, done)

    def close(self) -> None:
        """See Session."""


class _Attempt:
    """One connection."""

    __slots__ = ("_answer", "_connection", "_done", "_expect", "_send", "_sent", "_started", "_timing")

    def __init__(self, target: Target, network: Network, send: bytes, expect: bytes, done: Done) -> None:
        self._send, self._expect, self._done = send, expect, done
        self._answer, self._timing = b"", Timing()
        self._started = self._sent = monotonic()
        self._connection = network.connect(target.ip, target.port, self)

    def expire(self) -> Observation:
        """See Attempt."""
        self._connection.abort()
        missing = "no connection in time" if self._connection.connect_time is None else "no expected answer in time"
        return failure(Cause.TIMEOUT, self._elapsed(), missing, self._timing)

    def connected(self) -> None:
        """See User."""
        self._timing = Timing(connect=self._connection.connect_time)
        self._sent = monotonic()
        if self._send:
            self._connection.write(self._send)
        if not self._expect:
            self._succeed()

    def received(self, data: bytes) -> None:
        """See User."""
        if not self._answer:
            self._timing = Timing(self._connection.connect_time, first_byte=monotonic() - self._sent)
        self._answer += data
        if self._expect in self._answer[:MAX_ANSWER]:
            self._succeed()
        elif len(self._answer) >= MAX_ANSWER:
            self._connection.abort()
            detail = f"expected answer is not in the first {MAX_ANSWER} octets"
            self._done(failure(Cause.BODY, self._elapsed(), detail, self._timing))

    def lost(self, error: Exception | None) -> None:
        """See User."""
        if error is not None:
            self._done(error_failure(error, self._elapsed(), self._timing))
        elif self._answer:
            shown = self._answer[:SHOWN].decode("ascii", "backslashreplace")
            self._done(failure(Cause.BODY, self._elapsed(), f"unexpected answer {shown!r}", self._timing))
        else:
            self._done(failure(Cause.RESET, self._elapsed(), "closed without an answer", self._timing))

    def _succeed(self) -> None:
        self._connection.abort()
        self._done(Observation(ok=True, latency=self._elapsed(), timing=self._timing))

    def _elapsed(self) -> float:
        return monotonic() - self._started
