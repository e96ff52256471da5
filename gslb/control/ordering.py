"""Takes orders, carries drains forward, and lifts what is over."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import structlog

from gslb.control.chronicle import Chronicle
from gslb.control.clock import Clock
from gslb.control.drains import Drains, Progress
from gslb.control.engine import Engine
from gslb.control.guard import NO_CONSENT, Consent, Guard
from gslb.control.ledger import Ledger
from gslb.control.orders import Orders
from gslb.errors import RefusedError
from gslb.model.drain import Drain, Phase, begin
from gslb.model.override import Kind, Override
from gslb.model.pattern import meant
from gslb.model.watermark import Watermark

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody orders.

    Attributes:
        kind: what.
        target: of whom; see ``model.override``.
        author: who orders it.
        reason: why.
        duration: seconds until it is lifted by itself; None: until somebody lifts it, which only a drain may wait for.
        value: weight, or TTL in seconds.
        service: name or glob of the only services that it is about; None: all.
        at_once: a drain that does not wait for longer TTLs to pass.
        ramp: seconds over which a drain moves a region's share away.
        consent: what was said beside.
    """

    kind: Kind
    target: str
    author: str
    reason: str
    duration: float | None = None
    value: int | None = None
    service: str | None = None
    at_once: bool = False
    ramp: float = 0.0
    consent: Consent = NO_CONSENT


class Ordering:
    """Everything about orders in one controller.

    Args:
        clock: both clocks.
        engine: decides by them.
        orders: those in force.
        ledger: what resolvers may hold.
        chronicle: takes what was refused.
        watermark: says what all places are known to have left behind.
    """

    def __init__(
        self,
        clock: Clock,
        engine: Engine,
        orders: Orders,
        ledger: Ledger,
        chronicle: Chronicle,
        watermark: Callable[[], Watermark | None],
    ) -> None:
        self._clock, self._engine, self._orders, self._chronicle = clock, engine, orders, chronicle
        self.guard = Guard(engine, clock)
        self.drains = Drains(ledger, self.guard.blocked, watermark)

    def give(self, request: Request) -> Override:
        """Put an order into force.

        Raises:
            RefusedError: it is about nobody, makes no sense, or a safety rule forbids it.
        """
        now = self._clock.monotonic()
        drain = None
        if request.kind is Kind.DRAIN:
            drain = begin(now, at_once=request.at_once, ramp=request.ramp, forced=request.consent.force)
        order = Override(
            kind=request.kind,
            target=self._meant(request.target),
            author=request.author,
            reason=request.reason,
            created=now,
            expires=None if request.duration is None else now + request.duration,
            value=request.value,
            service=request.service and self._meant(request.service),
            drain=drain,
        )
        if drain is not None:
            order = replace(order, drain=continued(self._orders.find(order.key), drain, now))
        try:
            forced = self.guard.admit(order, self._orders.in_force, request.consent)
            self._orders.put(order, forced)
        except RefusedError as error:
            self._chronicle.refused(order, error)
            raise
        told = {"kind": str(order.kind), "target": order.target, "author": order.author, "reason": order.reason}
        log.warning("ordered", **told, value=order.value, forced=list(forced) or None)
        self._apply(f"{_named(order)} by {order.author}", now)
        return order

    def lift(self, target: str, author: str, kinds: Iterable[Kind], service: str | None = None) -> tuple[Override, ...]:
        """Lift orders; see Orders.lift."""
        wanted = tuple(kinds)
        names = self._meant(target), service and self._meant(service)
        if not any((order.target, order.service) == names and order.kind in wanted for order in self._orders.in_force):
            names = target, service  # given as a glob, before there was a service of that name
        lifted = self._orders.lift(names[0], author, wanted, names[1])
        for order in lifted:
            log.warning("lifted", kind=str(order.kind), target=order.target, author=author)
        now = self._clock.monotonic()
        self._apply(f"{', '.join(map(_named, lifted))} lifted by {author}", now)
        return lifted

    def tick(self, now: float) -> float:
        """Lift what has expired, and carry drains forward; returns when to look again, in monotonic seconds."""
        if expired := self._orders.expire():
            self._apply(f"{', '.join(map(_named, expired))} expired", now)
        while moved := self.drains.advance(self._orders.in_force, now):
            self._carry(moved, now)
        expiries = [order.expires for order in self._orders.in_force if order.expires is not None]
        return min([self.drains.next_moment(self._orders.in_force, now), *expiries], default=math.inf)

    def progress(self, order: Override) -> Progress | None:
        """How far a drain is; None for other orders."""
        if order.drain is None:
            return None
        return self.drains.progress(order, order.drain, self._orders.in_force, self._clock.monotonic())

    def _meant(self, text: str) -> str:
        return meant(text, self._engine.topology.services)

    def _carry(self, moved: Iterable[tuple[Override, Override]], now: float) -> None:
        told = []
        self._orders.progress([after for _, after in moved])
        for before, after in moved:
            if after.drain is not None and before.drain is not None:
                log.warning("drain", target=after.target, phase=str(after.drain.phase), was=str(before.drain.phase))
                told.append(f"drain of {after.target}: {after.drain.phase}")
        self._apply(", ".join(told), now)

    def _apply(self, trigger: str, now: float) -> None:
        self._engine.order(self._orders.in_force, trigger, now)


def continued(former: Override | None, drain: Drain, now: float) -> Drain:
    """``drain``, which takes the place of ``former``: what is out, or on its way, does not come back for that."""
    if former is None:
        return drain
    if former.out:
        return replace(drain, phase=Phase.EMPTYING, since=now)
    if former.drain is None or drain.phase is Phase.EMPTYING:
        return drain
    if drain.phase is Phase.LOWERING or former.drain.phase is Phase.MOVING:
        return replace(former.drain, ramp=drain.ramp, forced=drain.forced)
    return drain


def _named(order: Override) -> str:
    value = "" if order.value is None else f" {order.value}"
    return f"{order.kind}{value} of {order.target}"
