"""capacity: regions are filled up to what they can take; what is beyond that goes on to those with room."""

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gslb.model.area import parse_area
from gslb.model.branch import Branch, Candidate, Context, Reason, Signals, Step, Verdict
from gslb.model.names import EndpointName, RegionName
from gslb.model.steer import Decision
from gslb.model.steering import WITHHELD, Group, NoAnswer, Pick, RecordType, Rule, Steering, Target
from gslb.model.topology import Member, Region
from policies.capacity import DRIFT, OVERRUN, Amount, Capacity, Place, fill, kept, pour, quantise, room
from policies.failover import Failover
from policies.geo import Geo
from policies.nearest import Nearest
from policies.sticky import Sticky
from policies.weighted import Weighted
from tests.model.worlds import World, down, gateway, region, values, world
from tests.policies.branches import SERVICE
from tests.policies.places import decide, faults

Stages = list[list[Place]]
LOW, HIGH = Fraction(4, 5), Fraction(1)


def capacity(**options: Any) -> Capacity:
    return Capacity.model_validate(options)


def regions(**capacities: float | None) -> dict[RegionName, Region]:
    """Regions of one endpoint each, by what they can take."""
    return {
        RegionName(name): region(name, [gateway("192.0.2.1")], capacity=amount) for name, amount in capacities.items()
    }


def branch(known: dict[RegionName, Region], *tiers: dict[str, int], **settings: Any) -> Branch:
    """Tiers of regions by weight, all endpoints of each fit."""
    return Branch(
        None,
        tuple(
            tuple(
                Candidate(RegionName(name), tuple(e.name for e in known[RegionName(name)].endpoints), weight)
                for name, weight in tier.items()
            )
            for tier in tiers
        ),
        **settings,
    )


def context(known: dict[RegionName, Region], demand: float | None, before: Steering | None = None) -> Context:
    service = replace(SERVICE, members=tuple(Member(name, 1) for name in known), demand=demand)
    return Context(service, known, before=before)


def run(step: Step, before: Branch, seen: Context) -> Branch:
    (after,) = step(before, seen)
    return after


def weights(after: Branch) -> list[dict[str, int]]:
    return [{c.region: c.weight for c in tier} for tier in after.tiers]


def shares(after: Branch) -> dict[str, float]:
    """How much of all answers each region of the first tier gets."""
    total = sum(c.weight for c in after.tiers[0])
    return {c.region: round(c.weight / total * (1 - after.withheld / WITHHELD), 2) for c in after.tiers[0]}


def texts(after: Branch) -> dict[str, str]:
    return {reason.subject: reason.text for reason in after.reasons if reason.step == "capacity"}


# what a demand becomes, by the marks 0.8 and 1.0

SHARES = [
    # below the lower mark of all: the weights as they are
    (500, [{"istanbul": 60, "ankara": 40}], {"istanbul": 0.6, "ankara": 0.4}),
    # one is full to its lower mark: the other takes more of it
    (1500, [{"istanbul": 60, "ankara": 40}], {"istanbul": 0.53, "ankara": 0.47}),
    (1700, [{"istanbul": 60, "ankara": 40}], {"istanbul": 0.51, "ankara": 0.49}),
    (2000, [{"istanbul": 60, "ankara": 40}], {"istanbul": 0.5, "ankara": 0.5}),
    # the standby is needed from the lower mark on: every second request
    (800, [{"istanbul": 1}, {"ankara": 1}], {"istanbul": 1.0}),
    (1000, [{"istanbul": 1}, {"ankara": 1}], {"istanbul": 0.9, "ankara": 0.1}),
    (1200, [{"istanbul": 1}, {"ankara": 1}], {"istanbul": 0.83, "ankara": 0.17}),
    # from the upper mark on all that is beyond
    (1500, [{"istanbul": 1}, {"ankara": 1}], {"istanbul": 0.67, "ankara": 0.33}),
    (2000, [{"istanbul": 1}, {"ankara": 1}], {"istanbul": 0.5, "ankara": 0.5}),
    # a region of weight 0 is a spare behind those of its tier
    (1200, [{"istanbul": 1, "ankara": 0}], {"istanbul": 0.83, "ankara": 0.17}),
    (500, [{"istanbul": 0, "ankara": 0}], {"istanbul": 0.5, "ankara": 0.5}),
]


@pytest.mark.parametrize(("demand", "tiers", "expected"), SHARES)
def test_demand_is_shared_by_what_regions_of_1000_can_take(
    demand: float, tiers: list[dict[str, int]], expected: dict[str, float]
) -> None:
    known = regions(istanbul=1000, ankara=1000)
    assert shares(run(capacity(), branch(known, *tiers), context(known, demand))) == expected


def test_below_the_lower_mark_weights_stay_and_later_tiers_stand_by() -> None:
    known = regions(istanbul=1000, ankara=1000, izmir=1000)
    after = run(capacity(), branch(known, {"istanbul": 60, "ankara": 40}, {"izmir": 7}), context(known, 1000))
    assert weights(after) == [{"istanbul": 60, "ankara": 40}, {"izmir": 7}]
    assert [(r.subject, r.verdict, r.text) for r in after.reasons] == [
        ("istanbul", Verdict.WEIGHT, "600 of 1000 requests/s, 60% of what it can take"),
        ("ankara", Verdict.WEIGHT, "400 of 1000 requests/s, 40% of what it can take"),
        ("izmir", Verdict.STANDBY, "not needed for 1000 requests/s"),
    ]


def test_a_region_without_stated_capacity_has_no_limit() -> None:
    known = regions(istanbul=1000, ankara=None)
    after = run(capacity(), branch(known, {"istanbul": 1, "ankara": 1}), context(known, 10_000))
    assert shares(after) == {"istanbul": 0.08, "ankara": 0.92}
    assert texts(after)["ankara"] == "9200 of 10000 requests/s, no capacity stated"


def test_an_unlimited_standby_takes_all_that_is_beyond() -> None:
    known = regions(istanbul=1000, ankara=None)
    after = run(capacity(low=1.0), branch(known, {"istanbul": 1}, {"ankara": 1}), context(known, 4000))
    assert (shares(after), after.withheld) == ({"istanbul": 0.25, "ankara": 0.75}, 0)


def test_a_region_with_half_of_its_endpoints_can_take_half() -> None:
    known = {RegionName("istanbul"): region("istanbul", [gateway("192.0.2.1")] * 4, capacity=1000)} | regions(
        ankara=1000
    )
    candidates = (
        Candidate(RegionName("istanbul"), (EndpointName("istanbul/0"), EndpointName("istanbul/3")), 1),
        Candidate(RegionName("ankara"), (EndpointName("ankara/0"),), 1),
    )
    after = run(capacity(low=1.0), Branch(None, (candidates,)), context(known, 1500))
    assert texts(after)["istanbul"] == "500 of 1500 requests/s, 100% of what it can take"
    assert shares(after) == {"istanbul": 0.33, "ankara": 0.67}


def test_the_fallback_region_which_is_not_the_services_has_no_limit() -> None:
    known = regions(istanbul=1000)
    alone = Branch(None, ((Candidate(RegionName("bonn"), (EndpointName("bonn/0"),), 1),),))
    after = run(capacity(), alone, context(known, 5000))
    assert weights(after) == [{"bonn": 1}]


def test_what_nobody_has_room_for_is_spread_in_proportion_to_capacity() -> None:
    known = regions(istanbul=3000, ankara=1000)
    after = run(capacity(), branch(known, {"istanbul": 1}, {"ankara": 1}), context(known, 5000))
    assert (shares(after), after.withheld) == ({"istanbul": 0.75, "ankara": 0.25}, 0)
    note = "no region has room: 1000 requests/s above all limits are spread"
    assert texts(after) == {
        "istanbul": f"3750 of 5000 requests/s, 125% of what it can take; {note}",
        "ankara": f"1250 of 5000 requests/s, 125% of what it can take; {note}",
    }


def test_or_withheld() -> None:
    known = regions(istanbul=3000, ankara=1000)
    after = run(capacity(excess="withhold"), branch(known, {"istanbul": 1}, {"ankara": 1}), context(known, 5000))
    assert after.withheld == round(WITHHELD / 5)
    note = "no region has room: 1000 requests/s are withheld"
    assert texts(after) == {
        "istanbul": f"3000 of 5000 requests/s, 100% of what it can take; {note}",
        "ankara": f"1000 of 5000 requests/s, 100% of what it can take; {note}",
    }


def test_somebody_is_always_answered() -> None:
    known = regions(istanbul=1)
    assert run(capacity(excess="withhold"), branch(known, {"istanbul": 1}), context(known, 1e9)).withheld == 255


def test_nothing_is_withheld_from_clients_of_whom_a_step_has_taken_regions() -> None:
    """Nobody knows how much of the demand is theirs."""
    known = regions(istanbul=1000, ankara=1000)
    fenced = Reason("fence", RegionName("ankara"), Verdict.OUT, "outside")
    before = branch(known, {"istanbul": 1}, reasons=(fenced,))
    after = run(capacity(excess="withhold"), before, context(known, 2000))
    assert after.withheld == 0
    assert texts(after)["istanbul"].endswith("no region has room: 1000 requests/s above all limits are spread")


@pytest.mark.parametrize("demand", [None, 0.0])
def test_without_a_demand_weights_stay_as_they_are_and_that_is_said(demand: float | None) -> None:
    known = regions(istanbul=1000, ankara=1000)
    before = branch(known, {"istanbul": 60, "ankara": 40})
    after = run(capacity(), before, replace(context(known, None), signals=Signals(demand=demand)))
    assert after.tiers == before.tiers
    assert texts(after) == dict.fromkeys(known, "demand is not known: weights stay as they are")


def test_a_stated_demand_counts_before_a_measured_one() -> None:
    known = regions(istanbul=1000)
    measured = replace(context(known, None), signals=Signals(demand=300))
    assert texts(run(capacity(), branch(known, {"istanbul": 1}), measured))["istanbul"].startswith("300 of 300 ")
    stated = replace(context(known, 700), signals=Signals(demand=300))
    assert texts(run(capacity(), branch(known, {"istanbul": 1}), stated))["istanbul"].startswith("700 of 700 ")


def test_small_amounts_have_a_decimal() -> None:
    known = regions(istanbul=2.5)
    assert texts(run(capacity(), branch(known, {"istanbul": 1}), context(known, 1.5))) == {
        "istanbul": "1.5 of 1.5 requests/s, 60% of what it can take"
    }


def test_where_there_is_nobody_nothing_is_said() -> None:
    known = regions(istanbul=1000)
    assert run(capacity(), Branch(None, ((),)), context(known, 700)) == Branch(None, ((),))


def test_how_a_region_is_picked_stays() -> None:
    known = regions(istanbul=1000, ankara=1000)
    sticky = branch(known, {"istanbul": 1, "ankara": 1}, pick=Pick.STICKY)
    assert run(capacity(), sticky, context(known, 1500)).pick is Pick.STICKY


# properties of the filling

amounts = st.integers(0, 10_000).map(lambda tenths: Fraction(tenths, 10))
marks = st.tuples(st.integers(1, 20), st.integers(1, 20)).map(lambda pair: tuple(Fraction(m, 20) for m in sorted(pair)))


@st.composite
def filled(draw: st.DrawFn) -> tuple[Stages, Fraction, Fraction]:
    """Up to five regions in up to three tiers, a third of them without a limit, and two marks."""
    capacities = st.integers(1, 300).map(Fraction) | st.integers(1, 300).map(Fraction) | st.just(math.inf)
    stages: Stages = [[], [], []]
    for number in range(draw(st.integers(1, 5))):
        place = Place(RegionName(f"r{number}"), draw(st.integers(1, 255)), draw(capacities))
        stages[draw(st.integers(0, 2))].append(place)
    low, high = draw(marks)
    return [stage for stage in stages if stage], low, high


@given(filled(), amounts)
def test_shares_and_what_is_beyond_all_add_up_to_the_demand(
    given_: tuple[Stages, Fraction, Fraction], d: Fraction
) -> None:
    stages, low, high = given_
    loads = fill(stages, d, low, high)
    left = d - sum(loads.values())
    assert left >= 0
    assert left == max(Fraction(), d - sum(room(stage, high) for stage in stages))


@given(filled(), amounts)
def test_nobody_is_above_the_upper_mark_while_anybody_else_has_room(
    given_: tuple[Stages, Fraction, Fraction], d: Fraction
) -> None:
    stages, low, high = given_
    loads = fill(stages, d, low, high)
    for stage in stages:
        for place in stage:
            assert 0 <= loads.get(place.region, 0) <= place.capacity * high


@given(filled(), amounts)
def test_within_a_tier_nobody_is_above_the_lower_mark_while_another_is_below_it(
    given_: tuple[Stages, Fraction, Fraction], d: Fraction
) -> None:
    stages, low, high = given_
    loads = fill(stages, d, low, high)
    for stage in stages:
        above = any(loads.get(place.region, 0) > place.capacity * low for place in stage)
        below = any(loads.get(place.region, 0) < place.capacity * low for place in stage)
        assert not (above and below)


@given(filled(), amounts, amounts)
def test_with_more_demand_no_region_gets_less(
    given_: tuple[Stages, Fraction, Fraction], one: Fraction, other: Fraction
) -> None:
    stages, low, high = given_
    less, more = (fill(stages, d, low, high) for d in sorted((one, other)))
    assert all(more.get(name, Fraction()) >= load for name, load in less.items())


@given(filled(), amounts, st.randoms(use_true_random=False))
def test_the_order_of_regions_does_not_matter(
    given_: tuple[Stages, Fraction, Fraction], d: Fraction, random: Any
) -> None:
    stages, low, high = given_
    shuffled = [random.sample(stage, len(stage)) for stage in stages]
    loads, again = fill(stages, d, low, high), fill(shuffled, d, low, high)
    assert loads == again
    if loads:
        assert quantise(loads) == quantise(dict(reversed(again.items())))


@given(filled(), amounts)
def test_a_later_tier_gets_nothing_before_the_lower_mark_of_an_earlier_one(
    given_: tuple[Stages, Fraction, Fraction], d: Fraction
) -> None:
    stages, low, high = given_
    loads = fill(stages, d, low, high)
    for number, stage in enumerate(stages):
        later = any(place.region in loads for behind in stages[number + 1 :] for place in behind)
        if later:
            assert all(loads.get(place.region, 0) >= place.capacity * low for place in stage)


@given(filled(), amounts, st.lists(st.integers(0, 100), min_size=3, max_size=3))
def test_wherever_clients_are_no_region_is_overrun(
    given_: tuple[Stages, Fraction, Fraction], d: Fraction, parts: list[int]
) -> None:
    """Clients in three areas, each with an order of tiers of its own and each filled as though it were all."""
    stages, low, high = given_
    total = sum(parts) or 1
    loads = [fill(order, d, low, high) for order in (stages, stages[::-1], stages[1:] + stages[:1])]
    for stage in stages:
        for place in stage:
            load = sum(Fraction(part, total) * loads[n].get(place.region, 0) for n, part in enumerate(parts))
            assert load <= place.capacity * high


@pytest.mark.parametrize(
    ("amount", "behind", "expected"),
    [
        (0, 500, 0),
        (800, 500, 800),
        (1000, 500, 900),
        (1200, 500, 1000),
        (1700, 500, 1000),
        # the later tiers are full before this one is: it takes the rest
        (1000, 50, 950),
        (1000, 0, 1000),
        (1500, 0, 1000),
        (1000, math.inf, 900),
    ],
)
def test_what_a_tier_of_800_and_1000_keeps(amount: int, behind: float, expected: int) -> None:
    assert kept(Fraction(amount), Fraction(800), Fraction(1000), behind) == expected


def test_a_tier_without_a_limit_keeps_all() -> None:
    assert kept(Fraction(10**9), math.inf, math.inf, 0) == 10**9


@given(filled(), amounts)
def test_pouring_is_in_proportion_to_weights_among_those_who_are_not_full(
    given_: tuple[Stages, Fraction, Fraction], amount: Fraction
) -> None:
    (stage, *_), mark, _ = given_
    given_out = pour(amount, stage, mark)
    free = {given_out[p.region] / p.weight for p in stage if given_out[p.region] < p.capacity * mark}
    assert len(free) <= 1
    full = [given_out[p.region] / p.weight for p in stage if given_out[p.region] == p.capacity * mark]
    assert all(level <= min(free) for level in full if free)


@given(st.dictionaries(st.text("abc", min_size=1).map(RegionName), st.fractions(1, 1000), min_size=1, max_size=9))
def test_weights_add_up_to_255_and_are_within_one_of_the_exact_share(loads: dict[RegionName, Amount]) -> None:
    found = quantise(loads)
    assert sum(found.values()) == 255
    assert all(abs(found[name] - load * 255 / sum(loads.values())) < 1 for name, load in loads.items())


def test_a_share_that_is_too_small_to_count_leaves_its_region_behind() -> None:
    known = regions(istanbul=1000, ankara=1)
    after = run(capacity(), branch(known, {"istanbul": 1, "ankara": 1}), context(known, 700))
    assert weights(after) == [{"istanbul": 255}, {"ankara": 1}]
    assert texts(after)["ankara"] == "not needed for 700 requests/s"


# a demand that trembles


def in_force(after: Branch) -> Steering:
    """The steering that a branch becomes."""
    target = (Target((), RecordType.A, "192.0.2.1"),)
    groups = tuple(Group(c.region, c.weight, target) for c in after.tiers[0])
    rule = Rule(after.match, groups, no_answer=NoAnswer.NODATA, withheld=after.withheld)
    return Steering(SERVICE.name, 30, 5, 4, (RecordType.A,), (rule,))


@given(
    st.floats(100, 4000),
    st.lists(st.floats(-0.01, 0.01), min_size=2, max_size=12),
    st.sampled_from(["spread", "withhold"]),
    st.sampled_from([[{"a": 60, "b": 40}, {"c": 1}], [{"a": 1}, {"b": 1}, {"c": 1}], [{"a": 3, "b": 2, "c": 1}]]),
)
def test_a_demand_that_trembles_by_two_percent_moves_shares_once_at_most(
    middle: float, noise: list[float], excess: str, tiers: list[dict[str, int]]
) -> None:
    known = regions(a=1000, b=500, c=1000)
    step, before, changes = capacity(excess=excess), None, 0
    for part in noise:
        seen = context(known, round(middle * (1 + part), 3), before)
        after = in_force(run(step, branch(known, *tiers), seen))
        changes += before is not None and after != before
        before = after
    assert changes <= 1


@given(st.floats(700, 2700), st.floats(0.85, 1.15), st.sampled_from(["spread", "withhold"]))
def test_shares_that_are_kept_are_about_as_good_as_fresh_ones(one: float, change: float, excess: str) -> None:
    other = one * change
    known = regions(a=1000, b=500, c=1000)
    before = branch(known, {"a": 60, "b": 40}, {"c": 1})
    step = capacity(excess=excess)
    seen = context(known, round(other, 3), in_force(run(step, before, context(known, round(one, 3)))))
    found, fresh = (run(step, before, each) for each in (seen, replace(seen, before=None)))
    rounding = Fraction(1, WITHHELD) + Fraction(1, 255)
    for name in known:
        assert abs(part_of(found, name) - part_of(fresh, name)) <= DRIFT + rounding
        if sum(room_of(known, name) for name in known) > other:
            load = part_of(found, name) * Fraction(round(other, 3))
            assert load <= room_of(known, name) * (1 + OVERRUN) + rounding * Fraction(other)
    assert fresh.withheld or not found.withheld


def part_of(after: Branch, name: str) -> Fraction:
    first = {c.region: c.weight for c in after.tiers[0]}
    answered = Fraction(WITHHELD - after.withheld, WITHHELD)
    return answered * Fraction(first.get(RegionName(name), 0), sum(first.values()))


def room_of(known: dict[RegionName, Region], name: str) -> Fraction:
    return Fraction(known[RegionName(name)].capacity or 0)


def test_weights_that_people_change_are_followed_at_once_while_nobody_is_short() -> None:
    known = regions(a=1000, b=1000)
    before = in_force(run(capacity(), branch(known, {"a": 60, "b": 40}), context(known, 500)))
    after = run(capacity(), branch(known, {"a": 61, "b": 40}), context(known, 500, before))
    assert weights(after) == [{"a": 61, "b": 40}]


@pytest.mark.parametrize(
    "rule",
    [
        # another one's clients
        Rule(parse_area("TR"), (Group(RegionName("a"), 1, ()),)),
        # nobody answered
        Rule(None, ()),
        # a region with a weight for each record type
        Rule(None, (Group(RegionName("a"), 210, ()), Group(RegionName("a"), 211, ()), Group(RegionName("b"), 44, ()))),
        # a region that is lost
        Rule(None, (Group(RegionName("a"), 212, ()), Group(RegionName("b"), 42, ()), Group(RegionName("z"), 1, ()))),
    ],
)
def test_what_cannot_go_on_is_not_kept(rule: Rule) -> None:
    known = regions(a=1000, b=1000)
    before = Steering(SERVICE.name, 30, 5, 4, (RecordType.A,), (rule,))
    tiers = branch(known, {"a": 1}, {"b": 1})
    assert run(capacity(), tiers, context(known, 1200, before)) == run(capacity(), tiers, context(known, 1200))


def test_what_is_about_as_good_is_kept() -> None:
    known = regions(a=1000, b=1000)
    tiers = branch(known, {"a": 1}, {"b": 1})
    before = in_force(run(capacity(), tiers, context(known, 1000)))
    assert weights(run(capacity(), tiers, context(known, 1010, before))) == [{"a": 230, "b": 25}]
    assert weights(run(capacity(), tiers, context(known, 1010))) == [{"a": 228, "b": 27}]


def test_nobody_is_kept_above_its_limit_while_another_has_room() -> None:
    known = regions(a=1000, b=1000)
    step, tiers = capacity(), branch(known, {"a": 1}, {"b": 1})
    before = in_force(run(step, tiers, context(known, 1500)))
    assert in_force(run(step, tiers, context(known, 1520, before))) == before
    assert in_force(run(step, tiers, context(known, 1540, before))) != before


def test_answers_are_no_longer_withheld_when_there_is_room_again() -> None:
    known = regions(a=1000, b=1000)
    step, tiers = capacity(excess="withhold"), branch(known, {"a": 1}, {"b": 1})
    before = in_force(run(step, tiers, context(known, 2010)))
    assert before.rules[0].withheld == 1
    assert run(step, tiers, context(known, 2000, before)).withheld == 0


# end to end


def three(**settings: Any) -> World:
    """Three regions of 1000 requests per second that share 2100: 70 % each."""
    names = {"istanbul": "192.0.2.1", "ankara": "192.0.2.2", "izmir": "192.0.2.3"}
    gateways = {name: [settings.pop(name, gateway(address))] for name, address in names.items()}
    made = world(gateways, demand=2100.0, **settings)
    return replace(made, regions={name: replace(r, capacity=1000.0) for name, r in made.regions.items()})


def loads(decision: Decision) -> dict[str, float]:
    """Requests per second of 2100, to the nearest ten."""
    (rule,) = decision.steering.rules
    total = sum(group.weight for group in rule.groups)
    answered = 2100 * (1 - rule.withheld / WITHHELD)
    return {group.region: round(answered * group.weight / total, -1) for group in rule.groups}


def told(decision: Decision) -> list[str]:
    return [f"{reason.subject}: {reason.text}" for reason in decision.reasons if reason.step == "capacity"]


def test_three_regions_at_seventy_percent_share_as_their_weights_say() -> None:
    assert loads(three(policy=(Weighted(), Capacity())).at(0.0)) == dict.fromkeys(("istanbul", "ankara", "izmir"), 700)


@pytest.mark.parametrize("policy", [(Weighted(),), (Failover(),), (Failover(), Sticky())])
def test_one_of_three_is_lost_and_what_the_survivors_cannot_take_is_withheld(policy: tuple[Step, ...]) -> None:
    steps = (*policy, capacity(excess="withhold"))
    decision = three(izmir=down("192.0.2.3"), policy=steps).at(0.0)
    assert loads(decision) == {"istanbul": 1000, "ankara": 1000}
    (rule,) = decision.steering.rules
    assert rule.withheld == round(WITHHELD * 100 / 2100)
    assert rule.no_answer is NoAnswer.NODATA
    note = "1000 of 2100 requests/s, 100% of what it can take; no region has room: 100 requests/s are withheld"
    assert told(decision) == [f"istanbul: {note}", f"ankara: {note}"]


def test_or_spread_over_the_survivors() -> None:
    decision = three(izmir=down("192.0.2.3"), policy=(Weighted(), Capacity())).at(0.0)
    assert loads(decision) == {"istanbul": 1050, "ankara": 1050}
    note = "1050 of 2100 requests/s, 105% of what it can take; "
    note += "no region has room: 100 requests/s above all limits are spread"
    assert told(decision) == [f"istanbul: {note}", f"ankara: {note}"]


def test_a_standby_takes_what_the_preferred_region_cannot_as_demand_is_measured() -> None:
    here = replace(three(policy=(Failover(), Capacity())))
    here = replace(here, service=replace(here.service, demand=None))
    quiet, busy = (decide(here, Signals(demand=demand)).steering for demand in (600.0, 1500.0))
    assert [group.region for group in quiet.rules[0].groups] == ["istanbul"]
    assert [(group.region, group.weight) for group in busy.rules[0].groups] == [("istanbul", 170), ("ankara", 85)]


# where it makes sense

KNOWN = regions(istanbul=1000, ankara=None)


@pytest.mark.parametrize(
    ("chain", "place", "key", "message"),
    [
        ((capacity(low=0.9, high=0.85),), 0, "low", "0.9 is above high, 0.85"),
        ((Capacity(), Weighted()), 0, "", "is undone by weighted, which comes after it"),
        ((Capacity(), Failover()), 0, "", "is undone by failover, which comes after it"),
        ((Capacity(), Geo()), 0, "", "is undone by geo, which comes after it"),
        ((Nearest(), Capacity()), 1, "", "contradicts nearest, which picks by distance alone"),
        ((Capacity(), Nearest()), 0, "", "contradicts nearest, which picks by distance alone"),
    ],
)
def test_a_place_where_it_makes_no_sense_is_a_fault(
    chain: tuple[Step, ...], place: int, key: str, message: str
) -> None:
    ((found_key, found, remedy),) = faults(chain, KNOWN, place)
    assert (found_key, found) == (key, message)
    assert remedy


def test_without_any_capacity_it_has_no_effect() -> None:
    ((_, message, _),) = faults((Capacity(),), regions(istanbul=None))
    assert message == "has no effect: no region has a capacity"


@pytest.mark.parametrize("chain", [(Weighted(), Capacity()), (Geo(), Capacity()), (Failover(), Capacity(), Sticky())])
def test_it_comes_after_those_who_say_who_is_preferred(chain: tuple[Step, ...]) -> None:
    place = next(number for number, step in enumerate(chain) if step.name == "capacity")
    assert faults(chain, KNOWN, place) == []


@pytest.mark.parametrize("table", [{"low": 0.0}, {"high": 1.1}, {"excess": "drop"}, {"low": "80%"}])
def test_marks_are_shares_and_excess_is_spread_or_withheld(table: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Capacity.model_validate(table)


def test_it_asks_for_the_demand() -> None:
    assert Capacity.needs_demand


def test_a_region_whose_endpoints_speak_one_family_each_has_its_whole_capacity_for_both() -> None:
    gateways = {
        "istanbul": [gateway("192.0.2.1"), gateway("2001:db8::1")],
        "ankara": [gateway("192.0.2.2"), gateway("2001:db8::2")],
    }
    made = world(gateways, policy=(Capacity(excess="withhold"),), demand=1500.0)
    full = replace(made, regions={name: replace(r, capacity=1000.0) for name, r in made.regions.items()})
    decision = full.at(0.0)
    assert decision.steering.rules[-1].withheld == 0
    assert values(decision, RecordType.AAAA) == {"2001:db8::1", "2001:db8::2"}
