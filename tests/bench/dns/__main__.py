"""``make bench-dns``: what an answer costs, beside the authoritative servers that one would use instead.

CPU 0 runs the servers, each with one worker, CPU 1 a load generator that checks every reply. All servers have the same
zone. In every round each mix is asked of one server after another. What is compared is processor time of the server's
whole process tree per right reply, by the scheduler's account: it holds even where the generator is the slower side.
All of it happens in a network namespace of its own, over loopback.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from benchmarks.processes import unwind_on_signals
from benchmarks.tools import BenchmarkError, machine, positive
from tests.bench.dns.cores import LOAD_CPU, SERVER_CPU, prepare
from tests.bench.dns.load import Generator, build
from tests.bench.dns.mixes import MIXES
from tests.bench.dns.report import document, report
from tests.bench.dns.rounds import Plan, Rounds, measured
from tests.bench.dns.servers.all import REFERENCE, SERVERS

Choice = TypeVar("Choice")


def main() -> None:
    """Measure, print, and write."""
    given = _arguments()
    unwind_on_signals()
    try:
        plan = _plan(given)
        programs = tuple(dict.fromkeys(name for server in plan.servers for name in server.programs))
        prepare(programs)
        facts = machine(("gcc", *programs), ("maxminddb",))
        rounds = _measured(plan)
    except BenchmarkError as error:
        raise SystemExit(f"bench-dns: {error}") from None
    print(report(plan, rounds, REFERENCE, facts))
    if given.json:
        given.json.write_text(json.dumps(document(plan, rounds, facts), indent=1) + "\n", encoding="utf-8")


def _measured(plan: Plan) -> Rounds:
    with tempfile.TemporaryDirectory(prefix="gslb-bench-") as name, Console(stderr=True).status("") as status:
        folder = Path(name)
        return measured(plan, Generator(build(folder), LOAD_CPU), SERVER_CPU, folder, status.update)


def _plan(given: argparse.Namespace) -> Plan:
    servers = _chosen(given.only, {server.name: server for server in SERVERS}, "server")
    mixes = _chosen(given.mixes, {name: name for name in MIXES}, "mix")
    return Plan(servers, mixes, given.rounds, given.seconds, given.warm_up, given.seed)


def _chosen(text: str, choices: dict[str, Choice], what: str) -> Sequence[Choice]:
    """Those of ``choices`` that a comma-separated list names, all for an empty one, in their own order."""
    wanted = set(filter(None, text.split(",")))
    if unknown := wanted - choices.keys():
        raise BenchmarkError(f"no {what} {', '.join(sorted(unknown))}; there are: {', '.join(choices)}")
    return [choice for name, choice in choices.items() if not wanted or name in wanted]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench-dns", description="What an answer of a nameserver costs, side by side."
    )
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--warm-up", type=float, default=0.3, help="seconds before each")
    parser.add_argument("--mixes", default="", metavar="NAMES", help=f"of {','.join(MIXES)}; all unless given")
    names = ",".join(server.name for server in SERVERS)
    parser.add_argument("--only", default="", metavar="NAMES", help=f"of {names}; all unless given")
    parser.add_argument("--seed", type=int, default=1, help="of the queries")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
