"""Processes that a benchmark starts, and their certain end."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from benchmarks.tools import BenchmarkError, tool

ROOT = Path(__file__).parents[1]
PATIENCE = 5.0
"""Seconds that a process may take to end when it is asked to."""
PAUSE = 0.01
"""Seconds between two looks while waiting."""
LOG_TAIL = 2000
"""Characters of a log that an error shows."""


@contextlib.contextmanager
def running(
    command: Sequence[str],
    log: Path,
    *,
    cpu: int | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process from here to the end of the block, with all that it starts.

    The kernel ends it when this process dies in whatever way; Ctrl-C at the terminal does not reach it.

    Args:
        command: program and arguments.
        log: takes what it writes, unless ``stdout`` says otherwise.
        cpu: the only CPU it may use.
        stdin: as of ``Popen``.
        stdout: as of ``Popen``; errors go to ``log`` all the same.
    """
    pinned = [tool("taskset"), "-c", str(cpu)] if cpu is not None else []
    guarded = [tool("setpriv"), "--pdeathsig", "TERM", *pinned, *command]
    with log.open("ab") as file, contextlib.ExitStack() as stack:
        process = subprocess.Popen(  # noqa: S603  the benchmark's own commands
            guarded,
            stdin=stdin,
            stdout=file if stdout is None else stdout,
            stderr=file,
            start_new_session=True,
            cwd=ROOT,
        )
        stack.callback(end, process)
        yield process


def end(process: subprocess.Popen[bytes], first: signal.Signals = signal.SIGTERM) -> None:
    """End a process started by ``running`` and its descendants: ask, then insist. Again does no harm."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    if process.returncode is not None:
        return
    watch = os.pidfd_open(process.pid)
    try:
        os.killpg(process.pid, first)
        select.select([watch], [], [], PATIENCE)
        os.killpg(process.pid, signal.SIGKILL)  # its id is still taken: it has not been waited for
    finally:
        os.close(watch)
        process.wait()


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this folder."""
    return [sys.executable, "-m", f"benchmarks.{module}", *arguments]


def wait_until(condition: Callable[[], object], what: str, log: Path, within: float = 20.0) -> None:
    """Wait until ``condition`` is true.

    Raises:
        BenchmarkError: it is not after ``within`` seconds; shows the end of ``log``.
    """
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{what}: not within {within:.0f} s. {log.name}:\n{tail(log)}")
        time.sleep(PAUSE)


def tail(log: Path) -> str:
    """The end of a log."""
    return log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:] if log.exists() else "(empty)"


def free_port() -> int:
    """A port of 127.0.0.1 that is free for UDP and TCP just now."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            with contextlib.suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port


def listens(port: int, address: str = "127.0.0.1") -> bool:
    """Whether something accepts TCP connections there."""
    with socket.socket() as probe:
        probe.settimeout(PATIENCE)
        return probe.connect_ex((address, port)) == 0


def unwind_on_signals() -> None:
    """Make SIGINT, SIGTERM and SIGHUP unwind the main thread once; further ones do not disturb the clean-up."""

    def unwind(number: int, _: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, unwind)
