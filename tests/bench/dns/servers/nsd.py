"""NSD: static answers, with cookies."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import free_port
from benchmarks.tools import tool
from tests.bench.dns.server import BUFFER, Serving, daemon
from tests.bench.dns.servers.static import SERVICE_RECORD, UNSTEERED, zone_file
from tests.bench.dns.zone import ZONE


@dataclass(frozen=True, slots=True)
class Nsd:
    """One server process; the two beside it, which transfer zones, have nothing to do."""

    name: str = "nsd"
    programs: tuple[str, ...] = ("nsd",)
    mixes: frozenset[str] = UNSTEERED
    weighs: bool = False

    @contextlib.contextmanager
    def serving(self, folder: Path, cpu: int) -> Iterator[Serving]:
        """See ``server.Server``."""
        port, configuration = free_port(), folder / "nsd.conf"
        zone = zone_file(folder, SERVICE_RECORD)
        configuration.write_text(_configuration(port, folder, zone), encoding="ascii")
        with daemon([tool("nsd"), "-d", "-c", str(configuration)], port, folder, cpu) as serving:
            yield serving


def _configuration(port: int, folder: Path, zone: Path) -> str:
    return f"""
server:
    server-count: 1
    ip-address: 127.0.0.1@{port}
    receive-buffer-size: {BUFFER}
    username: ""
    database: ""
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/zone.list"
    zonesdir: "{folder}"
    rrl-ratelimit: 0
    answer-cookie: yes
remote-control:
    control-enable: no
zone:
    name: {ZONE}
    zonefile: {zone.name}
"""
