"""Which decisions are told as a failover: those that steering really takes."""

from datetime import UTC, datetime

from gslb.model.combine import Health
from gslb.model.event import Event, event_of
from gslb.model.record import DecisionRecord
from gslb.model.steer import Decision
from gslb.model.topology import AllDown
from tests.model.worlds import NAME, Tiers, World, down, drain, gateway, world

AT = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
IST, ANK = "192.0.2.1", "192.0.2.2"


def told(before: World, after: World) -> Event | None:
    """What is told when the world changes."""
    former, decision = before.at(0.0), after.at(1000.0)
    assert former.steering != decision.steering
    return event_of(record(former, decision))


def record(former: Decision, decision: Decision) -> DecisionRecord:
    before, after = former.steering, decision.steering
    return DecisionRecord(AT, NAME, "something", 1, before, after, decision.reasons, decision.good)


BOTH = world({"istanbul": [gateway(IST)], "ankara": [gateway(ANK)]})
FIRST = world({"istanbul": [gateway(IST)], "ankara": [gateway(ANK)]}, policy=(Tiers(),))
SECOND = world({"istanbul": [down(IST)], "ankara": [gateway(ANK)]}, policy=(Tiers(),))


def test_an_endpoint_that_goes_down_is_a_failover_with_any_policy() -> None:
    for before, after in ((BOTH, world({"istanbul": [down(IST)], "ankara": [gateway(ANK)]})), (FIRST, SECOND)):
        event = told(before, after)
        assert event is not None
        assert event.details["failed"] == {"istanbul/0": "probes say down"}


def test_an_endpoint_that_goes_down_among_others_of_its_region_is_one_too() -> None:
    before = world({"istanbul": [gateway(IST), gateway(ANK)]})
    event = told(before, world({"istanbul": [down(IST), gateway(ANK)]}))
    assert event is not None
    assert (event.endpoint, event.severity) == ("istanbul/0", "warning")


def test_too_few_endpoints_are_a_failover_of_all_of_their_region() -> None:
    before = world({"istanbul": [gateway(IST), gateway("192.0.2.3")], "ankara": [gateway(ANK)] * 2}, min_healthy=2)
    after = world({"istanbul": [down(IST), gateway("192.0.2.3")], "ankara": [gateway(ANK)] * 2}, min_healthy=2)
    event = told(before, after)
    assert event is not None
    assert set(event.details["failed"]) == {"istanbul/0", "istanbul/1"}


def test_a_failback_is_none() -> None:
    assert told(SECOND, FIRST) is None


def test_a_drain_is_none() -> None:
    assert told(BOTH, world({"istanbul": [gateway(IST)], "ankara": [gateway(ANK)]}, drain("istanbul"))) is None


def test_a_longer_or_shorter_ttl_is_none() -> None:
    calm = world({"istanbul": [gateway(IST)]})
    assert told(calm, world({"istanbul": [gateway(IST, since=990.0)]})) is None


def test_that_nothing_is_fit_is_critical_whatever_is_answered_then() -> None:
    before = world({"istanbul": [gateway(IST)], "ankara": [down(ANK)]})
    for way in (AllDown.ALL, AllDown.SERVFAIL):
        event = told(before, world({"istanbul": [down(IST)], "ankara": [down(ANK)]}, when_all_down=way))
        assert event is not None
        assert event.severity == "critical"


def test_who_says_of_itself_that_it_is_draining_is_told_as_well() -> None:
    draining = gateway(IST, health=Health.DRAINING)
    event = told(BOTH, world({"istanbul": [draining], "ankara": [gateway(ANK)]}))
    assert event is not None
    assert event.details["failed"] == {"istanbul/0": "probes say draining"}
