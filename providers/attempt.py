"""One try of a request: for how long it may be sent, and whether it was."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from providers.base import OutcomeUnknownError, ProviderError, UnavailableError


class LateError(Exception):
    """There is no answer in time, or nobody waits for one any more.

    Attributes:
        sent: the server may have seen the request; else it never will.
    """

    def __init__(self, reason: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(reason)

    def told(self, request: str, remedy: str, *, writes: bool) -> ProviderError:
        """The error of the port that says the same.

        Args:
            request: as messages begin.
            remedy: what to do about a server that does not answer.
            writes: it changes something.
        """
        if self.sent and writes:
            return OutcomeUnknownError(f"{request}: {self}; it may have been written", remedy)
        unsent = "earlier requests have no answers either"
        return UnavailableError(f"{request}: {self}", remedy if self.sent else unsent)


class Attempt:
    """One try of a request, by a thread, for whoever waits for it no longer than ``limit`` seconds from now.

    So it is always known whether the server may have seen the request: what was given up is not sent any more.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._until = monotonic() + limit
        self._lock = threading.Lock()
        self._sent = self._given_up = False

    @property
    def sent(self) -> bool:
        """Whether the server may have seen it."""
        return self._sent

    def left(self) -> float:
        """Seconds that there are.

        Raises:
            LateError: there are none.
        """
        left = self._until - monotonic()
        if left <= 0 or self._given_up:
            raise self.late()
        return left

    def begin(self) -> float:
        """It is about to be sent; how many seconds there are.

        Raises:
            LateError: there are none.
        """
        with self._lock:
            left = self.left()
            self._sent = True
            return left

    def give_up(self) -> None:
        """Nobody waits for it any more."""
        with self._lock:
            self._given_up = True

    def late(self) -> LateError:
        """That it has no answer in time."""
        return LateError(f"{'no answer' if self._sent else 'not sent'} within {self.limit:g} s", sent=self._sent)

    @contextmanager
    def holding(self, lock: threading.Lock) -> Iterator[None]:
        """Hold ``lock``, which others may have for longer than there is time.

        Raises:
            LateError: they do.
        """
        if not lock.acquire(timeout=self.left()):
            raise self.late()
        try:
            yield
        finally:
            lock.release()
