"""Writes down what happens: in the log for people, in the history for later, and as counts."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog

from gslb.control.clock import Clock
from gslb.control.events import Change, Transition
from gslb.model.combine import Health
from gslb.model.names import ServiceName, VantageName
from gslb.model.ramp import Climb, Pair
from gslb.model.record import (
    DecisionRecord,
    DoubtRecord,
    Evidence,
    OrderRecord,
    PublicationRecord,
    RampRecord,
    TransitionRecord,
)
from gslb.store.journal import Journal
from gslb.store.store import Store
from gslb.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class Chronicle:
    """The history of one controller.

    Args:
        clock: both clocks.
        store: takes the history.
        journal: takes orders as well, for replay.
        metrics: of this process.
    """

    def __init__(self, clock: Clock, store: Store, journal: Journal, metrics: Metrics) -> None:
        self._clock, self._store, self._journal, self._metrics = clock, store, journal, metrics

    def transition(self, transition: Transition) -> None:
        """An endpoint's health changed."""
        self._metrics.transitions.labels(transition.endpoint, transition.after).inc()
        tell = log.info if transition.before is Health.UNKNOWN else log.warning  # a first verdict is no trouble
        tell(
            "transition",
            endpoint=transition.endpoint,
            before=str(transition.before),
            after=str(transition.after),
            detail=transition.detail,
        )
        to_utc = self._clock.to_utc
        evidence = tuple(Evidence(to_utc(r.at), r.key, r.observation) for r in transition.evidence)
        before, after, services = transition.before, transition.after, transition.services
        self._store.record(
            TransitionRecord(to_utc(transition.at), transition.endpoint, before, after, services, evidence)
        )

    def decision(self, change: Change, generation: int) -> None:
        """A steering changed."""
        decision = change.decision
        service = decision.steering.name
        self._metrics.decisions.labels(service).inc()
        log.warning("decision", service=service, trigger=change.trigger, generation=generation, good=decision.good)
        self._store.record(
            DecisionRecord(
                self._clock.to_utc(change.at),
                service,
                change.trigger,
                generation,
                change.before,
                decision.steering,
                decision.reasons,
                decision.good,
            )
        )

    def publication(self, record: PublicationRecord) -> None:
        """A provider has confirmed."""
        self._metrics.publication.labels(record.provider).observe(record.seconds)
        if record.services:
            log.info("published", provider=record.provider, generation=record.generation, seconds=record.seconds)
            self._store.record(record)

    def order(self, record: OrderRecord) -> None:
        """Something was ordered, lifted, or ran out."""
        self._store.record(record)
        self._journal.append(record)

    def ramp(self, pair: Pair, state: Climb, states: Mapping[Pair, Climb]) -> None:
        """The share of a region began to grow, or was withdrawn; ``states`` are those of all ramps from now on."""
        service, region = pair
        action = "begin" if state.withdrawn is None else "withdraw"
        log.warning("ramp", action=action, service=service, region=region, reason=state.reason or None)
        reason = f"{service.removesuffix('.')}: {state.reason or 'in service'}"
        self.order(OrderRecord(self._now(), action, region, "canary", reason))
        self.ramps(states)

    def ramps(self, states: Mapping[Pair, Climb]) -> None:
        """Keep the states of all ramps to restart from."""
        self._store.save_ramps(self._ramp_records(states))

    def resumed(self, pair: Pair, author: str, reason: str) -> None:
        """Somebody lets a share that was withdrawn grow again."""
        service, region = pair
        log.warning("ramp", action="resume", service=service, region=region, author=author, reason=reason)
        self.order(OrderRecord(self._now(), "resume", region, author, f"{service.removesuffix('.')}: {reason}"))

    def faults(self, service: ServiceName, faults: tuple[str, ...]) -> None:
        """Steps of a policy have failed, and were left out, or work again (none)."""
        if faults:
            self._metrics.policy_faults.labels(service).inc()
            log.error("policy", service=service, faults=list(faults))
        else:
            log.warning("policy works again", service=service)

    def doubt(self, vantage: VantageName, reason: str | None) -> None:
        """A vantage point has begun to doubt itself, or has stopped (no reason)."""
        if reason is not None:
            log.warning("vantage point doubts itself", vantage=vantage, reason=reason)
        else:
            log.warning("vantage point trusts itself again", vantage=vantage)
        self._store.record(DoubtRecord(self._now(), vantage, reason))

    def _ramp_records(self, states: Mapping[Pair, Climb]) -> Iterable[RampRecord]:
        to_utc = self._clock.to_utc
        for (service, region), state in states.items():
            withdrawn = None if state.withdrawn is None else to_utc(state.withdrawn)
            yield RampRecord(service, region, state.plan, to_utc(state.began), withdrawn, state.reason)

    def _now(self) -> datetime:
        return self._clock.to_utc(self._clock.monotonic())
