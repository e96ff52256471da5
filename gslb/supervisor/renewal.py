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
from gslb.supervisor.process import Process

TRIAL_TIME = 60.0
"""seconds that a trial may take"""

BECOMING = 2.0
"""seconds for a supervisor that becomes another one to answer again"""

_FILE = "renewal.json"
_MOST = 16 * 2**20
_PAUSE = 0.05


class Outcome(msgspec.Struct, frozen=True):
    """Of a trial.

    Attributes:
        refused: why the supervisor cannot go on as another one.
        arguments: of the one that it can become.
    """

    refused: str = ""
    arguments: tuple[str, ...] = ()


class Renewal(msgspec.Struct, frozen=True):
    """How far it has come.

    Attributes:
        refused: why the supervisor stays what it is.
        tried: it is about to become another one.
        done: that has come up, and has started, adopted or replaced everything.
        stayed: names of processes that should have been replaced, and were not.
        crashed: names of those that have ended unasked since then.
        names: of all that there are to be.
        at: seconds of CLOCK_MONOTONIC. Whoever has asked by then has been heard.
    """

    refused: str = ""
    tried: bool = False
    done: bool = False
    stayed: tuple[str, ...] = ()
    crashed: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Renewer:
    """What a supervisor needs to know to renew itself.

    Attributes:
        trial: command of a process that works out what it would be. It is given one more argument, a descriptor, and
            calls ``conclude`` with that.
        descriptors: further open files that it is given.
        program: what takes the arguments that it finds.
    """

    trial: tuple[str, ...]
    program: tuple[str, ...]
    descriptors: tuple[int, ...] = ()


class Trial:
    """A trial that runs. What it finds comes in a file in memory: whoever could write that could have any program run.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, renewer: Renewer) -> None:
        self._program, self._file = renewer.program, os.memfd_create("gslb-renewal")
        command = (*renewer.trial, str(self._file))
        try:
            self.process = Process.spawn(command, (*renewer.descriptors, self._file))
        except OSError:
            os.close(self._file)
            raise
        self.too_late = time.monotonic() + TRIAL_TIME
        self.outcome = Outcome()

    def end(self) -> None:
        """To be called once the process has ended: ``outcome`` is known then."""
        code = self.process.reap()
        try:
            found = msgspec.json.decode(os.pread(self._file, _MOST, 0), type=Outcome)
        except msgspec.DecodeError:
            found = Outcome()
        os.close(self._file)
        nothing = f"the trial of the new code has failed (exit code {code})"
        self.outcome = found if found.refused or (found.arguments and code == 0) else Outcome(nothing)

    def become(self) -> None:
        """Become what was found.

        Raises:
            OSError: the program cannot be started.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(self._program[0], [*self._program, *self.outcome.arguments])  # noqa: S606  no shell is meant


def conclude(descriptor: int, outcome: Outcome) -> None:
    """Of the process on trial: say what it has found."""
    os.write(descriptor, msgspec.json.encode(outcome))


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

    While it becomes another one it does not answer for a moment, so this tries for a while.

    Raises:
        LookupError: there is none, or it cannot do that; says why.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        deadline = time.monotonic() + BECOMING
        while True:
            try:
                self._seen = self._ask(run_dir)
            except LookupError:
                if time.monotonic() > deadline or not lock_file(run_dir, "supervisor").exists():
                    raise
                time.sleep(_PAUSE)
            else:
                self._asked = time.monotonic()
                return

    @staticmethod
    def _ask(run_dir: Path) -> tuple[int, int] | None:
        """Returns what was told last before it was asked."""
        try:
            holder = read_holder(lock_file(run_dir, "supervisor"))
        except StateError as error:
            raise LookupError(str(error)) from error
        if holder is None:
            raise LookupError("no supervisor is running")
        if not _catches(holder.pid, signal.SIGUSR2):
            raise LookupError(f"the running supervisor (process {holder.pid}) is of a version that cannot do that")
        seen = _stamp(run_dir)
        try:
            os.kill(holder.pid, signal.SIGUSR2)
        except OSError as error:
            raise LookupError(f"the supervisor (process {holder.pid}) cannot be told: {error.strerror}") from error
        return seen

    def news(self) -> Renewal | None:
        """What has been told since; None if nothing was. Does not wait."""
        news = read(self._run_dir) if _stamp(self._run_dir) != self._seen else None
        return None if news and news.at is not None and news.at < self._asked else news

    def wait(self, within: float, *, done: bool = False) -> Renewal | None:
        """The same, once the trial is over, or everything is ``done``; None if that is not so in time."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            news = self.news()
            if news and (news.refused or news.done or (news.tried and not done)):
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
