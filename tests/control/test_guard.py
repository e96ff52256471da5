"""Each safety rule refuses what it should and nothing else, and only some of them can be forced."""

from typing import Any

import pytest

from gslb.control.guard import TOKEN_LASTS
from gslb.errors import RefusedError
from gslb.model.override import Kind
from gslb.model.safety import Limits
from gslb.model.steering import RecordType
from policies.capacity import Capacity
from policies.failover import Failover
from policies.latency import Latency
from policies.nearest import Nearest
from policies.sticky import Sticky
from policies.weighted import Weighted
from tests.control.bench import API, SHOP, service
from tests.control.office import START, Office

THREE = {"istanbul": ["192.0.2.1:80"], "ankara": ["192.0.2.2:80"], "izmir": ["192.0.2.3:80"]}
PAIRS = {
    "istanbul": ["192.0.2.11:80", "192.0.2.12:80"],
    "ankara": ["192.0.2.21:80", "192.0.2.22:80"],
}
ALL = ("istanbul", "ankara", "izmir")


def three(**limits: Any) -> Office:
    return Office(service(regions=ALL), regions=THREE, limits=Limits(**limits)).open()


def pairs(**limits: Any) -> Office:
    return Office(service(), regions=PAIRS, limits=Limits(**limits)).open()


def refusal(office: Office, kind: Kind, target: str, **more: Any) -> RefusedError:
    """Why the order is refused, which changes nothing, is in the history, and is counted."""
    before, noted, answers = office.orders.in_force, len(office.noted), office.answers()
    with pytest.raises(RefusedError) as caught:
        office.give(kind, target, **more)
    error = caught.value
    assert (office.orders.in_force, office.answers()) == (before, answers)
    (record,) = office.noted[noted:]
    assert (record.action, record.target, record.author) == ("refused", target, "ayse")
    assert record.reason == f"{error.rule}: {str(error).splitlines()[0]}"
    counted = office.metrics.registry.get_sample_value("gslb_orders_refused_total", {"rule": error.rule})
    assert counted is not None
    assert counted >= 1
    assert error.remedy
    return error


def admitted(office: Office, kind: Kind, target: str, **more: Any) -> tuple[str, ...]:
    """The rules that the order was forced past."""
    order = office.give(kind, target, **more)
    assert order in office.orders.in_force
    record = office.noted[-1]
    assert (record.action, record.target) == (kind.value, target)
    return record.forced


# never-empty


@pytest.mark.parametrize("kind", [Kind.DRAIN, Kind.OUT])
def test_the_last_endpoint_of_a_service_is_not_taken_out(kind: Kind) -> None:
    office = Office().open()
    office.drain("istanbul", at_once=True)
    error = refusal(office, kind, "ankara")
    assert error.rule == "never-empty"
    assert "would leave api.example.com without any endpoint (A)" in str(error)
    assert "--force" in error.remedy
    assert admitted(office, kind, "ankara", force=True) == ("never-empty",)


def test_nor_while_the_other_one_is_still_on_its_way_out() -> None:
    """Else two drains that are ordered one after the other would both be let through."""
    office = Office().open()
    office.drain("istanbul")
    assert office.phase() == "lowering"
    assert refusal(office, Kind.DRAIN, "ankara").rule == "never-empty"
    assert refusal(office, Kind.OUT, "ankara").rule == "never-empty"
    office.lift("istanbul")
    assert admitted(office, Kind.DRAIN, "ankara") == ()


def test_the_last_healthy_one_is_not_taken_out_either() -> None:
    office = Office().open()
    office.kill("192.0.2.2:80")
    error = refusal(office, Kind.DRAIN, "istanbul")
    assert (error.rule, "without any healthy endpoint (A)" in str(error)) == ("never-empty", True)
    assert admitted(office, Kind.DRAIN, "ankara") == ()


def test_where_nobody_is_healthy_an_order_makes_nothing_worse_as_long_as_somebody_is_left() -> None:
    office = Office().open()
    office.kill("192.0.2.1:80")
    office.kill("192.0.2.2:80")
    assert admitted(office, Kind.DRAIN, "istanbul") == ()
    assert refusal(office, Kind.DRAIN, "ankara").rule == "never-empty"


def test_each_record_type_counts() -> None:
    world = {"istanbul": ["[2001:db8::1]:80"], "ankara": ["192.0.2.2:80"]}
    office = Office(regions=world).open()
    assert office.engine.decisions[API].steering.types == (RecordType.A, RecordType.AAAA)
    assert "(AAAA)" in str(refusal(office, Kind.DRAIN, "istanbul"))
    assert "(A)" in str(refusal(office, Kind.DRAIN, "ankara"))


def test_each_service_counts_and_is_named() -> None:
    office = Office(service(), service(SHOP, regions=("ankara",))).open()
    assert "shop.example.com" in str(refusal(office, Kind.DRAIN, "ankara"))
    assert admitted(office, Kind.DRAIN, "ankara", service="api.example.com") == ()


def test_what_is_out_by_force_already_can_be_said_again() -> None:
    office = Office().open()
    office.drain("istanbul", at_once=True)
    office.drain("ankara", at_once=True, force=True)
    assert admitted(office, Kind.OUT, "ankara") == ()
    assert admitted(office, Kind.DRAIN, "istanbul", at_once=True) == ()


def test_an_order_that_brings_back_is_not_refused_for_what_is_missing() -> None:
    office = Office(limits=Limits(min_regions=2, min_endpoints=2)).open()
    office.drain("istanbul", at_once=True, force=True)
    assert admitted(office, Kind.UP, "istanbul") == ()


# min_regions, min_endpoints


def test_a_service_keeps_so_many_regions() -> None:
    office = three(min_regions=2)
    assert admitted(office, Kind.DRAIN, "istanbul") == ()
    error = refusal(office, Kind.DRAIN, "ankara")
    assert error.rule == "min_regions"
    assert "would leave api.example.com 1 regions in service, 1 fewer than min_regions, 2" in str(error)
    assert refusal(office, Kind.OUT, "ankara").rule == "min_regions"
    assert admitted(office, Kind.DRAIN, "ankara", force=True) == ("min_regions",)


def test_a_region_that_is_down_does_not_count() -> None:
    office = three(min_regions=2)
    office.kill("192.0.2.3:80")
    assert refusal(office, Kind.DRAIN, "istanbul").rule == "min_regions"
    assert admitted(office, Kind.DRAIN, "izmir") == ()


def test_one_endpoint_of_two_takes_no_region_away() -> None:
    office = pairs(min_regions=2)
    assert admitted(office, Kind.DRAIN, "istanbul/192.0.2.11:80") == ()
    assert refusal(office, Kind.DRAIN, "istanbul/192.0.2.12:80").rule == "min_regions"


def test_a_service_keeps_so_many_endpoints() -> None:
    office = pairs(min_endpoints=3)
    assert admitted(office, Kind.DRAIN, "istanbul/192.0.2.11:80") == ()
    error = refusal(office, Kind.DRAIN, "ankara/192.0.2.21:80")
    assert error.rule == "min_endpoints"
    assert "2 endpoints in service, 1 fewer than min_endpoints, 3" in str(error)
    assert admitted(office, Kind.DRAIN, "ankara/192.0.2.21:80", force=True) == ("min_endpoints",)


def test_what_is_short_already_may_be_ordered_about_as_long_as_it_gets_no_shorter() -> None:
    office = three(min_regions=3)
    office.kill("192.0.2.1:80")
    assert admitted(office, Kind.DRAIN, "istanbul") == ()
    assert admitted(office, Kind.WEIGHT, "ankara", value=7) == ()


def test_all_rules_that_an_order_is_forced_past_are_written_down() -> None:
    office = Office(limits=Limits(min_regions=1, min_endpoints=1)).open()
    office.drain("istanbul", at_once=True)
    forced = admitted(office, Kind.DRAIN, "ankara", force=True)
    assert forced == ("never-empty", "min_regions", "min_endpoints")


# capacity_floor


def with_capacity(floor: float, **capacities: float | None) -> Office:
    """Regions of these capacities, by name."""
    office = Office(service(regions=ALL), regions=THREE, limits=Limits(capacity_floor=floor), capacities=capacities)
    return office.open()


def test_a_service_keeps_so_much_of_its_capacity() -> None:
    office = with_capacity(0.5, istanbul=600.0, ankara=300.0, izmir=300.0)
    assert admitted(office, Kind.DRAIN, "istanbul") == ()
    error = refusal(office, Kind.DRAIN, "ankara")
    assert error.rule == "capacity_floor"
    text = "would leave api.example.com 300 requests/s of 1200, 300 less than capacity_floor, 50%"
    assert text in str(error)
    assert admitted(office, Kind.DRAIN, "ankara", force=True) == ("capacity_floor",)


def test_a_region_counts_by_its_endpoints_in_service() -> None:
    capacities: dict[str, float | None] = {"istanbul": 500.0, "ankara": 500.0}
    office = Office(service(), regions=PAIRS, limits=Limits(capacity_floor=0.75), capacities=capacities).open()
    assert admitted(office, Kind.DRAIN, "istanbul/192.0.2.11:80") == ()
    assert refusal(office, Kind.DRAIN, "ankara/192.0.2.21:80").rule == "capacity_floor"


def test_where_a_region_states_none_the_floor_says_nothing() -> None:
    office = with_capacity(0.9, istanbul=600.0, ankara=None, izmir=300.0)
    assert admitted(office, Kind.DRAIN, "istanbul") == ()


def test_a_weight_takes_no_capacity_away() -> None:
    office = with_capacity(1.0, istanbul=600.0, ankara=300.0, izmir=300.0)
    assert admitted(office, Kind.WEIGHT, "istanbul", value=0) == ()


# confirm_above


def token_of(error: RefusedError) -> str:
    return error.remedy.partition("--confirm ")[2].split()[0]


def test_a_large_move_must_be_confirmed_with_the_token_that_the_refusal_names() -> None:
    office = three(confirm_above=0.3)
    error = refusal(office, Kind.DRAIN, "istanbul")
    assert error.rule == "confirm_above"
    assert "draining istanbul moves 33% of the answers for api.example.com" in str(error)
    assert "within 5m" in error.remedy
    assert admitted(office, Kind.DRAIN, "istanbul", token=token_of(error)) == ("confirm_above",)


@pytest.mark.parametrize("kind", [Kind.OUT, Kind.WEIGHT])
def test_other_orders_that_move_must_be_confirmed_too(kind: Kind) -> None:
    value = {"value": 0} if kind is Kind.WEIGHT else {}
    office = three(confirm_above=0.3)
    error = refusal(office, kind, "istanbul", **value)
    assert error.rule == "confirm_above"
    assert admitted(office, kind, "istanbul", token=token_of(error), **value) == ("confirm_above",)


def test_bringing_back_what_is_down_is_a_move_as_well() -> None:
    office = three(confirm_above=0.3)
    office.kill("192.0.2.1:80")
    assert refusal(office, Kind.UP, "istanbul").rule == "confirm_above"


def test_force_does_not_confirm() -> None:
    office = three(confirm_above=0.3)
    assert refusal(office, Kind.DRAIN, "istanbul", force=True).rule == "confirm_above"


def test_a_token_does_not_force() -> None:
    office = three(confirm_above=0.3, min_regions=3)
    assert refusal(office, Kind.DRAIN, "istanbul").rule == "min_regions"
    error = refusal(office, Kind.DRAIN, "istanbul", force=True)
    assert error.rule == "confirm_above"
    assert refusal(office, Kind.DRAIN, "istanbul", token=token_of(error)).rule == "min_regions"
    forced = admitted(office, Kind.DRAIN, "istanbul", token=token_of(error), force=True)
    assert forced == ("min_regions", "confirm_above")


def test_a_move_as_large_as_the_limit_needs_no_word() -> None:
    office = Office(limits=Limits(confirm_above=0.5)).open()
    assert admitted(office, Kind.DRAIN, "istanbul") == ()


@pytest.mark.parametrize("token", ["", "00000000", "şifre", "x" * 100])
def test_a_wrong_token_confirms_nothing(token: str) -> None:
    assert refusal(three(confirm_above=0.3), Kind.DRAIN, "istanbul", token=token).rule == "confirm_above"


def test_a_token_is_for_one_order_only() -> None:
    office = three(confirm_above=0.3)
    token = token_of(refusal(office, Kind.OUT, "istanbul"))
    assert refusal(office, Kind.OUT, "ankara", token=token).rule == "confirm_above"
    assert refusal(office, Kind.DRAIN, "istanbul", token=token).rule == "confirm_above"
    assert refusal(office, Kind.OUT, "istanbul", service="api.*", token=token).rule == "confirm_above"
    token = token_of(refusal(office, Kind.WEIGHT, "istanbul", value=0))
    assert refusal(office, Kind.WEIGHT, "ankara", value=0, token=token).rule == "confirm_above"


def test_a_token_of_another_controller_confirms_nothing() -> None:
    token = token_of(refusal(three(confirm_above=0.3), Kind.OUT, "istanbul"))
    assert refusal(three(confirm_above=0.3), Kind.OUT, "istanbul", token=token).rule == "confirm_above"


def test_a_token_is_good_for_as_long_as_it_says_and_not_for_long_after_that() -> None:
    office = three(confirm_above=0.3)
    office.clock.now = START + TOKEN_LASTS - START % TOKEN_LASTS - 0.001
    token = token_of(refusal(office, Kind.OUT, "istanbul"))
    office.clock.now += TOKEN_LASTS
    assert admitted(office, Kind.OUT, "istanbul", token=token, duration=1.0) == ("confirm_above",)
    office.clock.now += 2.0
    office.tick()
    office.clock.now += TOKEN_LASTS
    assert refusal(office, Kind.OUT, "istanbul", token=token).rule == "confirm_above"


# max_override


@pytest.mark.parametrize("force", [False, True])
def test_nothing_stands_for_longer_than_it_may(*, force: bool) -> None:
    office = three(max_override=7200.0)
    error = refusal(office, Kind.OUT, "istanbul", duration=7260.0, force=force)
    assert error.rule == "max_override"
    assert "would stand for 2h 1m, 1m longer than max_override, 2h" in str(error).replace("2h1m", "2h 1m")
    assert admitted(office, Kind.OUT, "istanbul", duration=7200.0) == ()


@pytest.mark.parametrize(
    ("kind", "target", "value"),
    [
        (Kind.OUT, "istanbul", None),
        (Kind.UP, "istanbul", None),
        (Kind.WEIGHT, "istanbul", 5),
        (Kind.TTL, "api.example.com", 5),
        (Kind.FREEZE, "*", None),
    ],
)
def test_only_a_drain_may_stand_until_it_is_lifted(kind: Kind, target: str, value: int | None) -> None:
    office = three()
    error = refusal(office, kind, target, value=value, duration=None)
    assert (error.rule, error.remedy) == ("max_override", "add --for 3d")
    assert admitted(office, Kind.DRAIN, "istanbul", duration=None) == ()


def test_a_drain_that_is_to_end_by_itself_may_not_stand_longer_either() -> None:
    assert refusal(three(max_override=60.0), Kind.DRAIN, "istanbul", duration=61.0).rule == "max_override"


# What makes no sense


@pytest.mark.parametrize(
    ("kind", "target", "value", "known"),
    [
        (Kind.DRAIN, "izmr", None, "izmir"),
        (Kind.OUT, "izmr", None, "izmir"),
        (Kind.UP, "*.example.net", None, "api.example.com"),
        (Kind.WEIGHT, "izmr", 5, "izmir"),
        (Kind.WEIGHT, "izmir/192.0.2.3:80", 5, "izmir"),
        (Kind.TTL, "apo.example.com", 5, "api.example.com"),
        (Kind.TTL, "istanbul", 5, "api.example.com"),
        (Kind.FREEZE, "apo.example.com", None, "api.example.com"),
    ],
)
def test_an_order_about_nobody_is_refused_with_who_there_is(
    kind: Kind, target: str, value: int | None, known: str
) -> None:
    error = refusal(three(), kind, target, value=value, force=True)
    assert error.rule == "unknown"
    assert f"{kind} is about nobody" in str(error)
    assert known in error.remedy


def test_an_order_for_a_service_that_does_not_use_its_target_is_about_nobody() -> None:
    office = Office(service(regions=("istanbul",)), service(SHOP, regions=("ankara",))).open()
    error = refusal(office, Kind.OUT, "ankara", service="api.*")
    assert "in the use of api.*" in str(error)


def test_a_weight_where_the_place_of_the_client_decides_is_refused() -> None:
    office = Office(service(policy=(Weighted(), Nearest()))).open()
    error = refusal(office, Kind.WEIGHT, "istanbul", value=5)
    assert error.rule == "no-effect"
    assert "weights mean nothing to api.example.com, whose policy is weighted and nearest" in str(error)
    assert error.remedy == "drain istanbul, or force it out"


@pytest.mark.parametrize("step", [Weighted(), Capacity(), Latency(), Sticky()])
def test_a_weight_that_other_steps_start_from_is_taken(step: Any) -> None:
    capacities: dict[str, float | None] = {"istanbul": 500.0, "ankara": 500.0}
    office = Office(service(policy=(step,)), capacities=capacities).open()
    assert admitted(office, Kind.WEIGHT, "istanbul", value=3) == ()
    assert office.answers() == {"192.0.2.1": 0.75, "192.0.2.2": 0.25}


def test_a_weight_is_taken_where_it_means_something_to_one_of_the_services() -> None:
    office = Office(service(policy=(Nearest(),)), service(SHOP)).open()
    assert admitted(office, Kind.WEIGHT, "istanbul", value=3) == ()
    assert office.answers(SHOP) == {"192.0.2.1": 0.75, "192.0.2.2": 0.25}


@pytest.mark.parametrize("value", [-1, 256, None])
def test_what_is_no_weight_is_refused(value: int | None) -> None:
    error = refusal(three(), Kind.WEIGHT, "istanbul", value=value)
    assert (error.rule, error.remedy) == ("value", "write a whole number of 0..255")


@pytest.mark.parametrize("value", [-1, None])
def test_what_is_no_ttl_is_refused(value: int | None) -> None:
    assert refusal(three(), Kind.TTL, "api.example.com", value=value).rule == "value"


def test_a_ttl_longer_than_the_hold_of_a_service_is_refused() -> None:
    """Else a region would answer again while resolvers still hold what was said before it failed."""
    office = Office(service(hold=60.0), service(SHOP, hold=600.0)).open()
    error = refusal(office, Kind.TTL, "*.example.com", value=61)
    assert error.rule == "hold"
    assert "ttl 61 for api.example.com is longer than its hold, 1m" in str(error)
    assert admitted(office, Kind.TTL, "*.example.com", value=60) == ()
    assert admitted(office, Kind.TTL, "shop.example.com", value=600) == ()
    assert office.ttl(SHOP) == 600


@pytest.mark.parametrize("target", ["istanbul/192.0.2.1:80", "ist*"])
def test_the_share_of_an_endpoint_cannot_be_moved_step_by_step(target: str) -> None:
    error = refusal(three(), Kind.DRAIN, target, ramp=60.0)
    assert error.rule == "no-effect"
    assert f"{target} has no share of its own" in str(error)
    assert admitted(three(), Kind.DRAIN, "istanbul", ramp=60.0) == ()


def test_too_many_orders_are_refused_in_the_history_as_well() -> None:
    office = three()
    filler = office.give(Kind.OUT, "istanbul", duration=60.0)
    office.orders._orders |= {("state", str(number), None): filler for number in range(1000)}
    assert refusal(office, Kind.OUT, "ankara").rule == "too-many"


# Nothing else is refused


def test_standby_regions_may_be_drained_without_a_word() -> None:
    policy = (Failover(),)
    office = Office(service(regions=ALL, policy=policy), regions=THREE, limits=Limits(confirm_above=0.0)).open()
    assert admitted(office, Kind.DRAIN, "izmir") == ()
    assert refusal(office, Kind.DRAIN, "istanbul").rule == "confirm_above"


def test_ttl_and_freeze_move_nobody_and_break_no_rule() -> None:
    limits = {"min_regions": 5, "min_endpoints": 9, "capacity_floor": 1.0, "confirm_above": 0.0}
    office = three(**limits)
    assert admitted(office, Kind.TTL, "api.example.com", value=7) == ()
    assert admitted(office, Kind.FREEZE, "*") == ()


def test_a_service_that_is_not_decided_yet_is_nobody_to_lose() -> None:
    office = three(min_regions=3)
    office.engine.decisions.clear()
    assert admitted(office, Kind.WEIGHT, "istanbul", value=0) == ()


def test_a_weight_of_nothing_moves_but_leaves_nobody_without() -> None:
    office = Office(service(policy=(Weighted(),))).open()
    assert admitted(office, Kind.WEIGHT, "istanbul", value=0) == ()
    assert admitted(office, Kind.WEIGHT, "ankara", value=0) == ()
    assert office.regions() == {"istanbul", "ankara"}


# What people keep out


def test_an_up_for_more_than_an_order_is_about_does_not_overrule_it_on_the_side() -> None:
    office = pairs()
    office.give(Kind.OUT, "istanbul/192.0.2.11:80")
    error = refusal(office, Kind.UP, "istanbul")
    assert error.rule == "overrules"
    assert "would bring back what ayse keeps out: out for istanbul/192.0.2.11:80" in str(error)
    assert admitted(office, Kind.UP, "istanbul", force=True) == ("overrules",)


def test_an_up_for_less_than_an_order_is_about_is_meant() -> None:
    office = pairs()
    office.give(Kind.OUT, "istanbul")
    assert admitted(office, Kind.UP, "istanbul/192.0.2.11:80") == ()
    assert admitted(office, Kind.UP, "istanbul") == ()


def test_before_anything_is_known_rules_hold_as_well() -> None:
    office = three()
    undecided = Office(service(regions=ALL), regions=THREE)
    undecided.ordering.drains.configure(undecided.topology)
    undecided.bench.start(undecided.now)
    assert undecided.engine.decisions == {}
    for name in ("istanbul", "ankara"):
        undecided.give(Kind.OUT, name)
    with pytest.raises(RefusedError, match="without any endpoint") as caught:
        undecided.give(Kind.OUT, "izmir")
    assert caught.value.rule == "never-empty"
    assert office.engine.complete
