"""Regions that are reached over a network: processes in a network namespace, and the two faults that befall them.

The namespace has no name: it lives as long as a process is in it, so nothing can be left behind, whatever ends the
benchmark. A veth pair leads to it; its addresses are from 198.18.0.0/15, which RFC 2544 sets aside for benchmarks.
"""

import contextlib
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from subprocess import Popen

from benchmarks.nameserver import Site
from benchmarks.processes import PATIENCE, listens, python, running, tail, wait_until
from benchmarks.tools import BenchmarkError, tool

PORT = 8080
FIRST_HOST = 10
"""Last octet of the first region's address."""
RULES = """
table inet benchmark {
  set dead { type ipv4_addr; }
  chain input {
    type filter hook input priority 0;
    ip daddr @dead drop
  }
}
"""


class Fault(StrEnum):
    """What befalls a region."""

    KILLED = "killed"
    """SIGKILL: its connections are closed, new ones refused."""
    DROPPED = "dropped"
    """Every packet to it is dropped: nothing answers."""


@dataclass(frozen=True, slots=True)
class Network:
    """A namespace and the way to it.

    Attributes:
        holder: the process that keeps it alive.
        device: the end of the way in there.
        subnet: the first three octets of its addresses.
    """

    holder: int
    device: str
    subnet: str

    def inside(self, *arguments: str) -> list[str]:
        """The command ``arguments`` as run in there."""
        return [tool("nsenter"), f"--net=/proc/{self.holder}/ns/net", *arguments]


@contextlib.contextmanager
def network(folder: Path) -> Iterator[Network]:
    """A namespace from here to the end of the block.

    Raises:
        BenchmarkError: not root, or the kernel lacks something.
    """
    if os.geteuid() != 0:
        raise BenchmarkError("network namespaces take root: run this with sudo")
    log, ip = folder / "network.log", tool("ip")
    with running([tool("unshare"), "--net", "sleep", "infinity"], log) as process, ExitStack() as stack:
        wait_until(lambda: _is_apart(process.pid), "a network namespace", log)
        here, there = f"bench{process.pid}", f"benchpeer{process.pid}"
        made = Network(process.pid, there, _unused_subnet())
        _run(ip, "link", "add", here, "type", "veth", "peer", "name", there, "netns", str(process.pid))
        stack.callback(_run, ip, "link", "delete", here)
        _run(ip, "address", "add", f"{made.subnet}.1/24", "dev", here)
        _run(ip, "link", "set", here, "up")
        _run(*made.inside(ip, "link", "set", "lo", "up"))
        _run(*made.inside(ip, "link", "set", there, "up"))
        _run(*made.inside(tool("nft"), "-f", "-"), stdin=RULES)
        yield made


@dataclass(slots=True)
class Regions:
    """The two regions of one contender, by address.

    Attributes:
        site: what the contender is told of them.
    """

    site: Site
    network: Network
    log: Path
    _lives: dict[str, ExitStack] = field(default_factory=dict)
    _processes: dict[str, Popen[bytes]] = field(default_factory=dict)

    def start(self, address: str) -> None:
        """Start the region at ``address``."""
        self._lives[address] = ExitStack()
        command = self.network.inside(*python("region", address, str(self.site.port)))
        self._processes[address] = self._lives[address].enter_context(running(command, self.log))

    def close(self) -> None:
        """End both."""
        with ExitStack() as stack:
            for life in self._lives.values():
                stack.push(life)

    @contextlib.contextmanager
    def aimed(self, fault: Fault, address: str) -> Iterator[Callable[[], float]]:
        """Make ready for a fault, which whoever takes this strikes by a call; all is mended at the end of the block.

        The call returns the monotonic moment just before the fault; what a command needs to start is spent by then.
        """
        with self._kill(address) if fault is Fault.KILLED else self._drop(address) as strike:
            yield strike

    @contextlib.contextmanager
    def _kill(self, address: str) -> Iterator[Callable[[], float]]:
        def strike() -> float:
            moment = time.monotonic()
            self._processes[address].kill()
            return moment

        yield strike
        self._lives[address].close()
        self.start(address)

    @contextlib.contextmanager
    def _drop(self, address: str) -> Iterator[Callable[[], float]]:
        command = self.network.inside(tool("nft"), "-f", "-")  # reads to the end of its input before it acts
        with running(command, self.log, stdin=subprocess.PIPE) as process:

            def strike() -> float:
                assert process.stdin is not None  # noqa: S101  opened above
                moment = time.monotonic()
                process.stdin.write(f"add element inet benchmark dead {{ {address} }}\n".encode())
                process.stdin.close()
                return moment

            yield strike
            if process.wait(PATIENCE):
                raise BenchmarkError(f"nft cannot drop packets. {self.log.name}:\n{tail(self.log)}")
        _run(*self.network.inside(tool("nft"), "delete", "element", "inet", "benchmark", "dead", f"{{ {address} }}"))


@contextlib.contextmanager
def regions(made: Network, number: int, folder: Path) -> Iterator[Regions]:
    """The ``number``-th pair of regions in the namespace, from here to the end of the block."""
    host = FIRST_HOST + 2 * number
    site = Site((f"{made.subnet}.{host}", f"{made.subnet}.{host + 1}"), PORT)
    log = folder / "regions.log"
    pair = Regions(site, made, log)
    with contextlib.closing(pair):
        for address in site.addresses:
            _run(*made.inside(tool("ip"), "address", "add", f"{address}/24", "dev", made.device))
            pair.start(address)
        for address in site.addresses:  # a contender that began with both down might answer with both all the same
            wait_until(partial(listens, PORT, address), f"the region at {address} starts", log)
        yield pair


def _is_apart(pid: int) -> bool:
    with contextlib.suppress(OSError):  # it may have ended
        return Path(f"/proc/{pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    return False


def _unused_subnet() -> str:
    while True:
        subnet = f"198.{random.choice((18, 19))}.{random.randrange(256)}"  # noqa: S311  no secret
        if not _run(tool("ip"), "route", "show", "root", f"{subnet}.0/24"):
            return subnet


def _run(*command: str, stdin: str | None = None) -> str:
    done = subprocess.run(  # noqa: S603  the benchmark's own commands
        command, input=stdin, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
