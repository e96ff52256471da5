"""Runs the checks of this process: one heap of due times, and as many attempts at a time as there are descriptors for.

No task and no coroutine per attempt: what starts one is a timer, what ends it an event of a socket or another timer.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing

import structlog

from gslb.control.check import Check
from gslb.control.clock import Clock
from gslb.control.descriptors import DEFAULT, Budget
from gslb.control.prober import Prober, Sources
from gslb.control.resolver import Resolver
from gslb.control.runner import CheckSetup, Deliver, Runner
from gslb.control.slots import Slots
from gslb.model.observation import CheckKey
from gslb.model.pacing import first_attempt, spread
from probes.net.allowance import Allowance
from probes.net.reactor import Reactor
from probes.net.source import DIRECT

log = structlog.get_logger(__name__)


class Monitor(Prober):
    """The prober of this process: probes what it is configured to and delivers every result.

    Args:
        clock: monotonic time.
        resolver: current addresses of host names.
        deliver: takes a result; returns the state of its check, None if that is not known any more.
        late: takes how many seconds after its due time an attempt started.
        budget: of file descriptors.
    """

    def __init__(
        self,
        clock: Clock,
        resolver: Resolver,
        deliver: Deliver,
        late: Callable[[float], object] = lambda _: None,
        budget: Budget = DEFAULT,
    ) -> None:
        self.clock, self.resolver, self.deliver, self.late = clock, resolver, deliver, late
        self.slots = Slots(budget.attempts)
        self.allowance = Allowance(budget.kept)
        self._kept = budget.kept
        self._runners: dict[CheckKey, Runner] = {}
        self._reactor: Reactor | None = None
        self._failed: asyncio.Future[None] | None = None

    def configure(self, setups: Mapping[CheckKey, CheckSetup], sources: Sources | None = None) -> None:
        """Probe these from now on; a check that stays as it was keeps its phase.

        Args:
            setups: all checks.
            sources: where the sockets of vantage points come from; those not named take the machine as it is.
        """
        wanted = {key: (setup, (sources or {}).get(key.vantage, DIRECT)) for key, setup in setups.items()}
        for key, runner in tuple(self._runners.items()):
            if wanted.get(key) != (runner.setup, runner.source):
                self._runners.pop(key).close()
        self._warn_of_kept(setups)
        fresh, now = [key for key in wanted if key not in self._runners], self.clock.monotonic()
        for index, key in enumerate(fresh):
            setup, source = wanted[key]
            first = first_attempt(index, len(fresh), setup.pace.interval)
            check = Check(key, setup.pace, now + first, now + spread(index, len(fresh), setup.pace.interval))
            runner = self._runners[key] = Runner(self, check, setup, source)
            if self._reactor is not None:
                runner.open(self._reactor)

    def _warn_of_kept(self, setups: Mapping[CheckKey, CheckSetup]) -> None:
        wanted = sum(s.pace.tripwire + getattr(s.probe, "keep_alive", False) for s in setups.values())
        if wanted > self._kept:
            remedy = "raise the limit of open files (LimitNOFILE, ulimit -n)"
            log.warning("not all connections can be kept open", wanted=wanted, allowed=self._kept, remedy=remedy)

    async def run(self) -> None:
        """Work until cancelled; raises what taking a result has raised."""
        self._failed = asyncio.get_running_loop().create_future()
        with closing(Reactor()) as reactor:
            self._reactor = reactor
            for runner in self._runners.values():
                runner.open(reactor)
            try:
                await self._failed
            finally:
                self._reactor = None
                for runner in self._runners.values():
                    runner.close()

    def hurry(self, keys: Iterable[CheckKey]) -> None:
        """Attempt these checks at once, apart from those that have an attempt under way."""
        for key in keys:
            runner = self._runners.get(key)
            if runner is not None:
                runner.hurry()

    def fail(self, error: Exception) -> None:
        """End ``run`` with ``error``: taking a result has failed, and nothing that follows could be trusted."""
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)
