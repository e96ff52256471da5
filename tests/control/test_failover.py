"""The controller as a whole: orders, exposure, recovery and alarms, with real endpoints, state and a nameserver."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gslb.control.controller import Controller
from gslb.control.ordering import Request
from gslb.control.reload import reload_file
from gslb.errors import RefusedError
from gslb.model.comeback import Stage
from gslb.model.names import EndpointName, RegionName
from gslb.model.override import Kind
from gslb.model.record import ExposureRecord, HistoryRecord, OrderRecord, RecoveryRecord
from tests.control.bench import API
from tests.control.rig import ANKARA, ISTANBUL, Lab, answers, decided, drain, history
from tests.nameserver.support import Server, running
from tests.waiting import until

MANUAL = 'failback = "manual"\nhold = "1s"\nttl = { steady = "1s", alert = "1s" }'
SHORT = 'ttl     = { steady = "1s", alert = "0s" }\nhold = "1s"\n#'


def order(kind: Kind, target: str, **more: object) -> Request:
    return Request(kind, target, "ayse", "kernel update", **({"duration": 600.0} | more))  # type: ignore[arg-type]


def phase(controller: Controller) -> str | None:
    found = [each.drain.phase.value for each in controller.orders.in_force if each.drain]
    return found[-1] if found else None


def acts(records: tuple[HistoryRecord, ...]) -> list[str]:
    return [record.action for record in records if isinstance(record, OrderRecord)]


@contextmanager
def stopped(nameserver: Server) -> Iterator[None]:
    """It is dead, and back at the end."""
    nameserver.kill()
    try:
        yield
    finally:
        nameserver.start()


async def test_a_drain_goes_through_its_phases_by_itself(lab: Lab, nameserver: Server) -> None:
    lab.write(lambda text: text.replace("hold", SHORT))
    async with lab.controller(nameserver.socket) as controller:
        await decided(controller)
        controller.order(order(Kind.DRAIN, "istanbul", duration=None))
        assert phase(controller) == "lowering"
        await until(lambda: phase(controller) == "drained")
        assert answers(controller) == {ANKARA}
        records = await history(controller)
    assert acts(records) == ["drain", "emptying", "drained"]
    ended = [record for record in records if isinstance(record, ExposureRecord)]
    assert [(record.service, record.endpoint) for record in ended] == [(API, f"istanbul/{lab.istanbul}")]
    drained = next(r for r in records if isinstance(r, OrderRecord) and r.action == "drained")
    assert drained.at_utc >= ended[0].at_utc


async def test_while_a_nameserver_cannot_be_reached_nothing_counts_as_drained(lab: Lab, tmp_path: Path) -> None:
    lab.write(lambda text: text.replace("hold", SHORT))
    with running(tmp_path, snapshot=None) as server:
        async with lab.controller(server.socket) as controller:
            await decided(controller)
            await until(lambda: controller.embedded.watermark)
            with stopped(server):
                drain(controller)
                before = controller.clock.monotonic()
                await until(lambda: controller.clock.monotonic() > before + 4.0)
                assert phase(controller) == "emptying"
                exposed = controller.ledger.exposed_until(API, EndpointName(f"istanbul/{lab.istanbul}"))
                assert exposed == float("inf")
            await until(lambda: phase(controller) == "drained", within=30.0)


async def test_after_a_restart_everybody_may_be_answered_until_the_nameserver_has_said_otherwise(
    lab: Lab, nameserver: Server
) -> None:
    endpoint = EndpointName(f"istanbul/{lab.istanbul}")
    async with lab.controller(nameserver.socket) as controller:
        await decided(controller)
        await lab.istanbul.kill()
        await until(lambda: answers(controller) == {ANKARA})
    async with lab.controller(nameserver.socket, run=False) as controller:
        assert controller.ledger.exposed_until(API, endpoint) == float("inf")
    async with lab.controller(nameserver.socket) as controller:
        await until(lambda: controller.ledger.exposed_until(API, endpoint) < float("inf"))
        left = controller.ledger.exposed_until(API, endpoint) - controller.clock.monotonic()
        assert 50.0 < left <= 63.0  # what may have been forced: hold


async def test_a_drained_endpoint_is_still_drained_after_a_restart(lab: Lab, nameserver: Server) -> None:
    lab.write(lambda text: text.replace("hold", SHORT))
    async with lab.controller(nameserver.socket) as controller:
        await decided(controller)
        drain(controller)
        await until(lambda: phase(controller) == "drained")
    async with lab.controller(nameserver.socket) as controller:
        await decided(controller)
        await until(lambda: controller.embedded.watermark)
        assert phase(controller) == "drained"
        assert acts(await history(controller)).count("emptying") == 0


async def test_a_service_that_is_removed_stays_in_the_ledger_until_its_answers_have_run_out(
    lab: Lab, nameserver: Server
) -> None:
    lab.write(lambda text: text.replace("hold", SHORT))
    name, endpoint = EndpointName(f"istanbul/{lab.istanbul}"), f"istanbul/{lab.istanbul}"
    async with lab.controller(nameserver.socket) as controller:
        await decided(controller)
        lab.write(lambda text: text.replace('services."api.', 'services."shop.').replace("hold", SHORT))
        await reload_file(controller)
        assert controller.ledger.exposed_until(API, name) > controller.clock.monotonic()
        await until(lambda: controller.ledger.exposed_until(API, name) == float("-inf"))
        ended = [record for record in await history(controller) if isinstance(record, ExposureRecord)]
    assert (API, endpoint) in {(record.service, record.endpoint) for record in ended}


async def test_a_failover_is_summed_up_when_nobody_holds_the_old_answer_any_more(lab: Lab, nameserver: Server) -> None:
    lab.write(lambda text: text.replace("hold", SHORT))
    async with lab.controller(nameserver.socket) as controller:
        await decided(controller)
        await until(lambda: controller.embedded.watermark)
        await lab.istanbul.kill()
        await until(lambda: controller.recoveries.latest)
        records = await history(controller)
        predicted = controller.configuration.rto[API].total
    (record,) = (each for each in records if isinstance(each, RecoveryRecord))
    assert record.endpoints == (f"istanbul/{lab.istanbul}",)
    assert record.fault_utc <= record.decided_utc <= record.published_utc <= record.at_utc
    assert record.achieved == pytest.approx((record.at_utc - record.fault_utc).total_seconds(), abs=0.01)
    assert record.achieved >= 1.0
    assert record.predicted == predicted


async def test_what_comes_back_in_time_has_no_recovery(lab: Lab, nameserver: Server) -> None:
    async with lab.controller(nameserver.socket) as controller:
        await decided(controller)
        await lab.istanbul.kill()
        await until(lambda: answers(controller) == {ANKARA})
        assert controller.recoveries._under_way
        await lab.istanbul.start()
        await until(lambda: not controller.recoveries._under_way)
        assert controller.recoveries.latest == {}


async def test_while_a_failure_waits_to_be_confirmed_the_nameserver_answers_with_the_low_ttl(
    lab: Lab, nameserver: Server
) -> None:
    """Publishing nothing: the decision stays what it was."""
    lab.write(
        lambda text: text.replace('interval = "30ms"', 'interval = "100ms"').replace('"5ms"', '"100ms"\nfall = 100')
    )
    async with lab.controller(nameserver.socket) as controller:
        await decided(controller)
        await until(lambda: controller.embedded.watermark)
        assert ttl(nameserver) == 30
        generation = controller.publisher.generation
        await lab.istanbul.kill()
        await until(lambda: ttl(nameserver) == 5)
        assert controller.engine.decisions[API].steering.ttl == 30
        assert controller.publisher.generation == generation
        await lab.istanbul.start()
        await until(lambda: ttl(nameserver) == 30, within=20.0)


def ttl(server: Server) -> int:
    (rrset,) = server.ask("api.example.com.").answer
    return rrset.ttl


async def test_a_frozen_service_fails_over_when_it_is_thawed(lab: Lab) -> None:
    async with lab.controller() as controller:
        await decided(controller)
        controller.order(order(Kind.FREEZE, "*"))
        await lab.istanbul.kill()
        await until(lambda: controller.engine.decisions[API].withheld)
        assert answers(controller) == {ISTANBUL, ANKARA}
    async with lab.controller() as controller:
        await decided(controller)
        await until(lambda: controller.engine.decisions[API].withheld)
        assert answers(controller) == {ISTANBUL, ANKARA}
        controller.lift("*", "mehmet", [Kind.FREEZE])
        assert answers(controller) == {ANKARA}


async def test_a_region_that_waits_is_let_in_by_hand_also_after_a_restart(lab: Lab) -> None:
    lab.write(lambda text: text.replace('hold    = "60s"', MANUAL))
    pair = (API, RegionName("istanbul"))
    async with lab.controller() as controller:
        await decided(controller)
        with pytest.raises(RefusedError, match="does not wait") as refusal:
            controller.resume(API, "istanbul", "ayse", "mended")
        assert refusal.value.remedy == "waiting there: nobody"
        await lab.istanbul.kill()
        await until(lambda: answers(controller) == {ANKARA})
    await lab.istanbul.start()
    async with lab.controller() as controller:
        await decided(controller)
        states = controller.engine.comebacks.states
        await until(lambda: pair in states and states[pair].stage is Stage.WAITING)
        assert answers(controller) == {ANKARA}
        controller.resume(API, "istanbul", "ayse", "mended")
        assert answers(controller) == {ISTANBUL, ANKARA}
        assert [action for action in acts(await history(controller)) if action != "out"][-3:] == [
            "waiting",
            "resume",
            "back",
        ]


async def test_the_limits_of_the_configuration_are_those_of_the_guard_also_after_a_reload(lab: Lab) -> None:
    async with lab.controller() as controller:
        await decided(controller)
        lab.write(more="[safety]\nmin_regions = 2\n")
        await reload_file(controller)
        with pytest.raises(RefusedError) as refusal:
            drain(controller)
        assert refusal.value.rule == "min_regions"
        lab.write()
        await reload_file(controller)
        drain(controller)
        assert answers(controller) == {ANKARA}
