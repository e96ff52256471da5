"""A circuit breaker: an account that fails is left alone, but for one call at a time that tries it. Pure.

Otherwise each of a thousand zones would wait for time-outs of its own, and keep the account busy when it comes back.

state       calls go through                              it ends
closed      all                                           after ``TOLERATED`` failures in a row: open
open        none                                          after a wait: half-open; an urgent one ends it sooner, once
half-open   the one that has ended the wait               as that ends: closed, or open and a longer wait
"""

from dataclasses import dataclass, field

from gslb.control.writing.backoff import EXTRA, Backoff

TOLERATED = 5
"""Failures in a row."""
PROBE = 60.0
"""Seconds after which a call that tries the account, and of which nothing is heard, is not waited for."""


@dataclass(slots=True)
class Breaker:
    """The breaker of one account. All moments are on one clock, in seconds.

    Attributes:
        failures: in a row.
        until: when the wait ends; None while it is closed.
    """

    failures: int = 0
    until: float | None = None
    _tried: float = field(default=float("-inf"), repr=False)
    _trying: float | None = field(default=None, repr=False)

    @property
    def closed(self) -> bool:
        """Whether all calls go through."""
        return self.until is None

    def admit(self, now: float, *, hurry: bool = False) -> float:
        """Let a call through, which is to say how it ended; or say in how many seconds to ask again.

        Args:
            now: the moment.
            hurry: it is worth to try before the wait is over.
        """
        if self.until is None:
            return 0.0
        if self._trying is not None and now < self._trying:
            return min(self._trying - now, EXTRA)
        due = min(self.until, self._tried + EXTRA) if hurry else self.until
        if now < due:
            return due - now
        self._tried, self._trying = now, now + PROBE
        return 0.0

    def succeeded(self) -> bool:
        """The account has answered; whether the breaker was open until now."""
        was_open = self.until is not None
        self.failures, self.until, self._trying = 0, None, None
        return was_open

    def failed(self, now: float, backoff: Backoff, chance: float) -> bool:
        """The account has failed; whether the breaker is open from now on, and was not before.

        Args:
            now: the moment.
            backoff: how long to wait.
            chance: 0..1.
        """
        if self.until is not None and self._trying is None:
            return False  # the call had begun before all that
        self.failures += 1
        self._tried = now
        if self.until is None and self.failures < TOLERATED:
            return False
        was_closed = self.until is None
        self.until, self._trying = now + backoff.wait(max(1, self.failures - TOLERATED + 1), chance), None
        return was_closed

    def undecided(self) -> None:
        """A call ended without a word of the account's: another one may try it."""
        self._trying = None
