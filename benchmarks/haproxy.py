"""HAProxy as a prober: the health checks of one backend, with a new connection for each check."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.origin import PATH, Origin
from benchmarks.prober import Check, Daemon
from benchmarks.processes import free_port, listens, running, wait_until
from benchmarks.tools import tool


@dataclass(frozen=True, slots=True)
class HAProxy:
    """One thread, no traffic but the checks. ``inter`` follows from the rate."""

    check: Check
    rate: float

    @property
    def name(self) -> str:
        """As printed."""
        return "haproxy httpchk" if self.check is Check.HTTP else "haproxy tcp check"

    @property
    def programs(self) -> tuple[str, ...]:
        """What it needs."""
        return ("haproxy",)

    @contextlib.contextmanager
    def probing(self, origin: Origin, cpu: int, folder: Path) -> Iterator[Daemon]:
        """See ``prober.Contender``."""
        port, log = free_port(), folder / "haproxy.log"
        configuration = folder / "haproxy.cfg"
        configuration.write_text(self._configuration(origin, port), encoding="ascii")
        with running([tool("haproxy"), "-db", "-f", str(configuration)], log, cpu=cpu) as process:
            wait_until(lambda: listens(port), "haproxy starts", log)
            yield Daemon((process.pid,))

    def _configuration(self, origin: Origin, port: int) -> str:
        milliseconds = max(1, round(1000 * len(origin.endpoints) / self.rate))
        servers = "\n".join(
            f"  server s{i} {address}:{origin.port} check inter {milliseconds}ms fall 3 rise 3"
            for i, address in enumerate(origin.endpoints)
        )
        return f"""
global
  nbthread 1
defaults
  timeout connect 1s
  timeout client 5s
  timeout server 5s
  timeout check 1s
frontend unused
  mode {self.check}
  bind 127.0.0.1:{port}
  default_backend probed
backend probed
  mode {self.check}
{_HTTP_CHECK if self.check is Check.HTTP else ""}
{servers}
"""


_HTTP_CHECK = f"""  option httpchk
  http-check send meth GET uri {PATH} ver HTTP/1.1 hdr Host origin.test
  http-check expect status 200"""
