"""Helps regions that are stressed: watches them, begins the stages of escalations, and undoes them when all is calm.

Nothing of this is kept over a restart but the orders that stages have given: they stay in force. An escalation goes on
behind the last stage whose order is in force, so that it gives none of them twice and lifts them once all is calm.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from gslb.config.escalations import EscalationSection, StageSection
from gslb.control.clock import Clock
from gslb.control.hooks import Hooks, Outcome, new_identity
from gslb.errors import RefusedError
from gslb.model.escalation import Begin, Escalation, Seen, Undo, ended, escalate, resumed
from gslb.model.event import concerned
from gslb.model.names import RegionName, ServiceName
from gslb.model.record import EscalationRecord
from gslb.model.topology import Topology

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks at all regions."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of a region in the use of a service.

    Attributes:
        fit: one of its endpoints is in service by health, drained or not.
        drained: it is out by order, or on its way.
        score: mean score of the endpoints that are up, 0..1.
        saturation: the highest that its gateways state; None where none states any.
        frozen: people have ordered that nothing changes by itself in the service.
    """

    fit: bool
    drained: bool = False
    score: float = 1.0
    saturation: float | None = None
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """An order in force that an escalation has given.

    Attributes:
        author: of the order: ``escalation NAME``.
        region: whom it is about.
        services: name or glob of the services that it is about.
        weight: the base weight; None for a drain.
    """

    author: str
    region: RegionName
    services: str
    weight: int | None = None

    @property
    def place(self) -> tuple[str, RegionName, str, bool]:
        """What it is about: a second order of the same place takes the place of the first."""
        return self.author, self.region, self.services, self.weight is None


class World(Protocol):
    """What escalations see, and what they may order."""

    @property
    def doubtful(self) -> bool:
        """Whether gslb has reason to doubt its own network, so that nothing is to be done for what it sees."""

    def sight(self, service: ServiceName, region: RegionName) -> Sight:
        """What is seen now of a region in the use of a service."""

    def given(self) -> Iterable[Given]:
        """The orders in force whose author is an escalation."""

    def order_weight(self, region: RegionName, services: str, weight: int, author: str, reason: str) -> None:
        """Give the region this base weight for the services of a name or glob.

        Raises:
            RefusedError: it would break a safety rule.
        """

    def order_drain(self, region: RegionName, services: str, author: str, reason: str) -> None:
        """Drain the region for the services of a name or glob.

        Raises:
            RefusedError: it would break a safety rule.
        """

    def lift(self, order: Given) -> None:
        """Lift this order; nothing where it is not in force."""


@dataclass(slots=True)
class _Case:
    """One region in the care of one escalation.

    Attributes:
        name: of the escalation.
        section: what it does.
        services: those of its services that the region is a member of.
        state: how far it has come.
        task: the hook under way.
    """

    name: str
    region: RegionName
    section: EscalationSection
    services: tuple[ServiceName, ...]
    state: Escalation = field(default_factory=Escalation)
    task: "asyncio.Task[None] | None" = None

    @property
    def author(self) -> str:
        """Whose orders its stages give."""
        return author_of(self.name)


def author_of(escalation: str) -> str:
    """The author of the orders that an escalation gives."""
    return f"escalation {escalation}"


class Escalations:
    """All escalations.

    Args:
        world: what they see and order.
        clock: both clocks.
        record: takes what came of each stage.
        node: name of this controller.
        look_every: seconds between two looks.
    """

    def __init__(
        self,
        world: World,
        clock: Clock,
        record: Callable[[EscalationRecord], None],
        node: str = "",
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._world, self._clock, self._record = world, clock, record
        self._node, self._look_every = node, look_every
        self._cases: dict[tuple[str, RegionName], _Case] = {}
        self._hooks = Hooks()

    def configure(self, escalations: Mapping[str, EscalationSection], topology: Topology) -> None:
        """Watch these from now on. An escalation that stays as it was goes on; orders of all others are lifted."""
        before, self._cases = self._cases, {}
        for name, section in escalations.items():
            for case in _cases(name, section, topology):
                former = before.get((name, case.region))
                goes_on = former is not None and former.section == section
                if former is not None and goes_on:
                    former.services = case.services
                self._cases[name, case.region] = former if former is not None and goes_on else case
        for case in before.values():
            if case.task is not None and self._cases.get((case.name, case.region)) is not case:
                case.task.cancel()
        self._sort_orders()

    async def run(self) -> None:
        """Look and help until cancelled. Hooks that are under way then are killed."""
        try:
            while True:
                self.look()
                await asyncio.sleep(self._look_every)
        finally:
            tasks = [case.task for case in self._cases.values() if case.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def look(self) -> None:
        """Look at all regions once, and begin or undo what is due."""
        now, doubtful = self._clock.monotonic(), self._world.doubtful
        for case in tuple(self._cases.values()):
            sights = {service: self._world.sight(service, case.region) for service in case.services}
            seen = _seen(case.section, sights, doubtful=doubtful)
            case.state, action = escalate(case.state, seen, case.section.plan, now)
            match action:
                case Begin(stage):
                    self._begin(case, case.section.stages[stage], sights)
                case Undo():
                    log.warning("escalation is over", escalation=case.name, region=case.region)
                    self._undo(case)

    def _begin(self, case: _Case, stage: StageSection, sights: Mapping[ServiceName, Sight]) -> None:
        service = _worst(case.section, sights)
        if stage.exec is None and stage.webhook is None:
            self._ended(case, stage, service, self._order(case, stage, service))
        else:
            values = self._values(case, stage, service, sights[service])
            case.task = asyncio.get_running_loop().create_task(self._call(case, stage, service, values))

    async def _call(self, case: _Case, stage: StageSection, service: ServiceName, values: Mapping[str, Any]) -> None:
        try:
            if stage.webhook is not None:
                outcome = await self._hooks.webhook(stage.webhook, values, stage.limit)
            else:
                outcome = await self._hooks.command(stage.exec or [], values, stage.limit)
        except Exception as error:  # the next stage must not wait for ever
            log.exception("hook cannot be run", escalation=case.name, stage=stage.name)
            outcome = Outcome("failed", f"{type(error).__name__}: {error}")
        case.task = None
        self._ended(case, stage, service, outcome)

    def _order(self, case: _Case, stage: StageSection, service: ServiceName) -> Outcome:
        """Order it for all services of the escalation, or for none of them."""
        reason = f"{case.region} is stressed in {service.removesuffix('.')}"
        before = tuple(self._world.given())
        ordered: list[Given] = []
        try:
            for services in case.section.services:
                order = Given(case.author, case.region, services, stage.weight)
                if order not in before:
                    self._give(order, reason)
                    ordered.append(order)
        except RefusedError as error:
            self._take_back(ordered, before, reason)
            return Outcome("refused", str(error).partition("\n")[0])
        return Outcome("done", "drain ordered" if stage.drain else f"weight {stage.weight} ordered")

    def _give(self, order: Given, reason: str) -> None:
        if order.weight is not None:
            self._world.order_weight(order.region, order.services, order.weight, order.author, reason)
        else:
            self._world.order_drain(order.region, order.services, order.author, reason)

    def _take_back(self, ordered: Iterable[Given], before: Iterable[Given], reason: str) -> None:
        """Lift what a refused stage has ordered, and give again what earlier stages had and it has replaced."""
        former = {order.place: order for order in before}
        for order in ordered:
            self._world.lift(order)
            if (replaced := former.get(order.place)) is not None:
                with suppress(RefusedError):  # whatever forbids it now is more than an escalation may decide
                    self._give(replaced, reason)

    def _undo(self, case: _Case) -> None:
        for order in tuple(self._world.given()):
            if (order.author, order.region) == (case.author, case.region):
                self._world.lift(order)

    def _ended(self, case: _Case, stage: StageSection, service: ServiceName, outcome: Outcome) -> None:
        now = self._clock.monotonic()
        case.state = ended(case.state, now)
        log.warning(
            "escalation",
            escalation=case.name,
            stage=stage.name,
            region=case.region,
            service=service,
            outcome=outcome.word,
            detail=outcome.detail,
        )
        at_utc = self._clock.to_utc(now)
        self._record(
            EscalationRecord(at_utc, case.name, stage.name, service, case.region, outcome.word, outcome.detail)
        )

    def _sort_orders(self) -> None:
        """Go on behind the orders in force of escalations that there are, and lift those of others."""
        now = self._clock.monotonic()
        cases = {(case.author, case.region): case for case in self._cases.values()}
        for order in tuple(self._world.given()):
            case = cases.get((order.author, order.region))
            stage = None if case is None else _stage_of(case.section, order)
            if case is None or stage is None:
                log.warning("order of a former escalation is lifted", author=order.author, region=order.region)
                self._world.lift(order)
            elif case.state.begun <= stage:
                case.state = resumed(stage, now)

    def _values(self, case: _Case, stage: StageSection, service: ServiceName, sight: Sight) -> dict[str, Any]:
        """What a hook is told; see ``gslb.config.escalations.PLACES``."""
        return {
            "id": new_identity(),
            "escalation": case.name,
            "stage": stage.name,
            "service": service.removesuffix("."),
            "region": case.region,
            "score": sight.score,
            "saturation": sight.saturation,
            "at": self._clock.to_utc(self._clock.monotonic()).isoformat(),
            "node": self._node,
        }


def _cases(name: str, section: EscalationSection, topology: Topology) -> Iterable[_Case]:
    """One for each region that the services of an escalation have."""
    services = concerned(section.services, topology.services)
    for region in topology.regions:
        if section.regions and region not in section.regions:
            continue
        using = tuple(s for s in services if any(m.region == region for m in topology.services[s].members))
        if using:
            yield _Case(name, region, section, using)


def _stage_of(section: EscalationSection, order: Given) -> int | None:
    """The last stage that gives such an order."""
    if order.services not in section.services:
        return None
    found = [
        index
        for index, stage in enumerate(section.stages)
        if (stage.weight == order.weight if order.weight is not None else stage.drain)
    ]
    return max(found, default=None)


def _seen(section: EscalationSection, sights: Mapping[ServiceName, Sight], *, doubtful: bool) -> Seen:
    fit = [sight for sight in sights.values() if sight.fit]
    stressed = [sight for sight in fit if section.when.holds(sight.score, sight.saturation)]
    frozen = any(sight.frozen for sight in sights.values())  # orders are for all of the services, or for none
    return Seen(
        known=bool(fit) and not doubtful and not frozen,
        stressed=bool(stressed),
        open=any(not sight.drained for sight in stressed),
    )


def _worst(section: EscalationSection, sights: Mapping[ServiceName, Sight]) -> ServiceName:
    """The service for which the region serves worst, of those that see it stressed and can have it helped."""
    open_ones = {
        service: sight
        for service, sight in sights.items()
        if sight.fit and not sight.drained and section.when.holds(sight.score, sight.saturation)
    }
    return min(open_ones, key=lambda service: (open_ones[service].score, -(open_ones[service].saturation or 0.0)))
