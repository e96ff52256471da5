"""The DNS of ``hierarchy`` in a network namespace: nsd serves all of it but the zone of gslb's nameserver.

It needs root, and the Debian packages ``nsd``, ``bind9-dnsutils`` and ``iproute2``; without them the test is skipped.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from gslb.cli.places import worker_snapshot
from gslb.nameserver import disk
from tests.nameserver.differential.references import program
from tests.nameserver.hierarchy import ZONE, Part, hints, own_addresses, parts, snapshot
from tests.nameserver.support import NAME
from tests.probes.namespaces import Namespace, namespace
from tests.waiting import eventually

_NSD = """\
server:
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    zonelistfile: "{folder}/zone.list"
    database: ""
    server-count: 1
    rrl-ratelimit: 0
remote-control:
    control-enable: no
"""


@dataclass(frozen=True, slots=True)
class World:
    """A running one.

    Attributes:
        namespace: where it is.
        hints: a file that says where its root is.
    """

    namespace: Namespace
    hints: Path

    def run(self, *command: str, timeout: float = 120) -> str:
        """What a command in there says.

        Raises:
            AssertionError: it failed.
        """
        done = subprocess.run(self._inside(*command), capture_output=True, text=True, timeout=timeout, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    @contextlib.contextmanager
    def running(self, log: Path, *command: str) -> Iterator[None]:
        """A command runs in there meanwhile, and writes to ``log``."""
        with log.open("wb") as out:
            process = subprocess.Popen(self._inside(*command), stdout=out, stderr=out)  # ip becomes the command
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            finally:
                process.kill()
                process.wait()

    def have(self, addresses: Iterable[str]) -> None:
        """Bring these up in there."""
        for address in addresses:
            self.namespace.run("ip", "address", "add", f"{address}/{ip_address(address).max_prefixlen}", "dev", "lo")

    def serves(self, server: str, zone: str) -> bool:
        """Whether ``server`` has an answer about ``zone``."""
        command = self._inside("dig", "+tries=1", "+time=1", "+norecurse", "+short", f"@{server}", zone, "SOA")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode == 0 and bool(done.stdout.strip())

    def _inside(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace.name, *command]


@contextlib.contextmanager
def world(folder: Path) -> Iterator[World]:
    """One that lasts as long as the context."""
    nsd = program("nsd", "nsd")
    program("dig", "bind9-dnsutils")
    with namespace() as there, contextlib.ExitStack() as stack:
        there.run("ip", "link", "set", "lo", "up")
        made = World(there, folder / "hints")
        made.hints.write_text(hints())
        made.have(own_addresses())
        stack.enter_context(made.running(folder / "nameserver.log", *_nameserver(folder)))
        for number, part in enumerate(parts()):
            made.have(part.addresses)
            config = _configure(folder / f"nsd-{number}", part)
            stack.enter_context(made.running(config.with_suffix(".log"), nsd, "-d", "-c", str(config)))
        served = [*parts(), Part(own_addresses(), {ZONE: ""})]
        for address, zone in ((address, zone) for part in served for address in part.addresses for zone in part.zones):
            eventually(partial(made.serves, address, zone))
        yield made


def _configure(folder: Path, part: Part) -> Path:
    """The configuration of an nsd."""
    folder.mkdir()
    lines = [_NSD.format(folder=folder), "server:"]
    lines += [f"    ip-address: {address}" for address in part.addresses]
    for number, (origin, text) in enumerate(part.zones.items()):
        file = folder / f"{number}.zone"
        file.write_text(text)
        lines += ["zone:", f'    name: "{origin}"', f'    zonefile: "{file}"']
    path = folder / "nsd.conf"
    path.write_text("\n".join(lines) + "\n")
    return path


def _nameserver(folder: Path) -> list[str]:
    """The command of gslb's at all of its addresses."""
    run = folder / "run"
    run.mkdir(mode=0o700)
    disk.write(worker_snapshot(run, NAME), snapshot(folder))
    shown = [f"[{address}]" if ":" in address else address for address in own_addresses()]
    command = [sys.executable, "-m", "gslb.cli.nameserver", NAME, str(run)]
    return command + [f"--listen={address}:53" for address in shown]
