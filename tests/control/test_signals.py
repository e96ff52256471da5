"""What decisions see beside health and scores: latencies, demand, configurations, and whom vantage points speak for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gslb.control.clock import Clock
from gslb.control.restore import restored_check
from gslb.model.area import Area, parse_area
from gslb.model.branch import Branch, Context, Signals
from gslb.model.names import RegionName, VantageName
from gslb.model.observation import HealthReport
from gslb.model.record import CheckRecord
from gslb.model.step import Condition, ProbeState
from policies.weighted import Weighted
from tests.control.bench import ANKARA, API, HERE, ISTANBUL, SHOP, Bench, key, service, topology
from tests.control.rig import Lab, decided

THERE = VantageName("there")
BURSA, IZMIR = "192.0.2.3:80", "192.0.2.4:80"
TWO_EACH = {"istanbul": [ISTANBUL, BURSA], "ankara": [ANKARA, IZMIR]}
MINUTE = 61


@dataclass(frozen=True, slots=True)
class Watcher:
    """A step that changes nothing and keeps what it saw."""

    needs_latency: bool = False
    needs_demand: bool = False
    name: str = "watcher"
    saw: list[Signals] = field(default_factory=list)

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        self.saw.append(context.signals)
        return (branch,)

    @property
    def last(self) -> Signals:
        return self.saw[-1]

    def latency(self, region: str, vantage: VantageName = HERE) -> float | None:
        return self.last.latencies.get(vantage, {}).get(RegionName(region))

    def configuration(self, region: str) -> str:
        return self.last.configurations[RegionName(region)]


def bench_of(watcher: Watcher, **world: Any) -> Bench:
    return Bench(service(policy=(watcher, Weighted())), **world).start()


def probed(bench: Bench, latencies: Mapping[str, float], since: float, seconds: int = MINUTE, **seen: Any) -> float:
    """Each target once a second; returns the time after it."""
    for second in range(seconds):
        for target, latency in latencies.items():
            bench.up(target, since + second, latency=latency, **seen)
    return since + seconds


def said(bench: Bench, target: str, at: float, **report: Any) -> None:
    bench.up(target, at, report=HealthReport(**report))


# Latencies


def test_a_region_has_a_latency_once_it_has_been_measured_for_a_minute() -> None:
    watcher = Watcher(needs_latency=True)
    bench = bench_of(watcher)
    probed(bench, {ISTANBUL: 0.02, ANKARA: 0.08}, 0.0, 59)
    assert watcher.last.latencies == {}
    probed(bench, {ISTANBUL: 0.02, ANKARA: 0.08}, 59.0, 5)
    assert watcher.latency("istanbul") == pytest.approx(0.02)
    assert watcher.latency("ankara") == pytest.approx(0.08)


def test_each_vantage_point_measures_for_itself() -> None:
    watcher = Watcher(needs_latency=True)
    bench = bench_of(watcher, vantages={HERE: (), THERE: ()})
    probed(bench, {ISTANBUL: 0.02, ANKARA: 0.08}, 0.0, 70)
    probed(bench, {ISTANBUL: 0.09, ANKARA: 0.01}, 70.0, 70, vantage=THERE)
    assert (watcher.latency("istanbul"), watcher.latency("istanbul", THERE)) == pytest.approx((0.02, 0.09))
    assert (watcher.latency("ankara"), watcher.latency("ankara", THERE)) == pytest.approx((0.08, 0.01))


def test_the_median_of_the_endpoints_that_are_up_counts() -> None:
    watcher = Watcher(needs_latency=True)
    bench = bench_of(watcher, regions={"istanbul": [ISTANBUL, BURSA, IZMIR], "ankara": [ANKARA]})
    end = probed(bench, {ISTANBUL: 0.02, BURSA: 0.03, IZMIR: 0.9, ANKARA: 0.05}, 0.0, 70)
    assert watcher.latency("istanbul") == pytest.approx(0.03)
    bench.down(BURSA, end)
    bench.engine.tick(end + 2)
    assert watcher.latency("istanbul") == pytest.approx((0.02 + 0.9) / 2)


def test_of_a_region_that_is_down_nothing_is_known() -> None:
    watcher = Watcher(needs_latency=True)
    bench = bench_of(watcher)
    end = probed(bench, {ISTANBUL: 0.02, ANKARA: 0.08}, 0.0, 70)
    bench.down(ANKARA, end)
    bench.engine.tick(end + 2)
    assert watcher.last.latencies == {HERE: {"istanbul": pytest.approx(0.02)}}


def test_a_latency_that_changes_by_less_than_a_tenth_is_no_news() -> None:
    watcher = Watcher(needs_latency=True)
    bench = bench_of(watcher)
    end = probed(bench, {ISTANBUL: 0.020, ANKARA: 0.080}, 0.0, 70)
    decisions = len(watcher.saw)
    probed(bench, {ISTANBUL: 0.0215, ANKARA: 0.074}, end, 120)
    assert len(watcher.saw) == decisions
    assert watcher.latency("istanbul") == pytest.approx(0.020)


def test_one_that_changes_by_more_decides_the_services_that_ask_and_no_others() -> None:
    asking, other = Watcher(needs_latency=True), Watcher()
    bench = Bench(service(policy=(asking,)), service(SHOP, policy=(other,))).start()
    end = probed(bench, {ISTANBUL: 0.020, ANKARA: 0.020}, 0.0, 70)
    decisions = len(asking.saw), len(other.saw)
    end = probed(bench, {ISTANBUL: 0.020, ANKARA: 0.024}, end, 120)
    assert asking.latency("ankara") == pytest.approx(0.022, abs=0.0005)
    assert (len(asking.saw), len(other.saw)) == (decisions[0] + 1, decisions[1])
    assert other.last.latencies == {}


def test_what_a_vantage_point_measured_stays_while_its_word_does_not_count() -> None:
    watcher = Watcher(needs_latency=True)
    bench = bench_of(watcher, vantages={HERE: (), THERE: ()})
    end = probed(bench, {ISTANBUL: 0.02, ANKARA: 0.08}, 0.0, 70, vantage=THERE)
    bench.up(ISTANBUL, end)
    bench.review(end + 30, since=end)
    assert bench.engine.votes.quiet(THERE)
    bench.engine.tick(end + 30)
    assert watcher.latency("istanbul", THERE) == pytest.approx(0.02)


def test_it_is_looked_once_a_second() -> None:
    watcher = Watcher(needs_latency=True)
    bench = bench_of(watcher)
    assert bench.engine.tick(10.0) == 11.0
    assert bench.engine.tick(10.5) == 11.0
    assert bench.engine.tick(11.0) == 12.0


def test_where_no_step_asks_nobody_is_woken() -> None:
    bench = bench_of(Watcher())
    bench.both_up()
    assert bench.engine.tick(10.0) is None


# Demand


def test_demand_is_what_the_gateways_of_all_regions_count() -> None:
    watcher = Watcher(needs_demand=True)
    bench = bench_of(watcher, regions=TWO_EACH)
    said(bench, ISTANBUL, 0.0, load=100.0)
    said(bench, BURSA, 0.0)
    said(bench, ANKARA, 0.0, load=300.0)
    bench.up(IZMIR, 0.0)
    bench.engine.tick(2.0)
    assert watcher.last.demand == 400.0


def test_where_no_gateway_says_so_demand_is_not_known() -> None:
    watcher = Watcher(needs_demand=True)
    bench = bench_of(watcher).both_up()
    said(bench, ISTANBUL, 1.0)
    bench.engine.tick(3.0)
    assert watcher.last.demand is None


def test_a_service_that_does_not_ask_is_not_told() -> None:
    watcher = Watcher()
    bench = bench_of(watcher)
    said(bench, ISTANBUL, 0.0, load=100.0)
    said(bench, ANKARA, 0.0, load=100.0)
    bench.engine.tick(3.0)
    assert watcher.last.demand is None


def test_of_several_checks_of_an_endpoint_the_newest_document_counts() -> None:
    watcher = Watcher(needs_demand=True)
    bench = bench_of(watcher, vantages={HERE: (), THERE: ()})
    bench.up(ISTANBUL, 1.0, report=HealthReport(load=100.0), vantage=THERE)
    said(bench, ISTANBUL, 1.1, load=150.0)
    bench.up(ANKARA, 1.1)
    bench.engine.tick(3.0)
    assert watcher.last.demand == 150.0


def test_demand_outlives_the_region_that_counted_it_and_fades() -> None:
    watcher = Watcher(needs_demand=True)
    bench = bench_of(watcher)
    said(bench, ISTANBUL, 0.0, load=600.0)
    said(bench, ANKARA, 0.0, load=400.0)
    bench.engine.tick(2.0)
    bench.down(ISTANBUL, 3.0)
    bench.engine.tick(4.5)
    assert watcher.last.demand == 1000.0
    said(bench, ANKARA, 5.0, load=990.0)
    bench.engine.tick(7.0)
    assert watcher.last.demand == 1000.0
    said(bench, ANKARA, 8.0, load=400.0)
    for second in range(9, 310):
        bench.engine.tick(second)
    assert watcher.last.demand == pytest.approx(700.0, rel=0.06)


def test_demand_that_changes_by_less_than_a_twentieth_is_no_news() -> None:
    watcher = Watcher(needs_demand=True)
    bench = bench_of(watcher)
    said(bench, ISTANBUL, 0.0, load=1000.0)
    said(bench, ANKARA, 0.0, load=1000.0)
    bench.engine.tick(2.0)
    decisions = len(watcher.saw)
    for second in range(3, 60):
        said(bench, ISTANBUL, second, load=1000.0 + second % 3 * 40)
        bench.engine.tick(second + 0.5)
    assert len(watcher.saw) == decisions
    said(bench, ISTANBUL, 60.0, load=1150.0)
    bench.engine.tick(61.5)
    assert (watcher.last.demand, len(watcher.saw)) == (2150.0, decisions + 1)


def test_a_change_names_what_it_comes_from() -> None:
    """A step whose outcome depends on demand: above 500 only Ankara answers."""

    @dataclass(frozen=True, slots=True)
    class Fussy:
        name: str = "fussy"
        needs_demand: bool = True

        def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
            wanted = "ankara" if (context.signals.demand or 0) > 500 else "istanbul"
            tiers = tuple(tuple(c for c in tier if c.region == wanted) for tier in branch.tiers)
            return (Branch(branch.match, tiers),)

    bench = Bench(service(policy=(Fussy(),))).start()
    said(bench, ISTANBUL, 0.0, load=100.0)
    said(bench, ANKARA, 0.0, load=100.0)
    said(bench, ISTANBUL, 3.0, load=700.0)
    assert bench.told.triggers[-1] == "demand is 800 requests/s"
    assert bench.answers() == {"192.0.2.2": 1.0}


# Configurations


def test_a_region_has_the_configuration_that_most_of_its_endpoints_state() -> None:
    watcher = Watcher()
    bench = bench_of(watcher, regions={"istanbul": [ISTANBUL, BURSA, IZMIR], "ankara": [ANKARA]})
    for target, version in ((ISTANBUL, "a1"), (BURSA, "b2"), (IZMIR, "b2")):
        said(bench, target, 0.0, configuration=version)
    bench.up(ANKARA, 0.0)
    bench.engine.tick(2.0)
    assert watcher.last.configurations == {"istanbul": "b2", "ankara": ""}


def test_half_of_a_roll_out_changes_nothing() -> None:
    watcher = Watcher()
    bench = bench_of(watcher, regions=TWO_EACH)
    for target in (ISTANBUL, BURSA, ANKARA, IZMIR):
        said(bench, target, 0.0, configuration="b2")
    for at, version in ((5.0, "a1"), (10.0, "c3")):
        said(bench, ISTANBUL, at, configuration=version)
        bench.engine.tick(at + 2)
        assert watcher.configuration("istanbul") == "b2"
    said(bench, BURSA, 15.0, configuration="c3")
    assert watcher.configuration("istanbul") == "c3"


def test_a_configuration_that_is_not_stated_any_more_is_not_known() -> None:
    watcher = Watcher()
    bench = bench_of(watcher)
    said(bench, ISTANBUL, 0.0, configuration="a1")
    said(bench, ANKARA, 0.0, configuration="a1")
    bench.engine.tick(2.0)
    assert watcher.configuration("istanbul") == "a1"
    bench.up(ISTANBUL, 5.0)
    assert watcher.configuration("istanbul") == ""


def test_many_changes_of_one_moment_are_counted_together_and_soon() -> None:
    watcher = Watcher()
    bench = bench_of(watcher).both_up()
    said(bench, ISTANBUL, 5.0, configuration="a1")
    decisions, revision = len(watcher.saw), bench.engine.revision
    said(bench, ISTANBUL, 5.2, configuration="b2")
    said(bench, ANKARA, 5.4, configuration="b2")
    assert (len(watcher.saw), bench.engine.revision) == (decisions, revision + 1)
    assert bench.engine.tick(5.5) == 6.0
    assert bench.engine.tick(6.0) is None
    assert (len(watcher.saw), watcher.configuration("istanbul")) == (decisions + 1, "b2")


def test_a_configuration_is_carried_over_a_reload() -> None:
    watcher = Watcher()
    bench = bench_of(watcher)
    said(bench, ISTANBUL, 0.0, configuration="a1")
    said(bench, ANKARA, 0.0, configuration="a1")
    bench.engine.tick(2.0)
    bench.configure(topology(service(policy=(watcher,), answers=1)), 5.0)
    assert watcher.last.configurations == {"istanbul": "a1", "ankara": "a1"}


# Vantage points, and what a restart begins with


def test_steps_are_told_whom_each_vantage_point_speaks_for() -> None:
    watcher = Watcher()
    bench = bench_of(watcher, vantages={HERE: (), THERE: ()})
    areas: dict[VantageName, tuple[Area, ...]] = {HERE: (parse_area("TR"),)}
    bench.engine.configure(bench.engine.topology, bench.paces, bench.vantages, 1.0, areas)
    assert watcher.last.vantages == {HERE: (parse_area("TR"),), THERE: ()}


async def test_whom_they_speak_for_comes_from_the_configuration(lab: Lab) -> None:
    lab.write(more='[vantages.here]\nareas = ["TR-34", "continent:EU"]\n')
    async with lab.controller() as controller:
        await decided(controller)
        signals = controller.engine._readings.of(API, 1.0, {})
        assert signals.vantages == {HERE: (parse_area("TR-34"), parse_area("continent:EU"))}


def test_after_a_restart_decisions_see_the_same() -> None:
    """The score is 0.82 by then: still full, but on its own it would be three quarters."""
    before = Watcher(needs_latency=True, needs_demand=True)
    bench = bench_of(before)
    for second in range(70):
        for target, latency in ((ISTANBUL, 0.02), (ANKARA, 0.08)):
            report = HealthReport(load=100.0, configuration="a1")
            bench.up(target, second, latency=latency, report=report)
    said(bench, ISTANBUL, 70.0, load=100.0, configuration="a1", saturation=0.848)
    clock, after = Clock(), Watcher(needs_latency=True, needs_demand=True)
    records = [
        CheckRecord(of, check.vote, check.latency, check.report, check.level, datetime.now(UTC), 70.0)
        for of, check in bench.engine.checks.items()
    ]
    restarted = Bench(service(policy=(after, Weighted())))
    restarted.engine.restore({record.key: restored_check(record, clock) for record in records}, {}, {}, ())
    restarted.start(clock.monotonic())
    assert restarted.engine.checks[key(ISTANBUL)].worth == pytest.approx(0.82)
    assert restarted.answers() == bench.answers() == {"192.0.2.1": 0.5, "192.0.2.2": 0.5}
    assert after.last.latencies == {HERE: {"istanbul": pytest.approx(0.02, rel=0.1), "ankara": pytest.approx(0.08)}}
    assert (after.last.demand, after.last.configurations) == (200.0, {"istanbul": "a1", "ankara": "a1"})


def test_a_level_outlives_a_restart() -> None:
    state = ProbeState(Condition.UP, successes=2)
    record = CheckRecord(key(ISTANBUL), state, None, None, 0.5, datetime.now(UTC), 70.0)
    assert restored_check(record, Clock()).level == 0.5
    restarted = Bench(service(policy=(Weighted(),)))
    other = replace(record, key=key(ANKARA), level=1.0)
    found = {each.key: restored_check(each, Clock()) for each in (record, other)}
    restarted.engine.restore(found, {}, {}, ())
    restarted.start(Clock().monotonic())
    assert restarted.answers() == pytest.approx({"192.0.2.1": 1 / 3, "192.0.2.2": 2 / 3})
