"""The controller with real state, real endpoints and a real nameserver: probe, decision, answer, and what is kept."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gslb.config.load import load
from gslb.control.clock import Clock
from gslb.control.controller import Controller
from gslb.control.reload import reload_file
from gslb.control.vantage import Doubt
from gslb.errors import ConfigError
from gslb.model.names import EndpointName, VantageName
from gslb.model.record import (
    DecisionRecord,
    DoubtRecord,
    HistoryRecord,
    OrderRecord,
    PublicationRecord,
    TransitionRecord,
)
from gslb.model.steer import Fitness
from gslb.model.step import Condition
from gslb.store.journal import read
from gslb.store.journal_block import ResultEntry
from tests.control.bench import API, SHOP
from tests.control.rig import ANKARA, ISTANBUL, Endpoint, Lab, answers, decided, drain, history
from tests.nameserver.support import Server, values
from tests.waiting import until

BOTH = {ISTANBUL, ANKARA}
IN_SERVICE = "gslb_endpoint_in_service"


def of(kind: type[HistoryRecord], records: Sequence[HistoryRecord]) -> list[HistoryRecord]:
    return [record for record in records if isinstance(record, kind)]


async def dig(server: Server, name: str = "api.example.com.") -> set[str]:
    return set(values(await asyncio.to_thread(server.ask, name)))


def sample(controller: Controller, name: str, **labels: str) -> float:
    """The value of a metric as scraped; -1 where there is none with these labels."""
    controller.refresh_gauges()
    families = text_string_to_metric_families(controller.metrics.text().decode())
    found = (s for family in families for s in family.samples)
    return next((s.value for s in found if s.name == name and labels.items() <= s.labels.items()), -1)


async def confirmed(controller: Controller) -> None:
    """Wait until the nameserver has what was decided last."""
    await until(lambda: all(p.generation == controller.publisher.generation for p in controller.embedded.places()))


# From probe to answer


async def test_a_dead_region_leaves_the_answers_and_the_history_says_why(lab: Lab, nameserver: Server) -> None:
    async with lab.controller(nameserver.socket) as controller:
        await decided(controller)
        await confirmed(controller)
        assert {ip for _ in range(6) for ip in await dig(nameserver)} == BOTH
        await lab.istanbul.kill()
        await until(lambda: answers(controller) == {ANKARA})
        await confirmed(controller)
        assert await dig(nameserver) == {ANKARA}
        await until(lambda: not controller.publisher._pending)
        records = await history(controller)
    down = of(TransitionRecord, records)[-1]
    assert isinstance(down, TransitionRecord)
    assert (down.endpoint, down.after) == (f"istanbul/{lab.istanbul}", "down")
    assert [evidence.observation.detail for evidence in down.evidence][-3:] == ["Connection refused"] * 3
    decision, publication = of(DecisionRecord, records)[-1], of(PublicationRecord, records)[-1]
    assert isinstance(decision, DecisionRecord)
    assert isinstance(publication, PublicationRecord)
    assert decision.trigger == f"istanbul/{lab.istanbul} is down"
    assert (publication.generation, publication.services) == (decision.generation, (API,))
    assert down.at_utc <= decision.at_utc <= publication.at_utc
    assert 0 < publication.seconds < 10


async def test_the_first_publication_names_every_service_though_they_were_decided_one_after_the_other(
    lab: Lab, nameserver: Server
) -> None:
    lab.write(
        lambda text: text.replace('regions = ["istanbul", "ankara"]', 'regions = ["istanbul"]'), more=shop("edge")
    )
    async with lab.controller(nameserver.socket) as controller:
        await until(lambda: controller.engine.decisions.keys() == {API, SHOP})
        await until(lambda: not controller.publisher._pending)
        records = await history(controller)
    decisions, (publication,) = of(DecisionRecord, records), of(PublicationRecord, records)
    assert isinstance(publication, PublicationRecord)
    assert len(decisions) == len(publication.services) == 2
    assert set(publication.services) == {API, SHOP}


async def test_a_drain_that_is_to_be_now_is_answered_at_once_and_lifted_by_its_end(
    lab: Lab, nameserver: Server
) -> None:
    async with lab.controller(nameserver.socket) as controller:
        await decided(controller)
        drain(controller, duration=0.05)
        assert answers(controller) == {ANKARA}
        assert sample(controller, "gslb_overrides") == 1
        await until(lambda: answers(controller) == BOTH)
        assert sample(controller, "gslb_overrides") == 0
        await confirmed(controller)
        records = await history(controller)
    assert [r.action for r in records if isinstance(r, OrderRecord)] == ["drain", "expired"]
    triggers = [r.trigger for r in records if isinstance(r, DecisionRecord)][1:]
    assert triggers == ["drain of istanbul by ayse", "drain of istanbul expired"]


async def test_a_drain_that_ends_while_the_controller_is_busy_is_named_as_the_reason(lab: Lab) -> None:
    async with lab.controller() as controller:
        await decided(controller)
        review = controller.engine.review
        until_then = controller.clock.monotonic() + 0.2

        def slow_review(now: float) -> float:
            while controller.clock.monotonic() <= until_then:
                pass
            return review(now)

        controller.engine.review = slow_review  # type: ignore[method-assign]
        drain(controller, duration=0.1)
        await until(lambda: answers(controller) == BOTH)
        records = await history(controller)
    assert [r.trigger for r in records if isinstance(r, DecisionRecord)][-1] == "drain of istanbul expired"


async def test_results_and_orders_go_to_the_journal(lab: Lab) -> None:
    async with lab.controller() as controller:
        await decided(controller)
        drain(controller)
        folder = controller.configuration.run_folder / "journal"
        since = controller.started_utc - timedelta(minutes=1)
    kept = list(read(folder, since))
    assert {entry.target for entry in kept if isinstance(entry, OrderRecord)} == {"istanbul"}
    targets = {entry.result.key.target for entry in kept if isinstance(entry, ResultEntry)}
    assert targets == {str(lab.istanbul), str(lab.ankara)}


# Restart


async def test_a_restart_goes_on_from_the_state_before_without_a_new_decision(lab: Lab) -> None:
    async with lab.controller() as controller:
        await decided(controller)
        await lab.istanbul.kill()
        await until(lambda: answers(controller) == {ANKARA})
        drain(controller, duration=3600)
        before = await history(controller)
        steering = controller.engine.decisions[API].steering
    async with lab.controller() as controller:
        assert controller.orders.in_force[0].reason == "kernel update"
        assert sample(controller, "gslb_overrides") == 1
        await until(lambda: controller.engine.decisions)
        assert controller.engine.decisions[API].steering == steering
        states = {key.target: check.state.condition for key, check in controller.engine.checks.items()}
        assert states == {str(lab.istanbul): Condition.DOWN, str(lab.ankara): Condition.UP}
        after = await history(controller)
    assert len(of(DecisionRecord, after)) == len(of(DecisionRecord, before)) == 2
    assert of(OrderRecord, after) == of(OrderRecord, before)


async def test_a_transition_is_kept_at_once_so_that_a_crash_does_not_lose_it(lab: Lab) -> None:
    async with lab.controller() as controller:
        await decided(controller)
        await lab.istanbul.kill()
        await until(lambda: answers(controller) == {ANKARA})
        kept = {record.key.target: record.state for record in controller.store.load_state().checks}
        assert kept[str(lab.istanbul)].condition is Condition.DOWN


class Ahead(Clock):
    """A wall clock that is off by ``seconds``; the monotonic one is right."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def utc(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.seconds)


async def test_a_hold_goes_on_across_a_restart_and_no_longer_if_the_wall_clock_was_set_back(lab: Lab) -> None:
    async with lab.controller(clock=Ahead(3 * 3600)) as controller:
        await decided(controller)
        await lab.istanbul.kill()
        await until(lambda: answers(controller) == {ANKARA})
        await lab.istanbul.start()
    async with lab.controller() as controller:
        await decided(controller)
        await until(lambda: Fitness.HOLD in controller.engine.decisions[API].fitness.values())
        held = controller.engine.held_until(API, EndpointName(f"istanbul/{lab.istanbul}"))
        assert held is not None
        assert 30 < held - controller.clock.monotonic() <= 60


async def test_a_wall_clock_that_jumps_changes_no_decision(lab: Lab) -> None:
    clock, results = Ahead(), "gslb_probe_lateness_seconds_count"
    async with lab.controller(clock=clock) as controller:
        await decided(controller)
        await lab.istanbul.kill()
        await until(lambda: answers(controller) == {ANKARA})
        drain(controller, duration=3600)
        decisions, revision = dict(controller.engine.decisions), controller.engine.revision
        for jump in (7200.0, -7200.0, 86400.0):
            clock.seconds = jump
            goal = sample(controller, results) + 4
            await until(partial(lambda goal: sample(controller, results) >= goal, goal))
        assert controller.orders.in_force
        assert controller.engine.decisions == decisions
        assert controller.engine.revision == revision


@pytest.fixture
async def by_name(lab: Lab) -> AsyncIterator[Lab]:
    """Istanbul is probed by a host name."""
    lab.istanbul = await Endpoint("127.0.0.1").start()
    lab.write(lambda text: text.replace(str(lab.istanbul), f"localhost:{lab.istanbul.port}"))
    yield lab
    await lab.istanbul.kill()


async def test_a_host_name_starts_from_the_address_that_was_answered_for_it(by_name: Lab) -> None:
    async with by_name.controller() as controller:
        await until(lambda: answers(controller) == {"127.0.0.1", ANKARA})
    async with by_name.controller(run=False) as controller:
        assert controller.resolver.known("localhost") == ip_address("127.0.0.1")


async def test_published_addresses_are_not_taken_for_those_of_the_probed_name(by_name: Lab) -> None:
    published = f'{{ probe = "localhost:{by_name.istanbul.port}", publish = ["203.0.113.7"] }}'
    by_name.write(lambda text: text.replace(f'"{by_name.istanbul}"', published))
    async with by_name.controller() as controller:
        await until(lambda: answers(controller) == {"203.0.113.7", ANKARA})
    async with by_name.controller(run=False) as controller:
        assert controller.resolver.known("localhost") is None


# Reload


def shop(probe: str, regions: str = '"ankara"') -> str:
    return f"""
[services."shop.example.com"]
regions = [{regions}]
probes  = ["{probe}"]
"""


SLOW = """
[probes.slow]
type     = "tcp"
expect   = "a greeting that never comes"
interval = "60s"
confirm  = "60s"
"""


async def test_a_reload_swaps_the_configuration_and_keeps_what_is_known(lab: Lab, nameserver: Server) -> None:
    async with lab.controller(nameserver.socket) as controller:
        await decided(controller)
        await lab.istanbul.kill()
        await until(lambda: answers(controller) == {ANKARA})
        lab.write(more=shop("edge"))
        await reload_file(controller)
        await until(lambda: SHOP in controller.engine.decisions)
        assert answers(controller) == {ANKARA}
        await confirmed(controller)
        assert await dig(nameserver, "shop.example.com.") == {ANKARA}
        assert sample(controller, IN_SERVICE, service=SHOP) == 1
        lab.write()
        await reload_file(controller)
        await confirmed(controller)
        assert await dig(nameserver, "shop.example.com.") == set()
        assert sample(controller, IN_SERVICE, service=SHOP) == -1
        assert sample(controller, "gslb_reloads_total", outcome="done") == 2


async def test_a_new_service_that_is_still_probed_does_not_hold_up_the_others(lab: Lab, nameserver: Server) -> None:
    """A slow probe takes a minute to confirm what it sees, so its verdict takes a while."""
    async with lab.controller(nameserver.socket) as controller:
        await decided(controller)
        lab.write(more=shop("slow", '"istanbul", "ankara"') + SLOW)
        await reload_file(controller)
        await lab.istanbul.kill()
        await until(lambda: answers(controller) == {ANKARA})
        assert not controller.engine.complete
        await confirmed(controller)
        assert await dig(nameserver) == {ANKARA}


async def test_nor_does_it_after_a_restart(lab: Lab, nameserver: Server) -> None:
    async with lab.controller(nameserver.socket) as controller:
        await decided(controller)
        await confirmed(controller)
    lab.write(more=shop("slow", '"istanbul", "ankara"') + SLOW)
    async with lab.controller(nameserver.socket) as controller:
        await lab.istanbul.kill()
        await until(lambda: answers(controller) == {ANKARA})
        assert not controller.engine.complete
        await confirmed(controller)
        assert await dig(nameserver) == {ANKARA}


async def test_a_reload_that_needs_a_restart_is_refused_and_names_each_key(lab: Lab) -> None:
    other = """
[api]
listen = "127.0.0.1:9999"

[nameserver]
listen = ["127.0.0.1:9998"]
"""
    async with lab.controller() as controller:
        await decided(controller)
        before = controller.configuration
        lab.write(lambda text: text.replace("gslb.db", "other.db"), more=other)
        with pytest.raises(ConfigError) as refusal:
            await reload_file(controller)
        assert [p.key for p in refusal.value.problems] == ["node.state"]
        lab.write(lambda text: text, more=other)
        with pytest.raises(ConfigError, match="no supervisor is running") as refusal:
            await reload_file(controller)
        assert [p.key for p in refusal.value.problems] == ["api.listen", "nameserver.listen"]
        assert all("restart gslb run" in problem.remedy for problem in refusal.value.problems)
        assert controller.configuration is before
        assert sample(controller, "gslb_reloads_total", outcome="refused") == 2


async def test_a_file_with_faults_leaves_the_former_configuration_running(lab: Lab) -> None:
    async with lab.controller() as controller:
        await decided(controller)
        before = controller.configuration
        lab.write(lambda text: text.replace("probes  = ", "probez  = "))
        with pytest.raises(ConfigError, match="did you mean 'probes'"):
            await reload_file(controller)
        assert controller.configuration is before
        await lab.istanbul.kill()
        await until(lambda: answers(controller) == {ANKARA})


DOUBT, SILENT = "gslb_vantage_doubt", "gslb_vantage_silent"
REASON = "none of 2 reference targets answers"


def doubt(controller: Controller, name: str) -> None:
    vantage = controller.engine.votes.vantages[VantageName(name)]
    vantage.doubt = Doubt(controller.clock.monotonic(), REASON)
    controller.doubted(vantage)


def vantages(*names: str) -> str:
    return "".join(f'[vantages.{name}]\nsource = ["127.0.0.1"]\n' for name in names)


async def test_a_vantage_point_that_is_taken_away_in_doubt_takes_its_doubt_with_it(lab: Lab) -> None:
    """It does not run, so that nothing but the reload ends a doubt."""
    lab.write(more=vantages("near", "far", "high"))
    async with lab.controller(run=False) as controller:
        controller.reload(controller.configuration)
        doubt(controller, "far")
        doubt(controller, "high")
        assert [sample(controller, DOUBT, vantage=name) for name in ("near", "far", "high")] == [0, 1, 1]
        lab.write(more=vantages("near", "high"))
        controller.reload(load(lab.file, {}))
        assert [sample(controller, DOUBT, vantage=name) for name in ("near", "far", "high")] == [0, -1, 1]
        assert sample(controller, SILENT, vantage="far") == -1
        told = [(r.vantage, r.reason) for r in await history(controller) if isinstance(r, DoubtRecord)]
    assert [reason for vantage, reason in told if vantage == "far"] == [REASON, None]
    assert [reason for vantage, reason in told if vantage == "high"] == [REASON]


async def test_a_vantage_point_of_which_nothing_is_heard_is_silent(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gslb.control.votes.SWEEP", 0.01)
    lab.write(more=vantages("near") + '[vantages.gone]\nnamespace = "gslb-no-such-namespace"\n')
    async with lab.controller() as controller:
        await decided(controller)
        await until(lambda: sample(controller, SILENT, vantage="gone") == 1)
        await until(lambda: sample(controller, SILENT, vantage="near") == 0)
        assert sample(controller, DOUBT, vantage="gone") == 0


# Metrics


async def test_endpoints_in_service_are_counted_as_they_are_even_where_no_answer_changes(lab: Lab) -> None:
    """Ankara is on standby: its death changes nothing but its own metric."""
    quiet = 'policy  = ["failover"]\nttl     = { steady = "5s", alert = "5s" }\nhold'
    lab.write(lambda text: text.replace("hold", quiet))
    async with lab.controller() as controller:
        await decided(controller)
        assert sample(controller, IN_SERVICE, endpoint=f"ankara/{lab.ankara}") == 1
        await lab.ankara.kill()
        await until(lambda: Fitness.DOWN in controller.engine.decisions[API].fitness.values())
        assert sample(controller, IN_SERVICE, endpoint=f"ankara/{lab.ankara}") == 0
        assert len(of(DecisionRecord, await history(controller))) == 1


async def test_probe_results_are_counted_by_outcome(lab: Lab) -> None:
    name = "gslb_probe_results_total"
    async with lab.controller() as controller:
        await until(lambda: sample(controller, name, target=str(lab.ankara), outcome="ok") >= 2)
        await lab.ankara.kill()
        await until(lambda: sample(controller, name, target=str(lab.ankara), outcome="refused") >= 3)
        assert sample(controller, "gslb_transitions_total", endpoint=f"ankara/{lab.ankara}", after="down") == 1


async def test_each_nameserver_is_counted_as_it_last_reported(lab: Lab, nameserver: Server) -> None:
    worker = nameserver.socket.stem
    async with lab.controller(nameserver.socket) as controller:
        assert sample(controller, "gslb_nameserver_connected", worker=worker) == 0
        await decided(controller)
        await confirmed(controller)
        assert sample(controller, "gslb_nameserver_connected", worker=worker) == 1
        assert sample(controller, "gslb_nameserver_generation", worker=worker) == controller.publisher.generation
        await dig(nameserver)
        await until(lambda: sample(controller, "gslb_nameserver_queries_total", worker=worker, transport="udp") >= 1)
        assert sample(controller, "gslb_nameserver_responses_total", worker=worker, rcode="NOERROR") >= 1
        assert sample(controller, "gslb_nameserver_tcp_connections", worker=worker) == 0
        assert sample(controller, "gslb_nameserver_tcp_closed_total", worker=worker, reason="idle") == 0
