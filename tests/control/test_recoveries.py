"""What failovers have taken: from the first failed attempt to the end of the old answer, and when there is none."""

from typing import TYPE_CHECKING

import pytest

from gslb.control.events import Change, Transition
from gslb.control.ledger import Ledger
from gslb.control.recoveries import Recoveries
from gslb.model.combine import Health
from gslb.model.exposure import ALLOWANCE, ROUNDING
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.observation import Cause, CheckKey, Observation, ProbeResult
from gslb.model.pacing import Pace
from gslb.model.rto import predict_rto
from gslb.model.steering import Group, RecordType, Rule, Steering, Target
from tests.control.bench import ANKARA, API, ISTANBUL, Bench, Told, key, service
from tests.control.fleet import Fleet
from tests.control.office import NOON, START, Stopped
from tests.control.virtual import FAST, REFUSED, timed_out

if TYPE_CHECKING:
    from gslb.model.record import RecoveryRecord

HERE = EndpointName(f"istanbul/{ISTANBUL}")
THERE = EndpointName(f"ankara/{ANKARA}")
TTL = 30


def steering(*endpoints: EndpointName, ttl: int = TTL) -> Steering:
    targets = tuple(Target((name,), RecordType.A, f"192.0.2.{index}") for index, name in enumerate(endpoints))
    return Steering(API, ttl, 5, 4, (RecordType.A,), (Rule(None, (Group(RegionName("one"), 1, targets),)),))


BOTH, ONLY_ANKARA = steering(HERE, THERE), steering(THERE, ttl=5)


def seen(at: float, *, ok: bool = False, of: CheckKey | None = None) -> ProbeResult:
    return ProbeResult(of or key(ISTANBUL), at, Observation(ok=ok, latency=0.5, cause=None if ok else Cause.TIMEOUT))


def change(before: Health, after: Health, at: float, *evidence: ProbeResult) -> Transition:
    return Transition(at, HERE, before, after, (API,), evidence, "")


def down(at: float = START, *evidence: ProbeResult) -> Transition:
    return change(Health.UP, Health.DOWN, at, *(evidence or (seen(at - 2.0), seen(at - 1.0))))


class Watch:
    """Recoveries, and what they have recorded."""

    def __init__(self, predicted: float | None = 32.5) -> None:
        self.records: list[RecoveryRecord] = []
        self.recoveries = Recoveries(Stopped(), self.records.append, lambda _: predicted)

    def fail_over(self, transition: Transition) -> "Watch":
        """Istanbul fails, is left out at once, and everybody who answers has that half a second later."""
        self.recoveries.transition(transition)
        self.recoveries.decided(API, BOTH, ONLY_ANKARA, 7, transition.at)
        self.recoveries.settled(lambda _: 7, transition.at + 0.5)
        return self

    def end(self, at: float) -> None:
        """No resolver holds the answer any more ``at``, as the ledger counts."""
        self.recoveries.ended(API, HERE, at + ALLOWANCE - ROUNDING)


def test_it_adds_up_from_the_first_failed_attempt_to_the_end_of_the_old_answer() -> None:
    watch = Watch().fail_over(down())
    watch.end(START + 30.5)
    (record,) = watch.records
    assert (record.service, record.endpoints, record.predicted) == (API, (HERE,), 32.5)
    assert record.achieved == pytest.approx(32.5)
    offsets = [record.fault_utc, record.decided_utc, record.published_utc, record.at_utc]
    assert [(moment - NOON).total_seconds() for moment in offsets] == pytest.approx([-2.0, 0.0, 0.5, 30.5])
    assert watch.recoveries.latest == {API: record}


def test_attempts_before_the_last_success_are_no_part_of_it() -> None:
    watch = Watch().fail_over(down(START, seen(START - 9.0), seen(START - 6.0, ok=True), seen(START - 3.0)))
    watch.end(START + 30.0)
    assert watch.records[0].achieved == pytest.approx(33.0)


def test_of_several_checks_the_one_that_failed_first_counts() -> None:
    deep = key(ISTANBUL, probe=type(key(ISTANBUL).probe)("deep"))
    evidence = (seen(START - 1.0), seen(START - 4.0, of=deep), seen(START - 5.0, ok=True), seen(START - 5.0, of=deep))
    watch = Watch().fail_over(down(START, *evidence))
    watch.end(START + 30.0)
    assert watch.records[0].achieved == pytest.approx(35.0)


def test_without_evidence_it_counts_from_the_verdict() -> None:
    watch = Watch().fail_over(change(Health.DRAINING, Health.DOWN, START))
    watch.end(START + 30.0)
    assert watch.records[0].achieved == pytest.approx(30.0)


def test_a_service_without_prediction_has_a_figure_all_the_same() -> None:
    watch = Watch(None).fail_over(down())
    watch.end(START + 30.0)
    assert watch.records[0].predicted is None


def test_who_was_in_no_answer_has_none() -> None:
    watch = Watch()
    watch.recoveries.transition(down())
    watch.recoveries.decided(API, ONLY_ANKARA, steering(THERE), 7, START)
    watch.recoveries.settled(lambda _: 7, START)
    watch.end(START + 30.0)
    assert watch.records == []


def test_who_goes_on_answering_because_nobody_else_is_left_has_none() -> None:
    watch = Watch()
    watch.recoveries.transition(down())
    watch.recoveries.decided(API, steering(HERE), steering(HERE, ttl=5), 7, START)
    watch.recoveries.decided(API, steering(HERE, ttl=5), ONLY_ANKARA, 8, START + 1000.0)
    watch.recoveries.settled(lambda _: 8, START + 1000.0)
    watch.end(START + 1030.0)
    assert watch.records == []


def test_who_is_back_before_the_end_has_none() -> None:
    watch = Watch().fail_over(down())
    watch.recoveries.transition(change(Health.DOWN, Health.UP, START + 10.0))
    watch.end(START + 30.0)
    assert watch.records == []
    assert watch.recoveries.latest == {}


def test_a_first_verdict_is_no_failover() -> None:
    watch = Watch().fail_over(change(Health.UNKNOWN, Health.DOWN, START))
    watch.end(START + 30.0)
    assert watch.records == []


def test_what_ends_without_having_failed_is_no_recovery() -> None:
    watch = Watch()
    watch.recoveries.decided(API, BOTH, ONLY_ANKARA, 7, START)
    watch.end(START + 30.0)
    assert watch.records == []


def test_an_older_generation_does_not_confirm_it_and_a_later_one_does() -> None:
    watch = Watch()
    watch.recoveries.transition(down())
    watch.recoveries.decided(API, BOTH, ONLY_ANKARA, 7, START)
    watch.recoveries.settled(lambda _: 6, START + 1.0)
    watch.recoveries.settled(lambda _: 9, START + 2.0)
    watch.recoveries.settled(lambda _: 10, START + 3.0)
    watch.end(START + 40.0)
    (record,) = watch.records
    assert (record.published_utc - NOON).total_seconds() == pytest.approx(2.0)


def test_another_services_decision_says_nothing_of_it() -> None:
    watch = Watch()
    watch.recoveries.transition(down())
    watch.recoveries.decided(ServiceName("shop.example.com."), None, ONLY_ANKARA, 7, START)
    watch.recoveries.decided(API, BOTH, ONLY_ANKARA, 8, START)
    watch.recoveries.settled(lambda _: 8, START)
    watch.end(START + 30.0)
    assert len(watch.records) == 1


# From probes to the figure, on a virtual clock


class Chain(Told):
    """From transitions to the ledger's end of exposure, as the controller joins them; all confirm at once."""

    def __init__(self) -> None:
        Told.__init__(self)
        self.clock = Stopped(0.0)
        self.records: list[RecoveryRecord] = []
        self.generation = 0
        self.recoveries = Recoveries(self.clock, self.records.append, lambda _: None)
        self.ledger = Ledger(self.clock, lambda _: None, self.recoveries.ended)

    def transition(self, transition: Transition) -> None:
        self.recoveries.transition(transition)

    def changed(self, changes: tuple[Change, ...]) -> None:
        self.generation += 1
        self.ledger.publish(self.generation, (each.decision.steering for each in changes))
        for each in changes:
            self.recoveries.decided(API, each.before, each.decision.steering, self.generation, each.at)
        self.recoveries.settled(lambda _: self.generation, changes[0].at)
        self.ledger.settle(lambda _: self.generation, changes[0].at)


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "black-holed"])
def test_the_figure_of_a_fleet_is_no_worse_than_predicted(*, killed: bool) -> None:
    """With real checks: the fault itself is at most an interval before the first failed attempt."""
    pace, fault = Pace(), 50.3

    def world(name: str, at: float, limit: float) -> Observation:
        if name.endswith(":1") and at >= fault:
            return REFUSED if killed else timed_out(limit)
        return FAST

    fleet, chain = Fleet(2, pace, world), Chain()
    one, other = fleet.names
    bench = Bench(service(ttl_steady=TTL), told=chain, pace=pace, regions={"istanbul": [one], "ankara": [other]})
    bench.start(fleet.begin)
    fleet.heard = bench.engine.observe
    fleet.run(200.0)
    chain.ledger.tick(fleet.clock.now)
    (record,) = chain.records
    assert record.endpoints == (EndpointName(f"istanbul/{one}"),)
    predicted = predict_rto(pace, 0.1, 0.0, float(TTL))
    assert TTL + 0.4 <= record.achieved <= predicted.total
    found = record.fault_utc.timestamp() - chain.clock.to_utc(fleet.begin + fault).timestamp()
    assert 0.0 <= found <= pace.interval
    detected = (record.decided_utc - record.fault_utc).total_seconds()
    assert detected == pytest.approx(
        2 * pace.confirm + (0.0 if killed else pace.timeout + pace.confirm_timeout), abs=0.2
    )
