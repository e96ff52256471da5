"""What holds of every decision beside its laws, over random regions, standings, orders and pasts."""

import math

from hypothesis import given
from hypothesis import strategies as st

from gslb.model.combine import Health
from gslb.model.names import EndpointName
from gslb.model.steer import Fitness
from gslb.model.steering import MAX_WEIGHT, RecordType, groups_for
from gslb.model.topology import AllDown
from tests.model.worlds import World, times, worlds

MAY_BE_EMPTY = {AllDown.SERVFAIL, AllDown.NODATA, AllDown.FALLBACK}


def answering(world: World, now: float, kind: RecordType) -> set[EndpointName]:
    """Endpoints that are reached through an answer of type ``kind``."""
    groups = groups_for(world.at(now).steering.rules[-1], kind)
    return {name for group in groups for target in group.targets for name in target.endpoints}


@given(worlds(), times)
def test_nothing_in_hold_answers_beside_what_is_in_service(world: World, now: float) -> None:
    fitness = world.at(now).fitness
    for kind in world.at(now).steering.types:
        levels = {fitness[name] for name in answering(world, now, kind) if name in fitness}
        assert not levels >= {Fitness.IN_SERVICE, Fitness.HOLD}
        if Fitness.HOLD in levels:
            assert not any(fitness[e.name] is Fitness.IN_SERVICE and world.carries(e.name, kind) for e in world.own)


@given(worlds(), times)
def test_nothing_is_in_service_before_hold_and_ttl_have_passed_since_its_last_failure(world: World, now: float) -> None:
    quiet = max(world.service.hold, world.service.ttl_steady)
    for name, fitness in world.at(now).fitness.items():
        failed = world.standings[name].last_failure
        if fitness is Fitness.IN_SERVICE:
            assert world.standings[name].health is Health.UP
            assert failed is None or now >= failed + quiet


@given(worlds(), times, st.floats(0.0, 1.0))
def test_before_next_at_time_alone_changes_nothing(world: World, now: float, part: float) -> None:
    next_at = world.at(now).next_at
    last = now + 1000.0 if next_at is None else math.nextafter(next_at, 0.0)
    for later in (last, now + part * (last - now)):
        assert later >= now
        assert repr(world.at(later)) == repr(world.at(now))


@given(worlds(), times)
def test_every_group_can_be_picked_and_names_each_address_once(world: World, now: float) -> None:
    for kind in world.at(now).steering.types:
        groups = groups_for(world.at(now).steering.rules[-1], kind)
        assert len({group.region for group in groups}) == len(groups)
        for group in groups:
            assert 1 <= group.weight <= MAX_WEIGHT
            assert len({target.value for target in group.targets}) == len(group.targets) > 0


@given(worlds(), times)
def test_every_endpoint_has_a_fitness_and_a_reason(world: World, now: float) -> None:
    decision = world.at(now)
    assert list(decision.fitness) == [e.name for e in world.own]
    assert [r.subject for r in decision.reasons[: len(world.own)]] == list(decision.fitness)
    assert all(reason.text for reason in decision.reasons)
