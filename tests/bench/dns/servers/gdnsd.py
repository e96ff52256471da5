"""gdnsd: whom all others are compared with. Weighted and geoip plug-ins; it makes and checks cookies by itself."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import free_port
from benchmarks.tools import tool
from tests.bench.dns.mixes import MIXES
from tests.bench.dns.server import BUFFER, Serving, daemon
from tests.bench.dns.subnets import database
from tests.bench.dns.zone import ELSEWHERE, GEO, PLACES, REGIONS, SERVICE, SERVICE_TTL, ZONE, master_file


@dataclass(frozen=True, slots=True)
class Gdnsd:
    """One UDP thread."""

    name: str = "gdnsd"
    programs: tuple[str, ...] = ("gdnsd",)
    mixes: frozenset[str] = frozenset(MIXES)
    weighs: bool = True

    @contextlib.contextmanager
    def serving(self, folder: Path, cpu: int) -> Iterator[Serving]:
        """See ``server.Server``."""
        port, zones = free_port(), folder / "zones"
        zones.mkdir()
        (folder / "config").write_text(_configuration(port, folder, database(folder)), encoding="ascii")
        services = (f"{SERVICE}. {SERVICE_TTL} DYNA weighted!api", f"{GEO}. {SERVICE_TTL} DYNA geoip!geo")
        (zones / ZONE).write_text(master_file(*services), encoding="ascii")
        with daemon([tool("gdnsd"), "-c", str(folder), "start"], port, folder, cpu) as serving:
            yield serving


def _configuration(port: int, folder: Path, geo: Path) -> str:
    weights = ", ".join(f"r{i} => [ {address}, {weight} ]" for i, (address, weight) in enumerate(REGIONS.items()))
    places = "\n".join(f"        {region} => {{ {name} => [ {name} ] }}" for name, (region, _) in PLACES.items())
    addresses = ", ".join(f"{name} => {address}" for name, (_, address) in PLACES.items())
    return f"""
options => {{
  listen => [ 127.0.0.1 ], dns_port => {port}, udp_threads => 1, tcp_threads => 1, udp_rcvbuf => {BUFFER}
  run_dir => {folder}/run, state_dir => {folder}/state, max_edns_response => 1232
}}
plugins => {{
  weighted => {{ multi => false, service_types => up, api => {{ {weights} }} }}
  geoip => {{
    maps => {{
      world => {{
        geoip2_db => {geo}
        datacenters => [ elsewhere, {", ".join(PLACES)} ]
        map => {{
        default => [ elsewhere ]
{places}
        }}
      }}
    }}
    resources => {{
      geo => {{ map => world, service_types => up, dcmap => {{ elsewhere => {ELSEWHERE}, {addresses} }} }}
    }}
  }}
}}
"""
