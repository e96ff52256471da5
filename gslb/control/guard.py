"""Looks at what an order would lead to before it is given, and refuses what safety rules forbid."""

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gslb.config.faults import suggest
from gslb.control.clock import Clock
from gslb.control.engine import Engine
from gslb.errors import RefusedError
from gslb.model.drain import Drain, Phase
from gslb.model.duration import format_duration
from gslb.model.fitness import hold_of
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.override import Key, Kind, Override, about
from gslb.model.safety import Breach, Limits, Safety, breaches, too_long
from gslb.model.steering import MAX_WEIGHT
from gslb.model.topology import Service

TOKEN_LASTS = 300.0
"""Seconds for which a confirmation token is good; up to twice as long, since it is not known when it was made."""
_MOVES = (Kind.DRAIN, Kind.OUT, Kind.UP, Kind.WEIGHT)
_TAKES = (Kind.DRAIN, Kind.OUT)
_SETTING = ("nearest",)
"""steps by which base weights mean nothing to clients whose place is known"""


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody has said beside an order: that it may break rules, and the token that confirms it."""

    force: bool = False
    token: str | None = None


NO_CONSENT = Consent()


class Guard:
    """Refuses orders that safety rules forbid.

    Args:
        engine: knows how things are, and what would come of an order.
        clock: for how long tokens are good.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock
        self._secret = secrets.token_bytes(16)
        self._in_the_way: dict[Key, ServiceName] = {}
        self.limits = Limits()

    def admit(self, order: Override, in_force: tuple[Override, ...], consent: Consent) -> tuple[str, ...]:
        """Let an order through; returns the rules that it is forced past.

        Raises:
            RefusedError: naming the rule, by how much it would be broken, and what to do.
        """
        self._check_form(order)
        forced = []
        if order.kind is not Kind.DRAIN or order.expires is not None:
            duration = None if order.expires is None else order.expires - order.created
            if breach := too_long(duration, self.limits):
                raise self._refused(breach, order)
        for breach in (*self._overruled(order, in_force), *self._foreseen(order, in_force)):
            if breach.rule is Safety.CONFIRM_ABOVE:
                if not self._confirms(consent.token, order):
                    raise self._unconfirmed(breach, order)
            elif not consent.force:
                raise self._refused(breach, order)
            forced.append(breach.rule.value)
        return tuple(dict.fromkeys(forced))

    def blocked(self, order: Override, in_force: tuple[Override, ...]) -> str | None:
        """Why a drain must not take its target out just now: somebody would be left without any answer."""
        after = tuple(self._ended(other) if other.key == order.key else other for other in in_force)
        for service in self._most_likely(order.key):
            found = self._breaches_of(service, order, in_force, after)
            text = next((breach.text for breach in found if breach.rule is Safety.NEVER_EMPTY), None)
            if text is not None:
                self._in_the_way[order.key] = service.name
                return text
        self._in_the_way.pop(order.key, None)
        return None

    def _most_likely(self, key: Key) -> Iterator[Service]:
        """All services; that first which was in the way of this order last time, since there may be thousands."""
        services, first = self._engine.topology.services, self._in_the_way.get(key)
        if first in services:
            yield services[first]
        yield from (service for service in services.values() if service.name != first)

    def _foreseen(self, order: Override, in_force: tuple[Override, ...]) -> Iterator[Breach]:
        """The rules that an order would break, once it and the drains that are under way have come to their ends."""
        now = self._clock.monotonic()
        before = tuple(self._ended(other) for other in in_force if other.active(now))
        others = tuple(other for other in before if other.key != order.key)
        return self._breaches(order, before, (*others, self._ended(order)))

    def _ended(self, order: Override) -> Override:
        if order.drain is None:
            return order
        return replace(order, drain=Drain(Phase.DRAINED, self._clock.monotonic()))

    def _breaches(self, order: Override, before: tuple[Override, ...], after: tuple[Override, ...]) -> Iterator[Breach]:
        """The rules that are broken when ``after`` is in force instead of ``before``."""
        for service in self._engine.topology.services.values():
            yield from self._breaches_of(service, order, before, after)

    def _breaches_of(
        self, service: Service, order: Override, before: tuple[Override, ...], after: tuple[Override, ...]
    ) -> Iterator[Breach]:
        engine, now = self._engine, self._clock.monotonic()
        if order.kind not in _MOVES or not about(order, engine.topology, service):
            return
        outlooks = engine.foresee(service, before, now), engine.foresee(service, after, now)
        found = breaches(service, engine.topology.regions, *outlooks, self.limits)
        yield from (breach for breach in found if order.kind in _TAKES or breach.rule is not Safety.NEVER_EMPTY)

    def _overruled(self, order: Override, in_force: tuple[Override, ...]) -> Iterator[Breach]:
        """What people keep out, and an order would bring back on the side: one that is about others as well."""
        if order.kind is not Kind.UP:
            return
        meant = self._covered(order)
        for other in in_force:
            kept_out = self._covered(other) if other.key != order.key and (other.out or other.drain) else set()
            if kept_out & meant and meant - kept_out:
                text = f"would bring back what {other.author} keeps out: {other.kind} for {other.target}"
                yield Breach(Safety.OVERRULES, text, "name whom you mean, lift that order, or repeat with --force")

    def _covered(self, order: Override) -> set[tuple[ServiceName, EndpointName]]:
        topology = self._engine.topology
        return {
            (service.name, endpoint.name)
            for service in topology.services.values()
            for endpoint in topology.all_endpoints_of(service)
            if order.covers(endpoint, service.name)
        }

    def _check_form(self, order: Override) -> None:
        """The order is about somebody, and says something.

        Raises:
            RefusedError: it is not.
        """
        concerned = [s for s in self._engine.topology.services.values() if about(order, self._engine.topology, s)]
        if not concerned:
            raise RefusedError("unknown", *self._nobody(order))
        if order.drain is not None and order.drain.ramp and order.target not in self._engine.topology.regions:
            message = f"{order.target} has no share of its own to move step by step: that is a region's"
            raise RefusedError("no-effect", message, "leave --ramp out, or drain the region")
        if order.kind is Kind.WEIGHT:
            self._check_weight(order, concerned)
        if order.kind is Kind.TTL:
            _check_ttl(order, concerned)

    def _nobody(self, order: Override) -> tuple[str, str]:
        topology = self._engine.topology
        services = [name.removesuffix(".") for name in topology.services]
        endpoints = [endpoint.name for endpoint in topology.endpoints]
        known: dict[Kind, list[str]] = {
            Kind.DRAIN: [*topology.regions, *endpoints],
            Kind.WEIGHT: list(topology.regions),
            Kind.TTL: services,
            Kind.FREEZE: services,
        }
        limited = f" in the use of {order.service}" if order.service else ""
        message = f"{order.kind} is about nobody: no {_CALLED[order.kind]} {order.target!r}{limited}"
        return message, suggest(order.target, known.get(order.kind, [*topology.regions, *endpoints, *services]))

    def _check_weight(self, order: Override, concerned: list[Service]) -> None:
        if order.value is None or not 0 <= order.value <= MAX_WEIGHT:
            raise RefusedError("value", f"{order.value} is no weight", f"write a whole number of 0..{MAX_WEIGHT}")
        deaf = [s for s in concerned if any(step.name in _SETTING for step in s.policy)]
        if len(deaf) == len(concerned):
            name, steps = deaf[0].name.removesuffix("."), " and ".join(step.name for step in deaf[0].policy)
            message = f"weights mean nothing to {name}, whose policy is {steps}"
            raise RefusedError("no-effect", message, f"drain {order.target}, or force it out")

    def _confirms(self, token: str | None, order: Override) -> bool:
        window = int(self._clock.monotonic() // TOKEN_LASTS)
        return token is not None and any(
            hmac.compare_digest(token.encode(), self._token(order, at).encode()) for at in (window, window - 1)
        )

    def _token(self, order: Override, window: int) -> str:
        said = repr((order.kind, order.target, order.service, order.value, window)).encode()
        return hmac.new(self._secret, said, hashlib.sha256).hexdigest()[:8]

    def _unconfirmed(self, breach: Breach, order: Override) -> RefusedError:
        token = self._token(order, int(self._clock.monotonic() // TOKEN_LASTS))
        remedy = f"repeat it with --confirm {token} within {format_duration(TOKEN_LASTS)} if that is what you want"
        return RefusedError(breach.rule.value, f"{_said(order)} {breach.text}", remedy)

    def _refused(self, breach: Breach, order: Override) -> RefusedError:
        return RefusedError(breach.rule.value, f"{_said(order)} {breach.text}", breach.remedy)


_CALLED = {
    Kind.DRAIN: "region or endpoint",
    Kind.OUT: "region, endpoint or service",
    Kind.UP: "region, endpoint or service",
    Kind.WEIGHT: "region",
    Kind.TTL: "service",
    Kind.FREEZE: "service",
}


def _said(order: Override) -> str:
    value = "" if order.value is None else f" {order.value}"
    return {Kind.DRAIN: f"draining {order.target}"}.get(order.kind, f"{order.kind}{value} for {order.target}")


def _check_ttl(order: Override, concerned: list[Service]) -> None:
    if order.value is None or order.value < 0:
        raise RefusedError("value", f"{order.value} is no TTL", "write whole seconds, 0 or more")
    for service in concerned:
        longest = hold_of(service)
        if order.value > longest:
            name = service.name.removesuffix(".")
            message = f"ttl {order.value} for {name} is longer than its hold, {format_duration(longest)}"
            raise RefusedError("hold", message, "a failback must not outrun the TTL: lower it, or raise hold")


def find_target(engine: Engine, target: str) -> RegionName:
    """``target`` as the name of a region or an endpoint.

    Raises:
        RefusedError: there is none of this name.
    """
    names = [*engine.topology.regions, *(endpoint.name for endpoint in engine.topology.endpoints)]
    if target not in names:
        raise RefusedError("unknown", f"no region or endpoint {target!r}", f"known: {', '.join(names)}")
    return RegionName(target)
