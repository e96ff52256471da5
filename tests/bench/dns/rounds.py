"""Measuring: every mix in every round, and in each mix the servers one after another."""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.processor_time import processor_seconds, waiting_seconds
from benchmarks.tools import BenchmarkError
from tests.bench.dns.load import Generator, Load
from tests.bench.dns.mixes import MIXES, write_queries
from tests.bench.dns.promises import check
from tests.bench.dns.server import Server, Serving

Turn = tuple[str, str]
"""Names of a mix and of a server."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One server in one mix of one round.

    Attributes:
        microseconds: of processor time of the server's whole process tree, per right reply.
        load: what the generator saw.
        lost: queries, in the warm-up as well.
        bad: replies that should not have come, likewise.
        waited: share of the time in which the server could have gone on, but something else had its CPU.
    """

    microseconds: float
    load: Load
    lost: int
    bad: int
    waited: float


Rounds = Sequence[Mapping[Turn, Figures]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured.

    Attributes:
        servers: to be compared.
        mixes: names in ``MIXES``.
        rounds: how often.
        seconds: of each measurement.
        warm_up: seconds before each.
        seed: of the queries.
    """

    servers: Sequence[Server]
    mixes: Sequence[str]
    rounds: int
    seconds: float
    warm_up: float
    seed: int

    def turns(self) -> list[tuple[str, Server]]:
        """One round, in order."""
        return [(mix, server) for mix in self.mixes for server in self.servers if mix in server.mixes]


def measured(plan: Plan, generator: Generator, cpu: int, folder: Path, tell: Callable[[str], None]) -> Rounds:
    """All rounds of ``plan``.

    Args:
        plan: what is to be measured.
        generator: of the load.
        cpu: that of the servers.
        folder: takes all files.
        tell: is told what happens now.

    Raises:
        BenchmarkError: a server does not start, does not answer as it should, or is gone.
    """
    with ExitStack() as stack:
        serving = {server.name: _started(server, folder, cpu, stack, tell) for server in plan.servers}
        return [_round(plan, number, generator, serving, folder, tell) for number in range(plan.rounds)]


def _started(server: Server, folder: Path, cpu: int, stack: ExitStack, tell: Callable[[str], None]) -> Serving:
    tell(f"{server.name} starts")
    serving = stack.enter_context(server.serving(Path(tempfile.mkdtemp(dir=folder)), cpu))
    check(server, serving)
    return serving


def _round(
    plan: Plan,
    number: int,
    generator: Generator,
    serving: Mapping[str, Serving],
    folder: Path,
    tell: Callable[[str], None],
) -> dict[Turn, Figures]:
    for name in plan.mixes:
        queries = MIXES[name].queries(Random(f"{plan.seed} {number} {name}"))
        write_queries(folder / name, queries)
    figures: dict[Turn, Figures] = {}
    for name, server in plan.turns():
        tell(f"round {number + 1} of {plan.rounds}: {name}, {server.name}")
        figures[name, server.name] = _turn(plan, number, generator, serving[server.name], folder / name)
    return figures


def _turn(plan: Plan, number: int, generator: Generator, at: Serving, queries: Path) -> Figures:
    """Warm up and measure: two runs of the generator, of which no other has the numbers."""
    mode = MIXES[queries.name].mode
    before = generator.run(mode, at.port, plan.warm_up, 2 * number, queries)
    spent, waited, began = processor_seconds([at.pid]), waiting_seconds([at.pid]), time.monotonic()
    load = generator.run(mode, at.port, plan.seconds, 2 * number + 1, queries)
    spent, waited = processor_seconds([at.pid]) - spent, waiting_seconds([at.pid]) - waited
    if not load.answered:
        raise BenchmarkError(f"not one right answer in {queries.name}")
    share = waited / (time.monotonic() - began)
    return Figures(spent / load.answered * 1e6, load, before.lost + load.lost, before.bad + load.bad, share)
