"""take: so many regions answer, the heaviest; the others stand by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gslb.model.branch import Branch, Step, Verdict
from gslb.model.names import RegionName
from gslb.model.topology import Region
from policies.failover import Failover
from policies.take import Take
from policies.weighted import Weighted
from tests.model.worlds import down, gateway, values, world
from tests.policies.branches import branch, branches, candidate, regions, run
from tests.policies.places import faults

THREE = {name: Region(name, ()) for name in map(RegionName, ("istanbul", "ankara", "izmir"))}


@pytest.mark.parametrize(
    ("count", "weighed", "expected"),
    [
        (1, {"istanbul": 60, "ankara": 40, "izmir": 10}, [["istanbul"], ["ankara", "izmir"]]),
        (2, {"izmir": 10, "istanbul": 40, "ankara": 60}, [["istanbul", "ankara"], ["izmir"]]),
        (3, {"istanbul": 60, "ankara": 40, "izmir": 10}, [["istanbul", "ankara", "izmir"]]),
        # of the same weight: the order of the service
        (1, {"izmir": 5, "ankara": 5, "istanbul": 5}, [["istanbul"], ["izmir", "ankara"]]),
        # a weight of 0 is the least
        (1, {"istanbul": 0, "ankara": 1}, [["ankara"], ["istanbul"]]),
        # whoever is no region of the service, the fallback, comes after those who are
        (1, {"bonn": 5, "bursa": 5}, [["bursa"], ["bonn"]]),
    ],
)
def test_the_heaviest_are_taken(count: int, weighed: dict[str, int], expected: list[list[str]]) -> None:
    before = branch(tuple(candidate(name, weight) for name, weight in weighed.items()))
    assert regions(run((Take(regions=count),), before)) == expected


def test_it_takes_from_the_first_tier_that_has_any_and_leaves_later_ones_behind() -> None:
    before = branch((), (candidate("istanbul", 1), candidate("ankara", 2)), (candidate("izmir", 255),))
    assert regions(run((Take(regions=1),), before)) == [["ankara"], ["istanbul"], ["izmir"]]


def test_who_is_taken_and_who_is_not_is_said() -> None:
    before = branch((candidate("istanbul", 60), candidate("ankara", 40), candidate("izmir", 10)))
    two, one = run((Take(regions=2),), before), run((Take(regions=1),), before)
    assert [(r.subject, r.verdict, r.text) for r in two.reasons[1:]] == [
        ("istanbul", Verdict.IN, "weight 60, one of the 2 heaviest"),
        ("ankara", Verdict.IN, "weight 40, one of the 2 heaviest"),
        ("izmir", Verdict.STANDBY, "weight 10, behind the 2 heaviest"),
    ]
    assert [(r.subject, r.text) for r in one.reasons[1:3]] == [
        ("istanbul", "weight 60, the heaviest"),
        ("ankara", "weight 40, behind the heaviest"),
    ]


@given(branches(), st.integers(1, 4))
def test_nobody_is_dropped_or_changed_and_nobody_heavier_stays_behind(before: Branch, count: int) -> None:
    after = run((Take(regions=count),), before)
    everybody = [c for tier in before.tiers for c in tier]
    assert sorted(map(repr, everybody)) == sorted(repr(c) for tier in after.tiers for c in tier)
    assert all(after.tiers)
    first = next((tier for tier in before.tiers if tier), ())
    taken = after.tiers[0] if after.tiers else ()
    assert len(taken) == min(count, len(first))
    assert all(c.weight <= min(t.weight for t in taken) for c in first if c not in taken)
    assert after.pick is before.pick


def test_a_lost_region_is_replaced_by_the_next_heaviest() -> None:
    up = {"istanbul": [gateway("192.0.2.1")], "ankara": [gateway("192.0.2.2")], "izmir": [gateway("192.0.2.3")]}
    members = {"istanbul": 60, "ankara": 40, "izmir": 10}
    policy: tuple[Step, ...] = (Weighted(), Take(regions=2))
    assert values(world(up, members=members, policy=policy).at(0.0)) == {"192.0.2.1", "192.0.2.2"}
    lost = up | {"istanbul": [down("192.0.2.1")]}
    assert values(world(lost, members=members, policy=policy).at(0.0)) == {"192.0.2.2", "192.0.2.3"}


@pytest.mark.parametrize("count", [3, 4])
def test_to_take_all_is_a_fault(count: int) -> None:
    message = f"is {count}, but the service has 3 regions: all of them answer"
    assert faults((Take(regions=count),), THREE) == [("regions", message, "lower it, or remove this step")]


def test_to_take_from_tiers_that_are_no_larger_is_a_fault() -> None:
    ((key, message, remedy),) = faults((Failover(), Take(regions=1)), THREE, place=1)
    assert (key, message) == ("", "has no effect: failover leaves no more regions together")
    assert remedy == "put it before them, or remove it"


def test_it_has_its_place_where_there_is_a_choice() -> None:
    assert faults((Take(regions=2),), THREE) == []
    assert faults((Take(regions=1), Failover()), THREE) == []
    tiers = Failover.model_validate({"tiers": [["istanbul", "ankara"], ["izmir"]]})
    assert faults((tiers, Take(regions=1)), THREE, place=1) == []


@pytest.mark.parametrize("table", [{}, {"regions": 0}, {"regions": "2"}])
def test_the_number_is_stated_and_positive(table: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Take.model_validate(table)
