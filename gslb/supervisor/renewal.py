"""How a supervisor goes on as another program: a newer version of itself, or with other children.

First a process on trial works out what it would be, and whether that can be; the supervisor replaces itself (execve)
only then. It keeps its process id, and adopts what it has started before. All of this is told in a file, to those who
have asked for it.
"""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gslb.errors import StateError
from gslb.files import write_new
from gslb.supervisor.lockfile import lock_file, read_holder

TRIAL_TIME = 60.0
"""seconds that a trial may take"""

_FILE = "renewal.json"
_PAUSE = 0.05


class Renewal(msgspec.Struct, frozen=True):
    """How far it has come.

    Attributes:
        refused: why the supervisor stays what it is.
        arguments: of the supervisor that this one is to become.
        done: that has come up, and has started, adopted or replaced everything.
        stayed: names of processes that should have been replaced, and were not.
    """

    refused: str = ""
    arguments: tuple[str, ...] = ()
    done: bool = False
    stayed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Renewer:
    """What a supervisor needs to know to renew itself.

    Attributes:
        run_dir: where the file is.
        trial: command of a process that calls ``write``, and exits with 0 if that is not a refusal.
        descriptors: open files that the trial is given.
        program: what takes ``arguments``.
    """

    run_dir: Path
    trial: tuple[str, ...]
    descriptors: tuple[int, ...] = ()
    program: tuple[str, ...] = ()

    def become(self) -> None:
        """Become what the trial has found. Returns only where that is nothing.

        Raises:
            OSError: the program cannot be started.
        """
        renewal = read(self.run_dir)
        if renewal is None or not renewal.arguments:
            return
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(self.program[0], [*self.program, *renewal.arguments])  # noqa: S606  no shell is meant


def write(run_dir: Path, renewal: Renewal) -> None:
    """Tell how far it has come.

    Raises:
        OSError: it cannot be written.
    """
    path = run_dir / _FILE
    write_new(path, [msgspec.json.encode(renewal)]).replace(path)


def read(run_dir: Path) -> Renewal | None:
    """What was told last; None if nothing was."""
    try:
        return msgspec.json.decode((run_dir / _FILE).read_bytes(), type=Renewal)
    except (OSError, msgspec.DecodeError):
        return None


class Request:
    """Asks the supervisor that works in ``run_dir`` to renew itself, and follows what comes of it.

    Raises:
        LookupError: there is none, or it cannot do that; says why.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._seen = _stamp(run_dir)
        try:
            holder = read_holder(lock_file(run_dir, "supervisor"))
        except StateError as error:
            raise LookupError(str(error)) from error
        if holder is None:
            raise LookupError("no supervisor is running")
        if not _catches(holder.pid, signal.SIGUSR2):
            raise LookupError(f"the running supervisor (process {holder.pid}) is of a version that cannot do that")
        try:
            os.kill(holder.pid, signal.SIGUSR2)
        except OSError as error:
            raise LookupError(f"the supervisor (process {holder.pid}) cannot be told: {error.strerror}") from error

    def news(self) -> Renewal | None:
        """What has been told since; None if nothing was. Does not wait."""
        return read(self._run_dir) if _stamp(self._run_dir) != self._seen else None

    def wait(self, within: float, *, done: bool = False) -> Renewal | None:
        """The same, once the trial is over, or everything is ``done``; None if that is not so in time."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            news = self.news()
            if news and (news.refused or news.done or (news.arguments and not done)):
                return news
            time.sleep(_PAUSE)
        return None


def _stamp(run_dir: Path) -> tuple[int, int] | None:
    try:
        stat = (run_dir / _FILE).stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns


def _catches(pid: int, number: signal.Signals) -> bool:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    caught = next((int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:")), 0)
    return bool(caught >> (number - 1) & 1)
