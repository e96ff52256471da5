"""Five minutes of packets that were never seen before: memory does not grow, and nothing goes unanswered."""

import threading
import time
from pathlib import Path
from random import Random

import pytest

from tests.bench.dns.load import Generator, build
from tests.bench.dns.mixes import MIXES, Mode, write_queries
from tests.bench.dns.servers.gslb import Gslb

SECONDS = 300.0
RUNS = 10
"""of the generator: it has so many packets only"""

WARM = 60.0
"""seconds until what is bounded may be full"""

GROWTH = 1.02
"""of memory from then on"""


def resident(pid: int) -> float:
    """MiB of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


@pytest.mark.acceptance
@pytest.mark.timeout(600)
def test_a_flood_of_unseen_packets_does_not_grow_anything(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    generator, queries = Generator(build(tmp_path), 1), tmp_path / "queries"
    write_queries(queries, MIXES["flood"].queries(Random(1)))
    seen: list[tuple[float, float]] = []
    ended = threading.Event()
    with Gslb().serving(tmp_path / "server", 0) as serving:
        begun = time.monotonic()

        def watch() -> None:
            while not ended.wait(5.0):
                seen.append((time.monotonic() - begun, resident(serving.pid)))

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            loads = [generator.run(Mode.FLOOD, serving.port, SECONDS / RUNS, run, queries) for run in range(RUNS)]
        finally:
            ended.set()
            watching.join()
    warm = [size for at, size in seen if at >= WARM]
    answered = sum(load.answered for load in loads)
    print(f"\n{answered} answered; MiB at the start {seen[0][1]:.1f}, then {warm[0]:.1f} to {warm[-1]:.1f}")
    assert [(load.lost, load.bad) for load in loads] == [(0, 0)] * RUNS
    assert max(warm) <= GROWTH * warm[0]
