"""Detection under what takes longer than a change should wait for: faults that last, flicker, or come by thousands."""

import contextlib
import itertools
import os
import resource
import signal
import time
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, configuration, lateness, ready, running, throughout
from tests.e2e.faketime import FakeTime
from tests.e2e.lab import Cut, Host, Origin, lab, origin
from tests.e2e.test_detection import hosts_of, near_endpoints, vantage
from tests.waiting import eventually

pytestmark = pytest.mark.acceptance

SECONDS = 12.0
ROUNDS = 8
CUTS = pytest.mark.parametrize(
    "cut", [Host.link_down, Host.dropped, Host.stranded], ids=["down", "dropped", "stranded"]
)
FLICKERS = (0.05, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)


@CUTS
def test_a_prober_without_network_takes_nothing_out_however_long(tmp_path: Path, cut: Cut) -> None:
    with lab(3) as (prober, *regions), origin(*regions):
        text = configuration({f"region-{host.number}": host.endpoints(3) for host in regions})
        everything = {address for host in regions for address in hosts_of(host.endpoints(3))}
        with running(tmp_path, text, host=prober) as daemon:
            with cut(prober):
                eventually(daemon.doubts)
                throughout(SECONDS, lambda: not daemon.down() and daemon.doubts() and daemon.answers() == everything)
            eventually(lambda: not daemon.doubts())
            throughout(2.0, lambda: not daemon.down() and daemon.answers() == everything)
            assert daemon.transitions() == []


@CUTS
@pytest.mark.parametrize("references", [0, 2])
def test_a_prober_whose_network_flickers_takes_nothing_out(tmp_path: Path, cut: Cut, references: int) -> None:
    """With references, they and two endpoints are all that there is."""
    with lab(4) as (prober, one, other, outside), origin(one, other, outside):
        count = 1 if references else 3
        text = configuration(
            {"one": one.endpoints(count), "other": other.endpoints(count)},
            vantages=vantage("here", prober, outside.endpoints(references)),
        )
        with running(tmp_path, text) as daemon:
            for seconds in FLICKERS:
                with cut(prober):
                    time.sleep(seconds)
                throughout(1.3, lambda: not daemon.down())
            assert daemon.transitions() == []


@CUTS
def test_a_region_without_network_is_out_until_it_is_back(tmp_path: Path, cut: Cut) -> None:
    with lab(3) as (prober, dead, alive), origin(dead, alive):
        text = configuration({"dead": dead.endpoints(3), "alive": alive.endpoints(3)})
        with running(tmp_path, text, host=prober) as daemon:
            with cut(dead):
                eventually(lambda: daemon.answers() == hosts_of(alive.endpoints(3)), within=5)
                throughout(SECONDS, lambda: not daemon.doubts() and daemon.down() == set(dead.endpoints(3)))
            eventually(lambda: not daemon.down())
            eventually(lambda: daemon.answers() == hosts_of(dead.endpoints(3)) | hosts_of(alive.endpoints(3)))
            assert len(daemon.transitions()) == 6


@CUTS
def test_a_vantage_point_that_cannot_doubt_itself_is_outvoted(tmp_path: Path, cut: Cut) -> None:
    """Two endpoints and no reference are too few for doubt."""
    with lab(5) as (first, second, third, *regions), origin(*regions):
        vantages = vantage("first", first) + vantage("second", second) + vantage("third", third)
        places = {f"region-{host.number}": host.endpoints(1) for host in regions}
        with running(tmp_path, configuration(places, vantages=vantages, quorum=2)) as daemon:
            with cut(first):
                throughout(SECONDS, lambda: not daemon.down())
                assert not daemon.doubts()
                with regions[0].dropped():
                    eventually(lambda: daemon.down() == set(regions[0].endpoints(1)))
            eventually(lambda: not daemon.down())


def test_probes_keep_their_pace_while_the_wall_clock_jumps(tmp_path: Path) -> None:
    fake = FakeTime(tmp_path / "clock")
    with near_endpoints(tmp_path, 100, environment=fake.environment) as near:
        time.sleep(2.0)  # until the start has no part in the figures
        before, began = near.daemon.metrics(), time.monotonic()
        for shift in (3600, -3600, 3600, 0):
            fake.set(shift)
            throughout(4.0, lambda: not near.daemon.down())
        ended, after = time.monotonic(), near.daemon.metrics()
        seconds = near.origin.counts(began, ended, 1.0)
        late = lateness(before, after)
        print(f"\n200 are due each second: {min(seconds)} to {max(seconds)}; 99 % no later than {late} s")
        assert min(seconds) > 150
        assert max(seconds) < 250
        assert late <= 0.1
        assert near.daemon.transitions() == []


@pytest.mark.parametrize("stopped", [0.2, 0.5, 1.0, 10.0])
def test_a_control_that_was_stopped_is_back_at_its_pace_at_once(tmp_path: Path, stopped: float) -> None:
    with near_endpoints(tmp_path, 200) as near:
        for _ in range(1 if stopped > 2 else 5):
            eventually(lambda: near.origin.count(time.monotonic() - 1.0, time.monotonic()) > 300)
            os.kill(near.daemon.control, signal.SIGSTOP)
            time.sleep(stopped)
            os.kill(near.daemon.control, signal.SIGCONT)
            went_on = time.monotonic()
            throughout(4.0, lambda: not near.daemon.down())
            burst = max(near.origin.counts(went_on, went_on + 0.5, 0.05))
            seconds = near.origin.counts(went_on, went_on + 4.0, 1.0)
            print(f"\nstopped for {stopped} s: {burst} in 50 ms, where 20 are due; then {seconds} where 400 are")
            assert burst <= 200 * min(1.0, stopped / 0.5) + 40
            assert all(340 < count < 460 for count in seconds[2:])
        assert near.daemon.transitions() == []
        assert not near.daemon.doubts()


def test_too_few_file_descriptors_cost_no_healthy_endpoint(tmp_path: Path) -> None:
    """So many attempts wait for the dead that all others have to wait for their turn; the metrics show it."""
    with lab(3) as (prober, dead, alive), origin(dead, alive):
        places = {f"dead-{n}": dead.endpoints(400)[n::4] for n in range(4)}
        text = configuration(places | {"alive": alive.endpoints(150)}, interval="1s", timeout="900ms")
        healthy = set(alive.endpoints(150))
        with running(tmp_path, text, host=prober, prefix=("prlimit", "--nofile=150")) as daemon:
            before = daemon.metrics()
            with dead.dropped():
                throughout(SECONDS, lambda: not daemon.down() & healthy)
                during = daemon.metrics()
                print(
                    f"\n{len(daemon.down())} of 400 known to be down; half start {lateness(before, during, 0.5)} s late"
                )
                assert lateness(before, during, 0.5) >= 0.5
            eventually(lambda: ready(daemon), within=60)
            settled = daemon.metrics()
            throughout(5.0, lambda: not daemon.down())
            assert lateness(settled, daemon.metrics()) <= 0.25
            assert not healthy & {record["endpoint"].rpartition("/")[2] for record in daemon.transitions()}
            assert not daemon.doubts()


@contextlib.contextmanager
def thousands(folder: Path, dead: int, alive: int, *, each: int = 100) -> Iterator[tuple[Daemon, Host, Origin]]:
    """So many endpoints on a host to be silenced and on another, in regions of ``each`` and as many in each service."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 16000:
        pytest.skip("needs 16,000 file descriptors")
    with lab(3) as (prober, one, other), origin(one), origin(other) as asked:
        silenced = {f"dead-{n}": list(batch) for n, batch in enumerate(batched(one.endpoints(dead), each))}
        healthy = {f"alive-{n}": list(batch) for n, batch in enumerate(batched(other.endpoints(alive), 100))}
        pairs = zip(silenced, itertools.cycle(healthy))
        services = {f"s{n}.example.com": pair for n, pair in enumerate(pairs)}
        text = configuration(
            silenced | healthy, services=services, interval="2s", timeout="500ms", confirm="200ms", hold="1s"
        )
        with running(folder, text, host=prober, prefix=("prlimit", "--nofile=16000")) as daemon:
            time.sleep(4.0)  # until the start has no part in the figures
            yield daemon, one, asked


def paces(asked: Origin, since: float, until: float) -> list[int]:
    """How often it was asked in each interval of two seconds.

    The healthy ones come one after the other, in a small part of an interval: so intervals are counted from a second
    before the first of them, or a few milliseconds would make 100 and 100 into 200 and none.
    """
    first = asked.arrivals[bisect_left(asked.arrivals, since)]
    return asked.counts(first - 1.0, until, 2.0)


def wait_for(daemon: Daemon, after: str, count: int) -> float:
    """Seconds until so many endpoints have gone ``after``, first verdicts aside."""
    before = {"down": "up", "up": "down"}[after]
    began = time.monotonic()
    while daemon.logged("transition", before=before, after=after) < count:
        assert time.monotonic() < began + 60
        time.sleep(0.5)  # the origin answers from this process
    return time.monotonic() - began


def batched(items: list[str], size: int) -> list[list[str]]:
    return [items[n : n + size] for n in range(0, len(items), size)]


def test_when_nearly_all_of_thousands_fall_silent_nothing_goes_down(tmp_path: Path) -> None:
    with thousands(tmp_path, 5000, 100) as (daemon, host, asked):
        memory = [daemon.memory()]
        for turn in (1, 2, 3):
            with host.dropped():
                began = time.monotonic()
                eventually(lambda: daemon.logged("vantage point doubts itself") == turn)  # noqa: B023  called at once
                spent = time.monotonic() - began
                time.sleep(SECONDS)
                seen = paces(asked, began + spent, time.monotonic())
            eventually(lambda: daemon.logged("vantage point trusts itself again") == turn)  # noqa: B023  likewise
            time.sleep(4.0)
            memory.append(daemon.memory())
            print(f"\ndoubt after {spent:.1f} s; healthy {seen}, 100 are due; {memory[-1]:.0f} MiB")
            assert min(seen) > 75
        assert daemon.transitions() == []
        assert not daemon.doubts()
        assert memory[-1] < 1.1 * memory[1]


def test_thousands_that_time_out_at_once_do_not_disturb_the_others(tmp_path: Path) -> None:
    """Memory grows to what a round takes at most, which the first ones do not reach, and no further."""
    with thousands(tmp_path, 5000, 1300) as (daemon, host, asked):
        memory = [daemon.memory()]
        for turn in range(1, ROUNDS + 1):
            before = daemon.metrics()
            time.sleep(2.0)  # that has cost some time
            began = time.monotonic()
            with host.dropped():
                spent = wait_for(daemon, "down", 5000 * turn)
                time.sleep(SECONDS)
                seen = paces(asked, began, time.monotonic())
                after = daemon.metrics()
            back = wait_for(daemon, "up", 5000 * turn)
            memory.append(daemon.memory())
            print(f"\nall down {spent:.1f} s, all up {back:.1f} s; healthy {seen}, 1,300 are due; {memory[-1]:.0f} MiB")
            print(f"90 % start no later than {lateness(before, after, 0.9)} s, 99 % {lateness(before, after)} s")
            assert min(seen) > 900
            assert min(seen[-5:]) > 1000
        assert not daemon.logged("vantage point doubts itself")
        assert daemon.logged("transition", before="up", after="down") == ROUNDS * 5000  # and no healthy one
        assert daemon.down() == set()
        assert memory[-1] < 1.1 * memory[ROUNDS // 2]


def test_a_region_of_a_thousand_that_falls_silent_raises_no_doubt(tmp_path: Path) -> None:
    with thousands(tmp_path, 1000, 100, each=1000) as (daemon, host, _):
        with host.dropped():
            wait_for(daemon, "down", 1000)
        eventually(lambda: not daemon.down(), within=60)
        assert not daemon.logged("vantage point doubts itself")
        assert daemon.logged("transition", before="up", after="down") == 1000
