"""One check at work: its timer, its session, and the attempts that are under way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog
from msgspec.structs import replace

from gslb.control.check import Attempt, Check
from gslb.control.clock import Clock
from gslb.control.resolver import Resolver
from gslb.control.slots import Slots
from gslb.control.tripwire import Tripwire
from gslb.errors import GslbError
from gslb.model.address import IP, Address, IPNetwork
from gslb.model.observation import Cause, Observation, ProbeResult
from gslb.model.pacing import Pace
from gslb.model.step import Condition, ProbeState
from probes.base import AsyncProbe, Probe, Session, Target, error_failure, failure
from probes.coroutine import open_session
from probes.net.allowance import Allowance
from probes.net.network import Network
from probes.net.reactor import TICK, Reactor, Timer
from probes.net.source import Source

if TYPE_CHECKING:
    from probes import base

log = structlog.get_logger(__name__)

Deliver = Callable[[ProbeResult], ProbeState | None]

SHOWN = 200
"""Characters of what a faulty plug-in has said that are told."""
EARLY = 2 * TICK
"""Seconds before its due time at which an attempt may start."""


@dataclass(frozen=True, slots=True)
class CheckSetup:
    """What a check probes, and how. ``allowed`` networks may be probed although link-local or metadata addresses."""

    probe: Probe | AsyncProbe
    pace: Pace
    address: Address
    allowed: tuple[IPNetwork, ...] = ()


class Owner(Protocol):
    """Whoever has runners: what they have in common."""

    clock: Clock
    resolver: Resolver
    slots: Slots
    allowance: Allowance
    deliver: Deliver
    """takes a result; returns the state of its check, None if that is not known any more"""
    late: Callable[[float], object]
    """takes how many seconds after its due time an attempt started"""

    def fail(self, error: Exception) -> None:
        """Taking a result has failed; nothing that follows could be trusted."""


class NoTargetError(GslbError):
    """There is no address to probe. ``cause`` says what that means."""

    def __init__(self, cause: Cause, reason: str) -> None:
        self.cause = cause
        super().__init__(reason)


class Runner:
    """Starts the attempts of one check when they are due, from ``open`` to ``close``."""

    def __init__(self, monitor: Owner, check: Check, setup: CheckSetup, source: Source) -> None:
        self.monitor, self.check, self.setup, self.source = monitor, check, setup, source
        self.runs: set[Run] = set()
        self.network: Network | None = None
        self._timer: Timer | None = None
        self._waits = False
        self._ip: IP | None = None
        self._session: Session | None = None
        self._left: list[Session] = []
        self._tripwire: Tripwire | None = None

    def open(self, reactor: Reactor) -> None:
        """Begin to watch the time."""
        self.network = Network(
            reactor, self.source, self.setup.allowed, self.monitor.resolver.look_up, self.monitor.allowance
        )
        if self.setup.pace.tripwire:
            self._tripwire = Tripwire(self.network, self._trip)
        self.arm()

    def close(self) -> None:
        """Stop; attempts under way are given up."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for run in tuple(self.runs):
            run.give_up()
        self._leave()
        self.network = None

    @property
    def closed(self) -> bool:
        """Whether nothing is probed, not yet or not any more."""
        return self.network is None

    def hurry(self) -> None:
        """Attempt at once, unless an attempt is under way."""
        if self.check.hurry(self.monitor.clock.monotonic()):
            self.arm()

    def arm(self) -> None:
        """See to it that an attempt starts when the check is due."""
        if self.network is None or self._waits:
            return
        if self._timer is not None:
            if self._timer.when == self.check.due:
                return  # thousands may be hurried again and again that have an attempt under way
            self._timer.cancel()
        self._timer = self.network.reactor.at(self.check.due, self._begin)

    def settle(self, attempt: Attempt, observation: Observation) -> None:
        """An attempt has ended; deliver what counts now."""
        for ready in self.check.finish(attempt, observation):
            if ready.observation is not None:
                self._deliver(ready, ready.observation)

    def session(self) -> Session:
        """To the present address of the target.

        Raises:
            NoTargetError: there is none that may be probed.
        """
        address, resolver = self.setup.address, self.monitor.resolver
        ip = resolver.known(address.host)
        if ip is None:
            if resolver.pending(str(address.host)):
                raise NoTargetError(Cause.LOCAL, f"{address.host} is still being resolved")
            raise NoTargetError(Cause.RESOLVE, f"{address.host} has no address")
        session = self._session if ip is self._ip or ip == self._ip else None
        if session is None:
            self._leave()
            assert self.network is not None  # noqa: S101  only called while open
            why = self.network.refusal(ip)
            if why is not None:
                raise NoTargetError(Cause.FORBIDDEN, f"{ip} is not probed: {why}")
            target = Target(ip, address.port, str(address))
            self._ip = ip
            session = self._session = open_session(self.setup.probe, target, self.network)
        return session

    def ended(self, run: "Run") -> None:
        """An attempt is over; sessions to former addresses end with the last of theirs."""
        self.runs.discard(run)
        if not self._left:
            return
        used = [other.session for other in self.runs]
        over = [session for session in self._left if session not in used]
        self._left = [session for session in self._left if session in used]
        for session in over:
            session.close()

    def _begin(self) -> None:
        self._timer = None
        queued, self._waits = self._waits, False
        if self.network is None:
            return
        slots, now, due = self.monitor.slots, self.monitor.clock.monotonic(), self.check.due
        if queued and due > now + EARLY:
            self.arm()  # while it waited for its turn it turned out that there is time
            return
        if not slots.free:
            self._waits = True
            slots.wait(self._begin)
            return
        attempt = self.check.start(now, queued=queued)
        self.arm()
        if attempt is not None:
            self.monitor.late(max(0.0, now - due))
            Run(self, attempt, self.network.reactor)

    def _deliver(self, attempt: Attempt, observation: Observation) -> None:
        if self.network is None:
            return
        state = self.monitor.deliver(ProbeResult(self.check.key, attempt.started, observation, attempt.tripped))
        if state is None or self.closed:
            return  # taking the result has led to another configuration
        if self.check.follow(state, self.monitor.clock.monotonic()):
            self.arm()
        if self._tripwire is not None:
            self._watch(self._tripwire, state, observation)

    def _watch(self, tripwire: Tripwire, state: ProbeState, observation: Observation) -> None:
        """Hold a connection to what is up. One to a machine that has died silently would never end by itself."""
        if state.condition is Condition.DOWN:
            tripwire.release()
        elif observation.ok and self._ip is not None:
            tripwire.hold(self._ip, self.setup.address.port)

    def _leave(self) -> None:
        if self._session is not None:
            if any(run.session is self._session for run in self.runs):
                self._left.append(self._session)
            else:
                self._session.close()
            self._session = None
        if self._tripwire is not None:
            self._tripwire.release()

    def _trip(self) -> None:
        self.check.trip(self.monitor.clock.monotonic())
        self.arm()


class Run:
    """One attempt under way, until its outcome or its time limit."""

    __slots__ = ("_attempt", "_over", "_reactor", "_runner", "_stood_still", "_timer", "_under_way", "session")

    def __init__(self, runner: Runner, attempt: Attempt, reactor: Reactor) -> None:
        self._runner, self._attempt, self._reactor = runner, attempt, reactor
        self._over = False
        self._stood_still = reactor.stood_still
        self._timer: Timer | None = None
        self._under_way: base.Attempt | None = None
        self.session: Session | None = None
        runner.monitor.slots.take()
        runner.runs.add(self)
        try:
            self.session = runner.session()
            self._under_way = self.session.start(attempt.timeout, self._done)
        except NoTargetError as error:
            self._done(failure(error.cause, 0.0, str(error)))
        except OSError as error:
            self._done(error_failure(error, 0.0))
        except Exception as error:  # a faulty plug-in must not stop the other checks
            log.exception("probe raised", target=str(runner.setup.address))
            self._done(failure(Cause.LOCAL, 0.0, f"probe raised {error!r}"))
        if not self._over:
            first = attempt.timeout if attempt.hedge is None else attempt.hedge
            self._timer = reactor.at(attempt.started + first, self._expire if attempt.hedge is None else self._hedge)

    def give_up(self) -> None:
        """End it without a result."""
        if not self._over:
            self._end()
            if self._under_way is not None:
                self._given_up(self._under_way)

    def _hedge(self) -> None:
        attempt, runner = self._attempt, self._runner
        self._timer = self._reactor.at(attempt.started + attempt.timeout, self._expire)
        if self._stood_still == self._reactor.stood_still and runner.check.hedge(attempt, self._now()):
            runner.arm()

    def _expire(self) -> None:
        """Time is up, unless the process stood still for some of it: that time is given once more."""
        lost = self._reactor.stood_still - self._stood_still
        limit = self._attempt.started + self._attempt.timeout + min(lost, self._attempt.timeout)
        if self._now() < limit:
            self._timer = self._reactor.at(limit, self._expire)
        elif self._under_way is not None:
            self._done(self._given_up(self._under_way))
        else:
            self._done(None)

    def _given_up(self, under_way: "base.Attempt") -> Observation:
        try:
            return under_way.expire()
        except Exception as error:  # a faulty plug-in must not stop the other checks
            log.exception("probe raised", target=str(self._runner.setup.address))
            return failure(Cause.LOCAL, self._attempt.timeout, f"probe raised {error!r}")

    def _done(self, seen: object) -> None:
        if self._over:
            return
        # A plug-in of somebody else's may say anything.
        if not isinstance(seen, Observation):
            seen = failure(Cause.LOCAL, 0.0, f"probe returned {seen!r}"[:SHOWN])
        self._end()
        runner = self._runner
        try:
            runner.settle(self._attempt, self._fair(seen))
        except Exception as error:  # noqa: BLE001  handed on
            runner.monitor.fail(error)

    def _end(self) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        try:
            self._runner.ended(self)
        finally:
            self._runner.monitor.slots.give()

    def _fair(self, observation: Observation) -> Observation:
        """The outcome without the time in which this process stood still."""
        lost = self._reactor.stood_still - self._stood_still
        if not lost:
            return observation
        if observation.ok:
            return replace(observation, latency=max(0.0, observation.latency - lost))
        if lost > self._attempt.timeout:
            detail = f"the prober stood still for {lost:.1f} s; {observation.detail}"
            return replace(observation, cause=Cause.LOCAL, detail=detail)
        return observation

    def _now(self) -> float:
        return self._runner.monitor.clock.monotonic()
