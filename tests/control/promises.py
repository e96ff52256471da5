"""What may happen to a controller, in any order, and the promises that hold at every step of it."""

import math
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gslb.control.controller import Controller
from gslb.control.guard import Consent
from gslb.control.ordering import Request
from gslb.errors import RefusedError
from gslb.model.names import ServiceName
from gslb.model.override import Kind, Override, is_drained, service_order, state_order
from gslb.model.steering import NoAnswer, Steering, answering
from gslb.model.topology import Endpoint, Service
from tests.control.machine import TARGETS, World, configuration, shown

TOPOLOGY = configuration().topology
REGIONS = ("istanbul", "ankara", "izmir")
ENDPOINTS = tuple(endpoint.name for endpoint in TOPOLOGY.endpoints)
PLACES = st.integers(0, 1)
WHOM = st.sampled_from([*REGIONS, *ENDPOINTS, "istanbul/*", "*"])
WHERE = st.sampled_from([None, None, None, "api.example.com", "shop.*"])
LONG = st.sampled_from([2.0, 20.0, 90.0, 600.0])
UNTIL_LIFTED = st.none() | LONG
TIMES = st.sampled_from([0.3, 1.0, 4.0, 9.0, 17.0, 31.0, 45.0, 130.0])
JUMPS = st.sampled_from([0.0, 0.0, -7200.0, -20.0, 20.0, 7200.0])
EVERYBODY_IS_CALM = 20_000.0
"""seconds after which nothing that has happened matters"""


class Machine(RuleBasedStateMachine):
    """What may happen to a controller, and what must hold all the while."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        for target in TARGETS:
            self.world.see(target, ok=True)
        self.world.publish_everywhere()
        self.world.watch = self.drained_means_that_nobody_holds_an_answer
        self.frozen: dict[ServiceName, tuple[tuple[Override, ...], Steering]] = {}

    def running(self) -> bool:
        return self.world.control is not None

    # what people order

    def _order(self, request: Request) -> None:
        self.world.advance(0.001)  # no two orders are given at the same moment
        before = self.world.controller.orders.in_force
        try:
            self.world.controller.order(request)
            self.frozen.clear()  # one that is given anew may change things
        except RefusedError:
            assert self.world.controller.orders.in_force == before
        self.world.turn()

    @precondition(running)
    @rule(
        whom=WHOM,
        where=WHERE,
        duration=UNTIL_LIFTED,
        at_once=st.booleans(),
        ramp=st.sampled_from([0.0, 0.0, 9.0]),
        force=st.booleans(),
    )
    def drain(
        self, whom: str, where: str | None, duration: float | None, *, at_once: bool, ramp: float, force: bool
    ) -> None:
        self._order(
            Request(
                Kind.DRAIN,
                whom,
                "ayse",
                "kernel update",
                duration,
                service=where,
                at_once=at_once,
                ramp=ramp,
                consent=Consent(force),
            )
        )

    @precondition(running)
    @rule(whom=WHOM, where=WHERE)
    def drain_to_its_end(self, whom: str, where: str | None) -> None:
        """As far as that is possible while all is well."""
        self.drain(whom, where, None, at_once=True, ramp=0.0, force=False)
        self.world.publish_everywhere()
        self.world.advance(45.0)

    @precondition(running)
    @rule(kind=st.sampled_from([Kind.OUT, Kind.UP]), whom=WHOM, where=WHERE, duration=LONG, force=st.booleans())
    def force(
        self, kind: Literal[Kind.OUT, Kind.UP], whom: str, where: str | None, duration: float, *, force: bool
    ) -> None:
        self._order(Request(kind, whom, "ayse", "outage", duration, service=where, consent=Consent(force)))

    @precondition(running)
    @rule(region=st.sampled_from(REGIONS), weight=st.sampled_from([0, 1, 7, 255]), duration=LONG)
    def weigh(self, region: str, weight: int, duration: float) -> None:
        self._order(Request(Kind.WEIGHT, region, "ayse", "less of it", duration, weight))

    @precondition(running)
    @rule(service=st.sampled_from(["api.example.com", "*"]), ttl=st.sampled_from([0, 7, 20, 40]), duration=LONG)
    def set_ttl(self, service: str, ttl: int, duration: float) -> None:
        self._order(Request(Kind.TTL, service, "ayse", "a try", duration, ttl))

    @precondition(running)
    @rule(service=st.sampled_from(["api.example.com", "shop.example.com", "*"]), duration=LONG)
    def freeze(self, service: str, duration: float) -> None:
        self._order(Request(Kind.FREEZE, service, "ayse", "maintenance", duration))

    def somebody_ordered(self) -> bool:
        return self.running() and bool(self.world.controller.orders.in_force)

    @precondition(somebody_ordered)
    @rule(data=st.data())
    def lift(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.world.controller.orders.in_force))
        self.world.controller.lift(order.target, "mehmet", [order.kind], order.service)
        self.world.turn()

    # what happens to endpoints

    @precondition(running)
    @rule(gateway=st.sampled_from(TARGETS), ok=st.booleans(), draining=st.booleans(), times=st.sampled_from([1, 3, 3]))
    def see(self, gateway: str, *, ok: bool, draining: bool, times: int) -> None:
        self.world.see(gateway, ok=ok, draining=draining, times=times)

    @precondition(running)
    @rule()
    def resume(self) -> None:
        engine = self.world.controller.engine
        for service in engine.topology.services:
            for region in sorted(engine.resumable(service)):
                self.world.controller.resume(service, region, "ayse", "looks well")
        self.world.turn()

    # time

    @rule(seconds=TIMES)
    def wait(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule()
    def wait_for_the_next_moment(self) -> None:
        if self.world.due < math.inf:
            self.world.advance(self.world.due - self.world.now)

    # places

    @rule(place=PLACES, write=st.booleans())
    def take(self, place: int, *, write: bool) -> None:
        self.world.take(self.world.places[place])
        if write:
            self.world.write(self.world.places[place])
        self.world.turn()

    @rule()
    def publish_everywhere(self) -> None:
        self.world.publish_everywhere()

    @rule(place=PLACES)
    def cut(self, place: int) -> None:
        self.world.cut(self.world.places[place])

    @rule(place=PLACES, damaged=st.booleans())
    def crash(self, place: int, *, damaged: bool) -> None:
        found = self.world.places[place]
        if found.alive:
            self.world.crash(found)
        else:
            self.world.come_back(found, damaged=damaged)

    # the process

    @precondition(running)
    @rule(
        lost=st.sampled_from([0.0, 0.0, 0.5, 12.0]),
        away=st.sampled_from([0.0, 0.2, 25.0]),
        jump=JUMPS,
        meanwhile=st.none() | PLACES,
        damaged=st.booleans(),
    )
    def kill(self, lost: float, away: float, jump: float, meanwhile: int | None, *, damaged: bool) -> None:
        """And a place may start anew while nobody is there to hear of it."""
        control = self.world.controller
        before = [shown(order, control.clock) for order in control.orders.in_force]
        if self.world.kill(lost):
            self.frozen.clear()
        if meanwhile is not None and self.world.places[meanwhile].alive:
            self.world.crash(self.world.places[meanwhile])
            self.world.come_back(self.world.places[meanwhile], damaged=damaged)
        self.world.advance(away)
        restored: list[Any] = []
        with pytest.MonkeyPatch.context() as patch:
            apply = Controller._apply

            def noting(control: Controller, configuration: Any) -> None:
                restored.extend(shown(order, control.clock) for order in control.orders.in_force)
                apply(control, configuration)

            patch.setattr(Controller, "_apply", noting)
            self.world.start(jump)
        assert restored == before

    # promises

    @invariant()
    def promises_hold(self) -> None:
        """In one, since each step of a failing example names every invariant."""
        if self.running():
            self.drained_means_that_nobody_holds_an_answer()
            self.what_is_out_by_order_is_in_no_answer()
            self.whoever_is_not_out_by_order_answers_if_nobody_better_can()
            self.nothing_but_orders_changes_what_is_frozen()
            self.what_is_over_is_gone()
            self.what_is_decided_is_published()

    def drained_means_that_nobody_holds_an_answer(self) -> None:
        for service, endpoint, order in self._ruled():
            if is_drained(order):
                assert not self.world.somebody_holds(service.name, endpoint.name), (service.name, endpoint.name)

    def what_is_out_by_order_is_in_no_answer(self) -> None:
        for service, endpoint, order in self._ruled():
            steering = self.world.decided(service.name)
            if steering is not None and order is not None and order.out:
                assert endpoint.name not in answering(steering)

    def whoever_is_not_out_by_order_answers_if_nobody_better_can(self) -> None:
        left: dict[ServiceName, bool] = {}
        for service, _, order in self._ruled():
            left[service.name] = left.get(service.name, False) or order is None or not order.out
        for name, anybody in left.items():
            steering = self.world.decided(name)
            if steering is not None:
                assert bool(answering(steering)) is anybody
                assert anybody or steering.rules[-1].no_answer is NoAnswer.SERVFAIL

    def nothing_but_orders_changes_what_is_frozen(self) -> None:
        for name in TOPOLOGY.services:
            steering, orders = self.world.decided(name), self.world.controller.orders.in_force
            former, said = self.frozen.pop(name, None), tuple(map(_meant, orders))
            if steering is None or service_order(orders, Kind.FREEZE, name) is None:
                continue
            if former is not None and former[0] == said:
                assert steering == former[1]
            self.frozen[name] = said, steering

    def what_is_over_is_gone(self) -> None:
        control = self.world.controller
        assert all(order.active(control.clock.monotonic()) for order in control.orders.in_force)
        assert control.engine.overrides == control.orders.in_force

    def what_is_decided_is_published(self) -> None:
        if self.world.controller.engine.complete:
            wanted = self.world.provider.wanted
            assert wanted is not None
            assert wanted[1] == {name: self.world.decided(name) for name in TOPOLOGY.services}

    def _ruled(self) -> Iterator[tuple[Service, Endpoint, Override | None]]:
        """Every endpoint in the use of every service, and the order that counts for it."""
        orders = self.world.controller.orders.in_force
        for service in TOPOLOGY.services.values():
            for endpoint in TOPOLOGY.endpoints_of(service):
                yield service, endpoint, state_order(orders, endpoint, service.name)

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:
            self.all_is_well_again()

    def all_is_well_again(self) -> None:
        """All is well again, all orders are over, and time has passed: it is as if nothing had ever happened."""
        world = self.world
        if world.control is None:
            world.start()
        for order in world.controller.orders.in_force:
            if order.expires is None:
                world.controller.lift(order.target, "mehmet", [order.kind], order.service)
        for target in TARGETS:
            world.see(target, ok=True)
        world.publish_everywhere()
        world.advance(EVERYBODY_IS_CALM)
        self.resume()
        world.advance(EVERYBODY_IS_CALM)
        world.publish_everywhere()
        world.advance(EVERYBODY_IS_CALM)
        assert world.controller.orders.in_force == ()
        assert {name: world.decided(name) for name in TOPOLOGY.services} == fresh()
        for name, steering in fresh().items():
            assert world.controller.ledger.exposed(name).keys() == answering(steering)


def _meant(order: Override) -> Any:
    return order.key, order.kind, order.value, order.drain and (order.drain.phase, order.drain.step)


@cache
def fresh() -> dict[ServiceName, Steering]:
    """What is answered where nothing ever happened."""
    world = World()
    for target in TARGETS:
        world.see(target, ok=True)
    world.advance(EVERYBODY_IS_CALM)
    found = {name: world.decided(name) for name in TOPOLOGY.services}
    return {name: steering for name, steering in found.items() if steering is not None}
