"""``ttl = "auto"``: the TTL never reaches beyond a change that is known to come, in steps that halve."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.branch import Signals
from gslb.model.combine import Health
from gslb.model.drain import Phase
from gslb.model.fitness import calm_ttl, halvings, hold_of
from gslb.model.override import Kind
from gslb.model.topology import Service
from tests.model.worlds import NAME, World, drain, gateway, order, times, world, worlds

NOW = 100.0
ROUNDING = 1e-6
"""seconds: the difference of two moments is as exact as floating point"""
ONE, TWO = "192.0.2.1", "192.0.2.2"
BOTH = {"istanbul": [gateway(ONE)], "ankara": [gateway(TWO)]}
AUTO: dict[str, Any] = {"ttl_steady": 64, "ttl_alert": 5, "hold": 60.0, "ttl_auto": 300.0}


def service(steady: int, alert: int, auto: float | None = None) -> Service:
    return Service(NAME, (), (), (), ttl_steady=steady, ttl_alert=alert, ttl_auto=auto)


@pytest.mark.parametrize(
    ("steady", "alert", "steps"),
    [(64, 5, [64, 32, 16, 8]), (30, 5, [30, 15, 7]), (300, 20, [300, 150, 75, 37]), (10, 5, [10]), (5, 5, [5])],
)
def test_the_steps_halve_from_steady_down_to_above_alert(steady: int, alert: int, steps: list[int]) -> None:
    assert halvings(service(steady, alert)) == steps


@pytest.mark.parametrize(
    ("horizon", "ttl"),
    [(math.inf, 64), (64.1, 64), (64.0, 32), (20.0, 16), (16.0, 8), (8.0, 5), (5.0, 5), (0.0, 5)],
)
def test_it_is_the_longest_step_that_ends_before_the_answer_could_change(horizon: float, ttl: int) -> None:
    assert calm_ttl(service(64, 5, math.inf), horizon) == ttl


@pytest.mark.parametrize(("auto", "ttl"), [(None, 64), (300.0, 64), (33.0, 32), (20.0, 16), (3.0, 5)])
def test_in_calm_it_goes_by_how_soon_probes_could_see_a_failure(auto: float | None, ttl: int) -> None:
    assert calm_ttl(service(64, 5, auto)) == ttl


@pytest.mark.parametrize("settings", [{}, {"ttl_auto": 20.0}])
def test_where_nothing_is_about_to_change_it_stays_as_it_is(settings: dict[str, Any]) -> None:
    decision = world(BOTH, **AUTO | settings).at(NOW)
    assert decision.steering.ttl == (64 if not settings else 16)
    assert decision.next_at is None
    assert decision.ttl_reason.startswith("auto: the answer could change in ")


def test_where_nothing_is_probed_it_is_steady() -> None:
    decision = world(BOTH, **AUTO | {"ttl_auto": math.inf}).at(NOW)
    assert (decision.steering.ttl, decision.ttl_reason) == (64, "auto: nothing is probed")


def test_towards_the_end_of_an_order_it_is_halved_again_and_again() -> None:
    ending = world(BOTH, order(Kind.WEIGHT, "ankara", 3, expires=500.0), **AUTO)
    seen, now = [], 200.0
    while now < 500.0:
        decision = ending.at(now)
        seen.append((now, decision.steering.ttl))
        assert decision.next_at is not None
        now = decision.next_at
    assert seen == [(200.0, 64), (436.0, 32), (468.0, 16), (484.0, 8), (492.0, 5)]
    assert ending.at(500.0).steering.ttl == 64


def test_after_a_change_it_is_alert_however_long_nothing_more_is_known_to_come() -> None:
    changed = world(BOTH | {"istanbul": [gateway(ONE, health=Health.DOWN, since=90.0, last_failure=99.0)]}, **AUTO)
    assert [changed.at(now).steering.ttl for now in (NOW, 153.9, 154.0)] == [5, 5, 64]


def test_the_end_of_a_hold_is_a_change_that_is_known_to_come() -> None:
    back = gateway(ONE, since=None, last_failure=95.0)
    held = world(BOTH | {"istanbul": [back]}, **AUTO)
    assert [held.at(now).steering.ttl for now in (98.0, 130.0, 158.0, 159.0)] == [32, 16, 5, 64]


@pytest.mark.parametrize(
    ("more", "ttl"),
    [
        ([drain("istanbul", Phase.LOWERING)], 5),
        ([order(Kind.TTL, "api.example.com", 40)], 40),
    ],
)
def test_a_drain_and_a_forced_ttl_come_before_it(more: list[Any], ttl: int) -> None:
    assert world(BOTH, *more, **AUTO).at(NOW).steering.ttl == ttl


_autos = st.sampled_from([4.0, 17.0, 61.0, 300.0, math.inf])
_lifted = st.none() | times


def automatic(found: World, auto: float, steady: int, lifted: float | None) -> World:
    changed = replace(found.service, ttl_auto=auto, ttl_steady=steady, ttl_alert=5)
    return replace(found, service=changed, signals=Signals(lifted=lifted))


@given(worlds(), times, _autos, st.sampled_from([5, 30, 64]), _lifted)
def test_no_answer_is_held_beyond_a_moment_at_which_it_changes_by_itself(
    found: World, now: float, auto: float, steady: int, lifted: float | None
) -> None:
    place = automatic(found, auto, steady, lifted)
    ttl = place.at(now).steering.ttl
    failures = [place.standings[e.name].last_failure for e in place.own if place.standings[e.name].health is Health.UP]
    moments = [o.expires for o in place.overrides if o.expires is not None]
    moments += [failed + hold_of(place.service) for failed in failures if failed is not None]
    assert ttl <= place.service.ttl_alert or not any(now < moment <= now + ttl for moment in moments)


@given(worlds(), times, _autos, st.sampled_from([5, 30, 64]), _lifted, st.floats(0.0, 1.0))
def test_until_it_is_decided_again_it_stays_right(
    found: World, now: float, auto: float, steady: int, lifted: float | None, part: float
) -> None:
    place = automatic(found, auto, steady, lifted)
    decision = place.at(now)
    last = now + 1000.0 if decision.next_at is None else max(now, decision.next_at - ROUNDING)
    for later in (last, now + part * (last - now)):
        assert place.at(later).steering == decision.steering
