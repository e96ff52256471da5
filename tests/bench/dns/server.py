"""The port that every server of the comparison implements, and what those that are daemons share."""

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import dns.exception
import dns.message
import dns.query
import dns.rcode

from benchmarks.processes import running, tail, wait_until
from benchmarks.tools import BenchmarkError
from tests.bench.dns.zone import ZONE

BUFFER = 1 << 20
"""Octets that the kernel is to hold for a server's socket, where it can be told."""
_PATIENCE = 0.2


@dataclass(frozen=True, slots=True)
class Serving:
    """A server at work.

    Attributes:
        port: of 127.0.0.1.
        pid: its process; what that has started counts as well.
    """

    port: int
    pid: int


class Server(Protocol):
    """A nameserver in one configuration, with one worker. A value."""

    @property
    def name(self) -> str:
        """As printed."""

    @property
    def programs(self) -> tuple[str, ...]:
        """Names in ``tools.PACKAGES`` that it needs."""

    @property
    def mixes(self) -> frozenset[str]:
        """Those of ``mixes.MIXES`` that it can be asked."""

    @property
    def weighs(self) -> bool:
        """Whether it tells the service's addresses by their weights; else it tells the first one only."""

    def serving(self, folder: Path, cpu: int) -> AbstractContextManager[Serving]:
        """Answer for the zone on ``cpu`` from here to the end of the block.

        Args:
            folder: an empty folder for its files.
            cpu: the only one it may use.

        Raises:
            BenchmarkError: it does not start.
        """


@contextlib.contextmanager
def daemon(command: Sequence[str], port: int, folder: Path, cpu: int) -> Iterator[Serving]:
    """A process that serves the zone at ``port``, once it does."""
    log = folder / "log"
    with running(command, log, cpu=cpu) as process:
        wait_until(lambda: process.poll() is not None or _answers(port), f"{command[0]} answers", log)
        if process.returncode is not None:
            raise BenchmarkError(f"{command[0]} has ended. {log.name}:\n{tail(log)}")
        yield Serving(port, process.pid)


def _answers(port: int) -> bool:
    try:
        reply = dns.query.udp(dns.message.make_query(ZONE, "SOA"), "127.0.0.1", _PATIENCE, port)
    except (OSError, dns.exception.DNSException):
        return False
    return reply.rcode() == dns.rcode.NOERROR and bool(reply.answer)
