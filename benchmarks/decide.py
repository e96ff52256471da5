"""``make bench-decide``: how long decisions take, from results to steerings, without probing and publishing.

10,000 services of four endpoints each, ten services to a set of endpoints: everything from scratch, and then one
endpoint that goes down and comes up again, which touches ten services.
"""

import argparse
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address

from rich.console import Console
from rich.table import Table

from benchmarks.tools import machine, positive
from gslb.cli.control import calm_collector
from gslb.config.plugins import load_plugin
from gslb.control.engine import Engine
from gslb.control.events import Change, Transition
from gslb.control.health import CheckState
from gslb.control.vantage import Vantage
from gslb.model.address import IP, Address
from gslb.model.area import parse_area
from gslb.model.branch import Step
from gslb.model.comeback import Comeback
from gslb.model.names import EndpointName, ProbeName, RegionName, ServiceName, VantageName
from gslb.model.observation import Cause, CheckKey, Observation, ProbeResult
from gslb.model.pacing import Pace
from gslb.model.ramp import Climb
from gslb.model.steering import Steering
from gslb.model.step import Condition, ProbeState, Thresholds
from gslb.model.topology import Endpoint, Member, Region, Service, Topology

HERE, EDGE = VantageName("here"), ProbeName("edge")
SETS = ("istanbul", "ankara")
PER_REGION = 2
SHARING = 10
"""services on one set of endpoints"""
MOVES = 200
"""endpoints that go down and come up, of regions that every policy prefers"""


@dataclass(slots=True)
class Counting:
    """Hears what the engine has to tell, and where hosts are."""

    changes: list[Change] = field(default_factory=list)

    def transition(self, transition: Transition) -> None:
        """See Listener."""

    def changed(self, changes: tuple[Change, ...]) -> None:
        """See Listener."""
        self.changes += changes

    def doubted(self, vantage: Vantage) -> None:
        """See Listener."""

    def climbed(self, pair: tuple[ServiceName, RegionName], state: Climb | None) -> None:
        """See Listener."""

    def alarmed(self, key: CheckKey, services: Iterable[ServiceName], *, suspect: bool) -> None:
        """See Listener."""

    def came_back(self, pair: tuple[ServiceName, RegionName], state: Comeback | None) -> None:
        """See Listener."""

    def withheld(self, service: ServiceName, steering: Steering | None) -> None:
        """See Listener."""

    def failed(self, service: ServiceName, faults: tuple[str, ...]) -> None:
        """See Listener."""

    def known(self, host: IP | str) -> IP | None:
        """See Addresses."""
        return None if isinstance(host, str) else host


def topology(services: int, policy: tuple[Step, ...]) -> Topology:
    """``services`` of them, each with two regions of two endpoints."""
    regions: dict[RegionName, Region] = {}
    found: dict[ServiceName, Service] = {}
    for number in range(services):
        names = [RegionName(f"{name}-{number // SHARING}") for name in SETS]
        for octet, name in enumerate(names, 1):
            if name not in regions:
                regions[name] = _region(name, octet, number // SHARING)
        service = ServiceName(f"s{number}.example.com.")
        members = tuple(Member(name, weight) for name, weight in zip(names, (60, 40), strict=True))
        found[service] = Service(service, members, (EDGE,), policy, hold=0.0, ttl_steady=0, ttl_alert=0)
    return Topology(regions, found)


def _region(name: RegionName, octet: int, number: int) -> Region:
    ips = [ip_address(f"10.{octet * 16 + index}.{number >> 8}.{number & 255}") for index in range(PER_REGION)]
    endpoints = tuple(Endpoint(EndpointName(f"{name}/{ip}:80"), name, Address(ip, 80), (ip,)) for ip in ips)
    area = parse_area(("TR-34", "TR")[octet - 1])
    return Region(name, endpoints, location=(41.0, 28.0 + octet), areas=(area,))


def from_scratch(made: Topology) -> tuple[Engine, Counting, float]:
    """A new engine that knows all checks to be up, and how many seconds it took to decide everything."""
    told = Counting()
    engine = Engine(told, told, lambda _: None)
    keys = {CheckKey(HERE, EDGE, str(endpoint.probe)) for endpoint in made.endpoints}
    up = ProbeState(Condition.UP, successes=2)
    engine.restore({key: CheckState(up, up) for key in keys}, {}, {}, ())
    began = time.perf_counter()
    engine.configure(made, {EDGE: Pace(thresholds=Thresholds(1, 1, 1))}, {HERE: ()}, 1000.0)
    took = time.perf_counter() - began
    calm_collector()  # as the control process does once it is ready
    if len(told.changes) != len(made.services):
        raise SystemExit(f"bench-decide: {len(told.changes)} of {len(made.services)} services decided")
    return engine, told, took


def moves(engine: Engine, told: Counting, made: Topology) -> list[float]:
    """Seconds from a result that takes an endpoint down, or brings it back, to the decisions of its services."""
    found = []
    for number, endpoint in enumerate(made.endpoints[:: PER_REGION * len(SETS)][:MOVES]):
        for later, ok in ((0.0, False), (0.5, True)):
            seen = Observation(ok, 0.001, None if ok else Cause.REFUSED)
            result = ProbeResult(CheckKey(HERE, EDGE, str(endpoint.probe)), 2000.0 + number + later, seen)
            before, began = len(told.changes), time.perf_counter()
            engine.observe(result)
            found.append(time.perf_counter() - began)
            if len(told.changes) - before != SHARING:
                raise SystemExit(f"bench-decide: {len(told.changes) - before} changes by {result}")
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench-decide", description="What decisions cost.")
    parser.add_argument("--services", type=positive, default=10_000)
    parser.add_argument("--rounds", type=positive, default=5)
    given = parser.parse_args()
    calm_collector()  # as the control process does
    table = Table("policy", "from scratch, s", "per service, µs", "one change, ms: median", "max", title_justify="left")
    table.title = f"{given.services} services x {len(SETS) * PER_REGION} endpoints"
    for names in (("weighted",), ("failover",), ("nearest",), ("geo", "weighted")):
        made = topology(given.services, tuple(load_plugin("policy", name)() for name in names))
        scratch, changed = [], []
        for _ in range(given.rounds):
            engine, told, took = from_scratch(made)
            scratch.append(took)
            changed += moves(engine, told, made)
        whole = statistics.median(scratch)
        cells = [f"{whole:.2f}", f"{whole / given.services * 1e6:.0f}"]
        cells += [f"{figure * 1e3:.2f}" for figure in (statistics.median(changed), max(changed))]
        table.add_row(" -> ".join(names), *cells)
    console = Console()
    console.print(table)
    console.print(", ".join(f"{name} {value}" for name, value in machine((), ()).items()), style="dim")


if __name__ == "__main__":
    main()
