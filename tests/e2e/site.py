"""A daemon on free ports, two regions of small web servers to probe, and the means to break them."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rcode

from gslb.config.configuration import run_folder
from gslb.supervisor.lockfile import lock_file, read_holder
from tests.waiting import eventually, free_port

HEAD = """
[node]
name = "test"
state = "sqlite:///gslb.db"

[api]
listen = "127.0.0.1:{api}"

[nameserver]
listen = ["127.0.0.1:{dns}"]
workers = {workers}

[log]
format = "json"

[zones."example.com"]
nameservers = {{ "ns1.example.com." = ["127.0.0.1"] }}
"""
"""What every daemon of these tests has in its configuration."""

CONFIG = (
    HEAD
    + """
[regions.istanbul]
endpoints = ["127.0.1.1:{istanbul}"]
weight = 60

[regions.ankara]
endpoints = ["127.0.2.1:{ankara}"]
weight = 40

[probes.edge]
type = "http"
path = "/healthz"
interval = "100ms"
timeout = "100ms"
confirm = "30ms"

[services."api.example.com"]
regions = ["istanbul", "ankara"]
probes = ["edge"]
policy = ["weighted"]
ttl = {{ steady = "1s", alert = "1s" }}
hold = "{hold}"
"""
)


class Region:
    """The web server of one region; ``close`` it and it refuses connections, ``open`` it again."""

    def __init__(self, host: str) -> None:
        self.host, self.port = host, free_port(host)
        self.open()

    def open(self) -> None:
        self._server = ThreadingHTTPServer((self.host, self.port), _Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Site:
    """One configuration, and the daemon that runs it."""

    def __init__(self, folder: Path, *, workers: int = 2, hold: str = "1s") -> None:
        self.folder, self.dns, self.api = folder, free_port(), free_port()
        self.istanbul, self.ankara = Region("127.0.1.1"), Region("127.0.2.1")
        self.config = folder / "gslb.toml"
        ports = {"istanbul": self.istanbul.port, "ankara": self.ankara.port}
        self.config.write_text(CONFIG.format(dns=self.dns, api=self.api, workers=workers, hold=hold, **ports))
        self.run_folder = run_folder(folder / "gslb.db")
        self.log = folder / "log"
        self.environment: dict[str, str] = {}
        self.daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "gslb", "run", str(self.config)]
            self.daemon = subprocess.Popen(
                command,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=self.folder,
                env=os.environ | self.environment,
            )

    def stop(self) -> int:
        assert self.daemon is not None
        self.daemon.terminate()
        return self.daemon.wait(30)

    def close(self) -> None:
        """End whatever is left of the daemon, and the regions."""
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.daemon.wait(15)
        for name in ("supervisor", "control", *(f"nameserver-{n}" for n in range(4))):
            if (pid := self.pid(name)) is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)
        for region in (self.istanbul, self.ankara):
            with suppress(OSError):
                region.close()

    def pid(self, process: str) -> int | None:
        """Of the live process of this name."""
        holder = read_holder(lock_file(self.run_folder, process))
        return holder.pid if holder else None

    def kill(self, process: str) -> None:
        pid = self.pid(process)
        assert pid is not None
        os.kill(pid, 9)
        if process == "supervisor":
            assert self.daemon is not None
            self.daemon.wait(5)

    def ask(self, name: str = "api.example.com", kind: str = "A", timeout: float = 0.5) -> dns.message.Message | None:
        """The answer of the nameserver; None without any."""
        try:
            return dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", timeout, self.dns)
        except (OSError, dns.exception.Timeout):
            return None

    def addresses(self, count: int = 20) -> set[str]:
        """The addresses in ``count`` answers."""
        found = set()
        for _ in range(count):
            response = self.ask()
            if response is not None and response.rcode() == dns.rcode.NOERROR:
                found |= {item.to_text() for rrset in response.answer for item in rrset}
        return found

    def answers_with(self, *regions: Region) -> None:
        """Wait until exactly these regions answer."""
        wanted = {region.host for region in regions}
        eventually(lambda: self.addresses() == wanted)

    def gslb(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command against this daemon, from the configuration's folder."""
        command = [sys.executable, "-m", "gslb", *arguments]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        result = self.gslb(*arguments, "--json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)


@contextmanager
def running(
    folder: Path, *, workers: int = 2, hold: str = "1s", environment: dict[str, str] | None = None
) -> Iterator[Site]:
    """A daemon whose both regions answer."""
    site = Site(folder, workers=workers, hold=hold)
    site.environment |= environment or {}
    try:
        site.start()
        site.answers_with(site.istanbul, site.ankara)
        for worker in range(workers):  # each of them: one without has nothing to answer from yet
            eventually((site.run_folder / f"nameserver-{worker}.snapshot").exists)
        yield site
    finally:
        site.close()
