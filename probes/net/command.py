"""A command that is being run for a probe: its output, its end, and a bound on how many there are at once."""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from subprocess import Popen
from typing import IO, Protocol

MAX_WRITTEN = 1024 * 1024
"""octets of output that a command may write; reading without end would cost all other checks their turn"""
CHUNK = 65536
"""octets, as many as a pipe holds (pipe(7)): one read takes what is there"""


class Slots:
    """Bounds the commands under way; whoever comes first is served first."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: deque[Callable[[], None]] = deque()

    def take(self, run: Callable[[], None]) -> None:
        """Call ``run`` as soon as there is a slot, which is to be given back; maybe now."""
        if self._free and not self._waiting:
            self._free -= 1
            run()
        else:
            self._waiting.append(run)

    def withdraw(self, run: Callable[[], None]) -> None:
        """Do not call any more."""
        self._waiting.remove(run)

    def give_back(self) -> None:
        """Let the next one run, but not within this call: many that cannot be started would pile up on the stack."""
        self._free += 1
        asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            self._waiting.popleft()()


class Owner(Protocol):
    """Who has started a command. Told at most once of its end, and nothing after ``abandon``."""

    def exited(self) -> None:
        """It has ended."""

    def flooded(self) -> None:
        """It has written too much, and has been killed."""


class Command:
    """A command under way, leader of its process group. Its owner is told of its end, unless that has abandoned it.

    Its slot is given back once it has been reaped, which may be long after it was killed: a process that waits for a
    disk or a file server does not die before that answers.

    Attributes:
        code: its exit code, as ``Popen`` has it; None until it has been collected, and where somebody else in this
            process has waited for it, as a careless plug-in may.
    """

    __slots__ = ("_loop", "_outputs", "_owner", "_pidfd", "_popen", "_slots", "code")

    def __init__(self, popen: Popen[bytes], owner: Owner, max_output: int, slots: Slots) -> None:
        assert popen.stdout is not None  # noqa: S101  asked for
        assert popen.stderr is not None  # noqa: S101  likewise
        self._owner: Owner | None = owner
        self.code: int | None = None
        self._popen, self._slots, self._loop = popen, slots, asyncio.get_running_loop()
        self._outputs = (Output(popen.stdout, max_output), Output(popen.stderr, max_output))
        try:
            # It becomes readable with the end of the process (pidfd_open(2)): no thread, no handler of SIGCHLD.
            self._pidfd = os.pidfd_open(popen.pid)
        except OSError:
            self._kill()
            self._close_outputs()
            popen.wait()
            raise
        self._loop.add_reader(self._pidfd, self._ended)
        for output in self._outputs:
            self._loop.add_reader(output.number, self._read, output)

    def texts(self) -> Iterator[str]:
        """What is kept of stdout, then of stderr."""
        return (output.text for output in self._outputs)

    def abandon(self) -> None:
        """Kill it, and whatever it has started. It is reaped as soon as it is dead."""
        self._owner = None
        self._kill()
        self._close_outputs()

    def collect(self) -> bool:
        """Whether it has ended; then all that it held is freed."""
        try:
            if os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return False
            self._kill()  # what it leaves behind: until it is reaped, nobody else gets the number of its group
            self.code = self._popen.wait()
        except ChildProcessError:  # reaped already
            self._popen.wait()  # says 0 then, whatever it was
        for output in self._outputs:
            output.read()
        self._close_outputs()
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._slots.give_back()
        return True

    def _ended(self) -> None:
        if self.collect() and self._owner is not None:
            self._owner.exited()

    def _read(self, output: "Output") -> None:
        if not output.read():
            self._close(output)
        elif sum(output.written for output in self._outputs) > MAX_WRITTEN and self._owner is not None:
            owner = self._owner
            self.abandon()
            owner.flooded()

    def _kill(self) -> None:
        # A command that runs as another user cannot be killed; it keeps its slot until it ends.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)

    def _close_outputs(self) -> None:
        for output in self._outputs:
            self._close(output)

    def _close(self, output: "Output") -> None:
        if output.open:
            self._loop.remove_reader(output.number)
            output.close()


class Output:
    """One pipe from a command.

    Attributes:
        number: its descriptor.
        open: not closed yet.
        written: octets that have come.
    """

    __slots__ = ("_kept", "_limit", "_pipe", "number", "open", "written")

    def __init__(self, pipe: IO[bytes], limit: int) -> None:
        self._pipe, self._kept, self._limit = pipe, b"", limit
        self.number, self.open, self.written = pipe.fileno(), True, 0
        os.set_blocking(self.number, False)

    @property
    def text(self) -> str:
        """What is kept of it."""
        return self._kept.decode("utf-8", "replace")

    def read(self) -> bool:
        """Take what is there. False at the end."""
        if not self.open:
            return False
        try:
            data = os.read(self.number, CHUNK)
        except BlockingIOError:
            return True
        self.written += len(data)
        self._kept += data[: self._limit - len(self._kept)]
        return bool(data)

    def close(self) -> None:
        """A command that goes on to write is told by SIGPIPE."""
        self.open = False
        self._pipe.close()
