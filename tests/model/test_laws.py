"""Every decision keeps the laws, whatever topology, chain, history and orders; and each law would catch a breach."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from msgspec import structs

from gslb.model.branch import Branch, Context, Verdict
from gslb.model.explain import explain
from gslb.model.fitness import Fitness, View
from gslb.model.groups import merge
from gslb.model.names import EndpointName
from gslb.model.override import Kind, Override, state_order
from gslb.model.steering import Group, rule_for
from policies.capacity import Capacity
from policies.fence import Fence
from tests.model.laws import (
    Case,
    Law,
    capacity_is_kept,
    cases,
    fences_hold,
    forced_out_is_out,
    forced_ttl_is_the_ttl,
    forced_up_is_in_service,
    held_back_is_last,
    loaded_cases,
    never_empty,
    no_failback_in_hold,
    same_inputs_same_output,
    shifting_cases,
    shifts_are_bounded,
    weights_are_sane,
)

LAWS: list[Law] = [
    never_empty,
    forced_out_is_out,
    forced_up_is_in_service,
    forced_ttl_is_the_ttl,
    held_back_is_last,
    same_inputs_same_output,
    no_failback_in_hold,
    fences_hold,
    weights_are_sane,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@given(case=cases())
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_every_decision_keeps_the_law(law: Law, case: Case) -> None:
    assert law(case)


@given(loaded_cases())
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_nobody_is_filled_beyond_capacity_while_another_has_room(case: Case) -> None:
    assert capacity_is_kept(case)


@given(shifting_cases())
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_scores_move_no_more_than_they_may(case: Case) -> None:
    assert shifts_are_bounded(case)


Break = Callable[[pytest.MonkeyPatch], None]


def unchanged(_step: object, branch: Branch, _context: Context) -> tuple[Branch, ...]:
    return (branch,)


def orders_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(View, "out_by", lambda *_: None)


def _if(order: Override | None, holds: Callable[[Override], bool]) -> Override | None:
    return order if order is not None and holds(order) else None


def nothing_is_forced_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "gslb.model.fitness.state_order",
        lambda *about: _if(state_order(*about), lambda order: order.kind is not Kind.UP),
    )


def ttls_are_not_forced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gslb.model.fitness.service_order", lambda *_: None)


def portions_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gslb.model.groups.apportion", lambda branch, _: branch)


def groups_come_in_any_order(patch: pytest.MonkeyPatch) -> None:
    turn = count()

    def shuffled(per_type: Any) -> tuple[Group, ...]:
        found = merge(per_type)
        return found if next(turn) % 2 else found[::-1]

    patch.setattr("gslb.model.steer.merge", shuffled)


def hold_is_skipped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(View, "_held", lambda *_: False)


def fences_let_through(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Fence, "__call__", unchanged)


def fences_give_way(patch: pytest.MonkeyPatch) -> None:
    """A fence that would leave nobody is not kept: never-empty before fence."""
    fence = Fence.__call__

    def soft(self: Fence, branch: Branch, context: Context) -> tuple[Branch, ...]:
        return tuple(
            after if any(after.tiers) else structs.replace(after, tiers=branch.tiers)
            for after in fence(self, branch, context)
        )

    patch.setattr(Fence, "__call__", soft)


def hold_gives_way_to_nobody(patch: pytest.MonkeyPatch) -> None:
    """An endpoint in hold is never used, even if nobody else can answer: hold before never-empty."""
    classify = View.classify

    def without_hold(self: View) -> dict[EndpointName, tuple[Fitness, str]]:
        found = classify(self)
        return {n: (Fitness.OUT if level is Fitness.HOLD else level, text) for n, (level, text) in found.items()}

    patch.setattr(View, "classify", without_hold)


def capacity_is_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Capacity, "__call__", unchanged)


def shifts_are_not_limited(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("policies.weighted.limited", lambda _before, wanted, _most: wanted)


BREACHES: list[tuple[Law, Break, Any]] = [
    (never_empty, hold_gives_way_to_nobody, cases()),
    (forced_out_is_out, orders_are_forgotten, cases()),
    (forced_up_is_in_service, nothing_is_forced_up, cases()),
    (forced_ttl_is_the_ttl, ttls_are_not_forced, cases()),
    (held_back_is_last, portions_are_forgotten, cases()),
    (same_inputs_same_output, groups_come_in_any_order, cases()),
    (no_failback_in_hold, hold_is_skipped, cases()),
    (fences_hold, fences_let_through, cases()),
    (fences_hold, fences_give_way, cases()),
    (shifts_are_bounded, shifts_are_not_limited, shifting_cases()),
    (capacity_is_kept, capacity_is_ignored, loaded_cases()),
]


SELDOM = {hold_is_skipped}
"""takes thousands of cases to be seen"""


@pytest.mark.parametrize(
    ("law", "breach", "worlds"),
    [
        pytest.param(*each, id=each[1].__name__, marks=[pytest.mark.acceptance] if each[1] in SELDOM else [])
        for each in BREACHES
    ],
)
def test_a_core_that_breaks_a_law_is_caught(
    law: Law, breach: Break, worlds: st.SearchStrategy[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = settings(
        max_examples=3000,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    breach(monkeypatch)
    try:
        find(worlds, lambda case: not law(case), settings=quick)
    except NoSuchExample:
        pytest.fail(f"{law.__name__} does not see {breach.__name__}")


@given(cases() | loaded_cases() | shifting_cases())
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_explain_says_of_whoever_is_not_answered_why_whatever_the_steps(case: Case) -> None:
    decision = case.decision
    for rule, client in [(rule_for(decision.steering, case.client), case.client), (decision.steering.rules[-1], None)]:
        for word in explain(decision, case.world.own, rule, client).words:
            assert word.why.text
            if not word.share:
                assert word.why.verdict is not Verdict.IN
                assert word.why.step != "answers" or not case.world.standings[word.endpoint].addresses
