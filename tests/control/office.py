"""Orders with everything that they need, on clocks that stand still until they are moved: no loop, no sockets."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from gslb.control.chronicle import Chronicle
from gslb.control.clock import Clock
from gslb.control.departures import Departures
from gslb.control.events import Change, Transition
from gslb.control.guard import Consent
from gslb.control.ledger import Ledger
from gslb.control.ordering import Ordering, Request
from gslb.control.orders import Orders
from gslb.model.combine import Health
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.observation import HealthReport, ServingState
from gslb.model.override import Kind, Override
from gslb.model.pacing import Pace
from gslb.model.record import ExposureStateRecord, HistoryRecord, OrderRecord, OverrideRecord
from gslb.model.safety import Limits
from gslb.model.topology import Service
from gslb.model.watermark import Watermark
from gslb.telemetry.metrics import Metrics
from tests.control.bench import API, Bench, Told, topology

if TYPE_CHECKING:
    from gslb.store.journal import Journal
    from gslb.store.store import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
START = 1000.0
"""What the monotonic clock shows at noon."""
ROUND = 1.0
"""Seconds between two results of each check, while time passes."""
DRAINING = HealthReport(ServingState.DRAINING)


class Stopped(Clock):
    """Both clocks stand still until they are moved; ``jump`` is how far the wall clock is off."""

    def __init__(self, now: float = START) -> None:
        self.now, self.jump = now, 0.0

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> datetime:
        return NOON + timedelta(seconds=self.now - START + self.jump)


@dataclass(slots=True)
class Book:
    """What is written down, and what is kept to restart from."""

    history: list[HistoryRecord] = field(default_factory=list)
    journal: list[object] = field(default_factory=list)
    overrides: tuple[OverrideRecord, ...] = ()
    exposures: dict[ServiceName, ExposureStateRecord] = field(default_factory=dict)

    def record(self, item: HistoryRecord) -> None:
        self.history.append(item)

    def append(self, item: object) -> None:
        self.journal.append(item)

    def save_overrides(self, items: Iterable[OverrideRecord]) -> None:
        self.overrides = tuple(items)

    def save_exposures(self, items: Iterable[ExposureStateRecord]) -> None:
        self.exposures |= {item.service: item for item in items}


class _Listener(Told):
    """Does with what the engine tells what the controller does."""

    office: "Office"

    def transition(self, transition: Transition) -> None:
        self.transitions.append(transition)
        if Health.DRAINING in (transition.before, transition.after):
            self.office.departures.look(self.office.engine.standings, transition.at)

    def changed(self, changes: tuple[Change, ...]) -> None:
        self.changes += changes
        self.office.published(changes)


class Office:
    """One controller's orders, ledger and engine.

    Args:
        services: what is steered; by default one that nothing probes.
        limits: what people may order.
        settles: whether everybody who answers confirms at once; else by ``settle``.
        clock: goes on from where another office has stopped.
        world: see ``bench.topology``.
    """

    def __init__(
        self,
        *services: Service,
        limits: Limits | None = None,
        settles: bool = True,
        clock: Stopped | None = None,
        pace: Pace | None = None,
        **world: Any,
    ) -> None:
        self.clock, self.settles, self.generation = clock or Stopped(), settles, 0
        self.book, self.metrics = Book(), Metrics()
        self.ended: list[tuple[ServiceName, EndpointName, float]] = []
        self.dead: set[str] = set()
        self.says: dict[str, HealthReport] = {}
        self.told = _Listener()
        self.told.office = self
        self.topology = topology(*services, **world)
        self.bench = Bench(*services, pace=pace, told=self.told, **world)
        self.engine = self.bench.engine
        chronicle = Chronicle(self.clock, cast("Store", self.book), cast("Journal", self.book), self.metrics)
        self.orders = Orders(self.clock, chronicle.order, self.book.save_overrides)
        self.ledger = Ledger(self.clock, self.book.save_exposures, lambda *what: self.ended.append(what))
        self.watermark = Watermark("control", 1)
        self.ordering = Ordering(self.clock, self.engine, self.orders, self.ledger, chronicle, lambda: self.watermark)
        self.departures = Departures(self.clock, self.ledger, chronicle.order)
        self.ordering.guard.limits = limits or Limits()

    def open(self) -> "Office":
        """Start; every endpoint that is not dead is found up."""
        self.ordering.drains.configure(self.topology)
        self.bench.start(self.now)
        self._look_round()
        self.departures.look(self.engine.standings, self.now)
        return self

    def restarted(self, away: float = 0.0, **world: Any) -> "Office":
        """Another controller that starts from what this one has kept, ``away`` seconds later; open it."""
        clock = Stopped(self.clock.now + away)
        other = Office(*self.topology.services.values(), limits=self.ordering.guard.limits, clock=clock, **world)
        other.orders.restore(self.book.overrides)
        other.ledger.restore(self.book.exposures.values())
        other.generation, other.dead, other.says = self.generation, self.dead, self.says
        last = {name: decision.steering for name, decision in self.engine.decisions.items()}
        climbed = self.engine.comebacks.states
        other.engine.restore(self.engine.checks, last, last, other.orders.in_force, {}, climbed)
        return other

    @property
    def now(self) -> float:
        return self.clock.now

    def published(self, changes: tuple[Change, ...]) -> None:
        self.generation += 1
        self.ledger.publish(self.generation, (change.decision.steering for change in changes))
        if self.settles:
            self.settle()

    def settle(self) -> None:
        """Everybody who answers has what was published last."""
        self.ledger.settle(lambda _: self.generation, self.now)

    def wait(self, seconds: float) -> None:
        """Let time pass as the controller does, with a round of probes every second."""
        end, probed = self.now + seconds, self.now + ROUND
        while self.now < end:
            moment = self.tick()
            self.clock.now = min(end, probed, max(moment, self.now + 0.001))
            if self.now >= probed:
                self._look_round()
                probed = self.now + ROUND
        self.tick()

    def tick(self) -> float:
        """One turn of the controller's look at the time; returns when the next one is due."""
        now = self.now
        moments = [self.ledger.tick(now), self.ordering.tick(now), self.departures.tick(now), self.engine.review(now)]
        moments.append(self.engine.tick(now) or math.inf)
        return min(moments)

    def _look_round(self) -> None:
        for key in list(self.engine.checks):
            if key.target in self.dead:
                self.bench.down(key.target, self.now, probe=key.probe)
            else:
                self.bench.up(key.target, self.now, probe=key.probe, times=3, report=self.says.get(key.target))

    def kill(self, target: str) -> None:
        """Its probes fail from now on, and have done so often enough."""
        self.dead.add(target)
        self._look_round()

    def heal(self, target: str) -> None:
        """It passes again."""
        self.dead.discard(target)
        self._look_round()

    def say(self, target: str, report: HealthReport | None) -> None:
        """What it says of itself from now on."""
        self.says = {key: value for key, value in self.says.items() if key != target}
        if report is not None:
            self.says[target] = report
        self._look_round()

    def give(self, kind: Kind, target: str, *, force: bool = False, token: str | None = None, **more: Any) -> Override:
        """Put an order into force that ayse gives; for an hour, unless it is a drain."""
        duration = more.pop("duration", None if kind is Kind.DRAIN else 3600.0)
        consent = Consent(force, token)
        return self.ordering.give(Request(kind, target, "ayse", "kernel update", duration, consent=consent, **more))

    def drain(self, target: str = "istanbul", **more: Any) -> Override:
        return self.give(Kind.DRAIN, target, **more)

    def lift(self, target: str = "istanbul", *kinds: Kind, service: str | None = None) -> tuple[Override, ...]:
        return self.ordering.lift(target, "mehmet", kinds or [Kind.DRAIN], service)

    def phase(self, target: str = "istanbul") -> str | None:
        """How far the drain of ``target`` is; None without one."""
        if (leaving := self.departures.states.get(EndpointName(target))) is not None:
            return leaving.phase.value
        found = [order.drain.phase for order in self.orders.in_force if order.target == target and order.drain]
        return found[-1].value if found else None

    @property
    def acts(self) -> list[tuple[str, str]]:
        """What happened to orders: action and target."""
        return [(record.action, record.target) for record in self.noted]

    @property
    def noted(self) -> list[OrderRecord]:
        return [record for record in self.book.history if isinstance(record, OrderRecord)]

    def ttl(self, name: ServiceName = API) -> int:
        return self.engine.decisions[name].steering.ttl

    def answers(self, name: ServiceName = API) -> dict[str, float]:
        return self.bench.answers(name)

    def regions(self, name: ServiceName = API) -> set[RegionName]:
        """Regions in the answers."""
        rules = self.engine.decisions[name].steering.rules
        return {group.region for rule in rules for group in rule.groups}
