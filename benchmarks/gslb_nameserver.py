"""gslb as a nameserver that steers: the daemon as people run it, with a fast probe."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.nameserver import SERVICE, ZONE, Site
from benchmarks.origin import PATH
from benchmarks.processes import free_port, listens, running, wait_until

INTERVAL = 0.2


@dataclass(frozen=True, slots=True)
class GslbNameserver:
    """Answers with all that are up, so both addresses are of one region: of several, each answer is one region's.

    Interval 200 ms, timeout 150, three failures 50 ms apart with 100 ms each, hedge 30, and a tripwire.

    Attributes:
        evidence: what it takes to go down; see docs/probes.md.
    """

    evidence: str
    interval: float = INTERVAL
    programs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As printed."""
        return f"gslb, {self.evidence}"

    @contextlib.contextmanager
    def answering(self, site: Site, folder: Path) -> Iterator[int]:
        """See ``nameserver.Contender``."""
        port, log = free_port(), folder / "gslb.log"
        file = folder / "gslb.toml"
        file.write_text(_configuration(self.evidence, site, port), encoding="ascii")
        with running([sys.executable, "-m", "gslb", "run", str(file)], log):
            wait_until(lambda: listens(port), "gslb run starts", log)
            yield port


def _configuration(evidence: str, site: Site, port: int) -> str:
    endpoints = ", ".join(f'"{address}:{site.port}"' for address in site.addresses)
    return f"""
[node]
name = "bench"
[api]
listen = "127.0.0.1:{free_port()}"
[nameserver]
listen = ["127.0.0.1:{port}"]
workers = 1
[zones."{ZONE}"]
nameservers = {{ "ns1.{ZONE}." = ["127.0.0.1"] }}
[regions.both]
endpoints = [{endpoints}]
[probes.edge]
type = "http"
path = "{PATH}"
interval = "{round(INTERVAL * 1000)}ms"
timeout = "150ms"
confirm = "50ms"
confirm_timeout = "100ms"
hedge = "30ms"
tripwire = true
evidence = "{evidence}"
[services."{SERVICE}"]
regions = ["both"]
probes = ["edge"]
ttl = {{ steady = "1s", alert = "1s" }}
hold = "1s"
"""
