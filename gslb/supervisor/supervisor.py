"""Start, adopt, restart, stop. One loop over one poll: signals, ends of processes, and the moments something is due.

What the processes do, and what a good configuration is, is theirs to know. The supervisor keeps nothing that it could
lose: who is alive stands in the lock files, so after its death the next supervisor goes on where it was.
"""

import functools
import math
import selectors
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from gslb.errors import StateError
from gslb.supervisor.backoff import next_restart
from gslb.supervisor.child import Child
from gslb.supervisor.lockfile import hold_lock, lock_file, read_holder
from gslb.supervisor.process import Process, retire
from gslb.supervisor.signals import read_signals, signal_pipe

ESTABLISHED = 5.0  # seconds after its first start in which exit code 1 or 2 is a refusal to start

_REFUSALS = (1, 2)  # what gslb exits with on a bad configuration and on wrong usage, having said why

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Slot:
    """The place of one child, whether its process lives or not.

    Attributes:
        child: what belongs here.
        process: what lives here.
        stopping: whether that has been told to end.
        due: monotonic seconds at which the empty slot is filled, or the process that would not stop is killed.
        quick_exits: see ``next_restart``.
        established_at: monotonic seconds from which an exit is a crash, whatever its code.
    """

    child: Child
    process: Process | None = None
    stopping: bool = False
    due: float = math.inf
    quick_exits: int = 0
    established_at: float = math.inf


class Supervisor:
    """Keeps ``children`` alive until SIGINT or SIGTERM.

    Each child takes its lock in ``run_dir`` itself (``hold_lock``), early in its life. Children are started in the
    given order and stopped one after the other in the reverse order.

    Args:
        children: what to keep alive; the names differ, and none is ``supervisor``.
        run_dir: folder of the lock files, created where missing.
        stop_timeout: seconds from SIGTERM to SIGKILL, for each child.
    """

    def __init__(self, children: Sequence[Child], run_dir: Path, *, stop_timeout: float = 10.0) -> None:
        self._slots = [_Slot(child) for child in children]
        self._run_dir, self._stop_timeout = run_dir, stop_timeout
        self._selector = selectors.PollSelector()
        self._adopted = False  # what was adopted serves somebody, and does not end because something else cannot start
        self._exit_code: int | None = None  # known once everything is to stop

    def run(self) -> int:
        """Start or adopt every child, and return the exit code when all of them have ended.

        0 after SIGINT or SIGTERM; a second one kills at once. 1 when a child, in the first 5 s of its first start,
        could not be started or exited with 1 or 2: then all are stopped, unless one of them was found alive. SIGHUP
        goes to ``control``. Main thread only.

        Raises:
            AlreadyRunningError: another supervisor works on ``run_dir``; nothing was touched.
            StateError: ``run_dir`` or a lock file in it cannot be used; nothing was started.
        """
        with (
            hold_lock(lock_file(self._run_dir, "supervisor"), sys.orig_argv),
            signal_pipe(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals,
        ):
            self._selector.register(signals, selectors.EVENT_READ, functools.partial(self._on_signals, signals))
            # Nobody would keep up to date what a dead supervisor ran under a name that is not wanted now.
            retire(self._run_dir, {"supervisor", *(slot.child.name for slot in self._slots)}, self._stop_timeout)
            for slot in self._slots:
                slot.due = time.monotonic()
            while self._exit_code is None or any(slot.process for slot in self._slots):
                self._turn()
            log.info("supervisor stopped", exit_code=self._exit_code)
            return self._exit_code

    def _turn(self) -> None:
        """Wait for something to happen, and see to it."""
        next_due = min((slot.due for slot in self._slots), default=math.inf)
        timeout = None if next_due == math.inf else max(0.0, next_due - time.monotonic())
        for key, _ in self._selector.select(timeout):
            key.data()
        for slot in self._slots:
            if slot.due <= time.monotonic():
                self._act(slot)

    def _act(self, slot: _Slot) -> None:
        if slot.process is None:
            self._start(slot)
        else:
            self._kill(slot)

    def _start(self, slot: _Slot) -> None:
        slot.due = math.inf
        try:
            slot.process = self._adopt(slot) or self._spawn(slot)
        except (StateError, OSError) as error:
            log.error("process cannot start", name=slot.child.name, reason=str(error))  # noqa: TRY400  no bug, no trace
            self._recover(slot, lived=0.0, refused=True)
            return
        self._selector.register(
            slot.process.pidfd, selectors.EVENT_READ, functools.partial(self._on_exit, slot, slot.process)
        )

    def _adopt(self, slot: _Slot) -> Process | None:
        """The process that holds the child's lock already; on its way out, if its command is another."""
        holder = read_holder(lock_file(self._run_dir, slot.child.name))
        process = Process.adopt(holder) if holder else None
        if holder is None or process is None:
            return None
        self._adopted = True
        if holder.command == slot.child.command:
            slot.established_at = time.monotonic()
            log.info("process adopted", name=slot.child.name, pid=process.pid)
            if slot.child.name == "control":
                process.signal(signal.SIGHUP)  # the configuration may have changed while nobody was there to say so
        else:
            log.info("process replaced", name=slot.child.name, pid=process.pid, command=" ".join(holder.command))
            self._terminate(slot, process)
        return process

    def _spawn(self, slot: _Slot) -> Process:
        slot.established_at = min(slot.established_at, time.monotonic() + ESTABLISHED)
        process = Process.spawn(slot.child.command, slot.child.descriptors)
        log.info("process started", name=slot.child.name, pid=process.pid)
        return process

    def _on_exit(self, slot: _Slot, process: Process) -> None:
        self._selector.unregister(process.pidfd)
        code = process.reap()
        log.info("process exited", name=slot.child.name, pid=process.pid, **_fate(code))
        replaced, slot.stopping = slot.stopping, False
        slot.process, slot.due = None, math.inf
        if self._exit_code is not None:
            self._stop_next()
        elif replaced:
            slot.due = time.monotonic()
        else:
            refused = code in _REFUSALS and not self._lock_is_taken(slot)
            self._recover(slot, lived=time.monotonic() - process.since, refused=refused)

    def _recover(self, slot: _Slot, *, lived: float, refused: bool) -> None:
        now = time.monotonic()
        if refused and now < slot.established_at and not self._adopted:
            log.error("process refused to start", name=slot.child.name)
            self._stop(exit_code=1)
            return
        delay, slot.quick_exits = next_restart(slot.quick_exits, lived)
        slot.due = now + delay
        log.warning("process restarts", name=slot.child.name, delay=delay)

    def _lock_is_taken(self, slot: _Slot) -> bool:
        """Whether the child may have given way to one that a supervisor before us started just before its death."""
        try:
            return read_holder(lock_file(self._run_dir, slot.child.name)) is not None
        except StateError:
            return False

    def _on_signals(self, descriptor: int) -> None:
        for number in read_signals(descriptor):
            if number == signal.SIGHUP:
                self._reload()
            elif self._exit_code is None:
                self._stop(exit_code=0)
            else:
                self._kill_all()

    def _reload(self) -> None:
        for slot in self._slots:
            if slot.child.name == "control" and slot.process and not slot.stopping:
                slot.process.signal(signal.SIGHUP)

    def _stop(self, *, exit_code: int) -> None:
        log.info("supervisor stops", exit_code=exit_code)
        self._exit_code = exit_code
        for slot in self._slots:
            if slot.process is None:
                slot.due = math.inf
        self._stop_next()

    def _stop_next(self) -> None:
        """See that the last one alive is on its way out."""
        for slot in reversed(self._slots):
            if slot.process:
                if not slot.stopping:
                    self._terminate(slot, slot.process)
                return

    def _terminate(self, slot: _Slot, process: Process) -> None:
        process.signal(signal.SIGTERM)
        slot.stopping, slot.due = True, time.monotonic() + self._stop_timeout

    def _kill_all(self) -> None:
        log.warning("supervisor kills what is left")
        for slot in self._slots:
            self._kill(slot)

    def _kill(self, slot: _Slot) -> None:
        if slot.process:
            log.warning("process killed", name=slot.child.name, pid=slot.process.pid)
            slot.process.signal(signal.SIGKILL)
            slot.stopping, slot.due = True, math.inf


def _fate(code: int | None) -> dict[str, int | str]:
    """How a process ended, as far as it is known: of an adopted one it is not."""
    if code is None:
        return {}
    if code >= 0:
        return {"code": code}
    return {"signal": next((known.name for known in signal.Signals if known == -code), str(-code))}
