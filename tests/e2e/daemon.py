"""A daemon with any configuration, in any surroundings, and what it says of itself."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rcode
from prometheus_client.parser import text_string_to_metric_families

from gslb.cli import client
from gslb.cli.places import API_SOCKET
from gslb.config.configuration import run_folder
from gslb.errors import DaemonError
from gslb.supervisor.lockfile import lock_file, read_holder
from tests.e2e.lab import Host
from tests.e2e.site import HEAD
from tests.waiting import eventually, free_port

LOCAL = "127.0.0.1"
SERVICE = "api.example.com"
PAUSE = 0.1

PROBE = """
[probes.edge]
type = "tcp"
interval = "{interval}"
timeout = "{timeout}"
confirm = "{confirm}"
backoff = "0s"
"""

SERVICE_SECTION = """
[services."{name}"]
regions = [{regions}]
probes = ["edge"]
{quorum}
ttl = {{ steady = "1s", alert = "1s" }}
hold = "{hold}"
answers = 16
"""

Regions = Mapping[str, Sequence[str]]


def configuration(
    regions: Regions,
    *,
    services: Mapping[str, Sequence[str]] | None = None,
    vantages: str = "",
    interval: str = "200ms",
    timeout: str = "200ms",
    confirm: str = "50ms",
    hold: str = "100ms",
    quorum: int | None = None,
) -> str:
    """Everything but the ports of the daemon itself. ``services`` by name, each with its regions; default: one."""
    parts = [PROBE.format(interval=interval, timeout=timeout, confirm=confirm), vantages]
    parts += [f"[regions.{name}]\nendpoints = [{_quoted(places)}]\n" for name, places in regions.items()]
    counted = f"quorum = {quorum}" if quorum else ""
    for name, members in (services or {SERVICE: list(regions)}).items():
        parts.append(SERVICE_SECTION.format(name=name, regions=_quoted(members), quorum=counted, hold=hold))
    return "\n".join(parts)


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


class Daemon:
    """``gslb run`` in a folder of its own.

    Args:
        folder: for configuration and state.
        text: see ``configuration``.
        prefix: command that runs the command.
        environment: variables beside those of the test.
        host: the one that it runs on; default: this machine.
    """

    def __init__(
        self,
        folder: Path,
        text: str,
        *,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        host: Host | None = None,
    ) -> None:
        self.folder, self.host = folder, host
        self.dns = self.api = free_port()
        while self.api == self.dns:
            self.api = free_port()
        self.config, self.log = folder / "gslb.toml", folder / "log"
        self.config.write_text(HEAD.format(dns=self.dns, api=self.api, workers=1) + text)
        self.run_folder = run_folder(folder / "gslb.db")
        inside = ("ip", "netns", "exec", host.namespace.name) if host else ()
        command = [*inside, *prefix, sys.executable, "-m", "gslb", "run", str(self.config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=os.environ | dict(environment or {}),
            )

    def pid(self, process: str) -> int | None:
        """Of the live process of this name."""
        holder = read_holder(lock_file(self.run_folder, process))
        return holder.pid if holder else None

    @property
    def control(self) -> int:
        """Process id of control."""
        pid = self.pid("control")
        assert pid is not None
        return pid

    def close(self) -> None:
        """End it, and whatever it has left."""
        with contextlib.suppress(AssertionError, ProcessLookupError):
            os.kill(self.control, signal.SIGCONT)
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.process.kill()
        self.process.wait()
        for name in ("control", "nameserver-0"):
            if (pid := self.pid(name)) is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def get(self, path: str, **query: str) -> Any:
        """The JSON that the API has there."""
        return client.Daemon(f"unix:{self.run_folder / API_SOCKET}", None).get(path, **query)

    def endpoints(self) -> list[dict[str, Any]]:
        """What the status says of all endpoints of all services."""
        return [endpoint for service in self.get("/v1/status")["services"] for endpoint in service["endpoints"]]

    def down(self) -> set[str]:
        """``host:port`` of the endpoints that are not up."""
        return {str(e["name"]).rpartition("/")[2] for e in self.endpoints() if e["health"] != "up"}

    def transitions(self) -> list[dict[str, Any]]:
        """The changes of health in its history, first verdicts aside, oldest first."""
        records = self.get("/v1/history", since="1d", limit="5000")["history"]
        return [r for r in records if r["kind"] == "transition" and r["before"] != "unknown"]

    def logged(self, event: str, **fields: str) -> int:
        """How many lines of its log tell of such an event: unlike the API, that costs it nothing."""
        wanted = [f'"{key}": "{value}"' for key, value in (fields | {"event": event}).items()]
        return sum(all(part in line for part in wanted) for line in self.log.read_text().splitlines())

    def doubts(self) -> dict[str, str]:
        """Vantage points that doubt themselves, each with its reason."""
        vantages = self.get("/v1/status")["vantages"]
        return {v["name"]: v["reason"] for v in vantages if v["state"] == "doubts itself"}

    def metrics(self) -> "Figures":
        """All metrics as they are now."""
        connection = http.client.HTTPConnection("localhost")
        with contextlib.closing(connection), socket.socket(socket.AF_UNIX) as made:
            made.settimeout(10)
            made.connect(str(self.run_folder / API_SOCKET))
            connection.sock = made
            connection.request("GET", "/metrics")
            return Figures(connection.getresponse().read().decode())

    def answers(self, count: int = 30) -> set[str]:
        """The addresses in ``count`` answers to questions for SERVICE."""
        found = set()
        with self.host.socket(socket.SOCK_DGRAM) if self.host else socket.socket(type=socket.SOCK_DGRAM) as asked:
            asked.setblocking(False)
            for _ in range(count):
                question = dns.message.make_query(SERVICE, "A")
                with contextlib.suppress(OSError, dns.exception.Timeout):
                    answer = dns.query.udp(question, LOCAL, 0.5, self.dns, sock=asked)
                    found |= {item.to_text() for rrset in answer.answer for item in rrset}
        return found

    def memory(self) -> float:
        """Resident set of control, in MiB."""
        status = Path(f"/proc/{self.control}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


class Figures:
    """Metrics of one moment."""

    def __init__(self, text: str) -> None:
        self._samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples of this name with these labels."""
        wanted = labels.items()
        return sum(s.value for s in self._samples if s.name == name and wanted <= s.labels.items())

    def late(self) -> Counter[float]:
        """Attempts that started no later than each bound, in seconds."""
        found = Counter[float]()
        for sample in self._samples:
            if sample.name == "gslb_probe_lateness_seconds_bucket":
                found[float(sample.labels["le"])] = int(sample.value)
        return found


def lateness(before: Figures, after: Figures, share: float = 0.99) -> float:
    """The bound in seconds that this share of the attempts between two moments kept."""
    started = after.late()
    started.subtract(before.late())
    most = max(started.values())
    return min(bound for bound, count in started.items() if count >= share * most)


@contextlib.contextmanager
def running(folder: Path, text: str, **surroundings: Any) -> Iterator[Daemon]:
    """One that finds all its endpoints up."""
    daemon = Daemon(folder, text, **surroundings)
    try:
        eventually(lambda: ready(daemon), within=40)
        yield daemon
    finally:
        daemon.close()


def ready(daemon: Daemon) -> bool:
    """Whether it runs and every endpoint is up."""
    assert daemon.process.poll() is None, daemon.log.read_text()
    try:
        return not daemon.down()
    except DaemonError:
        return False


def throughout(seconds: float, condition: Callable[[], object]) -> None:
    """Look again and again for so long, and find ``condition`` true each time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition()
        time.sleep(PAUSE)
