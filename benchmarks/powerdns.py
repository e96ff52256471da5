"""PowerDNS with a LUA record as a nameserver that steers: ifurlup, checked every second."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.nameserver import SERVICE, ZONE, Site
from benchmarks.origin import PATH
from benchmarks.processes import free_port, listens, running, wait_until
from benchmarks.tools import tool

INTERVAL, TIMEOUT = 1, 1


@dataclass(frozen=True, slots=True)
class PowerDNSNameserver:
    """Answers with every address whose last check succeeded; checks begin with the first query."""

    name: str = "PowerDNS ifurlup"
    interval: float = INTERVAL
    programs: tuple[str, ...] = ("pdns_server",)

    @contextlib.contextmanager
    def answering(self, site: Site, folder: Path) -> Iterator[int]:
        """See ``nameserver.Contender``."""
        port, log = free_port(), folder / "pdns.log"
        zone = folder / ZONE
        zone.write_text(_zone(site), encoding="ascii")
        (folder / "named.conf").write_text(f'zone "{ZONE}" {{ type master; file "{zone}"; }};\n', encoding="ascii")
        (folder / "pdns.conf").write_text(_configuration(port, folder), encoding="ascii")
        with running([tool("pdns_server"), f"--config-dir={folder}"], log):
            wait_until(lambda: listens(port), "pdns_server starts", log)
            yield port


def _configuration(port: int, folder: Path) -> str:
    return f"""
daemon=no
guardian=no
launch=bind
bind-config={folder}/named.conf
local-address=127.0.0.1
local-port={port}
socket-dir={folder}
enable-lua-records=yes
lua-health-checks-interval={INTERVAL}
cache-ttl=0
query-cache-ttl=0
webserver=no
disable-syslog=yes
loglevel=3
"""


def _zone(site: Site) -> str:
    addresses = ", ".join(f"'{address}'" for address in site.addresses)
    url = f"http://{SERVICE}:{site.port}{PATH}"
    return f"""
$ORIGIN {ZONE}.
$TTL 60
@ IN SOA ns1 hostmaster 1 3600 600 86400 60
@ IN NS ns1
ns1 IN A 127.0.0.1
{SERVICE}. IN LUA A "ifurlup('{url}', {{{{{addresses}}}}}, {{selector='all', timeout={TIMEOUT}}})"
"""
