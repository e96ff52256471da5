"""One check: when its next attempt starts, how long that may take, and in which order results count.

Regular attempts keep their phase and never overlap. While failures wait to be confirmed, attempts start ``confirm``
apart even if the one before is still silent: otherwise every confirming attempt into a black hole would cost its whole
time limit. So at most one regular attempt, ``fall`` - 1 confirming ones (but one in any case), and one more after a
closed tripwire are under way. Results count in the order in which the attempts started.
"""

from collections import deque
from dataclasses import dataclass

from gslb.model.observation import CheckKey, Observation
from gslb.model.pacing import Pace, RoundTrip, backed_off, hedge_after, next_regular, observe_round_trip
from gslb.model.step import Condition, ProbeState


@dataclass(slots=True, eq=False)
class Attempt:
    """One attempt under way, or finished and waiting for older ones.

    Attributes:
        started: monotonic seconds.
        timeout: its time limit.
        hedge: seconds after which it is slow enough to begin confirming; None where its limit comes first.
        tripped: a closed tripwire has led to it.
        confirming: it is to confirm a failure, and no regular one.
        observation: its outcome.
    """

    started: float
    timeout: float
    hedge: float | None = None
    tripped: bool = False
    confirming: bool = False
    observation: Observation | None = None


class Check:
    """The schedule of one check.

    Attributes:
        due: when ``start`` should be called next, in monotonic seconds.

    Args:
        key: which one.
        pace: its timing.
        first: when to start.
        phase: a moment that regular attempts lie whole intervals from; default: ``first``.
    """

    def __init__(self, key: CheckKey, pace: Pace, first: float, phase: float | None = None) -> None:
        self.key, self.pace = key, pace
        self.due = first
        self._phase = first if phase is None else phase
        self._started = float("-inf")
        self._confirming = self._tripped = False
        self._down_since: float | None = None
        self._usual: RoundTrip | None = None
        self._attempts: deque[Attempt] = deque()

    def start(self, now: float, *, queued: bool = False) -> Attempt | None:
        """Begin the attempt that is due, or skip it; either way ``due`` moves on.

        Args:
            now: monotonic seconds.
            queued: it is late because it had to wait for its turn, which it must not lose.
        """
        late, self.due = now - self.due, self._next(max(now, self.due))  # it may be called a little early
        # A process that was stopped comes back at its phase instead of starting all checks at once.
        if not (self._has_room() if self._confirming else not self._attempts and (queued or late < self.pace.interval)):
            return None
        if self._confirming:
            attempt = Attempt(now, self.pace.confirm_timeout, None, self._tripped, confirming=True)
        else:
            attempt = Attempt(now, self.pace.timeout, hedge_after(self.pace, self._usual))
        self._tripped, self._started = False, now
        self._attempts.append(attempt)
        return attempt

    def finish(self, attempt: Attempt, observation: Observation) -> list[Attempt]:
        """Note an outcome; returns the attempts whose results count now, oldest first."""
        attempt.observation = observation
        if observation.ok and self.pace.hedge is not None:
            self._usual = observe_round_trip(self._usual, observation.latency)
        ready = []
        while self._attempts and self._attempts[0].observation is not None:
            ready.append(self._attempts.popleft())
        return ready

    def follow(self, state: ProbeState, now: float) -> bool:
        """Take the pace that suits the state of the check; whether ``due`` has moved."""
        recovering = state.condition is not Condition.DOWN or state.successes > 0
        returns = recovering and self._down_since is not None
        self._down_since = None if recovering else state.since
        # What answers to an attempt from before the tripwire closed does not spare it the attempt after that.
        if self._confirm(now, wanted=state.suspect or self._tripped):
            return True
        if returns and not self._confirming:
            self.due = min(self.due, self._next(now))  # or the end of a long interval would have to come first
        return returns

    def hedge(self, attempt: Attempt, now: float) -> bool:
        """``attempt`` is slow: confirm at once whether that is a failure; whether ``due`` has moved."""
        return attempt.observation is None and self._confirm(now, wanted=True)

    def trip(self, now: float) -> None:
        """The tripwire has closed: attempt at once, and confirm."""
        self._confirming = self._tripped = True
        self.due = now

    def hurry(self, now: float) -> bool:
        """Attempt at once, unless that is under way anyhow; after that the phase goes on.

        Whoever asks again and again is served every ``confirm`` seconds at most. Returns whether ``due`` has moved,
        which it never does to a later moment: what is overdue keeps its place.
        """
        due = max(now, self._started + self.pace.confirm)
        if self._attempts or self._confirming or due >= self.due:
            return False
        self.due = due
        return True

    def _has_room(self) -> bool:
        under_way = sum(attempt.confirming for attempt in self._attempts)
        return under_way < max(1, self.pace.thresholds.fall - 1) + self._tripped

    def _confirm(self, now: float, *, wanted: bool) -> bool:
        if wanted is self._confirming:
            return False
        self._confirming = wanted
        self.due = self._next(now)
        return True

    def _next(self, now: float) -> float:
        if self._confirming:
            return now + self.pace.confirm
        down_since = self._down_since
        interval = self.pace.interval if down_since is None else backed_off(self.pace, now - down_since)
        return next_regular(self._phase, interval, now)
