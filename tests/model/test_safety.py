"""Safety rules: each refuses what it should and nothing else, and says by how much."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.combine import Health
from gslb.model.names import EndpointName
from gslb.model.override import Kind, Override
from gslb.model.safety import Breach, Limits, Outlook, Safety, breaches, moved, outlook, too_long
from gslb.model.steer import Standing
from tests.model.worlds import Tiers, World, down, drain, gateway, order, times, world, worlds

NOW = 100.0
ONE, TWO, THREE, FOUR, SIX = "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "2001:db8::1"
NO_LIMITS = Limits()
REGIONS = {"istanbul": [gateway(ONE), gateway(TWO)], "ankara": [gateway(THREE)]}
THREE_REGIONS = REGIONS | {"izmir": [gateway(FOUR)]}


def seen(place: World) -> Outlook:
    return outlook(place.service, place.regions, place.standings, place.at(NOW))


def found(before: World, new: Override, limits: Limits = NO_LIMITS) -> list[Breach]:
    """What is wrong with one more order."""
    after = replace(before, overrides=(*before.overrides, new))
    return list(breaches(before.service, before.regions, seen(before), seen(after), limits))


def rules(before: World, new: Override, limits: Limits = NO_LIMITS) -> list[Safety]:
    return [breach.rule for breach in found(before, new, limits)]


def sized(place: World, **capacities: float) -> World:
    """The same with stated capacities, in requests per second."""
    regions = {name: replace(region, capacity=capacities.get(name)) for name, region in place.regions.items()}
    return replace(place, regions=regions)


# never-empty


@pytest.mark.parametrize(
    ("standing", "new"),
    [
        ([], "istanbul"),
        ([], "istanbul/0"),
        ([], "ankara"),
        ([drain("istanbul/0")], "istanbul"),
        ([drain("istanbul/0")], "ankara"),
        ([drain("istanbul/0")], "istanbul/1"),
        ([drain("istanbul")], "istanbul"),
        ([drain("istanbul", expires=NOW)], "ankara"),
        ([order(Kind.OUT, "istanbul"), order(Kind.UP, "istanbul/0")], "ankara"),
    ],
)
def test_an_order_that_leaves_an_endpoint_is_let_through(standing: Sequence[Override], new: str) -> None:
    assert rules(world(REGIONS, *standing), drain(new)) == []
    assert rules(world(REGIONS, *standing), order(Kind.OUT, new)) == []


@pytest.mark.parametrize(
    ("standing", "new"),
    [
        ([drain("istanbul")], "ankara"),
        ([drain("istanbul")], "ankara/0"),
        ([drain("istanbul")], "*"),
        ([], "*"),
        ([], "api.example.com"),
        ([drain("ankara")], "istanbul"),
        ([order(Kind.OUT, "ankara"), drain("istanbul/0")], "istanbul/1"),
        ([drain("istanbul", expires=NOW + 0.1)], "ankara"),
    ],
)
def test_an_order_on_the_last_endpoint_is_refused_and_names_the_service(standing: Sequence[Override], new: str) -> None:
    (breach,) = found(world(REGIONS, *standing), drain(new))
    assert breach.rule is Safety.NEVER_EMPTY
    assert breach.text == "would leave api.example.com without any endpoint (A)"
    assert "--force" in breach.remedy


def test_the_service_that_would_run_empty_is_the_one_of_which_it_is_said() -> None:
    alone = world(REGIONS, members={"ankara": 1})
    assert rules(alone, drain("ankara")) == [Safety.NEVER_EMPTY]
    assert rules(world(REGIONS), drain("ankara")) == []
    assert rules(alone, drain("ankara", expires=NOW)) == []


def test_a_service_that_is_empty_already_is_not_this_order_s_doing() -> None:
    emptied = world(REGIONS, drain("istanbul"), drain("ankara"))
    assert rules(emptied, drain("istanbul/0")) == []


def test_an_order_on_the_last_healthy_endpoint_is_refused() -> None:
    place = world({"istanbul": [gateway(ONE), gateway(TWO)], "ankara": [down(THREE)]})
    (breach,) = found(place, drain("istanbul"))
    assert (breach.rule, breach.text) == (
        Safety.NEVER_EMPTY,
        "would leave api.example.com without any healthy endpoint (A)",
    )
    assert rules(place, drain("ankara")) == []
    assert rules(place, drain("istanbul/0")) == []


@pytest.mark.parametrize("health", [Health.DRAINING, Health.UNKNOWN])
def test_whoever_can_answer_without_when_all_down_is_healthy_enough(health: Health) -> None:
    assert rules(world({"istanbul": [gateway(ONE)], "ankara": [gateway(TWO, health=health)]}), drain("istanbul")) == []


def test_when_nothing_is_healthy_an_order_takes_nothing_away() -> None:
    place = world({"istanbul": [down(ONE), down(TWO)], "ankara": [down(THREE)]})
    assert rules(place, drain("istanbul")) == []


def test_an_order_on_the_last_endpoint_of_a_record_type_is_refused() -> None:
    """Istanbul has IPv4 and IPv6, Ankara IPv4 only: without Istanbul there is no AAAA to give."""
    dual = world({"istanbul": [gateway(ONE, SIX)], "ankara": [gateway(TWO)]})
    (breach,) = found(dual, drain("istanbul"))
    assert breach.text == "would leave api.example.com without any endpoint (AAAA)"
    assert rules(dual, drain("ankara")) == []


def test_a_name_that_has_not_been_resolved_yet_is_taken_for_an_ipv4_address() -> None:
    place = world({"istanbul": [gateway(ONE)], "ankara": [gateway()]})
    assert rules(place, drain("istanbul")) == []
    assert rules(world({"istanbul": [gateway(SIX)], "ankara": [gateway()]}), drain("istanbul")) == [Safety.NEVER_EMPTY]


# min_regions, min_endpoints


@pytest.mark.parametrize(
    ("new", "least", "text"),
    [
        ("istanbul", 2, None),
        ("istanbul/0", 3, None),
        ("istanbul", 3, "would leave api.example.com 2 regions in service, 1 fewer than min_regions, 3"),
    ],
)
def test_so_many_regions_must_stay_in_service(new: str, least: int, text: str | None) -> None:
    told = [(b.rule, b.text) for b in found(world(THREE_REGIONS), drain(new), Limits(min_regions=least))]
    assert told == ([] if text is None else [(Safety.MIN_REGIONS, text)])


@pytest.mark.parametrize(
    ("new", "least", "text"),
    [
        ("istanbul", 2, None),
        ("istanbul", 3, "would leave api.example.com 2 endpoints in service, 1 fewer than min_endpoints, 3"),
        ("istanbul", 4, "would leave api.example.com 2 endpoints in service, 2 fewer than min_endpoints, 4"),
        ("ankara", 4, "would leave api.example.com 3 endpoints in service, 1 fewer than min_endpoints, 4"),
    ],
)
def test_so_many_endpoints_must_stay_in_service(new: str, least: int, text: str | None) -> None:
    told = [(b.rule, b.text) for b in found(world(THREE_REGIONS), drain(new), Limits(min_endpoints=least))]
    assert told == ([] if text is None else [(Safety.MIN_ENDPOINTS, text)])


def test_a_service_that_has_too_few_already_is_not_this_order_s_doing_unless_it_takes_more() -> None:
    few = world(THREE_REGIONS | {"ankara": [down(THREE)]})
    limits = Limits(min_regions=3, min_endpoints=4)
    assert rules(few, drain("ankara"), limits) == []
    assert rules(few, order(Kind.WEIGHT, "izmir", 1), limits) == []
    assert rules(few, drain("izmir"), limits) == [Safety.MIN_REGIONS, Safety.MIN_ENDPOINTS]


# capacity_floor


LIMITS = Limits(capacity_floor=0.5)


@pytest.mark.parametrize(
    ("new", "text"),
    [
        ("izmir", None),
        ("ankara", None),
        ("istanbul/0", None),
        (
            "istanbul",
            "would leave api.example.com 1000 requests/s of 3000, 500 less than capacity_floor, 50%",
        ),
    ],
)
def test_so_much_of_the_stated_capacity_must_stay_in_service(new: str, text: str | None) -> None:
    place = sized(world(THREE_REGIONS), istanbul=2000.0, ankara=600.0, izmir=400.0)
    told = [(b.rule, b.text) for b in found(place, drain(new), LIMITS)]
    assert told == ([] if text is None else [(Safety.CAPACITY_FLOOR, text)])


def test_capacity_counts_in_proportion_to_the_endpoints_in_service() -> None:
    place = sized(world(REGIONS), istanbul=2000.0, ankara=600.0)
    assert seen(place).capacity == 2600.0
    assert seen(replace(place, overrides=(drain("istanbul/1"),))).capacity == 1600.0


def test_where_a_region_states_no_capacity_nothing_can_be_said_of_the_floor() -> None:
    place = sized(world(THREE_REGIONS), istanbul=2000.0, ankara=600.0)
    assert seen(place).capacity is None
    assert rules(place, drain("istanbul"), LIMITS) == []


def test_a_service_below_the_floor_is_not_this_order_s_doing_unless_it_takes_more() -> None:
    place = sized(world(THREE_REGIONS | {"istanbul": [down(ONE)]}), istanbul=2000.0, ankara=600.0, izmir=400.0)
    assert rules(place, drain("istanbul"), LIMITS) == []
    assert rules(place, drain("izmir"), LIMITS) == [Safety.CAPACITY_FLOOR]


# confirm_above


@pytest.mark.parametrize(
    ("above", "text"),
    [
        (0.5, None),
        (0.4, "moves 50% of the answers for api.example.com, which is 10% more than confirm_above, 40%"),
    ],
)
def test_a_move_of_more_than_that_must_be_confirmed(above: float, text: str | None) -> None:
    told = [(b.rule, b.text) for b in found(world(REGIONS), drain("istanbul"), Limits(confirm_above=above))]
    assert told == ([] if text is None else [(Safety.CONFIRM_ABOVE, text)])


def test_by_default_even_a_move_of_everything_need_not_be_confirmed() -> None:
    tiered = world(REGIONS, policy=(Tiers(),))
    assert rules(tiered, drain("istanbul")) == []
    assert rules(tiered, drain("istanbul"), Limits(confirm_above=0.999)) == [Safety.CONFIRM_ABOVE]


@pytest.mark.parametrize(("weight", "share"), [(1, Fraction(0)), (3, Fraction(1, 4)), (0, Fraction(1, 2))])
def test_what_a_weight_moves_is_what_goes_elsewhere(weight: int, share: Fraction) -> None:
    before = world(REGIONS)
    after = replace(before, overrides=(order(Kind.WEIGHT, "ankara", weight),))
    assert moved(before.at(NOW).steering, after.at(NOW).steering) == share


def test_of_two_record_types_the_one_that_moves_more_counts() -> None:
    dual = world({"istanbul": [gateway(ONE, SIX)], "ankara": [gateway(TWO)]})
    after = replace(dual, overrides=(drain("istanbul"),))
    assert moved(dual.at(NOW).steering, after.at(NOW).steering) == 1


@given(worlds(), times)
def test_what_is_not_changed_moves_nothing_and_breaks_no_rule(place: World, now: float) -> None:
    decision = place.at(now)
    assert moved(decision.steering, decision.steering) == 0
    view = outlook(place.service, place.regions, place.standings, decision)
    strict = Limits(min_regions=9, min_endpoints=9, capacity_floor=1.0, confirm_above=0.0)
    assert list(breaches(place.service, place.regions, view, view, strict)) == []


@given(worlds(), times, st.sampled_from(["istanbul", "ankara", "izmir", "istanbul/0"]))
def test_an_order_is_forbidden_as_empty_exactly_where_it_leaves_somebody_without_answer(
    place: World, now: float, target: str
) -> None:
    after = replace(place, overrides=(*place.overrides, order(Kind.OUT, target)))
    one, other = (outlook(w.service, w.regions, w.standings, w.at(now)) for w in (place, after))
    found = breaches(place.service, place.regions, one, other, NO_LIMITS)
    broken = [breach for breach in found if breach.rule is Safety.NEVER_EMPTY]
    left = {e.name for e in after.own} - after.drained(now)

    def able(w: World, version: int, names: set[EndpointName], *, fit: bool) -> bool:
        standing = [w.standings[name] for name in names if not fit or w.standings[name].health is not Health.DOWN]
        return any(_carries(each, version) for each in standing)

    all_before = {e.name for e in place.own} - place.drained(now)
    worse = any(
        able(place, version, all_before, fit=fit) and not able(after, version, left, fit=fit)
        for version in (4, 6)
        for fit in (False, True)
    )
    assert bool(broken) is worse


def _carries(standing: Standing, version: int) -> bool:
    return version in ({ip.version for ip in standing.addresses} or {4})


# max_override


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (3600.0, None),
        (7200.0, None),
        (10800.0, "would stand for 3h, 1h longer than max_override, 2h"),
        (None, "would stand for ever, and max_override is 2h"),
    ],
)
def test_an_order_must_not_stand_longer_than_that(duration: float | None, text: str | None) -> None:
    breach = too_long(duration, Limits(max_override=7200.0))
    assert (breach and breach.text) == text
    assert breach is None or (breach.rule is Safety.MAX_OVERRIDE and "--for 2h" in breach.remedy)


def test_the_gravest_breach_comes_first() -> None:
    strict = Limits(min_regions=2, min_endpoints=4, capacity_floor=0.9, confirm_above=0.1)
    place = sized(world(REGIONS, members={"istanbul": 1, "ankara": 1}), istanbul=2000.0, ankara=600.0)
    assert rules(place, drain("*"), strict) == [
        Safety.NEVER_EMPTY,
        Safety.MIN_REGIONS,
        Safety.MIN_ENDPOINTS,
        Safety.CAPACITY_FLOOR,
        Safety.CONFIRM_ABOVE,
    ]
