"""The load generator: made from ``loadgen.c``, run, and what it says."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tools import BenchmarkError, tool
from tests.bench.dns.mixes import RATE, Mode

SOURCE = Path(__file__).with_name("loadgen.c")
_FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror")
_GRACE = 20.0
"""Seconds beyond its time after which it is given up: it waits for one only."""


@dataclass(frozen=True, slots=True)
class Load:
    """The account of one run. Each query sent was answered, got a wrong reply, or was lost.

    Attributes:
        seconds: until the last right reply.
        sent: queries.
        answered: right replies.
        wrong: replies that were not right.
        lost: queries without a reply for a second.
        stray: replies that nobody waited for.
        p50: microseconds until the right reply, from the moment when the query was due.
        p99: likewise.
        p999: likewise.
        max: likewise.
        late_p99: microseconds by which the generator itself was late; of the paced mode.
    """

    seconds: float
    sent: int
    answered: int
    wrong: int
    lost: int
    stray: int
    p50: int
    p99: int
    p999: int
    max: int
    late_p99: int

    @property
    def bad(self) -> int:
        """Replies that should not have come."""
        return self.wrong + self.stray

    @property
    def rate(self) -> float:
        """Right replies a second."""
        return self.answered / self.seconds if self.seconds else 0.0


def read_account(text: str) -> Load:
    """What the generator prints.

    Raises:
        BenchmarkError: it is not that, or does not add up.
    """
    try:
        load = Load(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise BenchmarkError(f"the load generator said {text!r}: {error}") from error
    if load.sent != load.answered + load.wrong + load.lost:
        raise BenchmarkError(f"the load generator lost count: {load}")
    return load


def build(folder: Path) -> Path:
    """The generator, compiled into ``folder``.

    Raises:
        BenchmarkError: the compiler is missing, or not content.
    """
    made = folder / "loadgen"
    command = [tool("gcc"), *_FLAGS, "-o", str(made), str(SOURCE)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if told.returncode:
        raise BenchmarkError(f"{SOURCE.name} does not compile:\n{told.stderr}")
    return made


@dataclass(frozen=True, slots=True)
class Generator:
    """The compiled generator, and the only CPU it may use."""

    program: Path
    cpu: int

    def run(self, mode: Mode, port: int, seconds: float, number: int, queries: Path) -> Load:
        """Ask the server at ``port`` for so long.

        Args:
            mode: how.
            port: of 127.0.0.1.
            seconds: for how long.
            number: tells packets of this run from those of others, where a mode promises that.
            queries: a file of ``mixes.write_queries``.

        Raises:
            BenchmarkError: it fails, as when the server is gone.
        """
        command = [tool("taskset"), "-c", str(self.cpu), str(self.program), mode, str(port), str(seconds), str(number)]
        command += [str(queries), *([str(RATE)] if mode is Mode.PACED else [])]
        told = subprocess.run(command, capture_output=True, text=True, timeout=seconds + _GRACE, check=False)
        if told.returncode:
            raise BenchmarkError(told.stderr.strip() or f"the load generator ended with {told.returncode}")
        if told.stderr:
            print(told.stderr.strip(), file=sys.stderr)
        return read_account(told.stdout)
