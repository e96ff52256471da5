"""Services that people have frozen: nothing automatic changes their answers, and what people order does."""

from typing import Any

from gslb.model.override import Kind
from gslb.model.steer import Fitness
from tests.control.bench import API, HERE, SHOP, saturated, service, topology
from tests.control.office import DRAINING, Office

ISTANBUL, ANKARA = "192.0.2.1:80", "192.0.2.2:80"
BOTH = {"192.0.2.1": 0.5, "192.0.2.2": 0.5}
ONLY_ISTANBUL, ONLY_ANKARA = {"192.0.2.1": 1.0}, {"192.0.2.2": 1.0}


def frozen(office: Office | None = None, target: str = "*", **more: Any) -> Office:
    """An office, frozen when all is well."""
    office = office or Office().open()
    office.give(Kind.FREEZE, target, **more)
    return office


def test_to_freeze_changes_nothing_by_itself() -> None:
    office = frozen()
    assert (office.answers(), office.ttl()) == (BOTH, 30)
    assert len(office.told.changes) == 1


def test_nobody_fails_over_and_what_is_withheld_is_told_until_it_is_over() -> None:
    office = frozen()
    office.kill(ISTANBUL)
    decision = office.engine.decisions[API]
    assert (office.answers(), office.ttl()) == (BOTH, 30)
    assert office.told.transitions[-1].endpoint == f"istanbul/{ISTANBUL}"
    assert decision.withheld is not None
    assert decision.ttl_reason == "frozen by ayse: kernel update"
    assert office.told.kept == [(API, decision.withheld)]
    assert decision.fitness[office.topology.endpoints[0].name] is Fitness.DOWN
    office.heal(ISTANBUL)
    office.wait(61.0)
    assert office.engine.decisions[API].withheld is None
    assert office.told.kept[-1] == (API, None)
    assert len(office.told.changes) == 1


def test_scores_gateways_that_drain_and_time_change_nothing_either() -> None:
    office = frozen()
    office.say(ISTANBUL, saturated(1.0))
    office.say(ANKARA, DRAINING)
    office.wait(300.0)
    assert (office.answers(), office.ttl()) == (BOTH, 30)


def test_when_it_is_lifted_health_is_followed_at_once() -> None:
    office = frozen()
    office.kill(ISTANBUL)
    office.lift("*", Kind.FREEZE)
    assert office.answers() == ONLY_ANKARA
    assert office.engine.decisions[API].withheld is None
    assert office.told.triggers[-1] == "freeze of * lifted by mehmet"


def test_its_expiry_thaws() -> None:
    office = frozen(duration=100.0)
    office.kill(ISTANBUL)
    office.wait(99.0)
    assert office.answers() == BOTH
    office.wait(1.0)
    assert office.answers() == ONLY_ANKARA
    assert office.acts[-1] == ("expired", "*")


def test_only_the_services_that_are_named_are_frozen() -> None:
    office = frozen(Office(service(), service(SHOP)).open(), "shop.example.com")
    office.kill(ISTANBUL)
    assert (office.answers(), office.answers(SHOP)) == (ONLY_ANKARA, BOTH)


def test_orders_are_followed_by_what_was_known_when_it_was_frozen() -> None:
    """Ankara has failed since, which the freeze does not believe."""
    office = frozen()
    office.kill(ANKARA)
    office.give(Kind.OUT, "istanbul", force=True)
    assert office.answers() == ONLY_ANKARA
    office.lift("istanbul", Kind.OUT)
    assert office.answers() == BOTH


def test_an_order_does_not_hide_that_something_is_withheld() -> None:
    office = frozen()
    office.kill(ISTANBUL)
    office.give(Kind.TTL, "*", value=9)
    assert (office.answers(), office.ttl()) == (BOTH, 9)
    withheld = office.engine.decisions[API].withheld
    assert withheld is not None
    assert withheld.rules[-1].weights == {"ankara": 1}
    assert None not in [steering for _, steering in office.told.kept]


def test_a_drain_goes_on_while_frozen() -> None:
    office = frozen()
    office.drain()
    office.wait(60.0)
    assert office.phase() == "drained"
    assert office.answers() == ONLY_ANKARA


def test_a_hold_that_ends_while_frozen_changes_nothing_before_the_thaw() -> None:
    office = Office(service(hold=60.0)).open()
    office.kill(ISTANBUL)
    office.wait(5.0)
    office.heal(ISTANBUL)
    frozen(office, duration=200.0)
    changes = len(office.told.changes)
    office.wait(150.0)
    assert (office.answers(), len(office.told.changes)) == (ONLY_ANKARA, changes)
    assert office.engine.decisions[API].withheld is not None
    office.wait(50.0)
    assert office.answers() == BOTH


def test_nor_does_an_order_let_it_in_that_says_nothing_of_it() -> None:
    office = Office(service(hold=60.0)).open()
    office.kill(ISTANBUL)
    office.wait(5.0)
    office.heal(ISTANBUL)
    frozen(office)
    office.wait(100.0)
    office.give(Kind.TTL, "*", value=9)
    assert (office.answers(), office.ttl()) == (ONLY_ANKARA, 9)


def test_after_a_restart_it_is_still_frozen_as_it_was_answered() -> None:
    before = frozen()
    before.kill(ISTANBUL)
    after = before.restarted(5.0).open()
    after.wait(10.0)
    assert (after.answers(), after.ttl()) == (BOTH, 30)
    assert after.told.changes[0].before == after.told.changes[0].decision.steering
    after.lift("*", Kind.FREEZE)
    assert after.answers() == ONLY_ANKARA


def test_a_service_that_was_never_answered_is_decided_though_it_is_frozen() -> None:
    office = Office(service(regions=("istanbul", "ankara")))
    office.dead.add(ISTANBUL)
    office.open()
    office.give(Kind.FREEZE, "*")
    fresh = office.restarted()
    fresh.engine._last.clear()
    fresh.open()
    assert fresh.answers() == ONLY_ANKARA


def test_an_order_counts_for_endpoints_as_well_that_have_come_since() -> None:
    office = frozen()
    more = {"istanbul": [ISTANBUL, "192.0.2.11:80"], "ankara": [ANKARA]}
    grown = topology(regions=more)
    office.ordering.drains.configure(grown)
    office.engine.configure(grown, office.bench.paces, {HERE: ()}, office.now)
    office.give(Kind.OUT, "ankara")
    assert "192.0.2.2" not in office.answers()
