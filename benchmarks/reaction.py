"""``make bench-reaction``: from the fault to the first answer without the dead address.

Each contender checks two regions of its own in a network namespace and answers for them, as fast as it can be
configured to. A poller asks about every millisecond. A trial waits until the answer has both addresses, then a random
part of the contender's interval, lets the fault happen, and waits for the answer to change.
"""

import argparse
import asyncio
import json
import random
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.gdnsd import GdnsdNameserver
from benchmarks.gslb_nameserver import GslbNameserver
from benchmarks.nameserver import SERVICE, Contender
from benchmarks.poller import Answer, Poller, polling
from benchmarks.powerdns import PowerDNSNameserver
from benchmarks.processes import unwind_on_signals
from benchmarks.remote import Fault, Network, Regions, network, regions
from benchmarks.spread import Spread
from benchmarks.tools import BenchmarkError, machine, positive, tool

LIMIT = 15.0
"""Seconds that a contender may take to notice a fault, or that it is over."""
NEEDED = ("ip", "nft", "nsenter", "setpriv", "unshare")

Reactions = dict[tuple[str, Fault], list[float]]
"""Seconds of each trial, by contender and fault."""


def turns() -> tuple[tuple[Contender, ...], ...]:
    """The contenders by turn: those of one turn run side by side, which those that think in seconds do not feel."""
    return (
        (GslbNameserver("two-signals"),),
        (GslbNameserver("confirmed"),),
        (GdnsdNameserver(), PowerDNSNameserver()),
    )


def main() -> None:
    """Measure, print, and write."""
    given = _arguments()
    console = Console()
    unwind_on_signals()
    random.seed(given.seed)
    try:
        for program in (*NEEDED, *(name for turn in turns() for each in turn for name in each.programs)):
            tool(program)
        facts = machine(("gdnsd", "pdns_server"))
        reactions = measured(given.trials, console)
    except BenchmarkError as error:
        raise SystemExit(f"bench-reaction: {error}") from None
    console.print(table(reactions))
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()), style="dim")
    if given.json:
        given.json.write_text(json.dumps(document(facts, reactions), indent=2) + "\n", encoding="utf-8")


def measured(trials: int, console: Console) -> Reactions:
    """So many trials of each contender and fault."""
    reactions: Reactions = {}
    with tempfile.TemporaryDirectory(prefix="gslb-bench-") as name, console.status("") as status:
        folder = Path(name)
        with network(folder) as made:
            first = 0
            for turn in turns():
                status.update(f"{', '.join(each.name for each in turn)}: {trials} trials of each fault")
                with ExitStack() as stack:
                    stages = [
                        _stage(contender, made, number, folder, stack) for number, contender in enumerate(turn, first)
                    ]
                    asyncio.run(_side_by_side(stages, trials, reactions))
                first += len(turn)
    return reactions


@dataclass(frozen=True, slots=True)
class Stage:
    """A contender that answers, for regions of its own."""

    contender: Contender
    regions: Regions
    port: int


def _stage(contender: Contender, made: Network, number: int, folder: Path, stack: ExitStack) -> Stage:
    own = Path(tempfile.mkdtemp(dir=folder))
    pair = stack.enter_context(regions(made, number, own))
    return Stage(contender, pair, stack.enter_context(contender.answering(pair.site, own)))


async def _side_by_side(stages: Sequence[Stage], trials: int, reactions: Reactions) -> None:
    await asyncio.gather(*(_all_trials(stage, trials, reactions) for stage in stages))


async def _all_trials(stage: Stage, trials: int, reactions: Reactions) -> None:
    async with polling(SERVICE, stage.port) as poller:
        for fault in Fault:
            name = stage.contender.name, fault
            reactions[name] = [await _trial(stage, poller, fault) for _ in range(trials)]


async def _trial(stage: Stage, poller: Poller, fault: Fault) -> float:
    """Seconds from the fault to the first answer with the other address alone."""
    both = frozenset(stage.regions.site.addresses)
    dead = random.choice(stage.regions.site.addresses)  # noqa: S311  no secret
    with stage.regions.aimed(fault, dead) as strike:
        await _settle(stage, poller, both)
        moment = strike()
        what = f"{stage.contender.name} reacts: {fault}"
        changed = await poller.until(lambda answer: answer == both - {dead}, what, LIMIT)
    return changed - moment


async def _settle(stage: Stage, poller: Poller, both: Answer) -> None:
    """Wait for the answer with both, then for a random moment; if the answer has changed by then, begin anew."""
    while True:
        what = f"{stage.contender.name} answers with both regions"
        await poller.until(lambda answer: answer == both, what, LIMIT)
        await asyncio.sleep(random.uniform(0, stage.contender.interval))  # noqa: S311  no secret
        if poller.answer == both:
            return


def table(reactions: Reactions) -> Table:
    """Medians and extremes, in milliseconds."""
    made = Table(title="from the fault to the first changed answer, ms", title_justify="left")
    for heading in ("nameserver", "region is"):
        made.add_column(heading)
    for heading in ("median", "min", "max", "trials"):
        made.add_column(heading, justify="right")
    for name, fault in ((each.name, fault) for turn in turns() for each in turn for fault in Fault):
        seconds = reactions[name, fault]
        spread = Spread.of(1000 * each for each in seconds)
        figures = (f"{value:,.0f}" for value in (spread.median, spread.low, spread.high))
        made.add_row(name, fault, *figures, str(len(seconds)))
    return made


def document(facts: dict[str, str], reactions: Reactions) -> dict[str, object]:
    """Everything, as JSON takes it."""
    return {
        "machine": facts,
        "milliseconds": [
            {"nameserver": name, "fault": fault, "trials": [1000 * each for each in seconds]}
            for (name, fault), seconds in reactions.items()
        ],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-reaction", description="From the fault to the first changed answer.")
    parser.add_argument("--trials", type=positive, default=20, help="of each contender and fault")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
