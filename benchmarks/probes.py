"""``make bench-probes``: what a probe costs, side by side.

CPU 1 runs the origin, CPU 0 one prober after another; they take turns in rounds. All probe the same endpoints with the
same request (GET /healthz HTTP/1.1; gdnsd can only ask by HTTP/1.0). Rates are what arrived at the origin, not what was
promised; processor time is the scheduler's account of all threads of the prober's process tree. All of it happens in a
network namespace of its own, so nothing else is counted.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.aiohttp_contender import Aiohttp
from benchmarks.blackbox import Blackbox
from benchmarks.gdnsd import GdnsdProber
from benchmarks.gslb_contender import Gslb
from benchmarks.haproxy import HAProxy
from benchmarks.isolation import leave_network
from benchmarks.origin import Counted, Origin, serving
from benchmarks.prober import Check, Contender, Prober, Report
from benchmarks.processes import unwind_on_signals
from benchmarks.processor_time import processor_seconds
from benchmarks.spread import Spread
from benchmarks.tools import BenchmarkError, machine, positive, tool
from gslb.supervisor.descriptors import raise_limit

PROBER_CPU, ORIGIN_CPU = 0, 1
ENDPOINTS = 1000
TABLE_WIDTH = 110
REFERENCES = {Check.HTTP: HAProxy(Check.HTTP, 5_000), Check.TCP: HAProxy(Check.TCP, 10_000)}
"""Whom the others are compared with."""


def contenders() -> tuple[Contender, ...]:
    """All of them, in the order of the table."""
    return (
        *REFERENCES.values(),
        Gslb("http", 5_000),
        Gslb("http", 5_000, whole=True),
        Gslb("keep", 10_000),
        Gslb("tcp", 10_000),
        GdnsdProber(ENDPOINTS),
        Blackbox(600),
        Aiohttp(1_500, keep=False),
        Aiohttp(2_500, keep=True),
    )


@dataclass(frozen=True, slots=True)
class Figures:
    """One contender in one round.

    Attributes:
        rate: probes per second as the origin counted them.
        core: share of one CPU.
        microseconds: of processor time, per probe.
        connections: TCP connections per second that arrived; see ``origin.Counted``.
        report: what the contender said of itself, if anything.
    """

    rate: float
    core: float
    microseconds: float
    connections: float
    report: Report | None


def main() -> None:
    """Measure, print, and write."""
    given = _arguments()
    console = Console(width=max(Console().width, TABLE_WIDTH))
    chosen = [each for each in contenders() if given.only.lower() in each.name.lower()]
    unwind_on_signals()
    try:
        _prepare(chosen)
        facts = machine(("haproxy", "nginx", "gdnsd", "prometheus-blackbox-exporter"), ("aiohttp", "uvloop"))
        rounds = measured(chosen, given, console)
    except BenchmarkError as error:
        raise SystemExit(f"bench-probes: {error}") from None
    console.print(table(chosen, rounds))
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()), style="dim")
    if given.json:
        given.json.write_text(json.dumps(document(facts, given, chosen, rounds), indent=2) + "\n", encoding="utf-8")


Rounds = Sequence[dict[str, Figures]]


def measured(chosen: Iterable[Contender], given: argparse.Namespace, console: Console) -> Rounds:
    """Every contender in every round, by name."""
    rounds: list[dict[str, Figures]] = []
    with tempfile.TemporaryDirectory(prefix="gslb-bench-") as name, console.status("") as status:
        folder = Path(name)
        with serving(ENDPOINTS, ORIGIN_CPU, folder) as origin:
            for number in range(given.rounds):
                rounds.append({})
                for contender in chosen:
                    status.update(f"round {number + 1} of {given.rounds}: {contender.name}")
                    own = Path(tempfile.mkdtemp(dir=folder))
                    rounds[-1][contender.name] = turn(contender, origin, own, given.warm_up, given.seconds)
    return rounds


def turn(contender: Contender, origin: Origin, folder: Path, warm_up: float, seconds: float) -> Figures:
    """One contender, started, warmed up, measured and ended."""
    with contender.probing(origin, PROBER_CPU, folder) as prober:
        time.sleep(warm_up)
        prober.begin()
        before, spent = _look(origin, prober)
        time.sleep(seconds)
        after, spent_then = _look(origin, prober)
        report = prober.end()
    elapsed, used = after.at - before.at, spent_then - spent
    connections = after.connections - before.connections
    probes = after.requests - before.requests if contender.check is Check.HTTP else connections
    if not probes:
        raise BenchmarkError(f"{contender.name}: not one probe arrived")
    return Figures(probes / elapsed, used / elapsed, used / probes * 1e6, connections / elapsed, report)


def _look(origin: Origin, prober: Prober) -> tuple[Counted, float]:
    return origin.count(), processor_seconds(prober.roots)


def table(chosen: Iterable[Contender], rounds: Rounds) -> Table:
    """Medians with minima and maxima, and each median in parts of the reference's."""
    made = Table(title="probes: median and extremes of the rounds", title_justify="left")
    made.add_column("prober", no_wrap=True)
    for heading in ("probes\nper s", "core\n%", "µs\neach", "times\nhaproxy", "late ms\np50", "late ms\np99", "failed"):
        made.add_column(heading, justify="right")
    for contender in chosen:
        made.add_row(contender.name, *_cells(contender, rounds))
    return made


def _cells(contender: Contender, rounds: Rounds) -> tuple[str, ...]:
    figures = [each[contender.name] for each in rounds]
    reports = [each.report for each in figures if each.report]
    cost = Spread.of(each.microseconds for each in figures)
    return (
        Spread.of(each.rate for each in figures).text(),
        Spread.of(100 * each.core for each in figures).text(1),
        cost.text(1),
        _ratio(cost, contender.check, rounds),
        _lateness(each.p50 for each in reports),
        _lateness(each.p99 for each in reports),
        str(sum(each.failed for each in reports)) if reports else "",
    )


def _ratio(cost: Spread, check: Check, rounds: Rounds) -> str:
    reference = REFERENCES[check].name
    if reference not in rounds[0]:
        return ""
    return f"{cost.median / Spread.of(each[reference].microseconds for each in rounds).median:.2f}"


def _lateness(values: Iterable[float | None]) -> str:
    told = [value for value in values if value is not None]
    return Spread.of(told).text(1) if told else ""


def document(
    facts: dict[str, str], given: argparse.Namespace, chosen: Iterable[Contender], rounds: Rounds
) -> dict[str, object]:
    """Everything, as JSON takes it."""
    return {
        "machine": facts,
        "endpoints": ENDPOINTS,
        "seconds": given.seconds,
        "warm_up": given.warm_up,
        "asked": {each.name: each.rate for each in chosen},
        "rounds": [{name: asdict(figures) for name, figures in each.items()} for each in rounds],
    }


def _prepare(chosen: Sequence[Contender]) -> None:
    """Find out what is missing before anything starts; keep off the prober's CPU and everybody's network."""
    if not chosen:
        raise BenchmarkError(f"no such contender; there are: {', '.join(each.name for each in contenders())}")
    for program in ("nginx", "ip", "setpriv", "taskset", *(name for each in chosen for name in each.programs)):
        tool(program)
    if not {PROBER_CPU, ORIGIN_CPU} <= os.sched_getaffinity(0):
        raise BenchmarkError(f"CPUs {PROBER_CPU} and {ORIGIN_CPU} are needed")
    os.sched_setaffinity(0, {ORIGIN_CPU})
    raise_limit()
    leave_network()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-probes", description="What a health check costs, side by side.")
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="measured in each turn; even, for gdnsd's interval")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before that")
    parser.add_argument("--only", default="", metavar="TEXT", help="contenders whose name has TEXT in it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
