"""A handle on one live process: started by us, or found alive and adopted. Who is to live is decided elsewhere.

Both kinds are watched and signalled through a pidfd, which is readable once the process has ended and cannot come to
mean another process. Only one that we started is ours to reap and tells how it ended.

A process is started in a session of its own, so Ctrl-C at a terminal reaches the supervisor alone. It shares stdout and
stderr with the supervisor and outlives it, so the reader of both may go away: a write then fails with EPIPE (a pipe
was closed) or EIO (a terminal hung up). Python ignores SIGPIPE, so what must keep running has to do no more than treat
these two errors, where it writes its log, as a lost line.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Container, Mapping
from pathlib import Path
from types import MappingProxyType

import structlog

from gslb.errors import StateError
from gslb.supervisor.lockfile import Holder, read_holder

log = structlog.get_logger(__name__)

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Process:
    """A process to watch and to signal.

    Attributes:
        pid: its process id.
        pidfd: a descriptor that is readable once the process has ended; ``reap`` closes it.
        since: monotonic seconds at which it was started or adopted.
    """

    def __init__(self, pid: int, popen: subprocess.Popen[bytes] | None = None) -> None:
        self.pid, self._popen = pid, popen
        self.pidfd = os.pidfd_open(pid)
        self.since = time.monotonic()

    @classmethod
    def spawn(
        cls, command: tuple[str, ...], descriptors: tuple[int, ...] = (), environment: Mapping[str, str] = _NOTHING
    ) -> "Process":
        """Start ``command``, which writes where this process writes, and has ``descriptors`` of it open too.

        Args:
            command: with arguments.
            descriptors: open files that it is given, under the same numbers.
            environment: variables beside those of this process.

        Raises:
            OSError: it cannot be started.
        """
        popen = subprocess.Popen(  # noqa: S603  the command is the program's own
            command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=descriptors,
            env=os.environ | dict(environment),
        )
        try:
            return cls(popen.pid, popen)
        except OSError:
            popen.kill()
            popen.wait()
            raise

    @classmethod
    def adopt(cls, holder: Holder) -> "Process | None":
        """A handle on the live process ``holder``; None where it has ended meanwhile."""
        try:
            process = cls(holder.pid)
        except ProcessLookupError:
            return None
        if holder.alive:
            return process
        process.reap()
        return None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal. One that has ended already feels nothing."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def end(self, patience: float) -> None:
        """SIGTERM, SIGKILL after ``patience`` seconds, and wait for the end."""
        for number, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, None)):
            self.signal(number)
            if select.select([self.pidfd], [], [], wait)[0]:
                break
        self.reap()

    def reap(self) -> int | None:
        """Let go of a process that has ended: its exit code, minus the signal that ended it.

        None if it is not known: an adopted one is somebody else's child, unless this program has started it before it
        was replaced by itself (execve(2)).
        """
        try:
            return self._popen.wait() if self._popen else self._wait()
        finally:
            os.close(self.pidfd)

    def _wait(self) -> int | None:
        try:
            found = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            return None
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def retire(run_dir: Path, spared: Container[str], patience: float) -> None:
    """End every process that holds a lock in ``run_dir``, those named in ``spared`` aside; see ``Process.end``.

    One whose lock does not say who it is is left, and said to be so: others are not to wait for it.
    """
    for path in sorted(run_dir.glob("*.lock")):
        try:
            holder = read_holder(path) if path.stem not in spared else None
        except StateError as error:
            log.error("process cannot be retired", name=path.stem, reason=str(error))  # noqa: TRY400  no trace needed
            continue
        process = Process.adopt(holder) if holder else None
        if process:
            log.info("process retired", name=path.stem, pid=process.pid)
            process.end(patience)
