"""The real monitor on a virtual clock: runners, slots and checks, and targets that take the time they are told to."""

import heapq
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from ipaddress import ip_address
from itertools import count
from typing import cast

from gslb.control.clock import Clock
from gslb.control.descriptors import Budget
from gslb.control.monitor import Monitor
from gslb.control.resolver import Resolver
from gslb.control.runner import CheckSetup
from gslb.model.address import Address
from gslb.model.observation import CheckKey, Observation, ProbeResult
from gslb.model.pacing import Pace
from gslb.model.step import ProbeState, step
from probes.base import Done, Target
from probes.net.network import Network
from probes.net.reactor import Reactor, Timer
from tests.control.bench import key
from tests.control.virtual import timed_out

Seen = Callable[[str, float, float], Observation]
"""What an attempt sees, by target, start and time limit."""


class VirtualClock(Clock):
    """Shows what it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> datetime:
        raise NotImplementedError


class VirtualReactor:
    """Timers only, in the order of virtual time."""

    def __init__(self, clock: VirtualClock) -> None:
        self.stood_still = 0.0
        self._clock = clock
        self._ticket = count()
        self._timers: list[tuple[float, int, Timer]] = []

    def at(self, when: float, call: Callable[[], object]) -> Timer:
        timer = Timer(when, call)
        heapq.heappush(self._timers, (when, next(self._ticket), timer))
        return timer

    def run(self, until: float) -> None:
        while self._timers and self._timers[0][0] <= until:
            when, _, timer = heapq.heappop(self._timers)
            if timer.call is not None:
                self._clock.now = max(self._clock.now, when)
                timer.call()
        self._clock.now = until


class Fleet:
    """So many targets, ``gw-0:80`` and so on, each with one check."""

    def __init__(self, number: int, pace: Pace, see: Seen, in_flight: int = 1000) -> None:
        self.clock = VirtualClock()
        self.begin = self.clock.now
        self.names = [f"192.0.2.1:{port}" for port in range(1, number + 1)]
        self.starts: list[tuple[float, str]] = []
        self.late: list[float] = []
        self.under_way: Counter[str] = Counter()
        self.most_of_one = self.most = 0
        self.states: dict[CheckKey, ProbeState] = {}
        self.heard: Callable[[ProbeResult], object] = lambda _: None
        self._see, self._pace = see, pace
        self._reactor = VirtualReactor(self.clock)
        self.monitor = Monitor(self.clock, Resolver(lambda _: None), self._deliver, self.late.append, Budget(in_flight))
        self.monitor._reactor = cast("Reactor", self._reactor)
        self.configure(self.names)

    def configure(self, names: list[str]) -> None:
        self.monitor.configure(
            {
                key(name): CheckSetup(self, self._pace, Address(ip_address("192.0.2.1"), int(name.rpartition(":")[2])))
                for name in names
            }
        )

    def run(self, seconds: float) -> "Fleet":
        self._reactor.run(self.clock.now + seconds)
        return self

    def starts_of(self, name: str) -> list[float]:
        return [start for start, target in self.starts if target == name]

    def session(self, target: Target, network: Network) -> "_Session":
        return _Session(self, target.name)

    def begun(self, name: str, limit: float, done: Done) -> "_Attempt":
        now = self.clock.now
        self.starts.append((now - self.begin, name))
        self.under_way[name] += 1
        self.most_of_one = max(self.most_of_one, self.under_way[name])
        self.most = max(self.most, self.under_way.total())
        seen = self._see(name, now - self.begin, limit)
        attempt = _Attempt(self, name, limit)
        if seen.latency < limit:
            attempt.timer = self._reactor.at(now + seen.latency, partial(attempt.end, seen, done))
        return attempt

    def _deliver(self, result: ProbeResult) -> ProbeState:
        before = self.states.get(result.key, ProbeState())
        after = step(before, result.observation, result.ended, self._pace.thresholds, tripped=result.tripped)
        self.states[result.key] = after
        self.heard(result)
        return after


class _Session:
    def __init__(self, fleet: Fleet, name: str) -> None:
        self._fleet, self._name = fleet, name

    def start(self, timeout: float, done: Done) -> "_Attempt":
        return self._fleet.begun(self._name, timeout, done)

    def close(self) -> None:
        """Nothing is kept."""


class _Attempt:
    def __init__(self, fleet: Fleet, name: str, limit: float) -> None:
        self._fleet, self._name, self._limit = fleet, name, limit
        self.timer: Timer | None = None

    def end(self, seen: Observation, done: Done) -> None:
        self._fleet.under_way[self._name] -= 1
        done(seen)

    def expire(self) -> Observation:
        self._fleet.under_way[self._name] -= 1
        if self.timer is not None:
            self.timer.cancel()
        return timed_out(self._limit)
