"""latency: clients are answered by the regions that are fastest, as the vantage point for their area measures it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gslb.model.branch import Branch, Context, Signals, Step
from gslb.model.names import RegionName, VantageName
from gslb.model.steering import Group, Rule, Steering
from policies.failover import Failover
from policies.fence import Fence
from policies.geo import Geo
from policies.latency import Latency
from policies.nearest import Nearest
from policies.weighted import Weighted
from tests.model.worlds import NAME, World, down, gateway, world
from tests.policies.branches import branches
from tests.policies.places import (
    ANKARA,
    BERLIN,
    BLIND,
    BOSTON,
    ISTANBUL,
    area,
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

REGIONS = spread({"istanbul": [], "ankara": [], "frankfurt": []})
SIGHTS = vantages(bosphorus=["TR"], rhine=["continent:EU", "192.0.2.0/24"])
NAMES = ("istanbul", "ankara", "frankfurt")


def latency(**options: str) -> Latency:
    return Latency.model_validate(options)


def fence(text: str) -> Fence:
    return Fence.model_validate({"areas": [text], "regions": ["istanbul", "ankara"]})


def signals(**milliseconds: Mapping[str, float]) -> Signals:
    """What the vantage points have measured, in milliseconds."""
    latencies = {
        VantageName(name): {RegionName(region): found / 1000 for region, found in figures.items()}
        for name, figures in milliseconds.items()
    }
    return Signals(vantages=SIGHTS, latencies=latencies)


def answered(match: str | None, *names: str) -> Steering:
    """A steering by which these regions have answered clients in ``match`` until now."""
    groups = tuple(Group(RegionName(name), 1, ()) for name in names)
    rules = (Rule(area(match), groups), Rule(None, ())) if match else (Rule(None, groups),)
    return Steering(NAME, 30, 5, 4, (), rules)


def in_front(step: Latency, figures: Mapping[str, float], before: Steering | None = None) -> list[str]:
    """Who stays in the tier of clients in Turkey."""
    context = Context(service(REGIONS), REGIONS, signals(bosphorus=figures), before)
    found = next(each for each in step(branch(NAMES), context) if each.match == area("TR"))
    return [candidate.region for candidate in found.tiers[0]]


@pytest.mark.parametrize(
    ("options", "ankara", "never_answered", "answered_until_now", "did_not"),
    [
        # best 100 ms, 20 % of tolerance, 10 % of margin
        ({}, 110, True, True, True),
        ({}, 111, True, True, False),
        ({}, 120, True, True, False),
        ({}, 121, False, True, False),
        ({}, 130, False, True, False),
        ({}, 131, False, False, False),
        # durations do not depend on the best
        ({"tolerance": "40ms", "margin": "5ms"}, 135, True, True, True),
        ({"tolerance": "40ms", "margin": "5ms"}, 140, True, True, False),
        ({"tolerance": "40ms", "margin": "5ms"}, 145, False, True, False),
        ({"tolerance": "40ms", "margin": "5ms"}, 146, False, False, False),
        # more margin than tolerance: only the best comes, and what has come stays for long
        ({"tolerance": "0ms", "margin": "15ms"}, 100, True, True, True),
        ({"tolerance": "0ms", "margin": "15ms"}, 101, False, True, False),
        ({"tolerance": "0ms", "margin": "15ms"}, 115, False, True, False),
        ({"tolerance": "0ms", "margin": "15ms"}, 116, False, False, False),
        # a lower one makes istanbul the one that is judged
        ({}, 50, True, True, True),
    ],
)
def test_who_is_near_depends_on_who_has_answered_until_now(
    options: dict[str, str],
    ankara: float,
    never_answered: bool,  # noqa: FBT001  a column of the table
    answered_until_now: bool,  # noqa: FBT001  likewise
    did_not: bool,  # noqa: FBT001  likewise
) -> None:
    step, figures = latency(**options), {"istanbul": 100, "ankara": ankara, "frankfurt": 900}
    assert ("ankara" in in_front(step, figures)) == never_answered
    assert ("ankara" in in_front(step, figures, answered("TR", "istanbul", "ankara"))) == answered_until_now
    assert ("ankara" in in_front(step, figures, answered("TR", "istanbul"))) == did_not


@pytest.mark.parametrize(
    ("best", "near", "far"),
    [(1, 11, 12), (10, 20, 21), (50, 60, 61), (100, 120, 121), (400, 480, 481)],
)
def test_close_by_a_share_counts_for_ten_milliseconds(best: float, near: float, far: float) -> None:
    assert in_front(Latency(), {"istanbul": best, "ankara": near, "frankfurt": far}) == ["istanbul", "ankara"]


@pytest.mark.parametrize("before", [None, answered(None, "istanbul"), answered("continent:EU", "istanbul")])
def test_how_other_clients_were_answered_does_not_matter(before: Steering | None) -> None:
    assert in_front(Latency(), {"istanbul": 100, "ankara": 120, "frankfurt": 121}, before) == ["istanbul", "ankara"]


def test_after_no_answer_at_all_nobody_is_held_to_have_been_left_out() -> None:
    assert in_front(Latency(), {"istanbul": 100, "ankara": 120}, answered("TR")) == ["istanbul", "ankara", "frankfurt"]


@pytest.mark.parametrize(
    ("tiers", "figures", "expected"),
    [
        ([NAMES], {"istanbul": 5, "ankara": 9, "frankfurt": 45}, [["istanbul", "ankara"], ["frankfurt"]]),
        ([NAMES], {"istanbul": 95, "ankara": 85, "frankfurt": 12}, [["frankfurt"], ["istanbul", "ankara"]]),
        # each tier of an earlier step by itself
        (
            [["frankfurt"], ["istanbul", "ankara"]],
            {"istanbul": 5, "ankara": 50, "frankfurt": 90},
            [["frankfurt"], ["istanbul"], ["ankara"]],
        ),
        # what has no figure yet stays where it is
        ([NAMES], {"istanbul": 5, "frankfurt": 45}, [["istanbul", "ankara"], ["frankfurt"]]),
        ([NAMES], {"frankfurt": 45}, [list(NAMES)]),
        ([NAMES], {}, [list(NAMES)]),
        ([[], ["ankara"]], {"ankara": 50}, [["ankara"]]),
    ],
)
def test_what_is_far_goes_to_a_tier_behind(
    tiers: Sequence[Sequence[str]], figures: dict[str, float], expected: list[list[str]]
) -> None:
    assert parted(Latency(), branch(*tiers), REGIONS, signals(bosphorus=figures))["TR"] == expected


def test_the_vantage_point_with_the_most_specific_area_judges() -> None:
    seen = signals(bosphorus={"istanbul": 5, "ankara": 50}, rhine={"istanbul": 90, "ankara": 40})
    assert parted(Latency(), branch(["istanbul", "ankara"]), REGIONS, seen) == {
        "192.0.2.0/24": [["ankara"], ["istanbul"]],
        "TR": [["istanbul"], ["ankara"]],
        "continent:EU": [["ankara"], ["istanbul"]],
        "all": [["istanbul", "ankara"]],
    }
    within = parted(Latency(), branch(["istanbul", "ankara"], match="TR-34"), REGIONS, seen)
    assert within == {"TR-34": [["istanbul"], ["ankara"]]}


def test_a_vantage_point_that_has_measured_nothing_changes_nothing() -> None:
    assert parted(Latency(), branch(NAMES), REGIONS, signals())["TR"] == [list(NAMES)]


def test_every_region_is_told_its_figure_and_what_is_near_enough() -> None:
    before = branch([*NAMES, "bursa"])
    seen = signals(bosphorus={"istanbul": 12, "ankara": 19.04, "frankfurt": 45})
    assert said(Latency(), before, REGIONS, seen, match="TR") == [
        ("istanbul", "in", "12.0 ms from bosphorus, the lowest"),
        ("ankara", "in", "19.0 ms from bosphorus, up to 22.0 ms is near enough"),
        ("bursa", "in", "not measured from bosphorus yet"),
        ("frankfurt", "standby", "behind istanbul: 45.0 ms from bosphorus, up to 22.0 ms is near enough"),
    ]
    assert said(Latency(), branch(["ankara"]), REGIONS, seen) == [
        ("ankara", "in", "no vantage point speaks for these clients")
    ]


@given(branches(), st.dictionaries(st.sampled_from(["istanbul", "ankara", "izmir", "bursa"]), st.floats(0, 500)))
def test_nobody_is_dropped_and_the_fastest_of_each_tier_stays_in_it(before: Branch, figures: dict[str, float]) -> None:
    context = Context(service(REGIONS), REGIONS, signals(bosphorus=figures), answered("TR", "ankara"))
    after = Latency()(before, context)
    assert [each.match for each in after] == [each.match for each in Latency()(branch(), context)]
    (found,) = (each for each in after if each.match == area("TR"))
    assert sorted(c.region for t in found.tiers for c in t) == sorted(c.region for t in before.tiers for c in t)
    assert len(found.reasons) == len(before.reasons) + sum(map(len, before.tiers))
    for tier in filter(None, before.tiers):
        best = min(tier, key=lambda c: figures.get(c.region, 0.0))
        kept = next(t for t in found.tiers if set(t) & set(tier))
        assert best in kept


# no flapping

UP = {"istanbul": [gateway("192.0.2.1")], "ankara": [gateway("192.0.2.2")], "frankfurt": [gateway("192.0.2.3")]}
AREAS = {"istanbul": ["TR", "TR-34"], "ankara": ["TR"], "frankfurt": ["DE"]}
_STEPS = [
    latency(),
    latency(tolerance="0ms"),
    latency(tolerance="100%", margin="1%"),
    latency(tolerance="30%", margin="20ms"),
    latency(tolerance="5%", margin="40%"),
    latency(tolerance="25ms", margin="15ms"),
]
_chains = st.sampled_from(_STEPS).flatmap(
    lambda step: st.sampled_from([(step,), (step, Weighted()), (Geo(), step), (fence("TR-06"), step, Nearest())])
)
_tiered = st.sampled_from(_STEPS).flatmap(
    lambda step: st.sampled_from([(step, Failover()), (step, Failover(tiers=[["ankara"], ["istanbul", "frankfurt"]]))])
)
_centres = st.fixed_dictionaries({name: st.floats(1, 300) for name in NAMES})
_trembles = st.lists(st.fixed_dictionaries({name: st.floats(0, 1) for name in NAMES}), min_size=2, max_size=12)


def _answering(here: World, figures: Mapping[str, float], before: Steering | None) -> tuple[set[str], Steering]:
    steering = decide(here, signals(bosphorus=figures), before).steering
    (rule,) = (rule for rule in steering.rules if rule.match == area("TR"))
    return {str(group.region) for group in rule.groups}, steering


@given(_chains, _centres, _centres, _trembles)
def test_while_latencies_tremble_within_half_a_margin_each_region_comes_or_goes_once_at_most(
    policy: tuple[Step, ...], past: dict[str, float], centres: dict[str, float], trembles: list[dict[str, float]]
) -> None:
    here = placed(world(UP, policy=policy), AREAS)
    (step,) = (step for step in policy if isinstance(step, Latency))
    band = step.margin.of(min(centres.values()) / 1000) * 1000 / 2 * 0.999
    last, steering = _answering(here, past, None)
    changes = dict.fromkeys(NAMES, 0)
    for tremble in trembles:
        figures = {name: centres[name] + tremble[name] * band for name in NAMES}
        found, steering = _answering(here, figures, steering)
        for name in found ^ last:
            changes[name] += 1
        last = found
    assert max(changes.values()) <= 1


@given(_chains | _tiered, _centres, st.none() | _centres)
def test_deciding_again_by_the_same_figures_changes_nothing(
    policy: tuple[Step, ...], figures: dict[str, float], past: dict[str, float] | None
) -> None:
    here = placed(world(UP, policy=policy), AREAS)
    before = _answering(here, past, None)[1] if past else None
    _, once = _answering(here, figures, before)
    assert _answering(here, figures, once)[1] == once


def test_clients_get_the_fastest_region_and_the_next_one_when_it_is_down() -> None:
    seen = signals(bosphorus={"istanbul": 5, "ankara": 40, "frankfurt": 60}, rhine={"istanbul": 45, "frankfurt": 9})
    here = world(UP, policy=(Latency(), Weighted()))
    for client, values in [
        (ISTANBUL, {"192.0.2.1"}),
        (BERLIN, {"192.0.2.2", "192.0.2.3"}),  # ankara has not been measured from the Rhine
        (BOSTON, {"192.0.2.1", "192.0.2.2", "192.0.2.3"}),
    ]:
        assert set(odds(decide(here, seen), client)) == values
    lost = world(UP | {"istanbul": [down("192.0.2.1")]}, policy=(Latency(),))
    assert set(odds(decide(lost, seen), ANKARA)) == {"192.0.2.2"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tolerance": 20}, "20 should be text in quotes, for example '20%' or '15ms'"),
        ({"tolerance": "101%"}, "'101%' is no share"),
        ({"margin": "0ms"}, "'0ms' is too short; write 1ms or more, or a share"),
        ({"margin": "narrow"}, "'narrow' is not a duration"),
    ],
)
def test_faulty_options_are_refused_with_their_remedy(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Latency.model_validate(options)
    assert message in str(caught.value)


def test_options_are_shown_as_they_are_written() -> None:
    assert Latency().model_dump(mode="json") == {"tolerance": "20%", "margin": "10%"}
    options = {"tolerance": "12.5%", "margin": "15ms"}
    assert latency(**options).model_dump(mode="json") == options
    assert (Latency().name, Latency.needs_latency) == ("latency", True)


@pytest.mark.parametrize(
    ("sights", "expected"),
    [
        (SIGHTS, []),
        (
            vantages(bosphorus=[], rhine=[]),
            [
                (
                    "",
                    "has no effect: no vantage point speaks for any clients",
                    "set areas in [vantages.NAME] to those whose latency it stands for",
                )
            ],
        ),
        (
            vantages(bosphorus=["TR", "AS9121", "AS9121"], rhine=["DE"], danube=["TR"]),
            [
                (
                    "",
                    "cannot tell whose latency counts: TR is in areas of bosphorus and danube",
                    "leave it to one of them",
                )
            ],
        ),
    ],
)
def test_vantage_points_that_cannot_judge_are_refused(
    sights: Mapping[VantageName, tuple[object, ...]], expected: list[tuple[str, str, str]]
) -> None:
    assert faults((Latency(),), REGIONS, vantages=sights) == expected  # type: ignore[arg-type]


def test_areas_that_no_database_tells_apart_are_refused() -> None:
    ((_, message, remedy), (_, second, _)) = faults((Latency(),), REGIONS, vantages=SIGHTS, geography=BLIND)
    assert (message, remedy) == (
        "cannot tell clients in TR from others",
        "add a Country or City database to [geo] databases",
    )
    assert second == "cannot tell clients in continent:EU from others"


def test_without_two_regions_to_choose_between_it_is_pointless() -> None:
    only = spread({"istanbul": []})
    ((_, message, _),) = faults((Latency(),), only, vantages=SIGHTS)
    assert message == "has no effect: there are no two regions to choose between"
    ((_, message, _),) = faults((Failover(), Latency()), REGIONS, 1, vantages=SIGHTS)
    assert message == "has no effect: there are no two regions to choose between after failover"
    assert faults((Latency(), Failover()), REGIONS, vantages=SIGHTS) == []


@pytest.mark.parametrize("later", [Geo(), fence("TR-06"), fence("TR")])
def test_a_later_step_that_parts_clients_further_or_drops_regions_is_refused(later: Step) -> None:
    regions = spread(AREAS)
    ((key, message, remedy),) = faults((Latency(), Weighted(), later), regions, vantages=SIGHTS)
    assert key == ""
    assert message == (
        f"cannot see from the answers who was in front: {later.name} after it parts clients or drops regions"
    )
    assert remedy == f"put {later.name} before latency"
    assert faults((later, Weighted(), Latency()), regions, 2, vantages=SIGHTS) == []
    assert faults((Latency(), Weighted(), Nearest(), Failover()), regions, vantages=SIGHTS) == []


def test_memory_survives_that_a_region_was_down_for_a_while() -> None:
    """ankara answered alone; as istanbul comes back it stays, being within tolerance + margin."""
    seen = signals(bosphorus={"istanbul": 100, "ankara": 125, "frankfurt": 300})
    alone = world(UP | {"istanbul": [down("192.0.2.1")]}, policy=(Latency(),))
    before = decide(alone, seen).steering
    back = decide(replace(alone, standings=world(UP).standings), seen, before)
    assert set(odds(back, ANKARA)) == {"192.0.2.1", "192.0.2.2"}
    assert set(odds(decide(world(UP, policy=(Latency(),)), seen), ANKARA)) == {"192.0.2.1"}
