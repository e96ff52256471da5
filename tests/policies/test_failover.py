"""failover: tiers of regions in order of preference; a later one answers only when none before it can."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from gslb.model.branch import Branch, Candidate, Signals, Step, Verdict
from gslb.model.names import EndpointName, RegionName
from policies.failover import Failover
from policies.weighted import Weighted
from tests.model.worlds import down, gateway, region, values, world
from tests.policies.branches import CONTEXT, REGIONS, branch, branches, candidate, regions, run, weights
from tests.policies.places import faults

STEP = (Failover(),)
TIERS = [["istanbul"], ["ankara", "izmir"]]


def failover(**options: Any) -> Failover:
    return Failover.model_validate(options)


def healthy(name: str, count: int) -> Candidate:
    """A region with so many endpoints that may answer."""
    return Candidate(RegionName(name), tuple(EndpointName(f"{name}/{number}") for number in range(count)), 1)


def stating(step: Failover, before: Branch, versions: Mapping[str, str]) -> Branch:
    """What a step makes of a branch where gateways of regions state versions of their configuration."""
    signals = Signals(configurations={RegionName(name): version for name, version in versions.items()})
    (after,) = step(before, replace(CONTEXT, signals=signals))
    return after


def texts(after: Branch) -> dict[str, str]:
    return {reason.subject: reason.text for reason in after.reasons if reason.step == "failover"}


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


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        ([["izmir", "ankara", "istanbul"]], [["istanbul"], ["izmir", "ankara"]]),
        # within each tier of an earlier step
        ([["izmir", "istanbul"], ["ankara"]], [["istanbul"], ["izmir"], ["ankara"]]),
        # who is in no tier, the fallback, comes last
        ([["bonn", "ankara", "istanbul"]], [["istanbul"], ["ankara"], ["bonn"]]),
    ],
)
def test_tiers_are_as_stated(tiers: list[list[str]], expected: list[list[str]]) -> None:
    before = branch(*(tuple(candidate(name) for name in tier) for tier in tiers))
    assert regions(run((failover(tiers=TIERS),), before)) == expected


@pytest.mark.parametrize(
    ("minimum", "istanbul", "ankara", "izmir", "expected"),
    [
        (1, 1, 1, 1, [["istanbul"], ["ankara", "izmir"]]),
        (2, 2, 1, 1, [["istanbul"], ["ankara", "izmir"]]),
        # the first that has enough
        (2, 1, 1, 1, [["ankara", "izmir"], ["istanbul"]]),
        # none has: the first that has any
        (4, 1, 1, 1, [["istanbul"], ["ankara", "izmir"]]),
        # a number for each
        ([1, 4], 1, 1, 1, [["istanbul"], ["ankara", "izmir"]]),
        ([3, 2], 2, 1, 1, [["ankara", "izmir"], ["istanbul"]]),
        ([3, 3], 2, 1, 1, [["istanbul"], ["ankara", "izmir"]]),
    ],
)
def test_a_tier_needs_its_minimum_of_healthy_endpoints(
    minimum: int | list[int], istanbul: int, ankara: int, izmir: int, expected: list[list[str]]
) -> None:
    before = branch((healthy("istanbul", istanbul), healthy("ankara", ankara), healthy("izmir", izmir)))
    assert regions(run((failover(tiers=TIERS, minimum=minimum),), before)) == expected


def test_a_tier_that_is_too_small_says_so() -> None:
    after = run((failover(minimum=2),), branch((healthy("istanbul", 1), healthy("ankara", 2))))
    assert texts(after) == {
        "ankara": "preferred",
        "istanbul": "standby number 1, behind ankara; too small: 1 healthy of the 2 endpoints that it needs",
    }


READY = [
    # the same version: ready
    ({"istanbul": "b2", "ankara": "b2", "izmir": "b2"}, ["istanbul", "ankara", "izmir"], {}),
    # what is not ready goes behind what is
    (
        {"istanbul": "b2", "ankara": "a1", "izmir": "b2"},
        ["istanbul", "izmir", "ankara"],
        {"ankara": "standby number 2, behind izmir; not ready: configuration a1, preferred has b2"},
    ),
    (
        {"istanbul": "b2", "ankara": "", "izmir": "b2"},
        ["istanbul", "izmir", "ankara"],
        {"ankara": "standby number 2, behind izmir; not ready: configuration not stated, preferred has b2"},
    ),
    # none is: the order as stated
    (
        {"istanbul": "b2"},
        ["istanbul", "ankara", "izmir"],
        {
            "ankara": "standby number 1, behind istanbul; not ready: configuration not stated, preferred has b2",
            "izmir": "standby number 2, behind ankara; not ready: configuration not stated, preferred has b2",
        },
    ),
    # nothing to compare with: not checked, and said
    (
        {"ankara": "a1", "izmir": "b2"},
        ["istanbul", "ankara", "izmir"],
        {
            "ankara": "standby number 1, behind istanbul; "
            "readiness is not checked: the preferred tier states no configuration",
            "izmir": "standby number 2, behind ankara; "
            "readiness is not checked: the preferred tier states no configuration",
        },
    ),
]


@pytest.mark.parametrize(("versions", "order", "said"), READY)
def test_a_standby_is_ready_with_the_configuration_of_the_preferred_tier(
    versions: dict[str, str], order: list[str], said: dict[str, str]
) -> None:
    before = branch((candidate("istanbul"), candidate("ankara"), candidate("izmir")))
    after = stating(failover(ready=True), before, versions)
    assert [name for (name,) in regions(after)] == order
    assert texts(after) | said == texts(after)
    assert sum("ready" in text or "readiness" in text for text in texts(after).values()) == len(said)


def test_what_is_not_ready_answers_when_nothing_else_is_there() -> None:
    after = stating(failover(ready=True), branch((candidate("ankara"),)), {"istanbul": "b2", "ankara": "a1"})
    assert regions(after) == [["ankara"]]
    assert texts(after)["ankara"] == "preferred; not ready: configuration a1, preferred has b2"


def test_the_version_that_a_lost_preferred_tier_stated_last_still_counts() -> None:
    versions = {"istanbul": "b2", "ankara": "a1", "izmir": "b2"}
    after = stating(failover(ready=True), branch((candidate("ankara"), candidate("izmir"))), versions)
    assert regions(after) == [["izmir"], ["ankara"]]


def test_where_regions_of_the_preferred_tier_differ_either_version_is_ready() -> None:
    step = failover(tiers=[["istanbul", "ankara"], ["izmir", "bursa"]], ready=True)
    before = branch(tuple(candidate(name) for name in REGIONS))
    after = stating(step, before, {"istanbul": "b2", "ankara": "c3", "izmir": "c3", "bursa": "a1"})
    assert regions(after) == [["istanbul", "ankara"], ["izmir"], ["bursa"]]
    assert texts(after)["bursa"].endswith("not ready: configuration a1, preferred has b2 and c3")


def test_one_that_is_ready_but_too_small_comes_before_one_that_is_not_ready() -> None:
    step = failover(minimum=2, ready=True)
    before = branch((healthy("istanbul", 1), healthy("ankara", 2), healthy("izmir", 1)))
    after = stating(step, before, {"istanbul": "b2", "ankara": "a1", "izmir": "b2"})
    assert regions(after) == [["istanbul"], ["izmir"], ["ankara"]]


def test_readiness_is_nobodys_business_unless_asked_for() -> None:
    before = branch((candidate("istanbul"), candidate("ankara"), candidate("izmir")))
    after = stating(failover(), before, {"istanbul": "b2", "ankara": "a1", "izmir": "b2"})
    assert regions(after) == [["istanbul"], ["ankara"], ["izmir"]]
    assert not any("ready" in text for text in texts(after).values())


CHAIN = {RegionName(name): region(name, [gateway("192.0.2.1")] * 2) for name in ("istanbul", "ankara", "izmir")}
FAULTS = [
    ({"tiers": [["istanbul"], ["ankara"]]}, "tiers", "izmir is in no tier"),
    ({"tiers": [*TIERS, ["istanbul"]]}, "tiers", "istanbul is named twice"),
    ({"tiers": [*TIERS, ["bonn"]]}, "tiers", "'bonn' is no region of this service"),
    ({"tiers": [["istanbul", "ankara", "izmir"]]}, "tiers", "has no effect: all regions are in one tier"),
    ({"tiers": TIERS, "minimum": [1, 2, 3]}, "minimum", "has 3 numbers for 2 tiers"),
    ({"tiers": TIERS, "minimum": 3}, "minimum", "is 3, but istanbul has 2 endpoints"),
    ({"minimum": [1, 1, 3]}, "minimum", "is 3, but izmir has 2 endpoints"),
    ({"tiers": TIERS, "minimum": [1, 5]}, "minimum", "is 5, but ankara, izmir has 4 endpoints"),
]


@pytest.mark.parametrize(("options", "key", "message"), FAULTS)
def test_tiers_and_minimums_that_do_not_fit_the_service_are_faults(
    options: dict[str, Any], key: str, message: str
) -> None:
    ((found_key, found, remedy),) = faults((failover(**options),), CHAIN)
    assert (found_key, found) == (key, message)
    assert remedy


@pytest.mark.parametrize("options", [{}, {"tiers": TIERS, "minimum": [2, 4]}, {"minimum": 2, "ready": True}])
def test_what_fits_has_no_faults(options: dict[str, Any]) -> None:
    assert faults((failover(**options),), CHAIN) == []


def test_with_one_region_there_is_nothing_to_fail_over_to() -> None:
    alone = {name: entry for name, entry in CHAIN.items() if name == "istanbul"}
    ((key, message, _),) = faults(STEP, alone)
    assert (key, message) == ("", "has no effect: all regions are in one tier")


@pytest.mark.parametrize("minimum", [0, [0], [], "2", 1.5, True, [True], {}])
def test_a_minimum_is_a_positive_number_or_one_for_each_tier(minimum: object) -> None:
    with pytest.raises(ValidationError):
        failover(minimum=minimum)


def test_a_minimum_is_shown_as_it_is_written() -> None:
    assert failover(minimum=2).model_dump()["minimum"] == 2
    assert failover(minimum=[1, 2]).model_dump()["minimum"] == [1, 2]


def test_end_to_end_a_tier_answers_only_with_its_minimum() -> None:
    up = {
        "istanbul": [gateway("192.0.2.1"), gateway("192.0.2.2")],
        "ankara": [gateway("192.0.2.3"), gateway("192.0.2.4")],
    }
    policy = (failover(minimum=2),)
    assert values(world(up, policy=policy).at(0.0)) == {"192.0.2.1", "192.0.2.2"}
    half = up | {"istanbul": [gateway("192.0.2.1"), down("192.0.2.2")]}
    assert values(world(half, policy=policy).at(0.0)) == {"192.0.2.3", "192.0.2.4"}
    both = half | {"ankara": [gateway("192.0.2.3"), down("192.0.2.4")]}
    assert values(world(both, policy=policy).at(0.0)) == {"192.0.2.1"}
