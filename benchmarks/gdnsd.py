"""gdnsd: a prober of many endpoints, and a nameserver that steers away from one that is down.

Its shortest interval is 2 s: the timeout must be shorter than the interval, and both are whole seconds.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from benchmarks.nameserver import SERVICE, ZONE, Site
from benchmarks.origin import PATH, Origin
from benchmarks.prober import Check, Daemon
from benchmarks.processes import free_port, listens, running, wait_until
from benchmarks.tools import tool

INTERVAL, TIMEOUT = 2, 1
POOL = 2
"""Addresses of one resource when probing is all that matters."""


@dataclass(frozen=True, slots=True)
class GdnsdProber:
    """As many probes as its shortest interval allows. It asks by HTTP/1.0, which cannot be changed."""

    endpoints: int
    name: str = "gdnsd http_status"
    check: Check = Check.HTTP
    programs: tuple[str, ...] = ("gdnsd",)

    @property
    def rate(self) -> float:
        """Follows from the interval."""
        return self.endpoints / INTERVAL

    @contextlib.contextmanager
    def probing(self, origin: Origin, cpu: int, folder: Path) -> Iterator[Daemon]:
        """See ``prober.Contender``."""
        starts = range(0, len(origin.endpoints), POOL)
        pools = {f"pool{start}": origin.endpoints[start : start + POOL] for start in starts}
        with _gdnsd(free_port(), origin.port, pools, folder, cpu) as process:
            yield Daemon((process.pid,))


@dataclass(frozen=True, slots=True)
class GdnsdNameserver:
    """Answers with every address that is up (multifo), at thresholds of one check."""

    name: str = "gdnsd"
    interval: float = INTERVAL
    programs: tuple[str, ...] = ("gdnsd",)

    @contextlib.contextmanager
    def answering(self, site: Site, folder: Path) -> Iterator[int]:
        """See ``nameserver.Contender``."""
        port = free_port()
        with _gdnsd(port, site.port, {"service": site.addresses}, folder):
            yield port


@contextlib.contextmanager
def _gdnsd(
    port: int, checked: int, pools: Mapping[str, Sequence[str]], folder: Path, cpu: int | None = None
) -> Iterator[Popen[bytes]]:
    """The daemon, once it answers: that is after a first round of checks.

    Args:
        port: at which it answers on 127.0.0.1.
        checked: port that it checks at every address.
        pools: addresses by resource; the zone names the first one.
        folder: takes all its files.
        cpu: the only one it may use.
    """
    configuration, log = folder / "gdnsd", folder / "gdnsd.log"
    zones = configuration / "zones"
    zones.mkdir(parents=True)
    (configuration / "config").write_text(_configuration(port, checked, pools, folder), encoding="ascii")
    (zones / ZONE).write_text(_zone(next(iter(pools))), encoding="ascii")
    with running([tool("gdnsd"), "-c", str(configuration), "start"], log, cpu=cpu) as process:
        wait_until(lambda: listens(port), "gdnsd starts", log)
        yield process


def _configuration(port: int, checked: int, pools: Mapping[str, Sequence[str]], folder: Path) -> str:
    resources = "\n".join(
        f"    {name} => {{ {', '.join(f'a{i} => {address}' for i, address in enumerate(pool))} }}"
        for name, pool in pools.items()
    )
    return f"""
options => {{
  listen => [ 127.0.0.1 ], dns_port => {port}, udp_threads => 1, tcp_threads => 1
  run_dir => {folder}/run, state_dir => {folder}/state
}}
service_types => {{
  web => {{
    plugin => http_status, port => {checked}, url_path => {PATH}, vhost => origin.test
    interval => {INTERVAL}, timeout => {TIMEOUT}, up_thresh => 1, ok_thresh => 1, down_thresh => 1
  }}
}}
plugins => {{
  multifo => {{
    service_types => web
{resources}
  }}
}}
"""


def _zone(resource: str) -> str:
    return f"""
$TTL 60
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
ns1 A 127.0.0.1
{SERVICE}. DYNA multifo!{resource}
"""
