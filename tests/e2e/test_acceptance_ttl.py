"""What clients feel of a fault, a drain and a restart, with a resolver between them and the nameserver that caches."""

import contextlib
import math
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gslb.config.load import load
from gslb.model.exposure import ALLOWANCE, ROUNDING
from gslb.model.names import ServiceName
from tests.e2e.daemon import Daemon, ready
from tests.e2e.patient import PATIENCE, SERVICE, Client, Crowd, Request, crowd
from tests.e2e.resolver import program, resolving
from tests.waiting import eventually, free_port

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

REGIONS = {"istanbul": "127.30.1.1", "ankara": "127.30.2.1"}
ISTANBUL, ANKARA = REGIONS.values()
STEADY, ALERT = 4, 1
DRAIN_DELAY = 8
"""Seconds: until draining is seen and published, the TTL, the ledger's allowance, and some to spare."""
TRIALS = 20
"""of each fault"""

CONFIG = """
[probes.edge]
type = "http"
path = "/healthz"
document = "gslb"
interval = "200ms"
timeout = "150ms"
confirm = "50ms"
confirm_timeout = "100ms"

[services."api.example.com"]
regions = ["istanbul", "ankara"]
probes = ["edge"]
policy = ["weighted"]
ttl = {{ steady = "{steady}s", alert = "{alert}s" }}
hold = "1s"
"""

REGION = """
[regions.{name}]
endpoints = ["{address}:{port}"]

[gateways.{name}]
listen = ["{address}:{port}"]
upstreams = ["{address}:{upstream}"]
drain_delay = "{delay}s"
"""


class Site:
    """Two regions of one backend and one gateway each, and a daemon that answers for them."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port("0.0.0.0")
        self._stack = contextlib.ExitStack()
        text = CONFIG.format(steady=STEADY, alert=ALERT)
        for name, address in REGIONS.items():
            upstream = free_port(address)
            text += REGION.format(name=name, address=address, port=self.port, upstream=upstream, delay=DRAIN_DELAY)
            self._process("gslb.cli.demo.backends", name, f"{address}:{upstream}")
        self.daemon = Daemon(folder, text)
        self._stack.callback(self.daemon.close)
        self.gateways: dict[str, subprocess.Popen[bytes]] = {}
        for name in REGIONS:
            self.start(name)

    def _process(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stderr=subprocess.DEVNULL, start_new_session=True
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    def start(self, region: str) -> None:
        """Start the gateway of a region."""
        self.gateways[region] = self._process("gslb", "gateway", str(self.daemon.config), "--region", region)

    def close(self) -> None:
        """End everything."""
        self._stack.close()

    def gslb(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A gslb command to this daemon."""
        command = [sys.executable, "-m", "gslb", *arguments]
        return subprocess.run(command, cwd=self.daemon.folder, capture_output=True, text=True, timeout=60, check=False)

    def settled(self) -> bool:
        """Whether both regions answer, with the TTL of calm days."""
        if not ready(self.daemon):
            return False
        (service,) = self.daemon.get("/v1/status")["services"]
        return bool(service["ttl"] == STEADY and service["answers"].get("A", {}).keys() == set(REGIONS.values()))

    def history(self, kind: str, since: float) -> list[dict[str, Any]]:
        """Records of a kind since a moment of the wall clock, oldest first."""
        records = self.daemon.get("/v1/history", since="5m", limit="5000")["history"]
        return sorted((r for r in records if r["kind"] == kind and moment(r) >= since - 0.001), key=moment)

    def exit(self, since: float) -> dict[str, Any] | None:
        """The first decision since then by which Istanbul is in no answer."""
        decisions = self.history("decision", since)
        return next((d for d in decisions if d["after"].get("A", {}).keys() == {ANKARA}), None)

    @contextlib.contextmanager
    def killed(self) -> Iterator[None]:
        """Istanbul's gateway has been killed."""
        self.gateways["istanbul"].kill()
        try:
            yield
        finally:
            self.start("istanbul")

    @contextlib.contextmanager
    def blackholed(self) -> Iterator[None]:
        """Packets to Istanbul vanish."""
        table = f"gslb_ttl_{os.getpid()}"
        chain = f"add chain inet {table} lost {{ type filter hook input priority 0 ; }}"
        rule = f"add rule inet {table} lost ip daddr {ISTANBUL} tcp dport {self.port} drop"
        subprocess.run(["nft", f"add table inet {table} ; {chain} ; {rule}"], check=True)
        try:
            yield
        finally:
            subprocess.run(["nft", "delete", "table", "inet", table], check=True)


def moment(record: dict[str, Any]) -> float:
    return datetime.fromisoformat(record["at"]).timestamp()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    program()  # or skip
    with contextlib.closing(Site(tmp_path)) as made:
        eventually(made.settled, within=40)
        yield made


@pytest.fixture
def clients(site: Site, tmp_path: Path) -> Iterator[Crowd]:
    with resolving(tmp_path, site.daemon.dns) as resolver, crowd(resolver.port, site.port) as made:
        eventually(lambda: {r.address for r in made.requests} == {ISTANBUL, ANKARA}, within=60)
        assert made.failed == []
        yield made


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault. Seconds, counted from the fault.

    Attributes:
        held: for how long the resolver had held its answer by then.
        detection: when the decision was taken.
        outages: of each client that Istanbul served, when it first went elsewhere for good.
        lost: requests that were not served.
    """

    fault: str
    held: float
    detection: float
    outages: Sequence[float]
    lost: int

    @property
    def outage(self) -> float:
        """The mean over its clients."""
        return statistics.mean(self.outages)


def is_blackholing_possible() -> bool:
    return os.geteuid() == 0 and shutil.which("nft") is not None


@pytest.mark.skipif(not is_blackholing_possible(), reason="dropping packets needs root and nft")
def test_clients_of_a_region_that_fails_are_elsewhere_within_the_predicted_time(site: Site, clients: Crowd) -> None:
    """Each fault falls into its own part of the time for which the resolver holds an answer, anywhere in it.

    unbound counts whole seconds: it holds an answer until the end of the second in which the TTL runs out.
    """
    predicted = load(site.daemon.config).rto[ServiceName(SERVICE + ".")].total
    trials = [
        trial(site, clients, name, fault(), (part + random.random()) / TRIALS)
        for name, fault in (("kill", site.killed), ("blackhole", site.blackholed))
        for part in random.sample(range(TRIALS), TRIALS)
    ]
    show(trials, predicted)
    assert max(outage for each in trials for outage in each.outages) <= predicted
    mean, half = statistics.mean(each.outage for each in trials), STEADY / 2
    assert mean == pytest.approx(statistics.mean(each.detection for each in trials) + half, rel=0.25)
    assert mean == pytest.approx(expected(trials), rel=0.25)


def expected(trials: Sequence[Trial]) -> float:
    """The mean outage where a resolver holds an answer for the TTL and the rest of a second, and asks again at once."""
    return statistics.mean(each.detection for each in trials) + (STEADY + ROUNDING) / 2


def trial(site: Site, clients: Crowd, name: str, fault: AbstractContextManager[None], part: float) -> Trial:
    """Break Istanbul when ``part`` of the time is over for which the resolver gives an answer with it."""
    eventually(site.settled, within=40)
    asked = wait_for_part(clients, part)
    struck, wall = time.monotonic(), time.time() - time.monotonic()
    with fault:
        served = {r.client for r in clients.between(struck - 0.3, struck) if r.address == ISTANBUL}
        eventually(lambda: all(client.answer.address == ANKARA for client in clients.clients))
        decision = eventually(partial(site.exit, struck + wall))
        time.sleep(PATIENCE)  # until the last request has its end
        healed = time.monotonic()
    after = clients.between(struck, healed)
    assert all(request.address == ISTANBUL for request in after if request.fault)
    outages = [departure(after, client) - struck for client in served]
    lost = sum(bool(request.fault) for request in after)
    return Trial(name, struck - asked, moment(decision) - wall - struck, outages, lost)


def wait_for_part(clients: Crowd, part: float) -> float:
    """Wait until the clients are told Istanbul, and for this part of the time that lasts; when it began."""
    first = clients.clients[0]
    while True:
        began, wall = time.monotonic(), time.time() - time.monotonic()
        eventually(partial(fresh, first, began, ISTANBUL), within=60)
        told = first.answer.asked
        expiry = math.floor(told + wall) + STEADY + ROUNDING - wall  # the end of a second of the resolver's clock
        time.sleep(max(0.0, told + part * (expiry - told) - time.monotonic()))
        if first.answer.address == ISTANBUL:
            return told


def fresh(client: Client, since: float, address: str) -> bool:
    """Whether the resolver has just been told this address, and the client by it."""
    answer = client.answer
    return answer.asked > since and answer.ttl == STEADY and answer.address == address


def departure(requests: Sequence[Request], client: int) -> float:
    """When a client went elsewhere for good."""
    own = [request for request in requests if request.client == client]
    last = max((number for number, request in enumerate(own) if request.address == ISTANBUL), default=-1)
    return own[last + 1].sent


def show(trials: Sequence[Trial], predicted: float) -> None:
    """The table of trials, and what they come to."""
    print(f"\n{'fault':10} {'held':>6} {'decided':>8} {'first':>6} {'mean':>6} {'last':>6} {'clients':>8} {'lost':>6}")
    for each in trials:
        spread = f"{min(each.outages):6.2f} {each.outage:6.2f} {max(each.outages):6.2f}"
        print(f"{each.fault:10} {each.held:6.2f} {each.detection:8.3f} {spread} {len(each.outages):8} {each.lost:6}")
    detection = statistics.mean(each.detection for each in trials)
    mean = statistics.mean(each.outage for each in trials)
    print(f"decided after {detection:.3f} s, elsewhere after {mean:.3f} s, which is that and half of")
    print(f"the TTL x {mean / (detection + STEADY / 2):.3f}; and a second x {mean / expected(trials):.3f}")
    longest = [max(each.outages) for each in trials]
    above = sum(figure > predicted for figure in longest)
    print(f"longest {max(longest):.3f} s; predicted {predicted} s, which {above} of {len(trials)} exceed")
    print(f"load of this machine: {os.getloadavg()[0]:.1f}")


def test_a_drain_loses_no_request_and_ends_when_nobody_comes_any_more(site: Site, clients: Crowd) -> None:
    ordered, wall = time.time(), time.time() - time.monotonic()
    done = site.gslb("drain", "istanbul", "--reason", "maintenance", "--wait")
    assert done.returncode == 0, done.stderr
    assert [order["drain"]["phase"] for order in site.daemon.get("/v1/status")["orders"]] == ["drained"]
    (drained,) = (moment(order) for order in site.history("order", ordered) if order["action"] == "drained")
    decision = eventually(partial(site.exit, ordered))
    published = (p for p in site.history("publication", ordered) if p["generation"] >= decision["generation"])
    out = min(map(moment, published))
    last = max(r.sent for r in clients.between(ordered - wall, math.inf) if r.address == ISTANBUL) + wall
    print(
        f"\nfrom the order: in no answer {out - ordered:.2f} s, last request {last - ordered:.2f} s, "
        f"drained {drained - ordered:.2f} s"
    )
    assert last <= drained <= out + ALERT + ALLOWANCE + 2.0
    assert clients.failed == []


def test_a_rolling_restart_of_both_gateways_loses_no_request(site: Site, clients: Crowd) -> None:
    """Each is told to end when the resolver has just been told its address."""
    for region, address in REGIONS.items():
        eventually(partial(fresh, clients.clients[0], time.monotonic(), address), within=60)
        told = time.monotonic()
        site.gateways[region].send_signal(signal.SIGTERM)
        assert site.gateways[region].wait(DRAIN_DELAY + 30) == 0
        ended = time.monotonic()
        late = [r.sent - told for r in clients.between(told, ended) if r.address == address]
        print(f"\n{region}: last request {max(late):.2f} s after SIGTERM, ended after {ended - told:.2f} s")
        site.start(region)
        eventually(site.settled, within=40)
    assert clients.failed == []
