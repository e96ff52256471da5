"""Honest clients beside thousands of others who want to keep them out."""

import contextlib
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.nameserver.streams import asked, connected
from tests.nameserver.support import Server, running, values

FILES = 12_000
QUIET, ATTACKED = 3.0, 8.0
"""seconds"""
KEPT = 5
ROOT = Path(__file__).parents[2]


@dataclass
class Figures:
    """Seconds that queries took by way, and kept connections that had to be made anew."""

    took: dict[str, list[float]] = field(default_factory=lambda: {"udp": [], "new": [], "kept": []})
    renewed: int = 0
    memory: list[int] = field(default_factory=list)

    def worst(self, way: str, share: float) -> float:
        took = sorted(self.took[way])
        return took[int(share * (len(took) - 1))]


class Kept:
    """A connection that is used again and again, and made anew when it has ended (RFC 7766, section 6.2.4)."""

    def __init__(self, server: Server, figures: Figures) -> None:
        self._server, self._figures = server, figures
        self._stack = contextlib.ExitStack()
        self._sock = self._stack.enter_context(connected(server))

    def ask(self) -> None:
        try:
            asked(self._sock)
        except (OSError, EOFError):
            self._figures.renewed += 1
            self.close()
            self._sock = self._stack.enter_context(connected(self._server))
            asked(self._sock)

    def close(self) -> None:
        self._stack.close()


def ask_anew(server: Server) -> None:
    with connected(server) as sock:
        asked(sock)


def measure(server: Server, seconds: float) -> Figures:
    """Ask in every way, one after the other."""
    figures = Figures()
    with contextlib.ExitStack() as stack:
        kept = [Kept(server, figures) for _ in range(KEPT)]
        for one in kept:
            stack.callback(one.close)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for one in kept:
                timed(figures, "kept", one.ask)
                timed(figures, "udp", lambda: udp(server))
                timed(figures, "new", lambda: ask_anew(server))
            figures.memory.append(memory(server))
    return figures


def udp(server: Server) -> None:
    assert values(server.ask("www.example.com.", timeout=2))


def timed(figures: Figures, way: str, ask: Callable[[], None]) -> None:
    at = time.perf_counter()
    ask()
    figures.took[way].append(time.perf_counter() - at)


def memory(server: Server) -> int:
    """Resident bytes."""
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


@contextlib.contextmanager
def many_files() -> Iterator[None]:
    former = resource.getrlimit(resource.RLIMIT_NOFILE)
    if former[1] != resource.RLIM_INFINITY and former[1] < FILES:
        pytest.skip(f"needs {FILES} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(FILES, former[0]), former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, former)


@contextlib.contextmanager
def attacked(server: Server, seen: dict[str, Any], crowd: int) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.nameserver.attack", str(server.port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as attack:
        wait_for_crowd(server, crowd)
        yield
        seen.update(json.loads(attack.communicate()[0]))


def wait_for_crowd(server: Server, crowd: int) -> None:
    """Until it has so many connections."""
    end = time.monotonic() + 20
    while len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())) < crowd:
        assert time.monotonic() < end
        with contextlib.suppress(OSError):
            ask_anew(server)


@pytest.mark.acceptance
@pytest.mark.parametrize(
    ("crowd", "room"), [(900, ()), (5400, ("--tcp-connections=11000",))], ids=["default", "room for all of them"]
)
def test_honest_clients_are_served_beside_5000_others(tmp_path: Path, crowd: int, room: tuple[str, ...]) -> None:
    with many_files(), running(tmp_path, *room) as server:
        quiet, seen = measure(server, QUIET), dict[str, Any]()
        with attacked(server, seen, crowd):
            beside = measure(server, ATTACKED)
        print(f"\n{room or 'default'}: {seen}")
        report(quiet, beside)
        for way, took in beside.took.items():
            assert len(took) > 100, way  # each of them answered
            assert beside.worst(way, 0.5) < 0.05
            assert beside.worst(way, 0.99) < 0.5
        half = len(beside.memory) // 2
        assert max(beside.memory[half:]) < 1.1 * max(beside.memory[:half]) + 2**20
        assert seen["most"] >= crowd
        for kind in ("sit", "lie"):
            assert seen.get(f"{kind} RST", 0) == 0
        assert not [line for line in server.log.splitlines() if "Traceback" in line]


def report(quiet: Figures, beside: Figures) -> None:
    for way in quiet.took:
        for name, share in (("median", 0.5), ("p99", 0.99)):
            before, after = quiet.worst(way, share), beside.worst(way, share)
            print(f"{way:5} {name:6} {1e3 * before:7.2f} ms, attacked {1e3 * after:7.2f} ms: x {after / before:.1f}")
    queries = {way: len(took) for way, took in beside.took.items()}
    first, last = statistics.median(beside.memory[:20]), statistics.median(beside.memory[-20:])
    print(
        f"queries {queries}, kept connections renewed {beside.renewed}, MiB {first / 2**20:.0f} to {last / 2**20:.0f}"
    )
