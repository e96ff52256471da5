"""gslb's nameserver process alone, started from a snapshot on disk as after a restart. It counts what it answers."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import free_port
from gslb.cli.places import worker_snapshot
from gslb.model.area import parse_area
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.steering import Group, RecordType, Rule, Steering, Target
from gslb.nameserver import disk
from gslb.nameserver.settings import RateLimit, Settings
from gslb.nameserver.snapshot import Record, Snapshot, Zone
from tests.bench.dns.mixes import MIXES
from tests.bench.dns.server import Serving, daemon
from tests.bench.dns.subnets import database
from tests.bench.dns.zone import ELSEWHERE, GEO, PLACES, REGIONS, SERVICE, SERVICE_TTL, ZONE, static_records

WORKER = "nameserver-0"
SECRET = "000102030405060708090a0b0c0d0e0f"
BOUNDLESS = RateLimit(answers=1e9, others=1e9)
"""Counts every response, and never holds one back."""
_LIMITED = frozenset({"hot", "mix", "nx", "flood"})
"""Where what rate limiting costs is of interest."""


@dataclass(frozen=True, slots=True)
class Gslb:
    """One worker, with cookies and a database of places.

    Attributes:
        limit: response rate limiting; None: it is off.
    """

    limit: RateLimit | None = None
    programs: tuple[str, ...] = ()
    weighs: bool = True

    @property
    def name(self) -> str:
        """As printed."""
        return "gslb-rrl" if self.limit else "gslb"

    @property
    def mixes(self) -> frozenset[str]:
        """What it is asked."""
        return _LIMITED if self.limit else frozenset(MIXES)

    @contextlib.contextmanager
    def serving(self, folder: Path, cpu: int) -> Iterator[Serving]:
        """See ``server.Server``."""
        answered = snapshot(Settings(cookie_secrets=(SECRET,), rate_limit=self.limit))
        with nameserver(answered, folder, cpu, f"--geo={database(folder)}") as serving:
            yield serving


@contextlib.contextmanager
def nameserver(snapshot: Snapshot, folder: Path, cpu: int, *options: str) -> Iterator[Serving]:
    """The nameserver process alone, which answers from ``snapshot``; its control socket is in ``folder``/run."""
    port, run = free_port(), folder / "run"
    run.mkdir(mode=0o700)
    disk.write(worker_snapshot(run, WORKER), snapshot)
    command = [sys.executable, "-m", "gslb.cli.nameserver", WORKER, str(run), f"--listen=127.0.0.1:{port}"]
    with daemon([*command, *options], port, folder, cpu) as serving:
        yield serving


def zone() -> Zone:
    """The static records as gslb has them."""
    return Zone(
        f"{ZONE}.", tuple(Record(f"{name}.", ttl, type_, rdata) for name, ttl, type_, rdata in static_records())
    )


def snapshot(settings: Settings) -> Snapshot:
    """The zone as gslb has it."""
    weighted = Rule(None, tuple(_group(address, weight) for address, weight in REGIONS.items()))
    places = (Rule(parse_area(name), (_group(address),)) for name, (_, address) in PLACES.items())
    services = _service(SERVICE, weighted), _service(GEO, *places, Rule(None, (_group(ELSEWHERE),)))
    return Snapshot(1, (zone(),), services, settings=settings)


def _service(name: str, *rules: Rule) -> Steering:
    return Steering(ServiceName(f"{name}."), SERVICE_TTL, 5, 1, (RecordType.A,), rules)


def _group(address: str, weight: int = 1) -> Group:
    return Group(RegionName(address), weight, (Target((EndpointName(address),), RecordType.A, address),))
