"""fence: clients in some areas are answered by some regions only, whatever happens."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from gslb.model.branch import Branch, Context, Step
from gslb.model.names import RegionName
from gslb.model.steering import NoAnswer, rule_for
from gslb.model.topology import AllDown
from policies.fence import Fence
from policies.geo import Geo
from policies.latency import Latency
from policies.weighted import Weighted
from tests.model.worlds import down, drain, gateway, world
from tests.policies.branches import branches
from tests.policies.places import (
    ANKARA,
    BERLIN,
    BLIND,
    BOSTON,
    ISTANBUL,
    NOBODY_KNOWS,
    branch,
    decide,
    faults,
    odds,
    parted,
    placed,
    said,
    service,
    spread,
    vantages,
)

HERE = {"istanbul": ["TR-34"], "ankara": ["TR"], "frankfurt": ["continent:EU"]}
REGIONS = spread(HERE)


def fence(*texts: str, regions: Sequence[str] = ("istanbul", "ankara"), unknown: bool = False) -> Fence:
    return Fence.model_validate({"areas": list(texts), "regions": list(regions), "unknown": unknown})


@pytest.mark.parametrize(
    ("step", "before", "expected"),
    [
        (
            fence("TR"),
            branch(["istanbul", "frankfurt"], ["ankara"]),
            {"TR": [["istanbul"], ["ankara"]], "all": [["istanbul", "frankfurt"], ["ankara"]]},
        ),
        (
            fence("TR", "192.0.2.0/24", unknown=True),
            branch(["istanbul", "frankfurt"]),
            {
                "192.0.2.0/24": [["istanbul"]],
                "TR": [["istanbul"]],
                "unknown": [["istanbul"]],
                "all": [["istanbul", "frankfurt"]],
            },
        ),
        # what an earlier step has parted within the area is fenced, what is wider is parted again
        (fence("TR"), branch(["istanbul", "frankfurt"], match="TR-34"), {"TR-34": [["istanbul"]]}),
        (
            fence("TR"),
            branch(["istanbul", "frankfurt"], match="continent:AS"),
            {"TR": [["istanbul"]], "continent:AS": [["istanbul", "frankfurt"]]},
        ),
        (fence("TR"), branch(["frankfurt"], match="DE"), {"DE": [["frankfurt"]]}),
        # every tier, and nobody instead of somebody from outside
        (fence("TR"), branch(["frankfurt"], ["bursa"], match="TR"), {"TR": []}),
    ],
)
def test_who_is_left_to_answer_whom(step: Fence, before: Branch, expected: dict[str, list[list[str]]]) -> None:
    assert parted(step, before, REGIONS) == expected


def test_in_a_fenced_area_every_region_is_told_why_and_elsewhere_nothing_is_said() -> None:
    before = branch(["istanbul", "frankfurt"])
    assert said(fence("TR"), before, REGIONS, match="TR") == [
        ("istanbul", "in", "may answer clients in TR"),
        ("frankfurt", "out", "outside the fence: only istanbul and ankara may answer clients in TR"),
    ]
    assert said(fence("TR"), before, REGIONS) == []
    assert said(fence(unknown=True), before, REGIONS, match="unknown")[0] == (
        "istanbul",
        "in",
        "may answer clients of unknown location",
    )


@given(branches())
def test_whom_branches_are_for_does_not_depend_on_candidates_and_nobody_changes(before: Branch) -> None:
    context = Context(service(REGIONS), REGIONS)
    step = fence("TR", "AS9121", unknown=True)
    after = step(before, context)
    assert [each.match for each in after] == [each.match for each in step(branch(), context)]
    assert after[-1] == before
    for each in after[:-1]:
        inside = [c for tier in before.tiers for c in tier if c.region in ("istanbul", "ankara")]
        assert [c for tier in each.tiers for c in tier] == inside
        assert len(each.reasons) == len(before.reasons) + sum(map(len, before.tiers))


UP = {"istanbul": [gateway("192.0.2.1")], "ankara": [gateway("192.0.2.2")], "frankfurt": [gateway("192.0.2.3")]}
INSIDE_DOWN = UP | {"istanbul": [down("192.0.2.1")], "ankara": [down("192.0.2.2")]}


@pytest.mark.parametrize("policy", [(fence("TR"), Geo()), (Geo(), fence("TR")), (fence("TR"), Weighted())])
def test_with_all_inside_down_fenced_clients_get_what_is_inside_or_nothing(policy: tuple[Step, ...]) -> None:
    here = placed(world(INSIDE_DOWN, policy=policy), HERE)
    assert set(odds(decide(here), BERLIN)) == {"192.0.2.3"}
    for client in (ISTANBUL, ANKARA):
        assert set(odds(decide(here), client)) == {"192.0.2.1", "192.0.2.2"}
        drained = replace(here, overrides=(drain("istanbul"), drain("ankara")))
        assert odds(decide(drained), client) == {}
        assert rule_for(decide(drained).steering, client).no_answer is NoAnswer.SERVFAIL
    assert set(odds(decide(replace(here, overrides=(drain("ankara"),))), ANKARA)) == {"192.0.2.1"}


@pytest.mark.parametrize("mode", [AllDown.SERVFAIL, AllDown.NODATA])
def test_who_is_to_get_no_answer_when_all_is_down_gets_none_inside_either(mode: AllDown) -> None:
    here = placed(world(INSIDE_DOWN, policy=(fence("TR"), Geo()), when_all_down=mode), HERE)
    assert odds(decide(here), ISTANBUL) == {}
    assert set(odds(decide(here), BERLIN)) == {"192.0.2.3"}


def test_the_last_good_answer_is_cut_to_what_the_fence_allows_now() -> None:
    before = decide(placed(world(UP, policy=(Weighted(),)), HERE)).steering
    gone = UP | {name: [down(*map(str, s[0].addresses))] for name, s in UP.items()}
    here = placed(world(gone, policy=(fence("TR"),), when_all_down=AllDown.LAST_GOOD, last_good=before), HERE)
    assert set(odds(decide(here), ISTANBUL)) == {"192.0.2.1", "192.0.2.2"}
    assert set(odds(decide(here), BOSTON)) == {"192.0.2.1", "192.0.2.2", "192.0.2.3"}


def test_the_fallback_is_not_given_to_clients_it_is_fenced_off_from() -> None:
    settings: dict[str, Any] = {"when_all_down": AllDown.FALLBACK, "fallback": RegionName("frankfurt")}
    gone = INSIDE_DOWN | {"frankfurt": [down("192.0.2.3")]}
    here = placed(world(gone, policy=(fence("TR"),), **settings), HERE)
    assert set(odds(decide(here), ISTANBUL)) == {"192.0.2.1", "192.0.2.2"}
    assert set(odds(decide(here), BOSTON)) == {"192.0.2.3"}


def test_two_fences_around_one_another_leave_what_both_allow() -> None:
    policy = (fence("TR"), fence("TR-34", regions=["istanbul", "frankfurt"]))
    for steps in (policy, policy[::-1]):
        here = placed(world(UP, policy=steps), HERE)
        assert set(odds(decide(here), ISTANBUL)) == {"192.0.2.1"}
        assert set(odds(decide(here), ANKARA)) == {"192.0.2.1", "192.0.2.2"}
        assert set(odds(decide(here), BERLIN)) == {"192.0.2.1", "192.0.2.2", "192.0.2.3"}


def test_clients_of_unknown_location_are_fenced_when_asked_for() -> None:
    here = placed(world(UP, policy=(fence("TR", unknown=True), Geo())), HERE)
    assert set(odds(decide(here), NOBODY_KNOWS)) == {"192.0.2.1", "192.0.2.2"}
    assert set(odds(decide(here), BOSTON)) == {"192.0.2.1", "192.0.2.2", "192.0.2.3"}


LEAK = "cannot hold: clients in {0} may be {1} too, and frankfurt may answer them"
ONLY = "fence {0} as well, or let no other step part clients by it"


@pytest.mark.parametrize(
    ("steps", "here", "expected"),
    [
        ((fence("TR"),), HERE, []),
        ((fence("TR"), Geo()), HERE, []),
        ((fence("DE-BE"), Geo()), HERE, []),
        # the fence's own area is the more specific one
        ((fence("192.0.2.0/24"), Geo()), HERE, []),
        # networks are within each other or apart
        ((fence("192.0.2.0/24"), Geo()), HERE | {"ankara": ["192.0.2.0/25", "198.51.100.0/24"]}, []),
        # fenced as well
        ((fence("TR", "192.0.2.0/24"), Geo()), HERE | {"ankara": ["192.0.2.0/25"]}, []),
        (
            (fence("TR"), Geo()),
            HERE | {"ankara": ["192.0.2.0/24"]},
            [
                (
                    "areas",
                    LEAK.format("192.0.2.0/24", "clients in TR"),
                    ONLY.format("192.0.2.0/24"),
                )
            ],
        ),
        (
            (fence(unknown=True), Geo()),
            HERE | {"ankara": ["AS9121"]},
            [
                (
                    "areas",
                    LEAK.format("AS9121", "clients of unknown location"),
                    ONLY.format("AS9121"),
                )
            ],
        ),
        # of subdivisions of Great Britain one may lie within another
        (
            (fence("GB-LND"), Geo()),
            HERE | {"ankara": ["GB-ENG"]},
            [
                (
                    "areas",
                    LEAK.format("GB-ENG", "clients in GB-LND"),
                    ONLY.format("GB-ENG"),
                )
            ],
        ),
        ((fence("TR-06"), Geo()), HERE, []),
        # another fence, within which nobody from outside is left
        ((fence("TR"), fence("AS9121", regions=["istanbul"])), HERE, []),
        (
            (fence("TR"), fence("AS9121", regions=["frankfurt"])),
            HERE,
            [
                (
                    "areas",
                    LEAK.format("AS9121", "clients in TR"),
                    ONLY.format("AS9121"),
                )
            ],
        ),
        (
            (fence("TR"), fence("TR-34", regions=["frankfurt"])),
            HERE,
            [
                (
                    "regions",
                    "leaves nobody to answer clients in TR-34, together with the other steps",
                    "let the fences around them have a region in common",
                )
            ],
        ),
        (
            (fence("TR", regions=["istanbul", "ankara", "frankfurt"]),),
            HERE,
            [
                (
                    "regions",
                    "has no effect: these are all regions of the service",
                    "leave out the regions that may not answer, or remove this step",
                )
            ],
        ),
        (
            (fence("TR", regions=["istanbul", "izmir"]),),
            HERE,
            [
                (
                    "regions",
                    "names izmir, which is no region of the service",
                    "write one of istanbul, ankara, frankfurt",
                )
            ],
        ),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_a_pointless_or_leaky_fence_is_refused_with_its_remedy_wherever_it_stands(
    steps: tuple[Step, ...], here: dict[str, list[str]], expected: list[tuple[str, str, str]], order: int
) -> None:
    assert faults(steps[::order], spread(here), steps[::order].index(steps[0])) == expected


def test_what_vantage_points_part_clients_by_counts_as_well() -> None:
    steps = (Latency(), fence("TR"))
    assert faults(steps, REGIONS, 1, vantages=vantages(here=["TR-34"], there=["continent:EU"])) == []
    ((key, message, _),) = faults(steps, REGIONS, 1, vantages=vantages(here=["AS9121"]))
    assert key == "areas"
    assert message.startswith("cannot hold: clients in AS9121 may be clients in TR too")


@pytest.mark.parametrize(
    ("fallback", "expected"),
    [
        ("ankara", []),
        (
            "frankfurt",
            [
                (
                    "regions",
                    "leaves out frankfurt, the fallback of the service, which fenced clients would never get",
                    "let when_all_down fall back to istanbul and ankara, or write servfail",
                )
            ],
        ),
    ],
)
def test_a_fallback_outside_the_fence_is_refused(fallback: str, expected: list[tuple[str, str, str]]) -> None:
    assert faults((fence("TR"),), REGIONS, fallback=fallback) == expected


def test_a_fallback_that_is_no_region_of_the_service_may_be_inside_the_fence() -> None:
    step = fence("TR", regions=["istanbul", "sorry"])
    assert faults((step,), REGIONS, fallback="sorry") == []
    assert said(step, branch(["sorry"]), REGIONS, match="TR") == [("sorry", "in", "may answer clients in TR")]


def test_areas_that_no_database_tells_apart_are_refused() -> None:
    assert faults((fence("TR", "192.0.2.0/24", unknown=True),), REGIONS, geography=BLIND) == [
        ("areas", "cannot tell clients in TR from others", "add a Country or City database to [geo] databases"),
        (
            "unknown",
            "cannot tell clients of unknown location from others",
            "add a Country or City database to [geo] databases",
        ),
    ]


def test_a_fence_around_nobody_or_without_regions_is_no_fence() -> None:
    with pytest.raises(ValidationError, match="fences nobody; write areas = "):
        fence()
    with pytest.raises(ValidationError, match="at least 1 item"):
        fence("TR", regions=[])
