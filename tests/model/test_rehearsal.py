"""A rehearsal sees all that a service may come to need, whatever fails."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.area import Area, parse_area
from gslb.model.branch import Signals, Step
from gslb.model.combine import Health
from gslb.model.expressible import Feature, required
from gslb.model.names import RegionName, VantageName
from gslb.model.rehearsal import Rehearsal, Situation, nobody
from gslb.model.steering import NoAnswer, RecordType, Steering
from gslb.model.topology import AllDown
from policies.capacity import Capacity
from policies.failover import Failover
from policies.fence import Fence
from policies.geo import Geo
from policies.latency import Latency
from policies.nearest import Nearest
from policies.sticky import Sticky
from policies.take import Take
from policies.weighted import Weighted
from tests.model.worlds import AAAA, A, World, gateway, world

V4, V6, BOTH = ("192.0.2.1",), ("2001:db8::1",), ("192.0.2.1", "2001:db8::1")
TR, DE = parse_area("TR"), parse_area("DE")
AREAS = ((TR,), (DE,), ())
NAMES = tuple(map(RegionName, ("istanbul", "ankara", "izmir")))
FENCES = [
    Fence.model_validate({"regions": [name], "areas": [area]}) for name, area in (("istanbul", "TR"), ("ankara", "DE"))
]
PLACED = st.sampled_from([None, Geo(), *FENCES])
RANKED = st.sampled_from([None, Failover(), Failover(tiers=[["istanbul"], ["ankara", "izmir"]]), Take(regions=1)])
PICKED = st.sampled_from([None, Sticky(), Nearest(), Weighted(), Capacity(excess="withhold"), Capacity()])
Need = tuple[RecordType, Feature]


def needs(steerings: Iterable[Steering]) -> set[Need]:
    return {(kind, fault.feature) for s in steerings for kind in s.types for fault in required(s, kind)}


def rehearsed(made: World) -> dict[Situation, Steering]:
    return dict(Rehearsal(made.service, made.regions, {}).situations())


def of(made: World, policy: Sequence[Step], areas: Sequence[tuple[Area, ...]] = AREAS, **service: Any) -> World:
    """``made`` with a policy, and regions of a capacity with these areas, in order."""
    placed = {
        name: replace(region, areas=own, capacity=10.0)
        for (name, region), own in zip(made.regions.items(), areas, strict=True)
    }
    return replace(made, service=replace(made.service, policy=tuple(policy), **service), regions=placed)


def three(policy: Sequence[Step], **service: Any) -> World:
    return of(world({name: [gateway(*V4)] for name in NAMES}), policy, **service)


@st.composite
def failures(draw: st.DrawFn) -> World:
    """Any policy, some regions down, or some of their endpoints, and any demand."""
    endpoints = st.lists(st.sampled_from([V4, V6, BOTH]).map(lambda each: gateway(*each)), min_size=1, max_size=2)
    gateways = {str(name): draw(endpoints) for name in NAMES}
    policy = [step for among in (PLACED, RANKED, PICKED) if (step := draw(among)) is not None]
    settings = {"when_all_down": draw(st.sampled_from(AllDown)), "fallback": NAMES[0]}
    made = of(world(gateways, **settings), policy)
    gone, odd = draw(st.sets(st.sampled_from(NAMES))), draw(st.sets(st.sampled_from(sorted(made.standings))))
    standings = {
        e.name: replace(made.standings[e.name], health=Health.DOWN if e.region in gone or e.name in odd else Health.UP)
        for e in made.own
    }
    return replace(made, standings=standings, signals=Signals(demand=draw(st.sampled_from([None, 5.0, 1000.0]))))


@given(failures())
def test_whatever_fails_nothing_is_needed_that_was_not_rehearsed(made: World) -> None:
    assert needs([made.at(0.0).steering]) <= needs(rehearsed(made).values())


RANKS_BY_NO_WEIGHT = [Geo(), *FENCES, Failover(), Latency(), Sticky(), Nearest(), Weighted()]


@given(
    st.lists(st.sampled_from(RANKS_BY_NO_WEIGHT), max_size=3),
    st.lists(st.tuples(st.integers(1, 255), st.booleans()), min_size=3, max_size=3),
)
def test_steps_that_rank_by_no_weight_have_the_same_regions_answer_whatever_the_weights(
    policy: list[Step], weights: list[tuple[int, bool]]
) -> None:
    plain, weighted = three(policy), three(policy)
    vantages: dict[VantageName, tuple[Area, ...]] = {VantageName("here"): (TR,)}
    found = []
    for made, factor in ((plain, 0), (weighted, 1)):
        members = tuple(
            replace(member, weight=((weight - 1) * factor + 1) * heavy)
            for member, (weight, heavy) in zip(made.service.members, weights, strict=True)
        )
        rehearsal = Rehearsal(replace(made.service, members=members), made.regions, vantages)
        found.append([(situation, weightless(steering)) for situation, steering in rehearsal.situations()])
    assert found[0] == found[1]
    assert not any(getattr(step, "ranks_by_weight", True) for step in policy)


def weightless(steering: Steering) -> list[object]:
    """Who answers whom, and how one of them is picked."""
    return [(rule.match, [group.region for group in rule.groups], rule.pick) for rule in steering.rules]


@given(failures())
def test_every_situation_is_one_that_it_may_come_into(made: World) -> None:
    """What is rehearsed is what would be decided then: nothing is refused that could never happen."""
    for situation, steering in rehearsed(made).items():
        standings = {
            e.name: replace(made.standings[e.name], health=Health.UP if e.region in situation.up else Health.DOWN)
            for e in made.own
        }
        then = replace(made, standings=standings, signals=Signals(demand=1e12 if situation.swamped else None))
        assert then.at(0.0).steering == steering


def test_each_tier_comes_to_answer_and_so_do_all_when_none_is_up() -> None:
    made = three([Failover(tiers=[["istanbul"], ["ankara", "izmir"]]), Sticky()])
    found = {tuple(sorted(at.up)): regions(steering) for at, steering in rehearsed(made).items()}
    assert found == {
        ("ankara", "istanbul", "izmir"): ["istanbul"],
        (): ["istanbul", "ankara", "izmir"],
        ("ankara", "izmir"): ["ankara", "izmir"],
    }


def test_tiers_are_those_of_each_record_type() -> None:
    """To questions for AAAA the second tier answers in calm already; to those for A it may yet come to do so."""
    gateways = {"istanbul": [gateway(*V4)], "ankara": [gateway(*BOTH)], "izmir": [gateway(*BOTH)]}
    policy: list[Step] = [Failover(tiers=[["istanbul"], ["ankara", "izmir"]]), Sticky()]
    made = of(world(gateways), policy, when_all_down=AllDown.NODATA)
    assert needs(rehearsed(made).values()) == {(A, Feature.STICKY), (AAAA, Feature.STICKY)}


def test_everybody_up_comes_first() -> None:
    situation, _ = next(Rehearsal(three([Geo()]).service, three([Geo()]).regions, {}).situations())
    assert situation == Situation(frozenset(NAMES))


def test_demand_without_room_is_rehearsed_where_a_step_reads_it() -> None:
    assert not any(situation.swamped for situation in rehearsed(three([Weighted()])))
    found = rehearsed(three([Weighted(), Capacity(excess="withhold")]))
    everybody = frozenset(NAMES)
    assert found[Situation(everybody)].rules[0].withheld == 0
    assert found[Situation(everybody, swamped=True)].rules[0].withheld > 0


def test_who_comes_back_step_by_step_answers_beside_who_is_behind_it() -> None:
    assert not any(situation.held for situation in rehearsed(three([Failover(), Sticky()])))
    found = rehearsed(three([Failover(), Sticky()], ramp=600.0))
    climbing = Situation(frozenset(NAMES), held=RegionName("istanbul"))
    assert regions(found[climbing]) == ["istanbul", "ankara"]
    assert (A, Feature.STICKY) in needs(found.values())
    assert {situation.held for situation in found} == {None, *NAMES}


def test_with_fewer_steps_it_is_as_if_the_others_were_not_there() -> None:
    made = three([Failover(), Sticky()])
    rehearsal, everybody = Rehearsal(made.service, made.regions, {}), Situation(frozenset(NAMES))
    assert [regions(rehearsal.answers(everybody, count)) for count in (0, 1, 2)] == [
        ["istanbul", "ankara", "izmir"],
        ["istanbul"],
        ["istanbul"],
    ]
    assert rehearsal.answers(everybody, 2) == rehearsal.answers(everybody)


def test_of_many_regions_each_tier_of_each_rule_is_rehearsed_at_the_cost_of_their_number() -> None:
    areas = [(parse_area(f"10.{number}.0.0/16"),) for number in range(12)]
    made = of(world({f"r{number}": [gateway(*V4)] for number in range(12)}), [Geo(), Failover()], areas)
    found = rehearsed(made)
    seen = {(rule.match, rule.groups[0].region) for steering in found.values() for rule in steering.rules}
    assert seen == {(match, name) for match in (None, *(area for (area,) in areas)) for name in made.regions}
    assert len(found) <= 12 * 13 + 2


@pytest.mark.parametrize(
    ("stated", "kinds"), [([V4], {A}), ([V6], {AAAA}), ([V4, V6], {A, AAAA}), ([BOTH], {A, AAAA}), ([], {A, AAAA})]
)
def test_a_host_name_has_addresses_such_as_the_others_have(stated: list[tuple[str, ...]], kinds: set[str]) -> None:
    made = world({"istanbul": [gateway(*each) for each in stated], "ankara": [gateway(), gateway()]})
    steering = rehearsed(made)[Situation(frozenset(made.regions))]
    assert set(steering.types) == kinds
    found = [t for g in steering.rules[0].groups if g.region == "ankara" for t in g.targets]
    assert len({target.value for target in found}) == 2 * len(kinds)


def test_ordered_out_is_nobody_whatever_was_configured() -> None:
    steering = nobody(rehearsed(three([Geo()], when_all_down=AllDown.NODATA))[Situation(frozenset(NAMES))])
    assert [(rule.match, rule.groups, rule.no_answer) for rule in steering.rules] == [(None, (), NoAnswer.SERVFAIL)]


def regions(steering: Steering) -> list[str]:
    return [group.region for group in steering.rules[-1].groups]
