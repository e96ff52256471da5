"""nearest: every client is answered by the region that is nearest to it on the globe."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given

from gslb.model.branch import Branch, Step
from gslb.model.chain import Geography
from gslb.model.location import Client
from gslb.model.names import RegionName
from gslb.model.pick import TIE
from gslb.model.steering import Pick
from gslb.model.topology import Region
from policies.failover import Failover
from policies.geo import Geo
from policies.nearest import Nearest
from policies.sticky import Sticky
from policies.weighted import Weighted
from tests.model.worlds import down, gateway, world
from tests.policies.branches import CONTEXT, branches
from tests.policies.places import (
    ALL,
    ANKARA,
    BERLIN,
    BOSTON,
    ISTANBUL,
    NOBODY_KNOWS,
    branch,
    decide,
    faults,
    odds,
    placed,
    said,
    spread,
)

PLACES = {"istanbul": (41.01, 28.98), "ankara": (39.93, 32.86), "frankfurt": (50.11, 8.68)}
UP = {"istanbul": [gateway("192.0.2.1")], "ankara": [gateway("192.0.2.2")], "frankfurt": [gateway("192.0.2.3")]}

UNKNOWN_PLACE = "and where the client's place is not known"


def at(places: dict[str, tuple[float, float] | None]) -> dict[RegionName, Region]:
    regions = spread({name: [] for name in places})
    return {name: replace(region, location=places[name]) for name, region in regions.items()}


HERE = at(dict(PLACES))


@pytest.mark.parametrize(
    ("client", "answer", "without_istanbul"),
    [
        (ISTANBUL, "192.0.2.1", "192.0.2.2"),
        (ANKARA, "192.0.2.2", "192.0.2.2"),
        (BERLIN, "192.0.2.3", "192.0.2.3"),
        (BOSTON, "192.0.2.3", "192.0.2.3"),
    ],
)
@pytest.mark.parametrize("policy", [(Nearest(),), (Weighted(), Nearest())])
def test_each_client_gets_the_nearest_region_that_is_up(
    policy: tuple[Step, ...], client: Client, answer: str, without_istanbul: str
) -> None:
    assert odds(decide(placed(world(UP, policy=policy), {}, PLACES)), client) == {answer: Fraction(1)}
    lost = placed(world(UP | {"istanbul": [down("192.0.2.1")]}, policy=policy), {}, PLACES)
    assert odds(decide(lost), client) == {without_istanbul: Fraction(1)}


@pytest.mark.parametrize(
    ("client", "places"),
    [(NOBODY_KNOWS, PLACES), (ISTANBUL, {"istanbul": (41.01, 28.98), "ankara": (41.012, 28.98)})],
)
def test_weights_decide_where_a_place_is_not_known_or_regions_are_equally_far(
    client: Client, places: dict[str, tuple[float, float]]
) -> None:
    here = placed(world(UP, members={"istanbul": 3, "ankara": 1}, policy=(Nearest(),)), {}, places)
    assert odds(decide(here), client) == {"192.0.2.1": Fraction(3, 4), "192.0.2.2": Fraction(1, 4)}


def test_with_geo_the_nearest_of_those_that_speak_for_the_area_answers() -> None:
    areas = {"istanbul": ["TR"], "ankara": ["TR"], "frankfurt": ["DE"]}
    for policy in [(Geo(), Nearest()), (Nearest(), Geo())]:
        here = placed(world(UP, policy=policy), areas, PLACES)
        assert odds(decide(here), ANKARA) == {"192.0.2.2": Fraction(1)}
        assert odds(decide(here), BERLIN) == {"192.0.2.3": Fraction(1)}


def test_every_region_is_told_where_it_is_and_when_its_weight_decides() -> None:
    regions = at({"istanbul": (41.01, 28.98), "ankara": None})
    assert said(Nearest(), branch(["istanbul"], ["ankara"], ["sorry"]), regions) == [
        (
            "istanbul",
            "in",
            f"answers whom it is nearest to, at 41.01, 28.98; weight 1 decides within {TIE:g} km, {UNKNOWN_PLACE}",
        ),
        ("ankara", "in", "its place is not known: weight 1 decides"),
        ("sorry", "in", "its place is not known: weight 1 decides"),
    ]


@given(branches())
def test_nothing_but_the_pick_changes(before: Branch) -> None:
    (after,) = Nearest()(before, CONTEXT)
    assert (after.match, after.tiers, after.pick, after.withheld) == (before.match, before.tiers, Pick.NEAREST, 0)
    assert after.reasons[: len(before.reasons)] == before.reasons
    assert len(after.reasons) == len(before.reasons) + sum(map(len, before.tiers))


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((Nearest(),), []),
        ((Weighted(), Nearest()), []),
        ((Geo(), Nearest()), []),
        ((Nearest(), Geo()), []),
        ((Failover(tiers=[["istanbul", "ankara"], ["frankfurt"]]), Nearest()), []),
        ((Nearest(), Weighted()), [("has no effect: weighted after it picks by weight", "put nearest after weighted")]),
        (
            (Nearest(), Sticky()),
            [("contradicts sticky after it: both say how a region is picked", "remove one of them")],
        ),
        (
            (Sticky(), Nearest()),
            [("contradicts sticky before it: both say how a region is picked", "remove one of them")],
        ),
        (
            (Failover(), Nearest()),
            [
                (
                    "has no effect: there are no two regions to choose between after failover",
                    "put it before them, or remove it",
                )
            ],
        ),
    ],
)
def test_what_undoes_it_or_leaves_it_no_choice_is_refused(
    steps: tuple[Step, ...], expected: list[tuple[str, str]]
) -> None:
    areas = spread({"istanbul": ["TR"], "ankara": ["TR"], "frankfurt": ["DE"]})
    regions = {name: replace(region, areas=areas[name].areas) for name, region in HERE.items()}
    place = next(index for index, step in enumerate(steps) if step.name == "nearest")
    assert faults(steps, regions, place) == [("", *each) for each in expected]


def test_regions_without_a_location_are_listed() -> None:
    remedy = "set location = [latitude, longitude] in [regions.NAME]"
    one = at({"istanbul": (41.01, 28.98), "ankara": None})
    assert faults((Nearest(),), one) == [("", "cannot tell how far ankara is: without location", remedy)]
    two = at({"istanbul": None, "ankara": None})
    assert faults((Nearest(),), two) == [("", "cannot tell how far istanbul and ankara are: without location", remedy)]


def test_databases_without_coordinates_are_refused() -> None:
    flat = Geography(ALL.kinds, coordinates=False)
    assert faults((Nearest(),), HERE, geography=flat) == [
        ("", "cannot tell where clients are", "add a City database to [geo] databases")
    ]


def test_a_service_of_one_region_has_no_nearest_one() -> None:
    ((_, message, _),) = faults((Nearest(),), at({"istanbul": (41.01, 28.98)}))
    assert message == "has no effect: there are no two regions to choose between"
