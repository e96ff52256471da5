"""Orders, failures, restarts and lost writes in any order: the promises of TTL-aware failover hold at every step.

Each promise is broken on purpose as well, and the same search must find that.
"""

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from gslb.control.controller import Controller
from gslb.control.guard import Consent
from gslb.control.ledger import Ledger
from gslb.control.ordering import Request
from gslb.control.orders import Orders
from gslb.model.drain import Drain, Facts, advance
from gslb.model.drain import Phase as DrainPhase
from gslb.model.fitness import View
from gslb.model.names import RegionName
from gslb.model.override import Kind, Override, is_drained
from gslb.model.steering import answering
from tests.control.bench import API
from tests.control.machine import TARGETS, World
from tests.control.promises import ENDPOINTS, TOPOLOGY, Machine, fresh

# the promises


def search(examples: int, steps: int, phases: tuple[Phase, ...]) -> settings:
    """Always the same examples."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=True,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of orders and decisions are no news."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def test_the_promises_hold_whatever_happens() -> None:
    """120 examples of 50 steps each."""
    run_state_machine_as_test(Machine, settings=search(120, 50, (Phase.generate,)))


@pytest.mark.acceptance
def test_the_promises_hold_whatever_happens_for_long() -> None:
    """2,000 examples of 80 steps each, about five minutes."""
    run_state_machine_as_test(Machine, settings=search(2000, 80, (Phase.generate, Phase.shrink)))


# what the search has found, one by one


def settled_world() -> World:
    """All is well, and has been for so long that all of it is written down."""
    world = World()
    for target in TARGETS:
        world.see(target, ok=True)
    world.publish_everywhere()
    world.advance(600.0)
    return world


def told(world: World, kind: Kind, target: str, value: int | None = None, **more: Any) -> None:
    world.advance(0.001)
    world.controller.order(Request(kind, target, "ayse", "outage", 600.0, value, **more))
    world.turn()


def wait_until_drained(world: World, target: str) -> None:
    """Nobody holds an answer with the region then."""
    end = world.now + 600.0
    while not any(map(is_drained, world.controller.orders.in_force)):
        world.advance(1.0)
        assert world.now < end
    region = TOPOLOGY.regions[RegionName(target)]
    assert not any(world.somebody_holds(name, e.name) for name in TOPOLOGY.services for e in region.endpoints)


def test_a_drain_waits_for_answers_of_which_nothing_was_written_down() -> None:
    """The first that there ever were: nobody knows any more that the service was answered."""
    world = World()
    for target in TARGETS:
        world.see(target, ok=True)
    world.publish_everywhere()
    told(world, Kind.DRAIN, "istanbul", at_once=True)
    world.kill(lost=1.0)
    world.start()
    for target in TARGETS:
        world.see(target, ok=True)
    world.publish_everywhere()
    wait_until_drained(world, "istanbul")


def test_a_drain_waits_for_answers_with_a_forced_ttl_of_which_no_trace_is_left() -> None:
    world = settled_world()
    told(world, Kind.TTL, "api.example.com", 40)
    world.publish_everywhere()
    world.advance(0.1)
    world.controller.lift("api.example.com", "mehmet", [Kind.TTL])
    world.turn()
    world.publish_everywhere()
    world.kill(lost=0.5)
    world.start()
    told(world, Kind.DRAIN, "istanbul", at_once=True)
    world.publish_everywhere()
    wait_until_drained(world, "istanbul")


def test_what_is_forced_out_stays_out_after_a_restart_that_finds_older_answers_frozen() -> None:
    world = settled_world()
    told(world, Kind.FREEZE, "*")
    told(world, Kind.OUT, "ankara")
    world.kill(lost=0.01)
    world.start()
    for name in TOPOLOGY.services:
        steering = world.decided(name)
        assert steering is not None
        assert "ankara/192.0.2.3:80" not in answering(steering)


def test_an_endpoint_that_was_draining_before_a_restart_is_followed_until_it_is_seen_up() -> None:
    world = World()
    for target in TARGETS:
        world.see(target, ok=True)
    world.see(TARGETS[0], ok=True, draining=True)
    assert world.controller.departures.states.keys() == {f"istanbul/{TARGETS[0]}"}
    world.kill(lost=1.0)
    world.start()
    world.see(TARGETS[0], ok=True, draining=True)
    assert world.controller.departures.states.keys() == {f"istanbul/{TARGETS[0]}"}
    world.see(TARGETS[0], ok=True)
    assert not world.controller.departures.states


def test_a_service_that_has_no_answer_gets_one_as_soon_as_an_order_is_lifted() -> None:
    """Though nothing has been probed to a verdict yet, and it was decided only because it was frozen."""
    world = World()
    told(world, Kind.FREEZE, "*")
    world.controller.lift("*", "mehmet", [Kind.FREEZE])
    told(world, Kind.OUT, "*", consent=Consent(force=True))
    world.controller.lift("*", "mehmet", [Kind.OUT])
    world.turn()
    steering = world.decided(API)
    assert steering is not None
    assert answering(steering)


def test_a_forced_weight_counts_at_once_whatever_scores_may_move() -> None:
    world = settled_world()
    told(world, Kind.WEIGHT, "istanbul", 255)
    steering = world.decided(API)
    assert steering is not None
    assert steering.rules[-1].weights == {"istanbul": 255, "ankara": 1}


def test_an_order_is_no_news_for_longer_because_the_wall_clock_was_set_back() -> None:
    world = settled_world()
    told(world, Kind.OUT, "ankara")
    world.kill(lost=0.0)
    world.start(jump=-7200.0)
    world.advance(41.0)
    assert [world.controller.engine.decisions[API].ttl_reason] == ["steady"]


def test_a_place_that_falls_back_unheard_is_found_out_though_nobody_answers_any_more() -> None:
    world = settled_world()
    told(world, Kind.DRAIN, "*", at_once=True, consent=Consent(force=True))
    world.publish_everywhere()
    wait_until_drained(world, "istanbul")
    world.kill(lost=0.0)
    fall_back(world)
    world.start()
    assert_taken_back(world)


@pytest.mark.parametrize("jump", [0.0, -7200.0])
def test_drained_is_believed_though_all_else_was_lost_and_taken_back_when_a_place_falls_back(jump: float) -> None:
    """Generations begin anew then: that their numbers are higher or lower says nothing."""
    world = settled_world()
    told(world, Kind.DRAIN, "istanbul", at_once=True)
    world.publish_everywhere()
    wait_until_drained(world, "istanbul")
    world.kill(lost=1e9)
    world.start(jump)
    assert any(map(is_drained, world.controller.orders.in_force))
    world.kill(lost=0.0)
    fall_back(world)
    world.start(jump)
    assert_taken_back(world)


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("changes", [1, 2, 3])
def test_a_generation_of_another_process_is_not_taken_for_one_with_the_same_number(
    changes: int, *, written: bool
) -> None:
    """After writes were lost and the clock set back, numbers are used for the second time."""
    world = settled_world()
    for weight in range(changes):
        told(world, Kind.WEIGHT, "ankara", 10 + weight)
        world.publish_everywhere()
    told(world, Kind.DRAIN, "istanbul", at_once=True)
    world.kill(lost=0.5)
    world.start(jump=-7200.0)
    for place in world.places:
        world.take(place)
        if written:
            world.write(place)
    world.advance(120.0)
    assert any(map(is_drained, world.controller.orders.in_force)) is written
    fall_back(world)
    assert_taken_back(world)


@pytest.mark.parametrize("written", [False, True])
def test_what_another_process_has_published_is_not_left_behind_because_its_number_is_higher(*, written: bool) -> None:
    """One place is connected to late, and has what this process knows nothing of."""
    world = settled_world()
    here, late = world.places
    world.cut(here)
    for weight in range(3):
        told(world, Kind.WEIGHT, "ankara", 10 + weight)
        world.take(late)
        world.write(late)
    told(world, Kind.DRAIN, "istanbul", at_once=True)
    world.cut(late)
    here.linked = True
    world.kill(lost=0.5)
    world.start(jump=-7200.0)
    world.take(here)
    world.write(here)
    world.link(late)
    world.take(late)
    if written:
        world.write(late)
    world.advance(60.0)
    assert any(map(is_drained, world.controller.orders.in_force)) is written
    world.kill(lost=0.0)
    world.crash(late)
    world.come_back(late, damaged=written)
    world.start()
    assert_taken_back(world)


def fall_back(world: World) -> None:
    """A place comes up from its older file."""
    world.crash(world.places[0])
    world.come_back(world.places[0], damaged=True)


def assert_taken_back(world: World) -> None:
    assert world.somebody_holds(API, ENDPOINTS[0])
    assert not any(map(is_drained, world.controller.orders.in_force))


# each promise can be broken


Break = Callable[[pytest.MonkeyPatch], None]


def answers_end_as_soon_as_they_are_published(patch: pytest.MonkeyPatch) -> None:
    """At the decision, without waiting for any place."""
    publish = Ledger.publish

    def published(self: Ledger, generation: int, steerings: Any) -> None:
        publish(self, generation, steerings)
        self.settle(lambda _: generation, self._clock.monotonic())

    patch.setattr(Ledger, "publish", published)


def answers_are_not_held_a_moment_longer_than_their_ttl(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gslb.model.exposure.ALLOWANCE", 0.0)


def drained_does_not_look_at_the_ledger(patch: pytest.MonkeyPatch) -> None:
    def hasty(drain: Drain, facts: Facts, now: float) -> Drain:
        return advance(drain, replace(facts, exposed_until=-math.inf), now)

    patch.setattr("gslb.control.drains.advance", hasty)


def a_restart_assumes_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "assume", lambda *_: None)


def a_place_with_older_answers_is_not_heard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Controller, "_regressed", lambda *_: None)


def what_restarts_leave_behind_is_not_remembered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("tests.control.outside.Provider.recall", lambda *_: None)


def expired_orders_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Orders, "expire", lambda _: ())


def phases_are_not_saved(patch: pytest.MonkeyPatch) -> None:
    """A drain goes on, but what is kept of it is how it was given."""
    stored = Orders._stored

    def as_given(self: Orders, order: Override, *moments: Any) -> Any:
        drain = order.drain and replace(order.drain, phase=DrainPhase.LOWERING)
        return stored(self, replace(order, drain=drain), *moments)

    patch.setattr(Orders, "_stored", as_given)


def what_is_forced_out_may_answer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(View, "out_by", lambda *_: None)
    patch.setattr("gslb.model.fitness.state_order", lambda *_: None)


def freezing_does_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gslb.control.engine.service_order", lambda *_: None)


def orders_that_are_lifted_leave_their_mark(patch: pytest.MonkeyPatch) -> None:
    """The answers stay as they were when somebody lifts an order."""
    patch.setattr("gslb.control.engine.about", lambda order, *_: order.kind is Kind.DRAIN)


BREACHES: list[Break] = [
    answers_end_as_soon_as_they_are_published,
    answers_are_not_held_a_moment_longer_than_their_ttl,
    drained_does_not_look_at_the_ledger,
    a_restart_assumes_nothing,
    a_place_with_older_answers_is_not_heard,
    what_restarts_leave_behind_is_not_remembered,
    expired_orders_stay,
    phases_are_not_saved,
    what_is_forced_out_may_answer,
    freezing_does_nothing,
    orders_that_are_lifted_leave_their_mark,
]


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.__name__)
def test_a_core_that_breaks_a_promise_is_caught(breach: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first example that fails ends the search, which would give up after 600."""
    fresh()
    breach(monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Machine, settings=search(600, 40, (Phase.generate,)))
