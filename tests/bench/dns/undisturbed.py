"""``make bench-undisturbed``: what those who ask notice while a whole snapshot is compiled, and taken into use.

A nameserver with 10,000 services of four endpoints is asked for a thousand of them, 20,000 queries a second, each at
its moment, while no service stays as it was and a new snapshot comes as soon as the one before is in force. CPU 0 runs
the nameserver, CPU 1 the load generator and who publishes, which is next to no work. Beside that two other figures:
usually, and while another process compiles the same on CPU 0, at its leisure as the nameserver does, but reads nothing.
That is the least that a thread which compiles can cost on the same processor.
"""

import argparse
import asyncio
import contextlib
import gc
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from benchmarks.processes import running, unwind_on_signals
from benchmarks.tools import BenchmarkError, machine, positive
from gslb.cli.places import worker_socket
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.steering import Group, RecordType, Rule, Steering, Target
from gslb.nameserver import polite
from gslb.nameserver.protocol import Ack, frames, read_report
from gslb.nameserver.snapshot import Full, Snapshot
from gslb.nameserver.table import compile_table, remains
from tests.bench.dns.cores import LOAD_CPU, SERVER_CPU, prepare
from tests.bench.dns.load import Generator, Load, build
from tests.bench.dns.mixes import RATE, Mode, Query, write_queries
from tests.bench.dns.servers.gslb import WORKER, nameserver, zone
from tests.bench.dns.zone import ZONE

SERVICES, ASKED = 10_000, 1_000
PUBLISHER = "bench"
SETTLING = 2.0
"""Seconds of load before anything counts, and of rest after compiling."""

_Beside = Callable[[], AbstractAsyncContextManager[list[int]]]
"""What goes on beside the load, and how often it came to an end."""


def addresses(index: int) -> tuple[str, ...]:
    """Those of a service."""
    return tuple(f"10.{region}.{index // 250}.{index % 250}" for region in range(4))


def snapshot(generation: int) -> Snapshot:
    """That in which each service is unlike it was in the one before."""
    return Snapshot(generation, (zone(),), tuple(_service(index, generation) for index in range(SERVICES)), PUBLISHER)


def _service(index: int, generation: int) -> Steering:
    targets = [Target((EndpointName(f"e/{address}"),), RecordType.A, address) for address in addresses(index)]
    groups = Group(RegionName("one"), 60 + generation, (*targets[:2],)), Group(RegionName("other"), 40, (*targets[2:],))
    return Steering(ServiceName(f"s{index}.{ZONE}."), 30, 5, 1, (RecordType.A,), (Rule(None, groups),))


def compile_forever() -> None:
    """Compile whole snapshots one after another, with the pauses that a nameserver makes. Until ended."""
    random, known = Random(1), [snapshot(generation) for generation in range(3)]
    polite.begin()
    gc.disable()
    table = compile_table(known[0], None, random)
    for index in count(1):
        former, table = table, compile_table(known[index % 3], table, random)
        left = remains(former, table)
        del former
        polite.let_go(left)


@contextlib.asynccontextmanager
async def nothing() -> AsyncIterator[list[int]]:
    """Usually."""
    yield []


@contextlib.asynccontextmanager
async def another_process(folder: Path) -> AsyncIterator[list[int]]:
    """One that compiles on the server's CPU."""
    command = [sys.executable, "-m", "tests.bench.dns.undisturbed", "--compile"]
    with running(command, folder / "log", cpu=SERVER_CPU) as process:
        await asyncio.sleep(SETTLING)
        yield []
        if process.poll() is not None:
            raise BenchmarkError(f"the process beside has ended: {(folder / 'log').read_text()}")


class Publisher:
    """Publishes one snapshot after another with next to no work, which would delay the generator beside it.

    Args:
        snapshots: in turn; the portions of each are written once.
    """

    def __init__(self, snapshots: Sequence[Snapshot]) -> None:
        self._snapshots = snapshots
        self._portions = [tuple(frames(Full(snapshot)))[1:] for snapshot in snapshots]
        self._generations = count(2)

    @contextlib.asynccontextmanager
    async def publishing(self, socket: Path) -> AsyncIterator[list[int]]:
        """A new snapshot as soon as the one before is in force; yields the generations that are."""
        taken: list[int] = []
        reader, writer = await asyncio.open_unix_connection(socket)
        task = asyncio.create_task(self._publish(reader, writer, taken))
        try:
            yield taken
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            writer.close()
            await asyncio.sleep(SETTLING)

    async def _publish(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, taken: list[int]) -> None:
        for generation in self._generations:
            which = generation % len(self._snapshots)
            head, *_ = frames(Full(replace(self._snapshots[which], generation=generation, services=())))
            for each in (head, *self._portions[which]):
                writer.write(each)
                await writer.drain()
            while await read_report(reader) != Ack(generation):
                pass
            taken.append(generation)


async def measured(given: argparse.Namespace, folder: Path) -> dict[str, list[tuple[Load, float]]]:
    """By what went on beside: what was seen in each round, and the seconds that each snapshot took."""
    generator, queries = Generator(build(folder), LOAD_CPU), folder / "queries"
    names = [Query(f"s{i}.{ZONE}", addresses=addresses(i)) for i in range(0, SERVICES, SERVICES // ASKED)]
    write_queries(queries, names)
    publisher, numbers = Publisher([snapshot(generation) for generation in range(3)]), count(1)
    found: dict[str, list[tuple[Load, float]]] = {}

    with nameserver(snapshot(1), folder, SERVER_CPU) as serving:

        def load(seconds: float) -> Load:
            return generator.run(Mode.PACED, serving.port, seconds, next(numbers), queries)

        cases: dict[str, _Beside] = {
            "usually": nothing,
            "another process compiles": lambda: another_process(folder),
            "the nameserver compiles": lambda: publisher.publishing(worker_socket(folder / "run", WORKER)),
        }
        for _ in range(given.rounds):
            for name, beside in cases.items():
                await asyncio.to_thread(load, SETTLING)
                async with beside() as taken:
                    before = len(taken)
                    seen = await asyncio.to_thread(load, given.seconds)
                    done = len(taken) - before
                found.setdefault(name, []).append((seen, given.seconds / done if done else 0.0))
    return found


def report(found: dict[str, list[tuple[Load, float]]]) -> Table:
    """Medians, and the worst."""
    table = Table("beside", "lost", "bad", "p50, µs", "p99, µs", "p99.9, µs", "max, µs", "late, µs", "snapshot, s")
    for name, rounds in found.items():
        loads = [load for load, _ in rounds]
        cells = [sum(load.lost for load in loads), sum(load.bad for load in loads)]
        cells += [int(statistics.median(load.p50 for load in loads))]
        p99 = [load.p99 for load in loads]
        seconds = [seconds for _, seconds in rounds if seconds]
        table.add_row(
            name,
            *map(str, cells),
            f"{statistics.median(p99):.0f} ({min(p99)}-{max(p99)})",
            f"{statistics.median(load.p999 for load in loads):.0f}",
            f"{max(load.max for load in loads)}",
            f"{statistics.median(load.late_p99 for load in loads):.0f}",
            f"{statistics.median(seconds):.2f}" if seconds else "",
        )
    return table


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="bench-undisturbed", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--compile", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.compile:
        compile_forever()
    unwind_on_signals()
    try:
        prepare()
        with tempfile.TemporaryDirectory(prefix="gslb-bench-") as name:
            found = asyncio.run(measured(given, Path(name)))
    except BenchmarkError as error:
        raise SystemExit(f"bench-undisturbed: {error}") from None
    console = Console(width=120)
    facts = ", ".join(f"{name} {value}" for name, value in machine(()).items())
    console.print(
        f"{given.rounds} rounds of {given.seconds:g} s, {RATE:,} queries a second, medians; {facts}", style="dim"
    )
    console.print(report(found))


if __name__ == "__main__":
    main()
