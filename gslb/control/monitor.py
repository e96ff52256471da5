"""Runs the checks: one heap of due times on the monotonic clock, one task per attempt, nothing polled."""

import asyncio
import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count

import structlog

from gslb.control.check import Attempt, Check
from gslb.control.clock import Clock
from gslb.control.resolver import Resolver
from gslb.model.address import Address
from gslb.model.observation import Cause, CheckKey, Observation, ProbeResult
from gslb.model.pacing import Pace, spread
from probes.base import Probe, Target, failure

log = structlog.get_logger(__name__)

MAX_IN_FLIGHT = 2000
TICK = 0.001
"""Due times within this many seconds are due now: event loops round shorter waits to nothing and spin."""


@dataclass(frozen=True, slots=True)
class CheckSetup:
    """What a check probes, and how."""

    probe: Probe
    pace: Pace
    address: Address


class Monitor:
    """Probes what it is configured to and delivers every result.

    Args:
        clock: monotonic time.
        resolver: current addresses of host names.
        deliver: takes a result and says whether failures wait to be confirmed.
        late: takes how many seconds after its due time an attempt started.
    """

    def __init__(
        self,
        clock: Clock,
        resolver: Resolver,
        deliver: Callable[[ProbeResult], bool],
        late: Callable[[float], object] = lambda _: None,
    ) -> None:
        self._clock, self._resolver, self._deliver, self._late = clock, resolver, deliver, late
        self._setups: dict[CheckKey, CheckSetup] = {}
        self._checks: dict[CheckKey, Check] = {}
        self._heap: list[tuple[float, int, Check]] = []
        self._ticket = count()
        self._in_flight = 0
        self._wake = asyncio.Event()

    def configure(self, setups: Mapping[CheckKey, CheckSetup]) -> None:
        """Probe these from now on. A check that stays as it was keeps its phase."""
        kept = {key: check for key, check in self._checks.items() if setups.get(key) == self._setups[key]}
        fresh = [key for key in setups if key not in kept]
        now = self._clock.monotonic()
        self._setups, self._checks = dict(setups), kept
        for index, key in enumerate(fresh):
            pace = setups[key].pace
            self._checks[key] = Check(key, pace, now + spread(index, len(fresh), pace.interval))
            self._push(self._checks[key])

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._start_due(group)
                await self._sleep()

    def _push(self, check: Check) -> None:
        heapq.heappush(self._heap, (check.due, next(self._ticket), check))
        self._wake.set()

    def _stale(self, due: float, check: Check) -> bool:
        return check.due != due or self._checks.get(check.key) is not check

    def _start_due(self, group: asyncio.TaskGroup) -> None:
        now = self._clock.monotonic()
        while self._heap and self._heap[0][0] <= now + TICK and self._in_flight < MAX_IN_FLIGHT:
            due, _, check = heapq.heappop(self._heap)
            if self._stale(due, check):
                continue
            attempt = check.start(now)
            self._push(check)
            if attempt is not None:
                self._late(max(0.0, now - due))
                self._in_flight += 1
                group.create_task(self._run_attempt(check, self._setups[check.key], attempt))

    async def _sleep(self) -> None:
        self._wake.clear()
        waiting = self._heap and self._in_flight < MAX_IN_FLIGHT
        delay = max(TICK, self._heap[0][0] - self._clock.monotonic()) if waiting else None
        try:
            async with asyncio.timeout(delay):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _run_attempt(self, check: Check, setup: CheckSetup, attempt: Attempt) -> None:
        try:
            observation = await self._attempt(setup, attempt.timeout)
        finally:
            self._in_flight -= 1
            self._wake.set()
        for ready in check.finish(attempt, observation):
            self._settle(check, ready)

    def _settle(self, check: Check, attempt: Attempt) -> None:
        if self._checks.get(check.key) is not check or attempt.observation is None:
            return
        suspect = self._deliver(ProbeResult(check.key, attempt.started, attempt.observation))
        if check.confirm(self._clock.monotonic(), wanted=suspect):
            self._push(check)

    async def _attempt(self, setup: CheckSetup, timeout: float) -> Observation:  # noqa: ASYNC109  handed to the probe
        ip = await self._resolver.address(setup.address.host, timeout)
        if ip is None:
            return failure(Cause.RESOLVE, 0.0, f"{setup.address.host} has no address")
        try:
            return await setup.probe.attempt(Target(ip, setup.address.port, str(setup.address)), timeout)
        except Exception as error:  # a faulty plug-in must not stop the other checks
            log.exception("probe raised", address=str(setup.address))
            return failure(Cause.LOCAL, 0.0, f"probe raised {error!r}")
