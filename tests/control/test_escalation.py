"""Escalations in a world of the test's own: what they see, order, run, and record."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gslb.config.escalations import EscalationSection
from gslb.control.clock import Clock
from gslb.control.escalation import Escalations, Given, Sight, author_of
from gslb.control.hooks import MOST_HOOKS
from gslb.errors import RefusedError
from gslb.model.names import RegionName, ServiceName
from gslb.model.record import EscalationRecord
from gslb.model.topology import Member, Region, Service, Topology
from tests.control.loops import running
from tests.control.receivers import Receiver
from tests.waiting import until

API, WWW = ServiceName("api.example.com."), ServiceName("www.example.com.")
IST, ANK = RegionName("istanbul"), RegionName("ankara")
MINE = author_of("overload")
STRESS = Sight(fit=True, score=0.25)
SHIFT = {"name": "traffic-shift", "weight": 10, "wait": "2m"}
DRAIN = {"name": "dns-failover", "drain": True, "wait": "2m"}


def topology(*services: ServiceName) -> Topology:
    members = (Member(IST, 1), Member(ANK, 1))
    regions = {name: Region(name, ()) for name in (IST, ANK)}
    return Topology(regions, {name: Service(name, members, (), ()) for name in services or (API,)})


def section(*stages: dict[str, Any], **more: Any) -> EscalationSection:
    table = {"services": ["*.example.com"], "when": {"score_below": 0.5}, "stages": list(stages or (SHIFT, DRAIN))}
    return EscalationSection.model_validate({**table, **more})


def scale(*command: str) -> dict[str, Any]:
    return {"name": "auto-scale", "exec": list(command), "wait": "2m"}


class HandClock(Clock):
    """Shows what it is set to."""

    now = 0.0

    def __init__(self) -> None:
        self.monotonic = lambda: self.now

    def utc(self) -> datetime:
        return datetime(2026, 11, 20, tzinfo=UTC) + timedelta(seconds=self.now)


@dataclass
class World:
    """What is seen, and what has been ordered."""

    sights: dict[tuple[ServiceName, RegionName], Sight] = field(default_factory=dict)
    doubtful: bool = False
    orders: list[Given] = field(default_factory=list)
    said: list[tuple[str, ...]] = field(default_factory=list)
    refused: tuple[str | Given, ...] = ()

    def sight(self, service: ServiceName, region: RegionName) -> Sight:
        found = self.sights.get((service, region), Sight(fit=True))
        drained = any(order.region == region and order.weight is None for order in self.orders)
        return replace(found, drained=found.drained or drained)

    def given(self) -> Iterable[Given]:
        return iter(self.orders)

    def order_weight(self, region: RegionName, services: str, weight: int, author: str, reason: str) -> None:
        self._order(Given(author, region, services, weight), reason)

    def order_drain(self, region: RegionName, services: str, author: str, reason: str) -> None:
        self._order(Given(author, region, services), reason)

    def _order(self, order: Given, reason: str) -> None:
        if order.services in self.refused or order in self.refused:
            raise RefusedError("last-region", f"{order.region} is the last one", "add a region")
        self.said.append(("order", order.region, order.services, reason))
        self.orders = [*(other for other in self.orders if other.place != order.place), order]

    def lift(self, order: Given) -> None:
        self.said.append(("lift", order.region, order.services))
        self.orders.remove(order)


class Rig:
    """Escalations, their world, a clock, and what they have recorded."""

    def __init__(self) -> None:
        self.world, self.clock, self.records = World(), HandClock(), list[EscalationRecord]()
        self.escalations = Escalations(self.world, self.clock, self.records.append, "istanbul-1", look_every=0.001)

    def configure(self, *stages: dict[str, Any], services: tuple[ServiceName, ...] = (API,), **more: Any) -> None:
        self.escalations.configure({"overload": section(*stages, **more)}, topology(*services))

    def stress(self, *, service: ServiceName = API, region: RegionName = IST, sight: Sight = STRESS) -> None:
        self.world.sights[service, region] = sight

    def look(self, *moments: float) -> None:
        for self.clock.now in moments:
            self.escalations.look()

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(record.stage, record.outcome) for record in self.records]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with running(self.escalations.run()):
            yield


def test_built_in_stages_are_ordered_one_after_the_other_and_lifted_when_all_is_calm() -> None:
    rig = Rig()
    rig.configure()
    rig.stress()
    rig.look(0, 29)
    assert not rig.world.orders
    rig.look(30)
    assert rig.world.orders == [Given(MINE, IST, "*.example.com", 10)]
    rig.look(149, 150)
    assert rig.world.orders == [Given(MINE, IST, "*.example.com", 10), Given(MINE, IST, "*.example.com")]
    assert rig.world.said[0] == ("order", IST, "*.example.com", "istanbul is stressed in api.example.com")
    rig.stress(sight=Sight(fit=True))
    rig.look(200, 499)
    assert len(rig.world.orders) == 2
    rig.look(500)
    assert rig.world.orders == []
    first = rig.records[0]
    assert (first.escalation, first.service, first.region) == ("overload", API, IST)
    assert first.detail == "weight 10 ordered"
    assert first.at_utc == datetime(2026, 11, 20, 0, 0, 30, tzinfo=UTC)
    assert rig.outcomes == [("traffic-shift", "done"), ("dns-failover", "done")]


def test_a_region_that_is_down_or_drained_or_seen_in_doubt_is_left_alone() -> None:
    rig = Rig()
    rig.configure()
    rig.stress(sight=Sight(fit=False, score=0.0))
    rig.look(*range(0, 1000, 10))
    rig.stress(sight=Sight(fit=True, drained=True, score=0.1))
    rig.look(*range(1000, 2000, 10))
    rig.stress()
    rig.world.doubtful = True
    rig.look(*range(2000, 3000, 10))
    assert (rig.records, rig.world.said) == ([], [])
    rig.world.doubtful = False
    rig.look(3000, 3030)
    assert rig.outcomes == [("traffic-shift", "done")]


def test_only_the_regions_that_it_is_for_are_watched() -> None:
    rig = Rig()
    rig.configure(regions=["ankara"])
    rig.stress(region=IST)
    rig.stress(region=ANK)
    rig.look(0, 30)
    assert [record.region for record in rig.records] == [ANK]


def test_a_region_that_no_service_of_it_uses_is_not_watched() -> None:
    rig = Rig()
    rig.escalations.configure({"overload": section(services=["other.*"])}, topology())
    rig.stress()
    rig.look(0, 30)
    assert not rig.records


def test_the_service_that_suffers_most_is_named() -> None:
    rig = Rig()
    rig.configure(services=(API, WWW), when={"score_below": 0.5, "saturation_above": 0.9})
    rig.stress(service=API, sight=Sight(fit=True, score=0.25, saturation=1.0))
    rig.stress(service=WWW, sight=Sight(fit=True, score=0.25, saturation=2.0))
    rig.look(0, 30)
    assert [record.service for record in rig.records] == [WWW]


def test_an_order_that_would_break_a_rule_is_refused_whole_and_the_next_stage_has_its_turn() -> None:
    rig = Rig()
    patterns = ["api.example.com", "www.example.com"]
    rig.escalations.configure({"overload": section(services=patterns)}, topology(API, WWW))
    rig.world.refused = ("www.example.com",)
    rig.stress()
    rig.look(0, 30)
    assert rig.outcomes == [("traffic-shift", "refused")]
    assert rig.records[0].detail == "istanbul is the last one"
    assert rig.world.orders == []
    rig.world.refused = ()
    rig.look(150)
    assert [order.services for order in rig.world.orders] == patterns


def test_a_refused_stage_leaves_the_orders_of_earlier_stages_in_force() -> None:
    rig = Rig()
    patterns = ["api.example.com", "www.example.com"]
    drained = Given(MINE, IST, "www.example.com")
    rig.world.refused = (drained,)
    rig.escalations.configure({"overload": section(services=patterns)}, topology(API, WWW))
    rig.stress()
    rig.look(0, 30, 150)
    assert rig.outcomes == [("traffic-shift", "done"), ("dns-failover", "refused")]
    assert rig.world.orders == [Given(MINE, IST, pattern, 10) for pattern in patterns]


def test_a_refused_stage_gives_back_the_weights_that_it_has_replaced() -> None:
    rig = Rig()
    patterns = ["api.example.com", "www.example.com"]
    rig.world.refused = (Given(MINE, IST, "www.example.com", 0),)
    stages = [SHIFT, {"name": "all-of-it", "weight": 0}]
    rig.escalations.configure({"overload": section(*stages, services=patterns)}, topology(API, WWW))
    rig.stress()
    rig.look(0, 30, 150)
    assert rig.outcomes == [("traffic-shift", "done"), ("all-of-it", "refused")]
    assert {order.services: order.weight for order in rig.world.orders} == dict.fromkeys(patterns, 10)


def test_weights_that_may_not_be_given_back_are_gone() -> None:
    rig = Rig()
    patterns = ["api.example.com", "www.example.com"]
    stages = [SHIFT, {"name": "all-of-it", "weight": 0}]
    rig.escalations.configure({"overload": section(*stages, services=patterns)}, topology(API, WWW))
    rig.stress()
    rig.look(0, 30)
    rig.world.refused = (Given(MINE, IST, "www.example.com", 0), Given(MINE, IST, "api.example.com", 10))
    rig.look(150)
    assert rig.outcomes == [("traffic-shift", "done"), ("all-of-it", "refused")]
    assert rig.world.orders == [Given(MINE, IST, "www.example.com", 10)]


def test_while_one_of_its_services_is_frozen_no_stage_begins_and_neither_stress_nor_calm_counts(
    tmp_path: Path,
) -> None:
    rig = Rig()
    rig.configure(scale("/bin/touch", f"{tmp_path}/ran"), SHIFT, services=(API, WWW))
    rig.stress(sight=replace(STRESS, frozen=False))
    rig.stress(service=WWW, sight=Sight(fit=True, frozen=True))
    rig.look(*range(0, 1000, 10))
    assert (rig.records, rig.world.said, list(tmp_path.iterdir())) == ([], [], [])
    rig.configure(services=(API, WWW))
    rig.stress(service=WWW, sight=Sight(fit=True))
    rig.look(1000, 1029)
    assert rig.records == []
    rig.look(1030)
    assert rig.outcomes == [("traffic-shift", "done")]
    rig.stress(sight=Sight(fit=True, frozen=True))
    rig.look(*range(1040, 3000, 10))
    assert rig.world.orders == [Given(MINE, IST, "*.example.com", 10)]


def test_an_order_in_force_from_before_a_restart_is_not_given_again_but_lifted_in_the_end() -> None:
    rig = Rig()
    rig.world.orders = [Given(MINE, IST, "*.example.com", 10)]
    rig.configure()
    rig.stress()
    rig.look(0, 119)
    assert rig.world.said == []
    rig.look(120)
    assert rig.outcomes == [("dns-failover", "done")]
    rig.stress(sight=Sight(fit=True))
    rig.look(130, 430)
    assert rig.world.orders == []


def test_half_of_an_order_in_force_is_made_whole() -> None:
    rig = Rig()
    patterns = ["api.example.com", "www.example.com"]
    rig.escalations.configure({"overload": section(DRAIN, services=patterns)}, topology(API, WWW))
    rig.world.orders = [Given(MINE, IST, "api.example.com")]
    rig.world.sights[WWW, IST] = STRESS
    rig.world.sight = lambda service, region: rig.world.sights.get((service, region), Sight(fit=True))  # type: ignore[method-assign]
    rig.look(0, 30)
    assert [order.services for order in rig.world.orders] == patterns


def test_orders_of_what_is_no_escalation_any_more_are_lifted() -> None:
    rig = Rig()
    rig.world.orders = [
        Given(author_of("former"), IST, "*.example.com", 10),
        Given(MINE, IST, "*.example.org", 10),
        Given(MINE, ANK, "*.example.com", 99),
        Given(MINE, ANK, "*.example.com"),
    ]
    rig.configure()
    assert rig.world.said == [
        ("lift", IST, "*.example.com"),
        ("lift", IST, "*.example.org"),
        ("lift", ANK, "*.example.com"),
    ]


def test_a_reload_that_changes_nothing_of_it_changes_nothing() -> None:
    rig = Rig()
    rig.configure()
    rig.stress()
    rig.look(0, 30)
    rig.configure(services=(API, WWW))
    rig.look(150)
    assert rig.outcomes == [("traffic-shift", "done"), ("dns-failover", "done")]


def test_one_that_is_removed_takes_its_orders_with_it() -> None:
    rig = Rig()
    rig.configure()
    rig.stress()
    rig.look(0, 30)
    rig.escalations.configure({}, topology())
    assert rig.world.orders == []
    rig.look(1000)
    assert len(rig.records) == 1


async def test_hooks_run_in_order_each_once_while_nobody_waits_for_them(tmp_path: Path) -> None:
    rig = Rig()
    line = "{escalation} {stage} {service} {region} {score} {saturation} {node}"
    rig.configure(scale("/bin/sh", "-c", f'echo "$1" >> {tmp_path}/said; echo two more', "sh", line), SHIFT)
    rig.stress()
    rig.look(0, 30, 31, 32)
    rig.clock.now = 40
    await until(lambda: rig.records)
    assert rig.outcomes == [("auto-scale", "done")]
    assert rig.records[0].detail == "two more"
    assert rig.records[0].at_utc == datetime(2026, 11, 20, 0, 0, 40, tzinfo=UTC)
    rig.look(159)
    assert len(rig.records) == 1
    rig.look(160)
    assert rig.outcomes == [("auto-scale", "done"), ("traffic-shift", "done")]
    said = (tmp_path / "said").read_text()
    assert said == "overload auto-scale api.example.com istanbul 0.25  istanbul-1\n"


async def test_a_hook_that_fails_or_is_late_gives_way_to_the_next_stage_after_its_wait() -> None:
    rig = Rig()
    late = {**scale("/bin/sleep", "3600"), "name": "late", "timeout": "50ms"}
    rig.configure(scale("/bin/false"), late, SHIFT)
    rig.stress()
    rig.look(0, 30)
    await until(lambda: len(rig.records) == 1)
    rig.look(150)
    await until(lambda: len(rig.records) == 2)
    rig.look(270)
    assert rig.outcomes == [("auto-scale", "failed"), ("late", "timeout"), ("traffic-shift", "done")]
    await until(lambda: rig.escalations._hooks._slots._free == MOST_HOOKS)  # what was killed is reaped


async def test_a_receiver_may_stand_in_for_a_command() -> None:
    rig = Rig()
    async with Receiver().listening() as receiver:
        rig.configure({"name": "auto-scale", "webhook": {"url": receiver.url}})
        rig.stress()
        rig.look(0, 30)
        await until(lambda: rig.records)
    assert rig.outcomes == [("auto-scale", "done")]
    document = receiver.got[0].document
    assert (document["escalation"], document["region"], document["score"]) == ("overload", "istanbul", 0.25)
    assert receiver.got[0].headers["Gslb-Id"] == document["id"]


async def test_each_region_has_hooks_of_its_own(tmp_path: Path) -> None:
    rig = Rig()
    rig.configure(scale("/bin/sh", "-c", f"touch {tmp_path}/$1", "sh", "{region}"))
    rig.stress(region=IST)
    rig.stress(region=ANK)
    rig.look(0, 30)
    await until(lambda: len(rig.records) == 2)
    assert {file.name for file in tmp_path.iterdir()} == {"istanbul", "ankara"}


async def test_what_a_hook_breaks_is_told_and_the_escalation_goes_on() -> None:
    rig = Rig()
    rig.configure(scale("/bin/true", "{region}"), SHIFT)
    section = rig.escalations._cases["overload", IST].section
    object.__setattr__(section.stages[0], "exec", ["/bin/true", "{nothing}"])
    rig.stress()
    rig.look(0, 30)
    await until(lambda: rig.records)
    assert rig.records[0].outcome == "failed"
    assert "KeyError" in rig.records[0].detail


async def test_hooks_of_what_is_removed_are_killed_and_so_are_all_at_the_end(tmp_path: Path) -> None:
    rig = Rig()

    def begun() -> int:
        return len(list(tmp_path.iterdir()))

    rig.configure(scale("/bin/sh", "-c", f"touch {tmp_path}/$$; exec sleep 3600"))
    rig.stress()
    async with rig.running():
        await until(lambda: rig.escalations._cases["overload", IST].state.stressed_since is not None)
        rig.clock.now = 30
        await until(lambda: begun() == 1)
        rig.configure(scale("/bin/sh", "-c", f"touch {tmp_path}/$$; exec sleep 3601"))
        await until(lambda: rig.escalations._cases["overload", IST].state.stressed_since is not None)
        rig.clock.now = 60
        await until(lambda: begun() == 2)
    numbers = [file.name for file in tmp_path.iterdir()]
    await until(lambda: not any(Path(f"/proc/{number}").exists() for number in numbers))
    assert rig.records == []
    await asyncio.sleep(0)
