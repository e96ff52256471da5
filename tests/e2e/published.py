"""A daemon that publishes two regions at its own nameserver and at providers, and those who are asked for them."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.e2e.daemon import Daemon, ready
from tests.e2e.site import Region

ISTANBUL, ANKARA = "127.0.1.1", "127.0.2.1"
EMBEDDED = "embedded"
PAUSE = 0.1
"""Seconds between two looks: what is looked at here costs the daemon something."""

CONFIG = """
[regions.istanbul]
endpoints = ["{istanbul}"]

[regions.ankara]
endpoints = ["{ankara}"]

[probes.edge]
type = "http"
path = "/healthz"
interval = "200ms"
timeout = "200ms"
confirm = "50ms"

[services."api.example.com"]
regions = ["istanbul", "ankara"]
probes = ["edge"]
ttl = {{ steady = "1s", alert = "1s" }}
hold = "100ms"
"""


class Published:
    """See above.

    Args:
        folder: for configuration and state.
        providers: options of each provider, type included, by name.
        environment: of the daemon.
    """

    def __init__(
        self, folder: Path, providers: Mapping[str, Mapping[str, Any]], environment: Mapping[str, str]
    ) -> None:
        self.istanbul, self.ankara = Region(ISTANBUL), Region(ANKARA)
        regions = CONFIG.format(istanbul=f"{ISTANBUL}:{self.istanbul.port}", ankara=f"{ANKARA}:{self.ankara.port}")
        tables = [_table(name, table) for name, table in providers.items()]
        text = "\n".join([f"providers = {json.dumps([EMBEDDED, *providers])}", regions, *tables])
        self.daemon = Daemon(folder, text, environment=environment)

    def reload(self, text: str) -> None:
        """Go on with another configuration."""
        self.daemon.config.write_text(text)
        result = self.gslb("reload")
        assert result.returncode == 0, result.stderr

    def close(self) -> None:
        self.daemon.close()
        for region in (self.istanbul, self.ankara):
            with suppress(OSError):  # it is closed already
                region.close()

    def places(self) -> dict[str, dict[str, Any]]:
        """What the status says of each provider."""
        return {place["provider"]: place for place in self.daemon.get("/v1/status")["providers"]}

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Lines of the log about something."""
        lines = [json.loads(line) for line in self.daemon.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == event]

    def history(self, kind: str) -> list[dict[str, Any]]:
        """Records of a kind, oldest first."""
        records = self.daemon.get("/v1/history", since="1h", limit="5000")["history"]
        return sorted((record for record in records if record["kind"] == kind), key=lambda record: str(record["at"]))

    def gslb(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command to this daemon."""
        command = [sys.executable, "-m", "gslb", *arguments]
        return subprocess.run(command, cwd=self.daemon.folder, capture_output=True, text=True, timeout=60, check=False)

    def answers_with(self, *addresses: str) -> None:
        """Wait until the daemon's own nameserver answers with these, and no others."""
        patiently(lambda: self.daemon.answers() == set(addresses))


def patiently(condition: Callable[[], object], within: float = 20.0) -> None:
    """Wait until ``condition`` is true."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(PAUSE)


def _table(name: str, options: Mapping[str, Any]) -> str:
    shared = {"witness": False, "deadline": "1s", "rate": 1000.0, "burst": 1000}
    lines = [f"{key} = {_value(value)}" for key, value in (shared | dict(options)).items()]
    return "\n".join([f"[providers.{name}]", *lines, ""])


def _value(value: Any) -> str:
    """In TOML, of which strings, numbers and booleans are as in JSON."""
    return json.dumps(value)


@contextmanager
def publishing(
    folder: Path, providers: Mapping[str, Mapping[str, Any]], environment: Mapping[str, str]
) -> Iterator[Published]:
    """One whose endpoints are up."""
    published = Published(folder, providers, environment)
    try:
        patiently(lambda: ready(published.daemon), within=40)
        yield published
    finally:
        published.close()
