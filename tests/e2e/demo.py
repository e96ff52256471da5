"""The demo as a user runs it: one command, dig, curl, and Ctrl-C."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.waiting import eventually

SERVICE = "api.example.com"
ISTANBUL, ANKARA = "127.0.1.1", "127.0.2.1"
GSLB = (sys.executable, "-m", "gslb")
DNS_PORT, GATEWAY_PORT = 5300, 8080
QUERIES = 2000


@dataclass
class Demo:
    """A running demo.

    Attributes:
        gslb: the command that started it.
        first_line: monotonic time of its first line.
        lines: what it has printed.
    """

    gslb: Sequence[str]
    process: subprocess.Popen[str]
    environment: dict[str, str]
    first_line: float = 0.0
    lines: list[str] = field(default_factory=list)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another gslb command of the same user."""
        return subprocess.run(
            [*self.gslb, *arguments], capture_output=True, text=True, timeout=30, check=False, env=self.environment
        )

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.first_line = self.first_line or time.monotonic()
            self.lines.append(line)

    @property
    def output(self) -> str:
        return "".join(self.lines)


@contextmanager
def running_demo(gslb: Sequence[str], folder: Path, *arguments: str) -> Iterator[Demo]:
    """A demo from its first line on; ended by SIGINT if it still runs."""
    environment = os.environ | {"XDG_RUNTIME_DIR": str(folder)}
    process = subprocess.Popen(
        [*gslb, "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    )
    demo = Demo(gslb, process, environment)
    reader = threading.Thread(target=demo.read)
    reader.start()
    try:
        eventually(lambda: demo.first_line or process.poll() is not None)
        yield demo
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        finally:
            process.kill()
            reader.join()
            assert process.stdout is not None
            process.stdout.close()


def dig(*arguments: str, port: int = DNS_PORT) -> list[str]:
    """The lines of ``dig +short`` against the demo."""
    command = ["dig", "+short", "+time=1", "+tries=1", "@127.0.0.1", "-p", str(port), *arguments]
    output = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout
    return [line for line in output.splitlines() if re.fullmatch(r"[\w.:-]+", line)]


def tally(count: int, folder: Path) -> Counter[str]:
    """The addresses in ``count`` answers, asked for in one batch."""
    batch = folder / "queries"
    batch.write_text(f"{SERVICE} A\n" * count)
    return Counter(dig("-f", str(batch)))


def processes_below(folder: Path) -> list[str]:
    """Command lines of the processes that name ``folder``."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


def assert_answers_60_to_40(folder: Path) -> None:
    counts = tally(QUERIES, folder)
    assert counts.total() == QUERIES
    assert set(counts) == {ISTANBUL, ANKARA}
    assert abs(counts[ISTANBUL] - 0.6 * QUERIES) < 4 * math.sqrt(QUERIES * 0.6 * 0.4)


def assert_reaches_its_region(address: str) -> None:
    command = ["curl", "-sS", "--max-time", "5", f"http://{address}:{GATEWAY_PORT}/hello"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    assert json.loads(answer)["region"] == {ISTANBUL: "istanbul", ANKARA: "ankara"}[address]
