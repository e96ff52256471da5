"""Writes down what happens: in the log for people, in the history for later, and as counts."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import structlog

from gslb.control.clock import Clock
from gslb.control.events import Change, Transition
from gslb.control.writing.site import named
from gslb.errors import RefusedError
from gslb.model.combine import Health
from gslb.model.comeback import Comeback
from gslb.model.names import EndpointName, ServiceName, VantageName
from gslb.model.override import Override
from gslb.model.ramp import Climb, Pair
from gslb.model.record import (
    AnswerRecord,
    ComebackRecord,
    DecisionRecord,
    DoubtRecord,
    EscalationRecord,
    Evidence,
    ExposureRecord,
    HistoryRecord,
    OrderRecord,
    ProviderRecord,
    PublicationRecord,
    RampRecord,
    RecoveryRecord,
    TransitionRecord,
)
from gslb.model.steering import Steering, answering
from gslb.store.journal import Journal
from gslb.store.store import Store
from gslb.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

Sink = Callable[[HistoryRecord], object]


class Chronicle:
    """The history of one controller.

    Args:
        clock: both clocks.
        store: takes the history, and states to restart from.
        journal: takes orders as well, for replay.
        metrics: of this process.
        sinks: take the history too; none of them waits or raises.
    """

    def __init__(
        self, clock: Clock, store: Store, journal: Journal, metrics: Metrics, sinks: Iterable[Sink] = ()
    ) -> None:
        self._clock, self._store, self._journal, self._metrics = clock, store, journal, metrics
        self._sinks = (store.record, *sinks)

    def _record(self, record: HistoryRecord) -> None:
        for sink in self._sinks:
            sink(record)

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
        at, votes = to_utc(transition.at), transition.votes
        self._record(TransitionRecord(at, transition.endpoint, before, after, services, evidence, votes))

    def decision(self, change: Change, generation: int) -> None:
        """A steering changed."""
        decision = change.decision
        service = decision.steering.name
        self._metrics.decisions.labels(service).inc()
        log.warning("decision", service=service, trigger=change.trigger, generation=generation, good=decision.good)
        self._record(
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
            self._record(record)

    def answer(self, service: ServiceName, generation: int, at: float, nameserver: str) -> None:
        """A nameserver gave the first answer by a new steering, at monotonic ``at``."""
        self._record(AnswerRecord(self._clock.to_utc(at), service, generation, nameserver))

    def exposure(self, service: ServiceName, endpoint: EndpointName, until: float) -> None:
        """No resolver can hold an answer with an endpoint any more, since monotonic ``until``."""
        log.info("exposure ended", service=service, endpoint=endpoint)
        self._record(ExposureRecord(self._clock.to_utc(until), service, endpoint))

    def recovery(self, record: RecoveryRecord) -> None:
        """A failover is over."""
        self._metrics.recovery.labels(record.service).observe(record.achieved)
        log.warning(
            "recovered",
            service=record.service,
            endpoints=list(record.endpoints),
            achieved=round(record.achieved, 3),
            predicted=record.predicted,
        )
        self._record(record)

    def escalation(self, record: EscalationRecord) -> None:
        """A stage of an escalation has ended."""
        self._record(record)

    def trouble(
        self, provider: str, zone: str, text: str, services: tuple[ServiceName, ...] = (), *, over: bool = False
    ) -> None:
        """Something keeps ``services`` or all of a zone from being published there, has done so, or is over.

        Whoever writes the zone has logged it.
        """
        line = " ".join(text.split())  # it may be a provider's own words
        self._record(ProviderRecord(self._now(), provider, zone, services, line, drift=False, over=over))

    def drift(self, provider: str, zone: str, services: tuple[ServiceName, ...]) -> None:
        """These services, and no others, are not there as they were written; logged likewise."""
        text = f"changed by somebody else: {named(services)}" if services else "nothing is changed by others any more"
        self._record(ProviderRecord(self._now(), provider, zone, services, text, drift=True, over=not services))

    def refused(self, order: Override, error: RefusedError) -> None:
        """An order was refused."""
        message = str(error).partition("\n")[0]
        log.warning("refused", target=order.target, author=order.author, rule=error.rule, reason=message)
        self._metrics.refused.labels(error.rule).inc()
        at, reason = self._now(), f"{error.rule}: {message}"
        self.order(
            OrderRecord(at, "refused", order.target, order.author, reason, value=order.value, service=order.service)
        )

    def withheld(self, service: ServiceName, steering: Steering | None) -> None:
        """A frozen service would be answered by ``steering``, or is answered as it should be again (None)."""
        name = service.removesuffix(".")
        if steering is None:
            log.warning("frozen, and answered as it should be again", service=service)
            return
        given = ", ".join(sorted(answering(steering))) or "nothing"
        log.error("FROZEN: an automatic change is withheld", service=service, would_answer=given)
        self.order(OrderRecord(self._now(), "withheld", name, "freeze", f"would answer with {given}", service=name))

    def came_back(self, pair: Pair, state: Comeback | None) -> None:
        """A region has come a step further on its way back into a service, or all the way (None)."""
        service, region = pair
        stage = "back" if state is None else state.stage.value
        name = service.removesuffix(".")
        detail = "" if state is None else state.reason
        detail = detail or {"out": "not in service"}.get(stage, "in service again")
        log.warning("comeback", stage=stage, service=service, region=region, detail=detail)
        if stage != "out":
            self.order(OrderRecord(self._now(), stage, region, "failback", detail, service=name))

    def order(self, record: OrderRecord) -> None:
        """Something was ordered, lifted, refused, ran out, or came a step further."""
        self._record(record)
        self._journal.append(record)

    def ramp(self, pair: Pair, state: Climb) -> None:
        """The share of a region began to grow, or was withdrawn."""
        service, region = pair
        action = "begin" if state.withdrawn is None else "withdraw"
        log.warning("ramp", action=action, service=service, region=region, reason=state.reason or None)
        reason = f"{service.removesuffix('.')}: {state.reason or 'in service'}"
        self.order(OrderRecord(self._now(), action, region, "canary", reason))

    def ramps(self, states: Mapping[Pair, Climb | None]) -> None:
        """Keep the states of these ramps to restart from; None: it is followed no longer."""
        self._store.save_ramps(self._ramp_records(states))

    def comebacks(self, states: Mapping[Pair, Comeback | None]) -> None:
        """Keep how far these regions have come back to restart from; None: all the way."""
        now, utc = self._clock.monotonic(), self._clock.utc()
        self._store.save_comebacks(
            ComebackRecord(service, region, state, utc, now) for (service, region), state in states.items()
        )

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
        self._record(DoubtRecord(self._now(), vantage, reason))

    def _ramp_records(self, states: Mapping[Pair, Climb | None]) -> Iterable[RampRecord]:
        to_utc = self._clock.to_utc
        for (service, region), state in states.items():
            if state is None:
                yield RampRecord(service, region, None, self._now(), None, "")
                continue
            withdrawn = None if state.withdrawn is None else to_utc(state.withdrawn)
            yield RampRecord(service, region, state.plan, to_utc(state.began), withdrawn, state.reason)

    def _now(self) -> datetime:
        return self._clock.to_utc(self._clock.monotonic())
