"""Knot DNS with mod-geoip, by weight and by place, and mod-cookies."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import free_port
from benchmarks.tools import tool
from tests.bench.dns.mixes import MIXES
from tests.bench.dns.server import Serving, daemon
from tests.bench.dns.servers.static import SERVICE_RECORD, zone_file
from tests.bench.dns.subnets import database
from tests.bench.dns.zone import ELSEWHERE, GEO, PLACES, REGIONS, SERVICE, SERVICE_TTL, ZONE


@dataclass(frozen=True, slots=True)
class Knot:
    """One UDP worker."""

    name: str = "knot"
    programs: tuple[str, ...] = ("knotd",)
    mixes: frozenset[str] = frozenset(MIXES)
    weighs: bool = True

    @contextlib.contextmanager
    def serving(self, folder: Path, cpu: int) -> Iterator[Serving]:
        """See ``server.Server``."""
        port, configuration = free_port(), folder / "knot.conf"
        zone = zone_file(folder, SERVICE_RECORD, f"{GEO}. {SERVICE_TTL} A {ELSEWHERE}")
        (folder / "weights").write_text(_weights(), encoding="ascii")
        (folder / "places").write_text(_places(), encoding="ascii")
        configuration.write_text(_configuration(port, folder, zone, database(folder)), encoding="ascii")
        with daemon([tool("knotd"), "-c", str(configuration)], port, folder, cpu) as serving:
            yield serving


def _weights() -> str:
    groups = "".join(f"  - weight: {weight}\n    A: {address}\n" for address, weight in REGIONS.items())
    return f"{SERVICE}:\n{groups}"


def _places() -> str:
    groups = "".join(f'  - geo: "{name}"\n    A: {address}\n' for name, address in _told())
    return f"{GEO}:\n{groups}"


def _told() -> list[tuple[str, str]]:
    return [*((name, address) for name, (_, address) in PLACES.items()), ("*", ELSEWHERE)]


def _configuration(port: int, folder: Path, zone: Path, geo: Path) -> str:
    return f"""
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    edns-client-subnet: on
database:
    storage: "{folder}/database"
mod-geoip:
  - id: weights
    config-file: "{folder}/weights"
    ttl: {SERVICE_TTL}
    mode: weighted
  - id: places
    config-file: "{folder}/places"
    ttl: {SERVICE_TTL}
    mode: geodb
    geodb-file: "{geo}"
    geodb-key: country/iso_code
zone:
  - domain: {ZONE}
    file: "{zone}"
    zonefile-sync: -1
    journal-content: none
    module: [mod-cookies, mod-geoip/weights, mod-geoip/places]
"""
