"""``make bench-publish``: from a decision to its answer on the wire, of 10,000 services, and what it costs on the way.

Services, endpoints and changes are those of ``decide``: one endpoint that goes down, or comes back, changes ten.
A real nameserver process answers, and is asked every millisecond; the engine and the provider are those of the control
process. What that writes down of a change is left out.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import SystemRandom

from msgspec import structs
from rich.console import Console
from rich.table import Table as Printed

from benchmarks.decide import EDGE, HERE, PER_REGION, SETS, SHARING, Counting, from_scratch, topology
from benchmarks.poller import Answer, polling
from benchmarks.processes import free_port, running, wait_until
from benchmarks.tools import BenchmarkError, machine, positive
from gslb.cli.places import worker_snapshot, worker_socket
from gslb.config.plugins import load_plugin
from gslb.control.engine import Engine
from gslb.model.names import ServiceName
from gslb.model.observation import Cause, CheckKey, Observation, ProbeResult
from gslb.model.steering import Steering
from gslb.model.topology import Endpoint, Topology
from gslb.nameserver import disk, polite
from gslb.nameserver.polite import let_go, uncollected
from gslb.nameserver.process import SWITCH_INTERVAL
from gslb.nameserver.protocol import Opener, Parcel, frame
from gslb.nameserver.serials import Serials
from gslb.nameserver.snapshot import Change, Record, Snapshot, Zone, apply, diff, portions
from gslb.nameserver.table import compile_change, compile_table, remains
from providers.embedded import Embedded

ZONE = Zone(
    "example.com.",
    (
        Record("example.com.", 3600, "SOA", "ns1.example.com. hostmaster.example.com. 1 3600 600 86400 60"),
        Record("example.com.", 3600, "NS", "ns1.example.com."),
        Record("ns1.example.com.", 3600, "A", "127.0.0.1"),
    ),
)
WORKER = "nameserver-0"
PATIENCE = 20.0
"""seconds until a benchmark is given up that waits for an answer, or for a nameserver to start"""
BREATH = 0.000025
"""seconds that the thread beside is away for"""
WATCHED = 2.0
"""seconds for which a thread beside an idle process is watched"""

_random = SystemRandom()


def timed(rounds: int, work: Callable[[], object]) -> list[float]:
    """Seconds that each of ``rounds`` takes."""
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        made = work()
        found.append(time.perf_counter() - began)
        del made  # which takes its time too
    return found


def snapshot_of(steerings: Sequence[Steering], generation: int) -> Snapshot:
    """``steerings`` as the embedded provider publishes them."""
    return Snapshot(generation, (ZONE,), tuple(steerings), "bench", serials={ZONE.origin: generation})


def moved(snapshot: Snapshot, count: int) -> Snapshot:
    """``snapshot`` in which the first ``count`` services have another TTL."""
    first = [structs.replace(service, ttl=service.ttl + 1) for service in snapshot.services[:count]]
    return snapshot_of((*first, *snapshot.services[count:]), snapshot.generation + 1)


def parcel(snapshot: Snapshot) -> Parcel:
    """``snapshot`` as it comes to a nameserver."""
    return Parcel(replace(snapshot, services=()), tuple(portions(snapshot.services)))


def pieces(snapshot: Snapshot, rounds: int, folder: Path) -> Iterator[tuple[str, list[float]]]:
    """What each step takes by itself, without pauses for anything beside it."""
    with uncollected():
        whole, new = parcel(snapshot), moved(snapshot, SHARING)
        yield "whole: portions written", timed(rounds, lambda: list(portions(snapshot.services)))
        yield "whole: read", timed(rounds, lambda: Opener().open(whole))
        opener = Opener()
        opener.open(whole)
        yield "whole: read, when it came before", timed(rounds, lambda: opener.open(whole))
        yield "whole: compiled", timed(rounds, lambda: compile_table(snapshot, None, _random))
        table = compile_table(snapshot, None, _random)
        yield "whole: compiled, when nothing is new", timed(rounds, lambda: compile_table(snapshot, table, _random))
        yield "whole: saved", timed(rounds, lambda: disk.write(folder / "snapshot", snapshot))
        change = diff(snapshot, new)
        if not isinstance(change, Change):
            raise BenchmarkError("no change between two snapshots that differ in a few services")
        serials, names = Serials(time.time), {service.name: service for service in new.services}
        serials.assign(snapshot.zones, {service.name: service for service in snapshot.services})
        yield "change: serials", timed(rounds, lambda: serials.assign(snapshot.zones, names))
        yield "change: found", timed(rounds, lambda: diff(snapshot, new))
        yield "change: written", timed(rounds, lambda: frame(change))
        yield "change: applied", timed(rounds, lambda: apply(snapshot, change))
        yield "change: compiled", timed(rounds, lambda: compile_change(table, change, _random))


class Beside:
    """A thread that does next to nothing, and sees how long it waits for the interpreter."""

    def __init__(self) -> None:
        self._waits: list[float] = []
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def waits(self) -> list[float]:
        """Seconds in excess of ``BREATH``, since this was asked before."""
        found, self._waits = self._waits, []
        return found

    @contextlib.contextmanager
    def watching(self) -> Iterator["Beside"]:
        """Runs for the block."""
        before = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_INTERVAL)
        self._thread.start()
        try:
            yield self
        finally:
            self._ended = True
            self._thread.join()
            sys.setswitchinterval(before)

    def _run(self) -> None:
        while not self._ended:
            began = time.perf_counter()
            time.sleep(BREATH)
            self._waits.append(time.perf_counter() - began - BREATH)


def disturbance(snapshot: Snapshot, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """How long a thread beside waits, usually and during whole compiles back to back; and how long each took.

    From here on they are compiled as a process does that answers: with pauses.
    """
    polite.begin()
    variants = [parcel(each) for each in (snapshot, moved(snapshot, len(snapshot.services)))]
    opener, took, tables = Opener(), list[float](), [compile_table(snapshot, None, _random)]
    with Beside().watching() as beside:
        time.sleep(WATCHED)
        usual = beside.waits()
        for number in range(rounds):
            began = time.perf_counter()
            with uncollected():
                tables.append(compile_table(opener.open(variants[number % 2 - 1]), tables[0], _random))
            took.append(time.perf_counter() - began)
            left = remains(*tables)
            del tables[0]
            let_go(left)
        return usual, beside.waits(), took


@contextlib.asynccontextmanager
async def publishing(snapshot: Snapshot, folder: Path) -> AsyncIterator[tuple[Embedded, int]]:
    """A nameserver that answers from ``snapshot``, the provider that is connected to it, and its port."""
    run, port, log = folder / "run", free_port(), folder / "nameserver.log"
    run.mkdir(mode=0o700)
    disk.write(worker_snapshot(run, WORKER), snapshot)
    command = [sys.executable, "-m", "gslb.cli.nameserver", WORKER, str(run), f"--listen=127.0.0.1:{port}"]
    with running(command, log):
        wait_until(worker_socket(run, WORKER).exists, "nameserver starts", log)
        embedded = Embedded([worker_socket(run, WORKER)], (ZONE,))
        task = asyncio.create_task(embedded.run())
        try:
            yield embedded, port
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


class Control:
    """What the control process does of a change, but for what it writes down."""

    def __init__(self, made: Topology) -> None:
        self.engine, self.told, _ = from_scratch(made)
        self._generation = 1

    @property
    def steerings(self) -> dict[ServiceName, Steering]:
        """As they are decided."""
        return {name: decision.steering for name, decision in self.engine.decisions.items()}

    def observe(self, endpoint: Endpoint, moment: float, *, ok: bool) -> None:
        """Have the engine decide on a result."""
        decide(self.engine, self.told, endpoint, moment, ok=ok)

    def publish(self, embedded: Embedded) -> int:
        """Hand over what is decided; returns its generation."""
        self._generation += 1
        embedded.publish(self._generation, self.steerings)
        return self._generation


def decide(engine: Engine, told: Counting, endpoint: Endpoint, moment: float, *, ok: bool) -> None:
    """One result of one endpoint, which changes its services."""
    seen, before = Observation(ok, 0.001, None if ok else Cause.REFUSED), len(told.changes)
    engine.observe(ProbeResult(CheckKey(HERE, EDGE, str(endpoint.probe)), moment, seen))
    if len(told.changes) - before != SHARING:
        raise BenchmarkError(f"{len(told.changes) - before} changes by {endpoint.name}")


async def reactions(control: Control, made: Topology, changes: int, folder: Path) -> tuple[list[float], list[float]]:
    """Seconds from a result, and from the moment the decisions are handed over, to the first changed answer."""
    from_result, from_decision = [], []
    async with publishing(snapshot_of(tuple(control.steerings.values()), 1), folder) as (embedded, port):
        if not await embedded.settled(control.publish(embedded), PATIENCE):
            raise BenchmarkError("the nameserver does not take the snapshot")
        for number, endpoint in enumerate(made.endpoints[:: PER_REGION * len(SETS)][: changes // 2]):
            async with polling(f"s{number * SHARING}.example.com.", port) as poller:
                address = str(endpoint.publish[0])
                await poller.until(_has(address), "first answer", PATIENCE)
                for ok in (False, True):
                    began = time.monotonic()
                    control.observe(endpoint, 2000.0 + number + ok / 2, ok=ok)
                    decided = time.monotonic()
                    control.publish(embedded)
                    answered = await poller.until(changed(endpoint, ok=ok), f"{endpoint.name}, {ok=}", PATIENCE)
                    from_result.append(answered - began)
                    from_decision.append(answered - decided)
    return from_result, from_decision


def _has(address: str) -> Callable[[Answer], bool]:
    return lambda answer: address in answer


def changed(endpoint: Endpoint, *, ok: bool) -> Callable[[Answer], bool]:
    """Whether an answer is one of the endpoint's region, with it or without it as it should be."""
    address = str(endpoint.publish[0])
    region = address.split(".")[1][0]  # 16, 17 and 32, 33, as decide.topology has it
    return lambda answer: any(its.split(".")[1][0] == region for its in answer) and (address in answer) is ok


def milliseconds(found: Sequence[float]) -> list[str]:
    """Least, median and greatest."""
    return [f"{figure * 1e3:.2f}" for figure in (min(found), statistics.median(found), max(found))]


def microseconds(found: Sequence[float]) -> list[str]:
    """Median, 99th percentile and greatest."""
    ordered = sorted(found)
    middle, last = len(ordered) // 2, len(ordered) - 1
    return [f"{ordered[index] * 1e6:.0f}" for index in (middle, len(ordered) * 99 // 100, last)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench-publish", description="From a decision to its answer on the wire.")
    parser.add_argument("--services", type=positive, default=10_000)
    parser.add_argument("--rounds", type=positive, default=7)
    parser.add_argument("--changes", type=positive, default=50)
    given, console = parser.parse_args(), Console()
    snapshots = {}
    for names in (("weighted",), ("geo", "weighted")):
        made = topology(given.services, tuple(load_plugin("policy", name)() for name in names))
        control, title = Control(made), " -> ".join(names)
        snapshots[title] = snapshot_of(tuple(control.steerings.values()), 1)
        with tempfile.TemporaryDirectory(prefix="bench-publish-") as folder:
            table = Printed("", "ms: least", "median", "max", title=f"{title}: {given.services} services")
            results, decisions = asyncio.run(reactions(control, made, given.changes, Path(folder)))
            table.add_row("from a result to a changed answer", *milliseconds(results))
            table.add_row("from its decision", *milliseconds(decisions), end_section=True)
            for name, found in pieces(snapshots[title], given.rounds, Path(folder)):
                table.add_row(name, *milliseconds(found))
            console.print(table)
    for title, snapshot in snapshots.items():
        usual, during, took = disturbance(snapshot, given.rounds)
        table = Printed("a thread beside waits", "µs: median", "p99", "max", title=title)
        table.add_row("usually", *microseconds(usual))
        table.add_row(f"while wholes come, {statistics.median(took) * 1e3:.0f} ms each", *microseconds(during))
        console.print(table)
    console.print(", ".join(f"{name} {value}" for name, value in machine((), ()).items()), style="dim")


if __name__ == "__main__":
    main()
