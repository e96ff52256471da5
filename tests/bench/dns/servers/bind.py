"""BIND: static answers; it makes and checks cookies by itself."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import free_port
from benchmarks.tools import tool
from tests.bench.dns.server import Serving, daemon
from tests.bench.dns.servers.static import SERVICE_RECORD, UNSTEERED, zone_file
from tests.bench.dns.zone import ZONE


@dataclass(frozen=True, slots=True)
class Bind:
    """One worker thread. It stays root, whose files these are."""

    name: str = "bind"
    programs: tuple[str, ...] = ("named",)
    mixes: frozenset[str] = UNSTEERED
    weighs: bool = False

    @contextlib.contextmanager
    def serving(self, folder: Path, cpu: int) -> Iterator[Serving]:
        """See ``server.Server``."""
        port, configuration = free_port(), folder / "named.conf"
        zone = zone_file(folder, SERVICE_RECORD)
        configuration.write_text(_configuration(port, folder, zone), encoding="ascii")
        command = [tool("named"), "-f", "-u", "root", "-n", "1", "-c", str(configuration)]
        with daemon(command, port, folder, cpu) as serving:
            yield serving


def _configuration(port: int, folder: Path, zone: Path) -> str:
    return f"""
options {{
  directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; allow-query {{ any; }}; minimal-responses yes; dnssec-validation no; notify no;
}};
controls {{ }};
zone "{ZONE}" {{ type primary; file "{zone}"; }};
"""
