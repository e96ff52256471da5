"""The port that every contender of the probe benchmark implements, and what one written for it shares."""

import contextlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from benchmarks.origin import Origin
from benchmarks.processes import running, tail
from benchmarks.tools import BenchmarkError


class Check(StrEnum):
    """What a probe does, and so how the origin counts it."""

    HTTP = "http"
    TCP = "tcp"


@dataclass(frozen=True, slots=True)
class Report:
    """What a prober says of itself about the time it was measured.

    Attributes:
        p50: milliseconds by which probes started late, median; None where nobody knows.
        p99: likewise, the value that 99 % did not exceed.
        failed: probes that did not succeed; none should.
    """

    p50: float | None
    p99: float | None
    failed: int


class Prober(Protocol):
    """A contender at work."""

    @property
    def roots(self) -> tuple[int, ...]:
        """Process ids whose trees count as the prober."""

    def begin(self) -> None:
        """From here on it is measured."""

    def end(self) -> Report | None:
        """Up to here; what it has to say, None if it says nothing."""


class Contender(Protocol):
    """One way to probe. A value: the same one is started again in each round."""

    @property
    def name(self) -> str:
        """As printed."""

    @property
    def check(self) -> Check:
        """What its probes do."""

    @property
    def rate(self) -> float:
        """Probes per second that it is asked for, over all endpoints."""

    @property
    def programs(self) -> tuple[str, ...]:
        """Names in ``tools.PACKAGES`` that it needs."""

    def probing(self, origin: Origin, cpu: int, folder: Path) -> AbstractContextManager[Prober]:
        """Probe all endpoints of ``origin`` on ``cpu`` from here to the end of the block.

        Args:
            origin: what to probe; its own CPU is there for what must not count as the prober.
            cpu: the prober's CPU.
            folder: an empty folder for its files.

        Raises:
            BenchmarkError: it does not start.
        """


@dataclass(frozen=True, slots=True)
class Daemon:
    """A prober that knows nothing of being measured."""

    roots: tuple[int, ...]

    def begin(self) -> None:
        """Nothing to do."""

    def end(self) -> None:
        """Nothing to say."""


@dataclass(frozen=True, slots=True)
class Accountable:
    """A prober that keeps an ``account.Account``, and is spoken to over its pipes."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def roots(self) -> tuple[int, ...]:
        """The process itself."""
        return (self.process.pid,)

    def begin(self) -> None:
        """Forget what was before."""
        self._say("begin")

    def end(self) -> Report:
        """What it tells.

        Raises:
            BenchmarkError: it has ended.
        """
        return Report(**json.loads(self._say("end")))

    def _say(self, word: str) -> bytes:
        assert self.process.stdin is not None  # noqa: S101  opened below
        assert self.process.stdout is not None  # noqa: S101  likewise
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{word}\n".encode())
            self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise BenchmarkError(f"the prober has ended. {self.log.name}:\n{tail(self.log)}")
        return answer


@contextlib.contextmanager
def accountable(command: Sequence[str], log: Path, cpu: int) -> Iterator[Accountable]:
    """A process that keeps an ``account.Account``, from here to the end of the block."""
    with running(command, log, cpu=cpu, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Accountable(process, log)
