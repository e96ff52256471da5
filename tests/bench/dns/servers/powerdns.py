"""PowerDNS: the bind backend, the service as a LUA record with pickwrandom, with cookies."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import free_port
from benchmarks.tools import tool
from tests.bench.dns.server import Serving, daemon
from tests.bench.dns.servers.static import UNSTEERED, zone_file
from tests.bench.dns.zone import REGIONS, SERVICE, SERVICE_TTL, ZONE

SECRET = "000102030405060708090a0b0c0d0e0f"


@dataclass(frozen=True, slots=True)
class PowerDNS:
    """One receiver thread, which answers from its caches, and one distributor."""

    name: str = "powerdns"
    programs: tuple[str, ...] = ("pdns_server",)
    mixes: frozenset[str] = UNSTEERED
    weighs: bool = True

    @contextlib.contextmanager
    def serving(self, folder: Path, cpu: int) -> Iterator[Serving]:
        """See ``server.Server``."""
        port, zone = free_port(), zone_file(folder, _service())
        (folder / "named.conf").write_text(f'zone "{ZONE}" {{ type master; file "{zone}"; }};\n', encoding="ascii")
        (folder / "pdns.conf").write_text(_configuration(port, folder), encoding="ascii")
        with daemon([tool("pdns_server"), f"--config-dir={folder}"], port, folder, cpu) as serving:
            yield serving


def _service() -> str:
    weights = ", ".join(f"{{{weight}, '{address}'}}" for address, weight in REGIONS.items())
    return f'{SERVICE}. {SERVICE_TTL} IN LUA A "pickwrandom({{{weights}}})"'


def _configuration(port: int, folder: Path) -> str:
    return f"""
daemon=no
guardian=no
launch=bind
bind-config={folder}/named.conf
local-address=127.0.0.1
local-port={port}
socket-dir={folder}
receiver-threads=1
distributor-threads=1
reuseport=no
enable-lua-records=shared
edns-cookie-secret={SECRET}
webserver=no
disable-syslog=yes
loglevel=3
"""
