"""What failovers have taken: from the first failed attempt to the end of the last answer of before."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gslb.control.clock import Clock
from gslb.control.events import Transition
from gslb.model.combine import Health
from gslb.model.exposure import ALLOWANCE, ROUNDING
from gslb.model.names import EndpointName, ServiceName
from gslb.model.observation import ProbeResult
from gslb.model.record import RecoveryRecord
from gslb.model.steering import Steering, answering


@dataclass(slots=True)
class _Failover:
    """One that is under way; times are monotonic seconds."""

    fault: float
    decided: float | None = None
    generation: int | None = None
    published: float | None = None


class Recoveries:
    """Follows failovers that are under way.

    Args:
        clock: both clocks.
        record: takes each when it is over.
        predicted: what is predicted for a service, in seconds.
    """

    def __init__(
        self,
        clock: Clock,
        record: Callable[[RecoveryRecord], object],
        predicted: Callable[[ServiceName], float | None],
    ) -> None:
        self._clock, self._record, self._predicted = clock, record, predicted
        self._under_way: dict[ServiceName, dict[EndpointName, _Failover]] = {}
        self.latest: dict[ServiceName, RecoveryRecord] = {}
        """The newest one of each service."""

    def transition(self, transition: Transition) -> None:
        """An endpoint has failed, or has not failed any more."""
        failed = transition.after is Health.DOWN
        for service in transition.services:
            if failed and transition.before in (Health.UP, Health.DRAINING):
                failover = _Failover(_first_failure(transition))
                self._under_way.setdefault(service, {})[transition.endpoint] = failover
            elif not failed:
                self._forget(service, transition.endpoint)

    def decided(
        self, service: ServiceName, before: Steering | None, after: Steering, generation: int, at: float
    ) -> None:
        """What a service answers has changed."""
        waiting = self._under_way.get(service)
        if waiting is None:
            return
        gone = (answering(before) if before is not None else set()) - answering(after)
        for endpoint, failover in tuple(waiting.items()):
            if failover.decided is not None:
                continue
            if endpoint in gone:
                failover.decided, failover.generation = at, generation
            else:
                self._forget(service, endpoint)  # it was in no answer, or is all that there is

    def settled(self, confirmed: Callable[[ServiceName], int], at: float) -> None:
        """All who answer for a service have the generation that ``confirmed`` says of it."""
        for service, waiting in self._under_way.items():
            generation = confirmed(service)
            for failover in waiting.values():
                if failover.published is None and failover.generation is not None and failover.generation <= generation:
                    failover.published = at

    def ended(self, service: ServiceName, endpoint: EndpointName, held_until: float) -> None:
        """No resolver holds an answer of ``service`` with ``endpoint`` any more."""
        failover = self._forget(service, endpoint)
        if failover is None or failover.decided is None or failover.published is None:
            return
        to_utc, end = self._clock.to_utc, held_until - ALLOWANCE + ROUNDING
        record = RecoveryRecord(
            at_utc=to_utc(end),
            service=service,
            endpoints=(endpoint,),
            fault_utc=to_utc(failover.fault),
            decided_utc=to_utc(failover.decided),
            published_utc=to_utc(failover.published),
            achieved=end - failover.fault,
            predicted=self._predicted(service),
        )
        self.latest[service] = record
        self._record(record)

    def _forget(self, service: ServiceName, endpoint: EndpointName) -> _Failover | None:
        waiting = self._under_way.get(service, {})
        failover = waiting.pop(endpoint, None)
        if not waiting:
            self._under_way.pop(service, None)
        return failover


def _first_failure(transition: Transition) -> float:
    """Start of the first of the failed attempts that the newest evidence ends with."""
    failed = [_trail(results) for results in _by_check(transition.evidence)]
    return min((results[0].at for results in failed if results), default=transition.at)


def _by_check(evidence: Iterable[ProbeResult]) -> Iterable[list[ProbeResult]]:
    found: dict[object, list[ProbeResult]] = {}
    for result in sorted(evidence, key=lambda result: result.at):
        found.setdefault(result.key, []).append(result)
    return found.values()


def _trail(results: list[ProbeResult]) -> list[ProbeResult]:
    """The failures after the last success."""
    last = max((index for index, result in enumerate(results) if result.observation.ok), default=-1)
    return results[last + 1 :]
