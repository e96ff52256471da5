"""geo: clients are answered by the regions that speak for where they are, and by the others when none of those can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.area import AreaKind
from gslb.model.branch import Branch, Context, Step
from gslb.model.chain import Geography
from gslb.model.location import Client
from policies.failover import Failover
from policies.geo import Geo
from policies.weighted import Weighted
from tests.model.worlds import down, gateway, world
from tests.policies.branches import branches
from tests.policies.places import (
    ANKARA,
    BERLIN,
    BLIND,
    BOSTON,
    ISTANBUL,
    NOBODY_KNOWS,
    areas,
    branch,
    decide,
    faults,
    odds,
    parted,
    placed,
    said,
    service,
    spread,
)

HERE = {"istanbul": ["TR-34"], "ankara": ["TR"], "frankfurt": ["DE", "continent:EU"]}
REGIONS = spread(HERE)
EVERYBODY = branch(["istanbul", "ankara", "frankfurt"])


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            Geo(),
            {
                "TR-34": [["istanbul"], ["ankara", "frankfurt"]],
                "DE": [["frankfurt"], ["istanbul", "ankara"]],
                "TR": [["ankara"], ["istanbul", "frankfurt"]],
                "continent:EU": [["frankfurt"], ["istanbul", "ankara"]],
                "all": [["istanbul", "ankara", "frankfurt"]],
            },
        ),
        (
            Geo(unknown=["ankara"], elsewhere=["frankfurt", "istanbul"]),
            {
                "TR-34": [["istanbul"], ["ankara", "frankfurt"]],
                "DE": [["frankfurt"], ["istanbul", "ankara"]],
                "TR": [["ankara"], ["istanbul", "frankfurt"]],
                "continent:EU": [["frankfurt"], ["istanbul", "ankara"]],
                "unknown": [["ankara"], ["istanbul", "frankfurt"]],
                "all": [["istanbul", "frankfurt"], ["ankara"]],
            },
        ),
    ],
)
def test_each_area_has_its_own_regions_first_the_most_specific_area_wins(
    step: Geo, expected: dict[str, list[list[str]]]
) -> None:
    assert parted(step, EVERYBODY, REGIONS) == expected
    assert list(parted(step, EVERYBODY, REGIONS)) == list(expected)


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("TR", {"TR-34": [["istanbul"], ["ankara"]], "TR": [["ankara"], ["istanbul"]]}),
        ("DE-BE", {"DE-BE": [["istanbul", "ankara"]]}),
        # of a network nobody knows where it is
        ("192.0.2.0/24", {"192.0.2.0/24": [["istanbul", "ankara"]]}),
        ("unknown", {"unknown": [["istanbul", "ankara"]]}),
    ],
)
def test_what_an_earlier_step_has_parted_is_parted_within(match: str, expected: dict[str, list[list[str]]]) -> None:
    assert parted(Geo(), branch(["istanbul", "ankara"], match=match), REGIONS) == expected


def test_the_tiers_of_an_earlier_step_keep_their_order() -> None:
    tiers = branch(["istanbul"], ["frankfurt", "ankara"])
    assert parted(Geo(), tiers, REGIONS)["TR"] == [["istanbul"], ["ankara"], ["frankfurt"]]


def test_regions_with_the_same_area_share_its_clients() -> None:
    regions = spread({"istanbul": ["TR"], "ankara": ["TR"], "frankfurt": ["DE"]})
    assert parted(Geo(), EVERYBODY, regions)["TR"] == [["istanbul", "ankara"], ["frankfurt"]]


@pytest.mark.parametrize(
    ("tiers", "match", "expected"),
    [
        (
            [["istanbul", "ankara"]],
            "TR-34",
            [
                ("istanbul", "in", "speaks for TR-34"),
                ("ankara", "standby", "behind istanbul, which speaks for TR-34"),
            ],
        ),
        # istanbul is not there, so somebody answers in its place
        ([["ankara"]], "TR-34", [("ankara", "in", "in place of istanbul, which speaks for TR-34")]),
        (
            [["istanbul"], ["ankara"]],
            "TR-34",
            [
                ("istanbul", "in", "speaks for TR-34"),
                ("ankara", "in", "keeps its tier, which has none of istanbul, which speaks for TR-34"),
            ],
        ),
        (
            [["ankara", "frankfurt"]],
            "unknown",
            [
                ("ankara", "in", "preferred for clients of unknown location"),
                ("frankfurt", "standby", "behind ankara, preferred for clients of unknown location"),
            ],
        ),
        ([["istanbul"]], "all", [("istanbul", "in", "no region is preferred for these clients")]),
    ],
)
def test_every_region_is_told_what_it_is_to_these_clients(
    tiers: list[list[str]], match: str, expected: list[tuple[str, str, str]]
) -> None:
    assert said(Geo(unknown=["ankara"]), branch(*tiers), REGIONS, match=match) == expected


def test_those_preferred_elsewhere_are_told_so() -> None:
    assert said(Geo(elsewhere=["ankara", "istanbul"]), EVERYBODY, REGIONS) == [
        ("istanbul", "in", "preferred for clients in no region's area"),
        ("ankara", "in", "preferred for clients in no region's area"),
        ("frankfurt", "standby", "behind istanbul and ankara, preferred for clients in no region's area"),
    ]


def test_several_regions_speak_for_an_area() -> None:
    regions = spread({"istanbul": ["TR"], "ankara": ["TR"], "frankfurt": ["DE"]})
    found = said(Geo(), EVERYBODY, regions, match="TR")
    assert found[-1] == ("frankfurt", "standby", "behind istanbul and ankara, which speak for TR")


@given(branches(), st.lists(st.sampled_from(["TR", "TR-34", "continent:EU", "192.0.2.0/24", "AS9121"]), max_size=3))
def test_nobody_is_dropped_and_whom_branches_are_for_does_not_depend_on_candidates(
    before: Branch, own: list[str]
) -> None:
    regions = spread({"istanbul": own, "ankara": ["TR-06"], "izmir": [], "bursa": ["TR"]})
    context = Context(service(regions), regions)
    after = Geo(unknown=["izmir"])(before, context)
    assert [each.match for each in after] == [each.match for each in Geo(unknown=["izmir"])(branch(), context)]
    for each in after:
        assert sorted(c.region for t in each.tiers for c in t) == sorted(c.region for t in before.tiers for c in t)
        assert all(each.tiers)
        assert each.reasons[: len(before.reasons)] == before.reasons
        assert len(each.reasons) == len(before.reasons) + sum(map(len, before.tiers))


@pytest.mark.parametrize(
    ("client", "all_up", "own_down"),
    [
        (ISTANBUL, {"192.0.2.1"}, {"192.0.2.2", "192.0.2.3"}),
        (ANKARA, {"192.0.2.2"}, {"192.0.2.1", "192.0.2.3"}),
        (BERLIN, {"192.0.2.3"}, {"192.0.2.1", "192.0.2.2"}),
        (BOSTON, {"192.0.2.1", "192.0.2.2", "192.0.2.3"}, None),
        (NOBODY_KNOWS, {"192.0.2.1", "192.0.2.2", "192.0.2.3"}, None),
    ],
)
@pytest.mark.parametrize("policy", [(Geo(),), (Geo(), Weighted()), (Weighted(), Geo())])
def test_clients_are_answered_by_their_own_region_and_by_the_others_when_it_is_down(
    policy: tuple[Step, ...], client: Client, all_up: set[str], own_down: set[str] | None
) -> None:
    up = {"istanbul": [gateway("192.0.2.1")], "ankara": [gateway("192.0.2.2")], "frankfurt": [gateway("192.0.2.3")]}
    assert set(odds(decide(placed(world(up, policy=policy), HERE)), client)) == all_up
    if own_down is not None:
        lost = {name: [down(*map(str, s[0].addresses))] for name, s in up.items() if str(s[0].addresses[0]) in all_up}
        assert set(odds(decide(placed(world(up | lost, policy=policy), HERE)), client)) == own_down


@pytest.mark.parametrize(
    ("step", "here", "expected"),
    [
        (Geo(), HERE, []),
        (Geo(unknown=["ankara"], elsewhere=["ankara"]), HERE, []),
        (Geo(), {"istanbul": ["TR"], "ankara": []}, []),
        (Geo(elsewhere=["ankara"]), {"istanbul": ["TR"], "ankara": ["TR"]}, []),
        (
            Geo(),
            {"istanbul": [], "ankara": []},
            [("", "has no effect: no region of the service has areas", "set areas in [regions.NAME]")],
        ),
        (
            Geo(),
            {"istanbul": ["TR", "DE"], "ankara": ["DE", "TR"]},
            [
                (
                    "",
                    "has no effect: istanbul and ankara speak for the same areas",
                    "set areas in [regions.NAME] to those that each is for, or remove this step",
                )
            ],
        ),
        (
            Geo(),
            {"istanbul": ["TR"]},
            [
                (
                    "",
                    "has no effect: there are no two regions to choose between",
                    "give the service a second region, or remove it",
                )
            ],
        ),
        (
            Geo(unknown=["izmir"], elsewhere=["bursa"]),
            {"istanbul": ["TR"], "ankara": ["DE"]},
            [
                ("unknown", "names izmir, which is no region of the service", "write one of istanbul, ankara"),
                ("elsewhere", "names bursa, which is no region of the service", "write one of istanbul, ankara"),
            ],
        ),
    ],
)
def test_a_pointless_or_contradictory_step_is_refused_with_its_remedy(
    step: Geo, here: dict[str, list[str]], expected: list[tuple[str, str, str]]
) -> None:
    assert faults((step,), spread(here)) == expected


def test_after_a_failover_that_leaves_one_region_in_a_tier_it_is_pointless() -> None:
    ((key, message, remedy),) = faults((Failover(), Geo()), REGIONS, place=1)
    assert (key, message) == ("", "has no effect: there are no two regions to choose between after failover")
    assert remedy == "put it before them, or remove it"
    assert faults((Geo(), Failover()), REGIONS) == []
    assert faults((Failover(tiers=[["istanbul", "ankara"], ["frankfurt"]]), Geo()), REGIONS, place=1) == []


def test_areas_that_no_database_tells_apart_are_refused_with_the_database_that_would() -> None:
    regions = spread({"istanbul": ["TR-34", "AS9121", "TR-06"], "ankara": ["TR", "continent:AS", "192.0.2.0/24"]})
    assert faults((Geo(unknown=["ankara"]),), regions, geography=BLIND) == [
        ("", "cannot tell clients in AS9121 from others", "add an ASN database to [geo] databases"),
        ("", "cannot tell clients in TR-06 and TR-34 from others", "add a City database to [geo] databases"),
        ("", "cannot tell clients in TR from others", "add a Country or City database to [geo] databases"),
        ("", "cannot tell clients in continent:AS from others", "add a Country or City database to [geo] databases"),
        (
            "unknown",
            "cannot tell clients of unknown location from others",
            "add a Country or City database to [geo] databases",
        ),
    ]
    city = Geography(frozenset(AreaKind) - {AreaKind.ASN}, coordinates=True)
    assert [text for _, text, _ in faults((Geo(unknown=["ankara"]),), regions, geography=city)] == [
        "cannot tell clients in AS9121 from others"
    ]


def test_networks_need_no_database() -> None:
    assert faults((Geo(),), spread({"istanbul": ["192.0.2.0/24"], "ankara": []}), geography=BLIND) == []
    assert areas("192.0.2.0/24")[0].kind is AreaKind.NETWORK
