"""The one connection that is kept between two attempts."""

from typing import NamedTuple

from probes.net.allowance import Allowance
from probes.net.connection import Stream
from probes.net.http1 import Response


class Kept(NamedTuple):
    """An idle connection, and what has read its last response and can read the next."""

    stream: Stream
    response: Response


class Keeper:
    """Keeps a connection to one target while nobody uses it."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._kept: Kept | None = None
        self._unfinished: Stream | None = None
        self._closed = False

    def close(self) -> None:
        """Keep nothing, and nothing that is still to come either."""
        self._closed = True
        self._end_all()

    def take(self) -> Kept | None:
        """The idle connection, if there is one. A response that is still coming in has had its time."""
        if self._unfinished is not None:
            self._unfinished.abort()
        kept, self._kept, self._unfinished = self._kept, None, None
        if kept is not None:
            self._allowance.give()
        return kept

    def keep(self, stream: Stream, response: Response) -> None:
        """Keep a connection until the next attempt."""
        if self._closed:
            stream.abort()
            return
        if self._unfinished is stream:
            self._unfinished = None
        self._end_all()
        if not self._allowance.take():
            stream.abort()
            return
        self._kept, stream.user = Kept(stream, response), _Idle(self, stream)

    def finish(self, stream: Stream) -> None:
        """Let the rest of a response come in until the next attempt, to keep its connection then."""
        if self._closed:
            stream.abort()
            return
        if self._unfinished is not stream:
            self._end_all()
        self._unfinished = stream

    def drop(self, stream: Stream) -> None:
        """An idle connection has ended, or says what nobody has asked for."""
        stream.abort()
        if self._kept is not None:
            self._allowance.give()
        self._kept = None

    def _end_all(self) -> None:
        kept = self.take()
        if kept is not None:
            kept.stream.abort()


class _Idle:
    """User of a connection between two attempts."""

    __slots__ = ("_keeper", "_stream")

    def __init__(self, keeper: Keeper, stream: Stream) -> None:
        self._keeper, self._stream = keeper, stream

    def connected(self) -> None:
        """See User; it was long ago."""

    def received(self, data: bytes) -> None:  # noqa: ARG002  nobody has asked
        """See User."""
        self._keeper.drop(self._stream)

    def lost(self, error: Exception | None) -> None:  # noqa: ARG002  servers may close what is idle
        """See User."""
        self._keeper.drop(self._stream)
