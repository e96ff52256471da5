"""What must not be taken for the death of an endpoint, and what must: with real networks, clocks and limits."""

import contextlib
import os
import resource
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Daemon, configuration, ready, running, throughout
from tests.e2e.faketime import FakeTime
from tests.e2e.lab import Host, Origin, lab, origin
from tests.waiting import eventually, free_port

SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Remote:
    """A daemon on a host of its own, and two regions of three endpoints each."""

    daemon: Daemon
    prober: Host
    dead: Host
    alive: Host


@dataclass(frozen=True, slots=True)
class Near:
    """A daemon and 100 endpoints on loopback, each asked every half second."""

    daemon: Daemon
    origin: Origin


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with lab(3) as (prober, dead, alive), origin(dead, alive):
        text = configuration({"dead": dead.endpoints(3), "alive": alive.endpoints(3)})
        with running(tmp_path_factory.mktemp("remote"), text, host=prober) as daemon:
            yield Remote(daemon, prober, dead, alive)


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Near]:
    with near_endpoints(tmp_path_factory.mktemp("near"), 100) as made:
        yield made


@contextlib.contextmanager
def near_endpoints(folder: Path, count: int, **surroundings: Any) -> Iterator[Near]:
    """So many, in two regions."""
    port = free_port("0.0.0.0")
    places = [f"127.20.{n % 2}.{n + 1}:{port}" for n in range(count)]
    text = configuration({"even": places[::2], "odd": places[1::2]}, interval="500ms", timeout="400ms")
    with origin(port=port) as asked, running(folder, text, **surroundings) as daemon:
        yield Near(daemon, asked)


def hosts_of(places: list[str]) -> set[str]:
    return {place.partition(":")[0] for place in places}


def test_a_prober_without_network_doubts_itself_and_takes_nothing_out(remote: Remote) -> None:
    daemon, everything = remote.daemon, hosts_of(remote.dead.endpoints(3) + remote.alive.endpoints(3))
    eventually(lambda: daemon.answers() == everything)
    before = daemon.transitions()
    with remote.prober.link_down():
        eventually(daemon.doubts)
        throughout(SECONDS, lambda: not daemon.down() and daemon.doubts() and daemon.answers() == everything)
        assert daemon.doubts() == {"test": "6 of 6 endpoints in 2 regions fell silent together"}
        assert daemon.metrics().total("gslb_vantage_doubt", vantage="test") == 1
    eventually(lambda: not daemon.doubts())
    throughout(SECONDS, lambda: not daemon.down() and daemon.answers() == everything)
    assert daemon.transitions() == before
    assert daemon.metrics().total("gslb_vantage_doubt", vantage="test") == 0


def test_a_region_without_network_is_out_of_the_answers_and_nobody_doubts(remote: Remote) -> None:
    daemon, dead = remote.daemon, set(remote.dead.endpoints(3))
    with remote.dead.link_down():
        eventually(lambda: daemon.down() == dead)
        eventually(lambda: daemon.answers() == hosts_of(remote.alive.endpoints(3)))
        throughout(SECONDS, lambda: not daemon.doubts() and daemon.down() == dead)
    eventually(lambda: not daemon.down())


def test_reference_targets_tell_the_own_network_from_two_endpoints(tmp_path: Path) -> None:
    with lab(4) as (prober, one, other, outside), origin(one, other, outside):
        vantages = vantage("here", prober, references=outside.endpoints(2))
        text = configuration({"one": one.endpoints(1), "other": other.endpoints(1)}, vantages=vantages)
        with running(tmp_path, text) as daemon:
            with prober.dropped():
                eventually(daemon.doubts)
                throughout(SECONDS, lambda: not daemon.down())
                assert daemon.doubts() == {"here": "none of 2 reference targets answers"}
            eventually(lambda: not daemon.doubts())
            assert daemon.transitions() == []
            with one.dropped():
                eventually(lambda: daemon.answers() == hosts_of(other.endpoints(1)))
                assert not daemon.doubts()


def test_with_three_vantage_points_two_must_see_an_endpoint_down(tmp_path: Path) -> None:
    with lab(5) as (first, second, third, *regions), origin(*regions):
        vantages = vantage("first", first) + vantage("second", second) + vantage("third", third)
        places = {f"region-{host.number}": host.endpoints(3) for host in regions}
        victim = regions[0].endpoints(3)[1]
        address = victim.partition(":")[0]
        with running(tmp_path, configuration(places, vantages=vantages, quorum=2)) as daemon:
            with first.dropped():
                eventually(lambda: daemon.doubts().keys() == {"first"})
                throughout(SECONDS, lambda: not daemon.down() and daemon.doubts().keys() == {"first"})
            eventually(lambda: not daemon.doubts())
            with first.cut_off_from(address):
                seen = timeouts(daemon, victim)
                eventually(lambda: timeouts(daemon, victim) > seen + 6)
                throughout(SECONDS, lambda: not daemon.down())
                assert daemon.transitions() == []
                with second.cut_off_from(address):
                    eventually(lambda: daemon.down() == {victim})
                    eventually(lambda: address not in daemon.answers())
                eventually(lambda: not daemon.down())
                assert not daemon.doubts()


def vantage(name: str, host: Host, references: Sequence[str] = ()) -> str:
    return f'[vantages.{name}]\nnamespace = "{host.namespace.name}"\nreferences = {list(references)}\n'


def timeouts(daemon: Daemon, place: str) -> float:
    return daemon.metrics().total("gslb_probe_results_total", target=place, outcome="timeout")


def test_the_wall_clock_may_jump_by_an_hour_either_way(tmp_path: Path) -> None:
    fake = FakeTime(tmp_path / "clock")
    with near_endpoints(tmp_path, 20, environment=fake.environment) as near:
        for shift in (3600, -3600):
            fake.set(shift)
            began = time.monotonic()
            eventually(lambda: fake.shift(near.daemon.get("/v1/status")["now"]) * shift > 0)  # noqa: B023  called at once
            throughout(SECONDS, lambda: not near.daemon.down())
            spent = time.monotonic() - began
            assert 40 * (spent - 1.5) < near.origin.count(began, began + spent) < 40 * (spent + 1.5)
        assert near.daemon.transitions() == []


def test_history_tells_causes_before_effects_although_the_wall_clock_was_set_back(tmp_path: Path) -> None:
    fake = FakeTime(tmp_path / "clock")
    with near_endpoints(tmp_path, 2, environment=fake.environment) as near:
        near.origin.close()
        eventually(lambda: len(near.daemon.down()) == 2)
        fake.set(-3600)
        eventually(lambda: fake.shift(near.daemon.get("/v1/status")["now"]) < -3500)
        near.origin.open()
        eventually(lambda: not near.daemon.down())
        assert [record["after"] for record in near.daemon.transitions()] == ["down", "down", "up", "up"]


def test_a_control_that_was_stopped_takes_nothing_out_and_goes_on_at_its_pace(near: Near) -> None:
    before = near.daemon.transitions()
    os.kill(near.daemon.control, signal.SIGSTOP)
    time.sleep(SECONDS)
    os.kill(near.daemon.control, signal.SIGCONT)
    went_on = time.monotonic()
    throughout(2 * SECONDS, lambda: not near.daemon.down())
    assert max(near.origin.counts(went_on, went_on + 0.5, 0.05)) < 80  # where 10 are due, and all would be 100
    assert near.origin.count(went_on, went_on + 2 * SECONDS) > 200 * SECONDS
    assert near.daemon.transitions() == before
    assert not near.daemon.doubts()


def test_without_file_descriptors_nothing_is_taken_out(near: Near) -> None:
    before, control = near.daemon.transitions(), near.daemon.control
    former = resource.prlimit(control, resource.RLIMIT_NOFILE)
    resource.prlimit(control, resource.RLIMIT_NOFILE, (3, former[1]))
    began = time.monotonic()
    time.sleep(2 * SECONDS)
    ended = time.monotonic()
    resource.prlimit(control, resource.RLIMIT_NOFILE, former)
    assert near.origin.count(began + 1.0, ended) == 0
    eventually(lambda: near.origin.count(ended, ended + 10.0) > 300)
    eventually(lambda: ready(near.daemon))
    assert near.daemon.transitions() == before
    assert near.daemon.metrics().total("gslb_probe_results_total", outcome="local") > 100
