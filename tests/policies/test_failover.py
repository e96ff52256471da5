"""failover: regions in order of preference, each a tier of its own."""

import pytest
from hypothesis import given

from gslb.model.branch import Branch, Step, Verdict
from policies.failover import Failover
from policies.weighted import Weighted
from tests.model.worlds import down, gateway, values, world
from tests.policies.branches import REGIONS, branch, branches, candidate, regions, run, weights

STEP = (Failover(),)


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        ([["istanbul", "ankara", "izmir"]], [["istanbul"], ["ankara"], ["izmir"]]),
        # the order is the service's, not that of the candidates
        ([["izmir", "istanbul", "ankara"]], [["istanbul"], ["ankara"], ["izmir"]]),
        # an earlier step's tiers come first
        ([["izmir"], ["ankara", "istanbul"]], [["izmir"], ["istanbul"], ["ankara"]]),
        ([[], ["ankara"]], [["ankara"]]),
        ([[]], []),
        ([], []),
    ],
)
def test_every_region_becomes_a_tier_in_the_order_of_the_service(
    tiers: list[list[str]], expected: list[list[str]]
) -> None:
    before = branch(*(tuple(candidate(name) for name in tier) for tier in tiers))
    assert regions(run(STEP, before)) == expected


def test_the_first_is_preferred_and_the_others_know_whom_they_stand_behind() -> None:
    after = run(STEP, branch((candidate("ankara"), candidate("istanbul"), candidate("izmir"))))
    assert [(reason.step, reason.subject, reason.verdict, reason.text) for reason in after.reasons] == [
        ("health", "istanbul", Verdict.IN, "up"),
        ("failover", "istanbul", Verdict.IN, "preferred"),
        ("failover", "ankara", Verdict.STANDBY, "standby number 1, behind istanbul"),
        ("failover", "izmir", Verdict.STANDBY, "standby number 2, behind ankara"),
    ]


@given(branches())
def test_nobody_is_dropped_or_changed(before: Branch) -> None:
    after = run(STEP, before)
    order = REGIONS.index
    ranked = [c for tier in before.tiers for c in sorted(tier, key=lambda entry: order(entry.region))]
    assert [c for tier in after.tiers for c in tier] == ranked
    assert all(len(tier) == 1 for tier in after.tiers)
    assert (after.match, after.pick) == (before.match, before.pick)
    assert after.reasons[: len(before.reasons)] == before.reasons
    assert [reason.subject for reason in after.reasons[len(before.reasons) :]] == [c.region for c in ranked]


@given(branches())
def test_once_failed_over_doing_so_again_changes_no_tier(before: Branch) -> None:
    assert run((*STEP, *STEP), before).tiers == run(STEP, before).tiers


@given(branches())
def test_failover_then_weighted_keeps_the_tiers_of_the_one_and_the_reasons_of_both(before: Branch) -> None:
    after = run((Failover(), Weighted()), before)
    assert regions(after) == regions(run(STEP, before))
    steps = [reason.step for reason in after.reasons[len(before.reasons) :]]
    count = sum(map(len, before.tiers))
    assert steps == ["failover"] * count + ["weighted"] * count
    assert [c.weight > 0 for tier in after.tiers for c in tier] == [
        c.weight > 0 for tier in run(STEP, before).tiers for c in tier
    ]


@pytest.mark.parametrize("policy", [(Failover(),), (Failover(), Weighted()), (Weighted(), Failover())])
def test_a_standby_answers_only_when_none_before_it_can(policy: tuple[Step, ...]) -> None:
    up = {"istanbul": [gateway("192.0.2.1")], "ankara": [gateway("192.0.2.2")], "izmir": [gateway("192.0.2.3")]}
    assert values(world(up, policy=policy).at(0.0)) == {"192.0.2.1"}
    assert values(world(up | {"istanbul": [down("192.0.2.1")]}, policy=policy).at(0.0)) == {"192.0.2.2"}
    both = {"istanbul": [down("192.0.2.1")], "ankara": [down("192.0.2.2")]}
    assert values(world(up | both, policy=policy).at(0.0)) == {"192.0.2.3"}


def test_weights_do_not_matter_between_tiers() -> None:
    before = branch((candidate("istanbul", 1), candidate("ankara", 255)))
    assert weights(run((Failover(), Weighted()), before)) == [[1], [255]]
