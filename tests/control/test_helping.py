"""The orders of escalations beside those of people, which they keep to."""

import pytest

from gslb.control.escalation import Given, author_of
from gslb.control.helping import Helper
from gslb.errors import RefusedError
from gslb.model.names import RegionName
from gslb.model.override import Kind
from tests.control.bench import API, IN_ISTANBUL, SHOP, TEN, service
from tests.control.office import Office

IST, ANK = RegionName("istanbul"), RegionName("ankara")
MINE = author_of("overload")
SERVICES = "api.example.com"
WHY = "istanbul is stressed in api.example.com"


class Rig:
    """An office of two services, and a helper in it."""

    def __init__(self) -> None:
        self.office = Office(service(), service(SHOP), regions=TEN).open()
        self.told = 0
        self.helper = Helper(self.office.engine, self.office.orders, self.office.ordering, self.tell)

    def tell(self) -> None:
        self.told += 1

    def drain(self) -> None:
        self.helper.order_drain(IST, SERVICES, MINE, WHY)

    def weigh(self, weight: int = 10) -> None:
        self.helper.order_weight(IST, SERVICES, weight, MINE, WHY)

    @property
    def orders(self) -> list[tuple[str, str, str | None, str]]:
        return [(order.kind.value, order.target, order.service, order.author) for order in self.office.orders.in_force]


def test_what_is_ordered_is_in_force_and_lifted_again() -> None:
    rig = Rig()
    rig.weigh()
    rig.drain()
    weight, drain = Given(MINE, IST, SERVICES, 10), Given(MINE, IST, SERVICES)
    assert list(rig.helper.given()) == [weight, drain]
    rig.helper.lift(drain)
    assert rig.orders == [("weight", "istanbul", SERVICES, MINE)]
    rig.helper.lift(drain)
    assert rig.told == 3
    rig.helper.lift(weight)
    assert rig.orders == []
    assert rig.office.acts[-2:] == [("lifted", "istanbul")] * 2


def test_a_drain_shows_in_what_is_seen() -> None:
    rig = Rig()
    before = rig.helper.sight(API, IST)
    assert (before.fit, before.drained, before.frozen) == (True, False, False)
    rig.drain()
    assert rig.helper.sight(API, IST).drained
    assert not rig.helper.sight(SHOP, IST).drained


@pytest.mark.parametrize("target", ["*", "api.example.com"])
def test_nothing_is_ordered_of_a_frozen_service(target: str) -> None:
    rig = Rig()
    rig.office.give(Kind.FREEZE, target)
    assert rig.helper.sight(API, IST).frozen
    for order in (rig.drain, rig.weigh):
        with pytest.raises(RefusedError, match=r"ayse has frozen api\.example\.com"):
            order()
    assert [kind for kind, *_ in rig.orders] == ["freeze"]
    assert rig.told == 0


def test_a_freeze_of_another_service_forbids_nothing() -> None:
    rig = Rig()
    rig.office.give(Kind.FREEZE, "shop.example.com")
    assert not rig.helper.sight(API, IST).frozen
    rig.drain()
    assert rig.told == 1


@pytest.mark.parametrize("kind", [Kind.UP, Kind.OUT])
@pytest.mark.parametrize("target", ["istanbul", f"istanbul/{IN_ISTANBUL[0]}", "istanbul/*", "api.example.com"])
@pytest.mark.parametrize("only", [SERVICES, None, "api.*"])
def test_a_drain_takes_no_precedence_over_what_people_have_forced(kind: Kind, target: str, only: str | None) -> None:
    rig = Rig()
    rig.office.give(kind, target, service=only, force=True)
    before = rig.orders
    with pytest.raises(RefusedError, match=f"ayse has ordered {kind} of {target[:8]}"):
        rig.drain()
    assert rig.orders == before


@pytest.mark.parametrize("only", [SERVICES, None])
def test_a_weight_takes_no_precedence_over_one_of_people(only: str | None) -> None:
    rig = Rig()
    rig.office.give(Kind.WEIGHT, "istanbul", value=50, service=only)
    with pytest.raises(RefusedError, match="ayse has ordered weight"):
        rig.weigh()
    assert rig.orders == [("weight", "istanbul", only, "ayse")]


def test_what_people_have_ordered_of_others_forbids_nothing() -> None:
    rig = Rig()
    rig.office.give(Kind.UP, "ankara")
    rig.office.give(Kind.UP, "istanbul", service="shop.example.com")
    rig.office.give(Kind.WEIGHT, "istanbul", value=50)
    rig.drain()
    assert rig.told == 1


def test_a_second_escalation_does_not_replace_the_order_of_the_first() -> None:
    rig = Rig()
    rig.weigh()
    with pytest.raises(RefusedError, match="escalation overload has ordered weight"):
        rig.helper.order_weight(IST, SERVICES, 0, author_of("other"), WHY)
    rig.weigh(0)
    assert list(rig.helper.given()) == [Given(MINE, IST, SERVICES, 0)]


def test_orders_of_people_are_not_those_of_escalations() -> None:
    rig = Rig()
    rig.office.drain("ankara")
    rig.helper.lift(Given("ayse", ANK, SERVICES))
    assert list(rig.helper.given()) == []
    assert rig.orders == [("drain", "ankara", None, "ayse")]
