"""gslb's own probes: the monitor and the plug-ins alone, or the whole control process with all it does to a result.

Alone is what other probers do: results are counted and forgotten. The whole keeps state, metrics, journal and rollups,
judges each vantage point, and decides.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.account import Account
from benchmarks.origin import PATH, addresses
from gslb.cli.control import calm_collector, share_interpreter
from gslb.config.load import load
from gslb.control.clock import Clock
from gslb.control.controller import Controller
from gslb.control.monitor import Monitor
from gslb.control.resolver import Resolver
from gslb.control.runner import CheckSetup
from gslb.model.address import Address
from gslb.model.names import ProbeName, VantageName
from gslb.model.observation import CheckKey, ProbeResult
from gslb.model.pacing import Pace
from gslb.model.step import Condition, ProbeState
from gslb.store.journal import Journal
from gslb.store.store import open_store
from gslb.telemetry.log import configure_log
from gslb.telemetry.metrics import Metrics
from probes.base import Probe
from probes.http import Http
from probes.tcp import Tcp
from providers.embedded import Embedded

TIMEOUT = 0.5
UP = ProbeState(Condition.UP, successes=2)
KINDS = ("http", "keep", "tcp")


async def alone(kind: str, endpoints: int, port: int, rate: float) -> None:
    """Probe until standard input ends; results are counted and forgotten."""
    account, interval = Account(), endpoints / rate

    def deliver(result: ProbeResult) -> ProbeState:
        account.failed += not result.observation.ok
        return UP

    monitor = Monitor(Clock(), Resolver(lambda _: None), deliver, account.late.append)
    pace = Pace(interval=interval, timeout=min(TIMEOUT, interval))
    monitor.configure(
        {
            CheckKey(VantageName("here"), ProbeName(kind), address): CheckSetup(
                _probe(kind), pace, Address(ip_address(address), port)
            )
            for address in addresses(endpoints)
        }
    )
    await _until_over(account, monitor.run())


async def whole(kind: str, endpoints: int, port: int, rate: float) -> None:
    """The same as a daemon of 100 services, each with its own ten endpoints."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gslb-bench-")))
        file = folder / "gslb.toml"
        file.write_text(_document(kind, endpoints, port, endpoints / rate), encoding="utf-8")
        configuration, metrics, account = load(file), Metrics(), Account()
        configuration.run_folder.mkdir()
        configure_log("human", "error", "bench")
        store = open_store(configuration.database, metrics.registry)
        stack.callback(store.close)
        journal = Journal(configuration.run_folder / "journal", metrics.registry)
        stack.callback(journal.close)
        embedded = Embedded([], configuration.zones)
        controller = Controller(configuration, store, journal, embedded, metrics, Clock())
        metric = controller.monitor.late

        def late(seconds: float) -> None:
            metric(seconds)
            account.late.append(seconds)

        controller.monitor.late = late
        await _until_over(account, controller.run())


async def _until_over(account: Account, work: Coroutine[Any, Any, None]) -> None:
    share_interpreter()
    task = asyncio.create_task(work)
    await asyncio.sleep(0.5)
    calm_collector()
    await account.over.wait()
    task.cancel()


def _probe(kind: str) -> Probe:
    return Tcp() if kind == "tcp" else Http(path=PATH, keep_alive=kind == "keep")


def _document(kind: str, endpoints: int, port: int, interval: float) -> str:
    options = "" if kind == "tcp" else f'path = "{PATH}"\nkeep_alive = {str(kind == "keep").lower()}\n'
    milliseconds = round(interval * 1000)
    parts = [
        '[node]\nname = "bench"\n[zones."example.com"]\nnameservers = { "ns1.example.com." = ["127.0.0.1"] }\n',
        f'[probes.edge]\ntype = "{"tcp" if kind == "tcp" else "http"}"\n{options}',
        f'interval = "{milliseconds}ms"\ntimeout = "{min(500, milliseconds)}ms"\n',
    ]
    found = addresses(endpoints)
    for number in range(0, endpoints, 10):
        for half in (0, 5):
            listed = ", ".join(f'"{address}:{port}"' for address in found[number + half : number + half + 5])
            parts.append(f"[regions.r{number + half}]\nendpoints = [{listed}]\n")
        parts.append(f'[services."s{number}.example.com"]\nregions = ["r{number}", "r{number + 5}"]\n')
        parts.append('probes = ["edge"]\n')
    return "".join(parts)


def main() -> None:
    """Run as a process of its own; see ``account``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="probes per second")
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--whole", action="store_true", help="the whole control process")
    given = parser.parse_args()
    run = whole if given.whole else alone
    uvloop.run(run(given.kind, given.endpoints, given.port, given.rate))


if __name__ == "__main__":
    main()
