"""One check: when its next attempt starts, how long that may take, and in which order results count.

Regular attempts keep their phase and never overlap. While failures wait to be confirmed, attempts start ``confirm``
apart even if the one before is still silent: otherwise every confirming attempt into a black hole would cost its whole
time limit. Results count in the order in which the attempts started.
"""

from collections import deque
from dataclasses import dataclass

from gslb.model.observation import CheckKey, Observation
from gslb.model.pacing import Pace, next_regular


@dataclass(slots=True, eq=False)
class Attempt:
    """One attempt under way, or finished and waiting for older ones."""

    started: float
    timeout: float
    observation: Observation | None = None


class Check:
    """The schedule of one check; ``due`` is when ``start`` should be called next, in monotonic seconds."""

    def __init__(self, key: CheckKey, pace: Pace, first: float) -> None:
        self.key, self.pace = key, pace
        self.due = first
        self._phase = first
        self._confirming = False
        self._attempts: deque[Attempt] = deque()

    def start(self, now: float) -> Attempt | None:
        """Begin the attempt that is due, or skip it; either way ``due`` moves on."""
        late, self.due = now - self.due, self._next(max(now, self.due))  # it may be called a little early
        if self._confirming:
            room = len(self._attempts) < max(1, self.pace.thresholds.fall - 1)
            timeout = self.pace.confirm_timeout
        else:
            # A process that was stopped comes back at its phase instead of starting all checks at once.
            room = not self._attempts and late < self.pace.interval
            timeout = self.pace.timeout
        if not room:
            return None
        attempt = Attempt(now, timeout)
        self._attempts.append(attempt)
        return attempt

    def finish(self, attempt: Attempt, observation: Observation) -> list[Attempt]:
        """Note an outcome; returns the attempts whose results count now, oldest first."""
        attempt.observation = observation
        ready = []
        while self._attempts and self._attempts[0].observation is not None:
            ready.append(self._attempts.popleft())
        return ready

    def confirm(self, now: float, *, wanted: bool) -> bool:
        """Switch to or from the confirming pace; whether ``due`` has moved."""
        if wanted is self._confirming:
            return False
        self._confirming = wanted
        self.due = self._next(now)
        return True

    def _next(self, now: float) -> float:
        return now + self.pace.confirm if self._confirming else next_regular(self._phase, self.pace.interval, now)
