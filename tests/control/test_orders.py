"""Drains, their lifting and their end: what is in force, what is refused, and what is written down."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from gslb.control.clock import Clock
from gslb.control.orders import Orders
from gslb.errors import RefusedError
from gslb.model.names import RegionName
from gslb.model.override import Override
from gslb.model.record import OrderRecord, OverrideRecord
from tests.control.bench import ISTANBUL, topology

TOPOLOGY = topology()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Stopped(Clock):
    """Both clocks stand still until they are moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> datetime:
        return NOON + timedelta(seconds=self.now - 1000.0)


@dataclass(slots=True)
class Book:
    """Keeps orders in lists."""

    history: list[OrderRecord] = field(default_factory=list)
    saved: tuple[OverrideRecord, ...] = ()

    def record(self, item: OrderRecord) -> None:
        self.history.append(item)

    def save_overrides(self, items: Iterable[OverrideRecord]) -> None:
        self.saved = tuple(items)


class Desk:
    """Orders, their book and their clock."""

    def __init__(self) -> None:
        self.clock, self.book = Stopped(), Book()
        self.orders = Orders(self.clock, self.book.record, self.book.save_overrides)

    def drain(self, target: str, duration: float | None = None, *, force: bool = False) -> Override:
        fit = None if force else lambda *_: True
        return self.orders.drain(TOPOLOGY, target, "ayse", "kernel update", duration, fit)

    @property
    def actions(self) -> list[tuple[str, str, str]]:
        return [(record.action, record.target, record.author) for record in self.book.history]


def test_a_drain_is_in_force_recorded_and_saved() -> None:
    desk = Desk()
    order = desk.drain("istanbul", 7200.0)
    assert desk.orders.in_force == (order,)
    until = NOON + timedelta(hours=2)
    assert desk.book.history == [OrderRecord(NOON, "drain", RegionName("istanbul"), "ayse", "kernel update", until)]
    assert desk.book.saved == (OverrideRecord(RegionName("istanbul"), "ayse", "kernel update", NOON, until),)


def test_an_endpoint_can_be_drained_by_its_name() -> None:
    assert Desk().drain(f"istanbul/{ISTANBUL}").target == f"istanbul/{ISTANBUL}"


def test_undraining_lifts_the_order_and_says_who_did_it() -> None:
    desk = Desk()
    desk.drain("istanbul")
    desk.orders.undrain("istanbul", "mehmet")
    assert (desk.orders.in_force, desk.book.saved) == ((), ())
    assert desk.actions == [("drain", "istanbul", "ayse"), ("undrain", "istanbul", "mehmet")]


def test_a_drain_of_the_same_target_replaces_the_one_before() -> None:
    desk = Desk()
    desk.drain("istanbul", 60.0)
    later = desk.drain("istanbul", 120.0)
    assert desk.orders.in_force == (later,)


def test_an_order_ends_by_itself_exactly_when_it_was_to() -> None:
    desk = Desk()
    order = desk.drain("istanbul", 60.0)
    desk.clock.now += 59.999
    assert desk.orders.expire() == ()
    desk.clock.now += 0.001
    assert desk.orders.expire() == (order,)
    assert (desk.orders.in_force, desk.book.saved) == ((), ())
    assert desk.actions[-1] == ("expired", "istanbul", "ayse")
    assert desk.orders.expire() == ()


def test_draining_the_last_region_is_refused_and_changes_nothing() -> None:
    desk = Desk()
    desk.drain("istanbul")
    with pytest.raises(RefusedError) as refusal:
        desk.drain("ankara")
    assert refusal.value.rule == "never-empty"
    assert "--force" in refusal.value.remedy
    assert [order.target for order in desk.orders.in_force] == ["istanbul"]
    assert len(desk.book.history) == 1


def test_draining_the_last_region_can_be_forced() -> None:
    desk = Desk()
    desk.drain("istanbul")
    desk.drain("ankara", force=True)
    assert [order.target for order in desk.orders.in_force] == ["istanbul", "ankara"]


def test_an_unknown_target_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RefusedError) as refusal:
        Desk().drain("izmir", force=True)
    assert f"known: istanbul, ankara, istanbul/{ISTANBUL}" in refusal.value.remedy


def test_lifting_what_is_not_drained_is_refused_with_what_is() -> None:
    desk = Desk()
    with pytest.raises(RefusedError, match="drained: nothing"):
        desk.orders.undrain("istanbul", "mehmet")
    desk.drain("ankara")
    with pytest.raises(RefusedError, match="drained: ankara"):
        desk.orders.undrain("istanbul", "mehmet")


def test_orders_survive_a_restart_and_end_at_the_same_time_of_day() -> None:
    before, after = Desk(), Desk()
    before.drain("istanbul", 60.0)
    after.clock.now += 20
    after.orders.restore(before.book.saved)
    (order,) = after.orders.in_force
    assert (order.target, order.reason) == ("istanbul", "kernel update")
    assert order.created == pytest.approx(1000.0)
    assert order.expires == pytest.approx(1060.0)
