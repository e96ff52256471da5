"""A controller on a virtual clock, between places that answer, resolvers that remember, and a store that may forget.

The controller is the real one; what it would wait for is done by hand: ``World.settle`` stands for the publisher's
tasks, ``World.turn`` for the one that follows time. A place takes what is published, writes it down, is lost and comes
back. Resolvers hold every answer that a place could have given, for its TTL and the second that rounding may add.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from gslb.config.configuration import Configuration
from gslb.config.load import load
from gslb.control.clock import Clock
from gslb.control.controller import SAVE_EVERY, Controller
from gslb.control.publisher import PATIENCE
from gslb.model.names import EndpointName, ServiceName
from gslb.model.observation import Cause, HealthReport, Observation, ProbeResult, ServingState
from gslb.model.override import Override
from gslb.model.steering import Steering, answering
from gslb.telemetry.metrics import Metrics
from tests.control.bench import SHOP, key
from tests.control.outside import Place, Provider, Resolvers, Store

Watch = Callable[[], object]
EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
TARGETS = ("192.0.2.1:80", "192.0.2.2:80", "192.0.2.3:80", "192.0.2.4:80")
MOST_TURNS = 3_000
"""of time alone within one advance: more would be a loop that does not end"""
ROUNDING = 1e-6
"""seconds: records have microseconds"""
TOML = """
[node]
name = "istanbul-1"
[zones."example.com"]
nameservers = { "ns1.example.com." = ["127.0.0.1"] }
[regions.istanbul]
endpoints = ["192.0.2.1:80", "192.0.2.2:80"]
[regions.ankara]
endpoints = ["192.0.2.3:80"]
[regions.izmir]
endpoints = ["192.0.2.4:80"]
[probes.edge]
type = "tcp"
interval = "1000h"
[vantages.here]
[services."api.example.com"]
regions = ["istanbul", "ankara"]
probes = ["edge"]
hold = "40s"
[services."shop.example.com"]
regions = ["ankara", "izmir"]
probes = ["edge"]
hold = "20s"
ttl = { steady = "16s", alert = "2s", auto = true }
ramp = "12s"
failback = "manual"
"""


@cache
def configuration() -> Configuration:
    """Attempts are rare enough that no vote ever expires; the automatic TTL goes by a faster pace."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "gslb.toml"
        file.write_text(TOML)
        loaded = load(file, {})
    services = loaded.topology.services
    shop = replace(services[SHOP], ttl_auto=300.0)
    return replace(loaded, topology=replace(loaded.topology, services=services | {SHOP: shop}))


class ProcessClock(Clock):
    """The clocks of one process: the monotonic one begins anew, the wall clock may have been set meanwhile."""

    def __init__(self, world: "World", jump: float) -> None:
        self._world, self._born, self._jump = world, world.now - 50.0, jump

    def monotonic(self) -> float:
        return self._world.now - self._born

    def utc(self) -> datetime:
        return EPOCH + timedelta(seconds=self._world.now + self._jump)


class World:
    """Everything together, at ``now`` seconds of true time; ``watch`` is called whenever control has had its turn."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.store, self.resolvers = Store(), Resolvers()
        self.places = (Place(), Place())
        self.control: Controller | None = None
        self.provider = Provider(self.places)
        self._asked: tuple[float, int] | None = None
        self.watch: Watch = lambda: None
        self.due = self._saved = self.now
        self.start()

    @property
    def controller(self) -> Controller:
        assert self.control is not None
        return self.control

    # the process

    def start(self, jump: float = 0.0) -> None:
        """Control comes up, with a wall clock that is ``jump`` seconds off, and connects to whom it can reach."""
        self.provider = provider = Provider(self.places)
        self._asked = None
        for place in self.places:
            place.acked, place.left_behind = None, ()
        self.store.now = self.now
        fake = cast("Any", self.store)
        clock = ProcessClock(self, jump)
        self.control = Controller(configuration(), fake, fake, cast("Any", provider), Metrics(), clock)
        self.control.restore(self.store.load_state())
        self.control._apply(self.control.configuration)
        for place in self.places:
            self._greet(place)
        self.turn()

    def kill(self, lost: float) -> bool:
        """Control is gone, and with it what it had to write in the last ``lost`` seconds; whether that was anything."""
        self.control = None
        return self.store.lose(self.now - lost) if lost else False

    def _greet(self, place: Place) -> None:
        """A connection is made: the place says what it answers."""
        if self.control is not None and place.linked and place.alive:
            self.provider.greeted(place)

    def turn(self) -> None:
        """Whatever time has changed, as Controller.turn does it, but for votes, which do not expire here."""
        control = self.control
        if control is None:
            self.due = math.inf
            return
        self.settle()
        self.store.now, now = self.now, control.clock.monotonic()
        control._tell_alarms(now)
        moments = [control.ledger.tick(now), control.ordering.tick(now), control.departures.tick(now)]
        moments += [control._alarms.next_moment, control.engine.tick(now) or math.inf]
        self.due = self.now + max(0.001, min(moments) - now)
        if self.now - self._saved >= SAVE_EVERY:
            self._saved = self.now
            self._save(control)
        self.watch()

    @staticmethod
    def _save(control: Controller) -> None:
        control.save()
        control.orders.save()
        control.ledger.save()
        control._chronicle.comebacks(control.engine.comebacks.states)

    def advance(self, seconds: float) -> None:
        """Let time pass, with all that it changes on the way."""
        end = self.now + seconds
        for _ in range(MOST_TURNS):
            if self.due > end:
                break
            self.now = max(self.now, self.due)
            self.turn()
        else:
            raise AssertionError("time alone changes something all the time")
        self.now = end
        self.turn()

    # places

    def take(self, place: Place) -> None:
        """It answers what was published last."""
        if self._connected(place) and self.provider.wanted is not None:
            self.resolvers.last_asked(place.gives, self.now)
            place.gives, place.acked = self.provider.wanted, self.provider.wanted[0]
            self.provider.learn(place)
            self.settle()

    def write(self, place: Place) -> None:
        """It has what it answers on disk."""
        if place.alive and place.gives is not None:
            if not place.disk or place.disk[-1] != place.gives:
                place.disk = [*place.disk[-1:], place.gives]
            if self._connected(place):
                self.provider.learn(place)
                self.settle()

    def _connected(self, place: Place) -> bool:
        return self.control is not None and place.alive and place.linked

    def settle(self) -> None:
        """The publisher finds out which answers are given nowhere any more, as Publisher._follow_end does it."""
        publisher = self.controller.publisher
        due = publisher._due
        while self._asked is not None or due.is_set():
            if self._asked is None:
                due.clear()
                self._asked = self.now, publisher.generation
            elif self.now - self._asked[0] >= PATIENCE:
                self._asked = self.now, publisher.generation
            if not self.provider.ended(self._asked[1]):
                return
            generation, self._asked = self._asked[1], None
            self.controller.publishing._ended(generation)

    def cut(self, place: Place) -> None:
        place.linked, place.acked = False, None

    def link(self, place: Place) -> None:
        place.linked = True
        self._greet(place)
        self.turn()

    def crash(self, place: Place) -> None:
        self.resolvers.last_asked(place.gives, self.now)
        place.alive, place.gives, place.acked = False, None, None

    def come_back(self, place: Place, *, damaged: bool) -> None:
        """It starts from its file; from the one before where that is damaged, which it tells whoever it can."""
        if damaged and place.linked:
            place.disk = place.disk[:1]
        place.alive = True
        place.gives = place.disk[-1] if place.disk else None
        self._greet(place)
        self.turn()

    def publish_everywhere(self) -> None:
        """All places are well, and have everything."""
        for place in self.places:
            if not place.alive:
                self.come_back(place, damaged=False)
            if not place.linked:
                self.link(place)
            self.take(place)
            self.write(place)
        self.turn()

    # what is seen

    def see(self, target: str, *, ok: bool, draining: bool = False, times: int = 3) -> None:
        """So many results of the same kind."""
        state = ServingState.DRAINING if draining else ServingState.OK
        report = HealthReport(state=state) if ok else None
        cause = None if ok else Cause.REFUSED
        for _ in range(times):
            observation = Observation(ok=ok, latency=0.0, cause=cause, report=report)
            self.controller.engine.observe(ProbeResult(key(target), self.controller.clock.monotonic(), observation))
        self.turn()

    def decided(self, service: ServiceName) -> Steering | None:
        decision = self.controller.engine.decisions.get(service)
        return decision.steering if decision else None

    def somebody_holds(self, service: ServiceName, name: EndpointName) -> bool:
        """Whether a resolver may hold an answer with an endpoint, or a place gives one."""
        if self.resolvers.until.get((service, name), -math.inf) > self.now + ROUNDING:
            return True
        given = (place.gives[1].get(service) for place in self.places if place.gives is not None)
        return any(name in answering(steering) for steering in given if steering is not None)


def shown(order: Override, clock: Clock) -> tuple[Any, ...]:
    """What a restart must keep of an order; moments in whole milliseconds of the wall clock."""
    expires = None if order.expires is None else round(clock.to_utc(order.expires).timestamp(), 3)
    phase = None if order.drain is None else (order.drain.phase, order.drain.step, order.drain.ramp)
    return order.kind, order.target, order.author, order.value, order.service, expires, phase
