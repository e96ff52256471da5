"""The origin that all probers probe: nginx with one worker, at one port of many loopback addresses."""

import contextlib
import http.client
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import free_port, listens, running, wait_until
from benchmarks.tools import tool

ADDRESSES_PER_NET = 250
PATH = "/healthz"


def addresses(count: int) -> tuple[str, ...]:
    """``count`` loopback addresses: 127.1.0.1 and on."""
    return tuple(f"127.1.{i // ADDRESSES_PER_NET}.{i % ADDRESSES_PER_NET + 1}" for i in range(count))


@dataclass(frozen=True, slots=True)
class Counted:
    """What has arrived so far.

    Attributes:
        at: monotonic seconds of the count.
        requests: HTTP requests that nginx has answered; what asked for this very figure is left out, here and below.
        connections: TCP connections, those included that were reset before they were established: a prober may answer
            SYN-ACK with RST, and then the application never hears of it. The kernel counts them by network namespace,
            so there should be nobody else in this one.
    """

    at: float
    requests: int
    connections: int


@dataclass(slots=True)
class Origin:
    """The origin at work.

    Attributes:
        endpoints: the addresses at which it answers.
        port: the port at each of them.
        cpu: the CPU it runs on.
    """

    endpoints: tuple[str, ...]
    port: int
    cpu: int
    status_port: int
    _asked: int = 0

    def count(self) -> Counted:
        """What has arrived."""
        asking = http.client.HTTPConnection("127.0.0.1", self.status_port, timeout=5)
        with contextlib.closing(asking):
            asking.request("GET", "/")
            status = asking.getresponse().read().decode()
        self._asked += 1
        found = re.search(r"^ \d+ \d+ (\d+)", status, re.MULTILINE)
        return Counted(time.monotonic(), int(found[1] if found else 0) - self._asked, _connections() - self._asked)


@contextlib.contextmanager
def serving(count: int, cpu: int, folder: Path) -> Iterator[Origin]:
    """An origin at ``count`` addresses from here to the end of the block.

    Raises:
        BenchmarkError: nginx is not installed or does not start.
    """
    origin = Origin(addresses(count), free_port(), cpu, free_port())
    configuration, log = folder / "nginx.conf", folder / "nginx.log"
    configuration.write_text(_nginx(origin, folder), encoding="ascii")
    command = [tool("nginx"), "-c", str(configuration), "-p", str(folder), "-e", str(log)]
    with running(command, log, cpu=cpu):
        wait_until(lambda: listens(origin.status_port), "nginx starts", log)
        yield origin


def _nginx(origin: Origin, folder: Path) -> str:
    listen = "\n".join(f"    listen {address}:{origin.port} backlog=8192;" for address in origin.endpoints)
    temporary = "\n".join(
        f"  {kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log crit;
events {{ worker_connections 15000; multi_accept on; }}
http {{
{temporary}
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 1h;
  server {{ listen 127.0.0.1:{origin.status_port}; location / {{ stub_status; }} }}
  server {{
{listen}
    location = {PATH} {{ return 200 "ok\\n"; }}
  }}
}}
"""


def _connections() -> int:
    names, values = (
        line.split()
        for line in Path("/proc/net/snmp").read_text(encoding="ascii").splitlines()
        if line.startswith("Tcp:")
    )
    tcp = dict(zip(names[1:], map(int, values[1:]), strict=True))
    return tcp["PassiveOpens"] + tcp["AttemptFails"]
