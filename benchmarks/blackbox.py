"""blackbox_exporter as a prober: asked for each probe from the other CPU, by ``blackbox_driver``."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.origin import Origin
from benchmarks.prober import Accountable, Check, Report, accountable
from benchmarks.processes import free_port, listens, python, running, wait_until
from benchmarks.tools import tool

CONFIGURATION = """
modules:
  http:
    prober: http
    timeout: 1s
    http: { method: GET, preferred_ip_protocol: ip4, valid_status_codes: [200], follow_redirects: false }
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """The exporter, and who asks it. Only the exporter counts; that includes its answers, which are metrics pages."""

    roots: tuple[int, ...]
    driver: Accountable

    def begin(self) -> None:
        """Count failures from here on."""
        self.driver.begin()

    def end(self) -> Report:
        """Failures; when the driver asked says nothing of the exporter."""
        return Report(None, None, self.driver.end().failed)


@dataclass(frozen=True, slots=True)
class Blackbox:
    """One process. It opens a new connection for each probe."""

    rate: float
    name: str = "blackbox_exporter"
    check: Check = Check.HTTP
    programs: tuple[str, ...] = ("prometheus-blackbox-exporter",)

    @contextlib.contextmanager
    def probing(self, origin: Origin, cpu: int, folder: Path) -> Iterator[Asked]:
        """See ``prober.Contender``."""
        port, log = free_port(), folder / "blackbox.log"
        configuration = folder / "blackbox.yml"
        configuration.write_text(CONFIGURATION, encoding="ascii")
        exporter = [tool(self.programs[0]), f"--config.file={configuration}", f"--web.listen-address=127.0.0.1:{port}"]
        endpoints = ("--endpoints", str(len(origin.endpoints)), "--port", str(origin.port))
        driver = python("blackbox_driver", "--exporter", str(port), *endpoints, "--rate", str(self.rate))
        with running(exporter, log, cpu=cpu) as process:
            wait_until(lambda: listens(port), "blackbox_exporter starts", log)
            with accountable(driver, folder / "driver.log", origin.cpu) as asking:
                yield Asked((process.pid,), asking)
