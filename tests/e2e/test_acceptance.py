"""What takes longer than a change should wait for: reaction over many trials, and every death under a longer load."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.demo import ANKARA, GSLB, ISTANBUL, SERVICE, Demo, dig, running_demo
from tests.e2e.load import Load, queries
from tests.e2e.site import Site, running
from tests.waiting import eventually

pytestmark = pytest.mark.acceptance

TRIALS = 10
SECONDS = 8.0


@pytest.fixture
def demo(short_path: Path) -> Iterator[Demo]:
    with running_demo(GSLB, short_path) as started:
        eventually(lambda: dig(SERVICE))
        print(f"\nfirst answer {time.monotonic() - started.first_line:.1f} s after the first line")
        assert time.monotonic() - started.first_line < 5.0
        yield started


def test_a_killed_region_is_out_of_the_answers_within_a_second(demo: Demo) -> None:
    """From the kill of the gateway to the first of ten answers in a row without it."""
    seconds = []
    for _ in range(TRIALS):
        eventually(lambda: ISTANBUL in {a for _ in range(5) for a in dig(SERVICE)}, within=30)
        killed = time.monotonic()
        assert demo.run("demo", "kill", "istanbul").returncode == 0
        last_seen = killed
        while time.monotonic() < killed + 3.0:
            asked = time.monotonic()
            if ISTANBUL in dig(SERVICE):
                last_seen = asked
        assert set(dig(SERVICE)) == {ANKARA}
        seconds.append(last_seen - killed)
        assert demo.run("demo", "heal", "istanbul").returncode == 0
    print(f"\nout of the answers after {statistics.median(seconds):.3f} s (median), {max(seconds):.3f} s (maximum)")
    assert max(seconds) < 1.0


def under_load(folder: Path, *victims: str, workers: int = 2) -> tuple[Load, float]:
    """2,000 queries a second for a while before and after the death of ``victims``; returns when they died."""
    with running(folder, workers=workers) as site:
        former = {victim: site.pid(victim) for victim in victims}
        eventually((site.run_folder / "nameserver-0.snapshot").exists)
        with queries(site.dns) as load:
            time.sleep(SECONDS / 2)
            killed = time.monotonic()
            for victim in victims:
                site.kill(victim)
            if "supervisor" in victims:
                time.sleep(SECONDS / 4)  # alone
                site.start()
            for victim in victims:
                eventually(lambda: came_back(site, victim, former))  # noqa: B023  called before the next turn
            time.sleep(SECONDS / 2)
        eventually(lambda: site.gslb("status").returncode == 0)
    lost = load.lost()
    spent = f", the last {lost[-1] - killed:.3f} s after the kill" if lost else ""
    print(f"\nkill -9 of {', '.join(victims)}: {len(lost)} of {len(load.sent)} queries unanswered{spent}")
    return load, killed


def came_back(site: Site, victim: str, former: dict[str, int | None]) -> bool:
    return site.pid(victim) not in (None, former[victim])


@pytest.mark.parametrize("victim", ["control", "supervisor"])
def test_without_control_or_supervisor_every_query_is_answered(tmp_path: Path, victim: str) -> None:
    load, _ = under_load(tmp_path, victim)
    assert len(load.sent) > 2000 * SECONDS
    assert load.lost() == []


@pytest.mark.parametrize(
    ("victims", "workers"),
    [
        (("nameserver-0",), 2),
        (("nameserver-0",), 1),
        (("control", "nameserver-0"), 1),
        (("supervisor", "control", "nameserver-0"), 2),
    ],
)
def test_a_dead_nameserver_answers_again_within_a_second(
    tmp_path: Path, victims: tuple[str, ...], workers: int
) -> None:
    """Where nobody is left to restart it, its addresses are answered by the other worker."""
    load, killed = under_load(tmp_path, *victims, workers=workers)
    lost = load.lost()
    assert not lost or lost[0] > killed - 0.1
    assert not lost or lost[-1] < killed + 1.0
