"""The one connection that is kept between two attempts."""

from probes.net.allowance import Allowance
from probes.net.connection import Stream
from probes.net.http1 import Response


class Keeper:
    """Keeps a connection to one target, and is its user, while nobody else uses it."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._kept: Stream | None = None
        self._reader: Response | None = None
        self._unfinished: Stream | None = None
        self._closed = False

    def close(self) -> None:
        """Keep nothing, and nothing that is still to come either."""
        self._closed = True
        self._end_all()

    def take(self) -> tuple[Stream, Response] | None:
        """The idle connection, if there is one, and what has read its last response and can read the next.

        A response that is still coming in has had its time.
        """
        if self._unfinished is not None:
            self._unfinished.abort()
            self._unfinished = None
        stream, reader = self._kept, self._reader
        if stream is None or reader is None:
            return None
        self._kept = self._reader = None
        self._allowance.give()
        return stream, reader

    def keep(self, stream: Stream, response: Response) -> None:
        """Keep a connection until the next attempt."""
        if self._unfinished is stream:
            self._unfinished = None
        self._end_all()
        if self._closed or not self._allowance.take():
            stream.abort()
            return
        self._kept, self._reader, stream.user = stream, response, self

    def finish(self, stream: Stream) -> None:
        """Let the rest of a response come in until the next attempt, to keep its connection then."""
        if self._closed:
            stream.abort()
            return
        if self._unfinished is not stream:
            self._end_all()
        self._unfinished = stream

    def connected(self) -> None:
        """See User; it was long ago."""

    def received(self, data: bytes) -> None:  # noqa: ARG002  nobody has asked
        """See User: the kept connection says what nobody has asked for."""
        self._end_all()

    def lost(self, error: Exception | None) -> None:  # noqa: ARG002  servers may close what is idle
        """See User: the kept connection has ended."""
        self._end_all()

    def _end_all(self) -> None:
        kept = self.take()
        if kept is not None:
            kept[0].abort()
