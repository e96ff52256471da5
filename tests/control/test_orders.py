"""What is in force: put, replaced, lifted, expired, kept over a restart, and written down."""

from datetime import timedelta

import pytest

from gslb.control.orders import MOST, Orders
from gslb.errors import RefusedError
from gslb.model.drain import Drain, Phase
from gslb.model.override import Kind, Override
from gslb.model.record import OrderRecord, OverrideRecord
from tests.control.office import NOON, START, Book, Stopped


class Desk:
    """Orders, their book and their clock."""

    def __init__(self, now: float = START) -> None:
        self.clock, self.book = Stopped(now), Book()
        self.orders = Orders(self.clock, self.book.record, self.book.save_overrides)

    def order(self, kind: Kind, target: str, duration: float | None = None, **more: object) -> Override:
        now = self.clock.now
        expires = None if duration is None else now + duration
        drain = Drain(Phase.LOWERING, now) if kind is Kind.DRAIN else None
        given: dict[str, object] = {"expires": expires, "drain": drain} | more
        return Override(kind, target, "ayse", "kernel update", now, **given)  # type: ignore[arg-type]

    def put(self, kind: Kind, target: str, duration: float | None = None, **more: object) -> Override:
        order = self.order(kind, target, duration, **more)
        self.orders.put(order)
        return order

    @property
    def noted(self) -> list[OrderRecord]:
        return [record for record in self.book.history if isinstance(record, OrderRecord)]

    @property
    def acts(self) -> list[tuple[str, str, str]]:
        return [(record.action, record.target, record.author) for record in self.noted]


def test_an_order_is_in_force_recorded_and_kept() -> None:
    desk = Desk()
    order = desk.put(Kind.WEIGHT, "istanbul", 7200.0, value=10, service="api.example.com")
    assert desk.orders.in_force == (order,)
    until = NOON + timedelta(hours=2)
    assert desk.noted == [
        OrderRecord(NOON, "weight", "istanbul", "ayse", "kernel update", until, 10, "api.example.com"),
    ]
    words = ("istanbul", "ayse", "kernel update", NOON, until, 10, "api.example.com", None, NOON, START)
    assert desk.book.overrides == (OverrideRecord(Kind.WEIGHT, *words),)


def test_a_rule_that_it_was_forced_past_is_written_down() -> None:
    desk = Desk()
    desk.orders.put(desk.order(Kind.OUT, "istanbul", 60.0), ("never-empty", "min_regions"))
    assert [record.forced for record in desk.noted] == [("never-empty", "min_regions")]


def test_it_is_dated_by_when_it_was_given_so_that_it_comes_before_what_is_decided_by_it() -> None:
    desk = Desk()
    order = desk.order(Kind.OUT, "istanbul", 60.0)
    desk.clock.now += 0.5
    desk.orders.put(order)
    assert [record.at_utc for record in desk.noted] == [NOON]


def test_lifting_says_who_did_it() -> None:
    desk = Desk()
    order = desk.put(Kind.DRAIN, "istanbul")
    assert desk.orders.lift("istanbul", "mehmet", [Kind.DRAIN]) == (order,)
    assert (desk.orders.in_force, desk.book.overrides) == ((), ())
    assert desk.acts == [("drain", "istanbul", "ayse"), ("lifted", "istanbul", "mehmet")]


@pytest.mark.parametrize("kind", [Kind.DRAIN, Kind.OUT, Kind.UP])
def test_what_says_in_or_out_of_the_same_target_takes_the_place_of_what_was_said_before(kind: Kind) -> None:
    desk = Desk()
    desk.put(Kind.OUT, "istanbul", 60.0)
    desk.put(Kind.OUT, "ankara", 60.0)
    later = desk.put(kind, "istanbul", 120.0)
    assert [order.target for order in desk.orders.in_force] == ["ankara", "istanbul"]
    assert desk.orders.in_force[-1] == later


def test_orders_of_another_kind_or_for_another_service_stand_beside_each_other() -> None:
    desk = Desk()
    desk.put(Kind.OUT, "istanbul", 60.0)
    desk.put(Kind.WEIGHT, "istanbul", 60.0, value=1)
    desk.put(Kind.OUT, "istanbul", 60.0, service="api.example.com")
    assert len(desk.orders.in_force) == 3


def test_only_the_kinds_that_are_named_are_lifted_and_only_for_that_service() -> None:
    desk = Desk()
    out = desk.put(Kind.OUT, "istanbul", 60.0)
    weight = desk.put(Kind.WEIGHT, "istanbul", 60.0, value=1)
    other = desk.put(Kind.OUT, "istanbul", 60.0, service="api.example.com")
    assert desk.orders.lift("istanbul", "mehmet", [Kind.OUT, Kind.UP]) == (out,)
    assert desk.orders.in_force == (weight, other)
    assert desk.orders.lift("istanbul", "mehmet", [Kind.OUT], "api.example.com") == (other,)


def test_what_is_not_in_force_cannot_be_lifted_and_what_is_is_named() -> None:
    desk = Desk()
    desk.put(Kind.DRAIN, "ankara")
    with pytest.raises(RefusedError, match=r"in force: ankara$") as refusal:
        desk.orders.lift("istanbul", "mehmet", [Kind.DRAIN])
    assert refusal.value.rule == "unknown"
    with pytest.raises(RefusedError, match="in force: none"):
        desk.orders.lift("ankara", "mehmet", [Kind.OUT, Kind.UP])
    assert len(desk.orders.in_force) == 1


def test_an_order_ends_by_itself_exactly_when_it_was_to() -> None:
    desk = Desk()
    order = desk.put(Kind.OUT, "istanbul", 60.0)
    desk.clock.now += 59.999
    assert desk.orders.expire() == ()
    desk.clock.now += 0.001
    assert desk.orders.expire() == (order,)
    assert (desk.orders.in_force, desk.book.overrides) == ((), ())
    assert desk.acts[-1] == ("expired", "istanbul", "ayse")
    assert desk.orders.expire() == ()


def test_more_orders_than_anybody_can_follow_are_refused_but_those_in_force_can_be_replaced() -> None:
    desk = Desk()
    for number in range(MOST):
        desk.orders._orders[str(number), "", None] = desk.order(Kind.OUT, f"r{number}", 60.0)
    with pytest.raises(RefusedError) as refusal:
        desk.put(Kind.OUT, "istanbul", 60.0)
    assert refusal.value.rule == "too-many"
    desk.orders.drop([next(iter(_keyed(desk)))], "lifted")
    first = desk.put(Kind.OUT, "istanbul", 60.0)
    again = desk.put(Kind.OUT, "istanbul", 90.0)
    assert desk.orders.in_force[-1] == again != first
    assert len(desk.orders.in_force) == MOST


def _keyed(desk: Desk) -> list[Override]:
    """Bring what was filled in under its right keys."""
    orders = list(desk.orders._orders.values())
    desk.orders._orders = {order.key: order for order in orders}
    return orders


# Over a restart


def restarted(before: Desk, away: float, jump: float = 0.0) -> Desk:
    """``away`` seconds later by the monotonic clock, the wall clock off by ``jump``."""
    after = Desk(before.clock.now + away)
    after.clock.jump = jump
    after.orders.restore(before.book.overrides)
    return after


def test_orders_survive_a_restart_and_end_at_the_same_time_of_day() -> None:
    before = Desk()
    before.put(Kind.TTL, "api.example.com", 60.0, value=7)
    (order,) = restarted(before, 20.0).orders.in_force
    assert (order.kind, order.target, order.author, order.reason, order.value) == (
        Kind.TTL,
        "api.example.com",
        "ayse",
        "kernel update",
        7,
    )
    assert order.created == pytest.approx(START)
    assert order.expires == pytest.approx(START + 60)


def test_they_stay_in_the_order_in_which_they_were_given() -> None:
    before = Desk()
    before.put(Kind.OUT, "istanbul", 60.0)
    before.put(Kind.UP, "istanbul/192.0.2.1:80", 60.0)
    before.put(Kind.OUT, "istanbul", 60.0)
    assert [order.kind for order in restarted(before, 1.0).orders.in_force] == [Kind.UP, Kind.OUT]


def test_a_drain_goes_on_from_the_phase_and_the_moment_that_it_had() -> None:
    before = Desk()
    before.put(Kind.DRAIN, "istanbul")
    before.clock.now += 10.0
    moving = Drain(Phase.MOVING, before.clock.now, ramp=60.0, step=1, forced=True)
    before.orders.progress([before.order(Kind.DRAIN, "istanbul", drain=moving)])
    (found,) = restarted(before, 5.0).orders.in_force
    assert found.drain is not None
    assert (found.drain.phase, found.drain.ramp, found.drain.step, found.drain.forced) == (
        Phase.MOVING,
        60.0,
        1,
        True,
    )
    assert found.drain.since == pytest.approx(START + 10)


def test_a_wall_clock_that_was_set_back_does_not_put_a_drain_into_the_future() -> None:
    before = Desk()
    before.put(Kind.DRAIN, "istanbul")
    after = restarted(before, 5.0, jump=-3600.0)
    (found,) = after.orders.in_force
    assert found.drain is not None
    assert found.drain.since == after.clock.now


def test_progress_is_dated_by_when_it_was_made_and_kept() -> None:
    desk = Desk()
    desk.put(Kind.DRAIN, "istanbul")
    desk.clock.now += 30.0
    desk.orders.progress([desk.order(Kind.DRAIN, "istanbul", drain=Drain(Phase.EMPTYING, START + 20.0))])
    assert (desk.noted[-1].action, desk.noted[-1].at_utc) == ("emptying", NOON + timedelta(seconds=20))
    (kept,) = desk.book.overrides
    assert kept.drain is not None
    assert kept.drain.phase is Phase.EMPTYING
