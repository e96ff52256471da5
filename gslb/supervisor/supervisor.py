"""Start, adopt, replace, restart, stop. One loop over one poll: signals, ends of processes, and moments that are due.

What the processes do, and what a good configuration is, is theirs to know. The supervisor keeps nothing that it could
lose: who is alive stands in the lock files, so after its death the next supervisor goes on where it was.
"""

import contextlib
import functools
import math
import select
import selectors
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from gslb.errors import StateError
from gslb.supervisor import renewal
from gslb.supervisor.backoff import next_restart
from gslb.supervisor.child import CANNOT_TAKE_OVER, TAKE_OVER, Child
from gslb.supervisor.lockfile import Holder, hold_lock, lock_file, read_holder, read_name
from gslb.supervisor.process import Process, retire
from gslb.supervisor.renewal import Renewal, Renewer, Trial
from gslb.supervisor.signals import read_signals, signal_pipe

ESTABLISHED = 5.0  # seconds after its first start in which exit code 1 or 2 is a refusal to start
TAKE_OVER_TIME = 60.0  # seconds for a process to take the place of another one
LEAVE_TIME = 60.0  # seconds for that other one to end

PROVING = 0.5  # seconds of life under its name after which a process counts as started

_LOOK = 0.05  # seconds between two looks whether a place was taken
_REFUSALS = (1, 2)  # what gslb exits with on a bad configuration and on wrong usage, having said why
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Slot:
    """The place of one child, whether its process lives or not.

    Attributes:
        child: what belongs here.
        process: what lives here.
        successor: what is about to take its place. ``process`` goes on until that has done so.
        stopping: whether ``process`` has been told to end.
        due: monotonic seconds at which the empty slot is filled, the process that would not stop is killed, or it is
            looked whether the successor has taken the place.
        too_late: monotonic seconds at which it has failed.
        quick_exits: see ``next_restart``.
        established_at: monotonic seconds from which an exit is a crash, whatever its code; none before the first start.
        proven_at: monotonic seconds at which what was started here has lived for a while under its name.
        stayed: what lives here should have been replaced.
    """

    child: Child
    process: Process | None = None
    successor: Process | None = None
    stopping: bool = False
    due: float = math.inf
    too_late: float = math.inf
    quick_exits: int = 0
    established_at: float = math.inf
    proven_at: float = math.inf
    stayed: bool = False

    @property
    def settled(self) -> bool:
        """Whether nothing is under way here, but for the next start of what crashes again and again."""
        there = self.process is not None or self.quick_exits > 0
        return there and self.established_at < math.inf and self.successor is None and not self.stopping


class Supervisor:
    """Keeps ``children`` alive until SIGINT or SIGTERM.

    Each child takes its lock in ``run_dir`` itself (``hold_lock``), early in its life. Children are started in the
    given order and stopped one after the other in the reverse order. Those that live already and differ are replaced,
    also one after the other.

    Args:
        children: what to keep alive; the names differ, and none is ``supervisor``.
        run_dir: folder of the lock files, created where missing.
        stop_timeout: seconds from SIGTERM to SIGKILL, for each child.
        renewer: how to go on as another program, upon SIGUSR2.
    """

    def __init__(
        self, children: Sequence[Child], run_dir: Path, *, stop_timeout: float = 10.0, renewer: Renewer | None = None
    ) -> None:
        self._slots = [_Slot(child) for child in children]
        self._run_dir, self._stop_timeout, self._renewer = run_dir, stop_timeout, renewer
        self._selector = selectors.PollSelector()
        self._adopted = False  # what was adopted serves somebody, and does not end because something else cannot start
        self._exit_code: int | None = None  # known once everything is to stop
        self._leaving: dict[Process, float] = {}  # those whose place was taken, and when they are killed
        self._trial: Trial | None = None
        self._renewing: Trial | None = None  # it has found what to become
        self._asked_again = False  # since that trial began, and so for another one
        self._signals = -1
        self._told = False

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
            signal_pipe(*_SIGNALS) as signals,
        ):
            self._signals = signals
            self._selector.register(signals, selectors.EVENT_READ, functools.partial(self._on_signals, signals))
            # Nobody would keep up to date what a dead supervisor ran under a name that is not wanted now.
            retire(self._run_dir, {"supervisor", *(slot.child.name for slot in self._slots)}, self._stop_timeout)
            for slot in self._slots:
                slot.due = time.monotonic()
            while self._exit_code is None or self._leaving or any(it.process or it.successor for it in self._slots):
                self._turn()
            log.info("supervisor stopped", exit_code=self._exit_code)
            return self._exit_code

    def _turn(self) -> None:
        """Wait for something to happen, and see to it."""
        moments = [
            self._trial.too_late if self._trial else math.inf,
            *self._leaving.values(),
            *(slot.due for slot in self._slots),
        ]
        if self._exit_code is None and not (self._told and self._renewing is None):
            moments.append(time.monotonic() + _LOOK)  # whether all are settled
        next_due = min(moments)
        timeout = None if next_due == math.inf else max(0.0, next_due - time.monotonic())
        for key, _ in self._selector.select(timeout):
            key.data()
        for slot in self._slots:
            if slot.due <= time.monotonic():
                self._act(slot)
        self._kill_overdue()
        settled = [self._is_settled(slot) for slot in self._slots]
        if self._exit_code is None and all(settled):
            at = time.monotonic()
            if not (self._trial or self._renewing or self._is_called()):  # else somebody waits for what comes of these
                self._tell_settled(at)
            if self._renewing and not self._leaving:
                self._go_on_as(self._renewing)

    def _is_settled(self, slot: _Slot) -> bool:
        """Whether nothing is under way there, and what was started has its name and lives, or has crashed."""
        if slot.settled and slot.process and slot.proven_at == math.inf:
            named = read_name(lock_file(self._run_dir, slot.child.name))
            if named and named.pid == slot.process.pid:
                slot.proven_at = time.monotonic() + PROVING
        return slot.settled and (slot.quick_exits > 0 or slot.proven_at <= time.monotonic())

    def _act(self, slot: _Slot) -> None:
        if slot.successor is not None:
            self._look(slot, slot.successor)
        elif slot.process is None:
            self._start(slot)
        else:
            self._kill(slot)

    def _start(self, slot: _Slot) -> None:
        slot.due = math.inf
        try:
            holder = read_holder(lock_file(self._run_dir, slot.child.name))
            if self._must_wait(slot, holder):
                slot.due = time.monotonic() + _LOOK
                return
            slot.process = self._adopt(slot, holder) or self._spawn(slot)
        except (StateError, OSError) as error:
            log.error("process cannot start", name=slot.child.name, reason=str(error))  # noqa: TRY400  no bug, no trace
            slot.established_at = min(slot.established_at, time.monotonic() + ESTABLISHED)
            self._recover(slot, lived=0.0, refused=True)
            return
        self._watch(slot, slot.process)

    def _watch(self, slot: _Slot, process: Process) -> None:
        self._selector.register(process.pidfd, selectors.EVENT_READ, functools.partial(self._on_exit, slot, process))

    def _must_wait(self, slot: _Slot, holder: Holder | None) -> bool:
        """Whether another one is being replaced, or just was: a fault shows with one, and two take twice the memory."""
        if slot.established_at < math.inf or (holder and holder.command == slot.child.command):
            return False
        now = time.monotonic()
        return any(it.successor or it.stopping or now < it.proven_at < math.inf for it in self._slots)

    def _adopt(self, slot: _Slot, holder: Holder | None) -> Process | None:
        """The process that holds the child's lock already; if its command is another, it is about to be replaced."""
        process = (self._still_there(holder) or Process.adopt(holder)) if holder else None
        if holder is None or process is None:
            return None
        self._adopted = True
        slot.established_at = slot.proven_at = time.monotonic()
        if holder.command == slot.child.command:
            log.info("process adopted", name=slot.child.name, pid=process.pid)
            if slot.child.name == "control":
                process.signal(signal.SIGHUP)  # the configuration may have changed while nobody was there to say so
        else:
            if any(other.quick_exits for other in self._slots if other is not slot):
                log.error("process stays, since another one has crashed", name=slot.child.name, pid=process.pid)
                slot.stayed = True
                return process
            log.info("process replaced", name=slot.child.name, pid=process.pid, command=" ".join(holder.command))
            if slot.child.takes_over:
                self._send_successor(slot)
            else:
                self._terminate(slot, process)
        return process

    def _still_there(self, holder: Holder) -> Process | None:
        """One whose successor died while it took the place, and which so goes on."""
        process = next((it for it in self._leaving if it.pid == holder.pid), None)
        if process:
            del self._leaving[process]
            self._selector.unregister(process.pidfd)
        return process

    def _send_successor(self, slot: _Slot) -> None:
        """Start a process that is to take the place of the one in this slot."""
        try:
            slot.successor = Process.spawn(slot.child.command, slot.child.descriptors, {TAKE_OVER: "1"})
        except OSError as error:
            log.error("process cannot start", name=slot.child.name, reason=str(error))  # noqa: TRY400  no bug, no trace
            slot.stayed = True
            return
        self._watch(slot, slot.successor)
        now = time.monotonic()
        slot.due, slot.too_late = now + _LOOK, now + TAKE_OVER_TIME
        log.info("process is to take over", name=slot.child.name, pid=slot.successor.pid)

    def _look(self, slot: _Slot, successor: Process) -> None:
        """Whether it has taken the place."""
        now = time.monotonic()
        named = read_name(lock_file(self._run_dir, slot.child.name))
        if named and named.pid == successor.pid and named.alive:
            log.info("process took over", name=slot.child.name, pid=successor.pid)
            self._let_leave(slot)
            slot.process, slot.successor = successor, None
            slot.due, slot.stopping, slot.stayed = math.inf, False, False
            slot.proven_at = now + PROVING
        elif now >= slot.too_late:
            log.error("process does not take over", name=slot.child.name, pid=successor.pid, seconds=TAKE_OVER_TIME)
            successor.signal(signal.SIGKILL)
            slot.due = math.inf
        else:
            slot.due = now + _LOOK

    def _has_its_place(self, slot: _Slot, process: Process) -> bool:
        """Whether it has not given its place to a successor that has ended meanwhile. Then nobody has it."""
        try:
            holder = read_holder(lock_file(self._run_dir, slot.child.name))
        except StateError:
            return True
        return holder is not None and holder.pid == process.pid

    def _let_leave(self, slot: _Slot) -> None:
        """What has no place any more ends by itself."""
        if slot.process:
            self._leaving[slot.process] = time.monotonic() + LEAVE_TIME
            slot.process = None

    def _spawn(self, slot: _Slot) -> Process:
        slot.established_at = min(slot.established_at, time.monotonic() + ESTABLISHED)
        process = Process.spawn(slot.child.command, slot.child.descriptors)
        slot.proven_at = math.inf
        log.info("process started", name=slot.child.name, pid=process.pid)
        return process

    def _on_exit(self, slot: _Slot, process: Process) -> None:
        self._selector.unregister(process.pidfd)
        code = process.reap()
        log.info("process exited", name=slot.child.name, pid=process.pid, **_fate(code))
        if process in self._leaving:
            del self._leaving[process]
        elif process is slot.successor:
            self._on_successor_exit(slot, process, code)
        else:
            self._on_place_empty(slot, process, code)

    def _on_successor_exit(self, slot: _Slot, successor: Process, code: int | None) -> None:
        slot.successor, slot.due = None, math.inf
        if slot.process and not self._has_its_place(slot, slot.process):
            self._let_leave(slot)
        if slot.process is None:
            self._on_place_empty(slot, successor, code)
        elif self._exit_code is not None:
            self._stop_next()
        elif code == CANNOT_TAKE_OVER:
            log.warning("process is ended first", name=slot.child.name, pid=slot.process.pid)
            self._terminate(slot, slot.process)
        else:
            slot.stayed = True
            log.error("process could not take over, the former one stays", name=slot.child.name, pid=slot.process.pid)

    def _on_place_empty(self, slot: _Slot, process: Process, code: int | None) -> None:
        replaced, slot.stopping = slot.stopping, False
        slot.process, slot.stayed = None, False
        if slot.successor:
            return  # it finds the place free
        slot.due = math.inf
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
            elif number == signal.SIGUSR2:
                self._renew()
            elif self._exit_code is None:
                self._stop(exit_code=0)
            else:
                self._kill_all()

    def _is_called(self) -> bool:
        """Whether there are signals that nobody has seen to."""
        return bool(select.select([self._signals], [], [], 0)[0])

    def _reload(self) -> None:
        for slot in self._slots:
            if slot.child.name == "control" and slot.process and not slot.stopping:
                slot.process.signal(signal.SIGHUP)

    def _stop(self, *, exit_code: int) -> None:
        log.info("supervisor stops", exit_code=exit_code)
        self._exit_code = exit_code
        for hastened in (*([self._trial.process] if self._trial else []), *self._leaving):
            hastened.signal(signal.SIGKILL)
        for slot in self._slots:
            if slot.successor:
                self._look(slot, slot.successor)
            if slot.successor:  # the one before it goes on if this one has not taken the place
                slot.successor.signal(signal.SIGKILL)
            if slot.process is None or slot.successor:
                slot.due = math.inf
        self._stop_next()

    def _stop_next(self) -> None:
        """See that the last one alive is on its way out."""
        for slot in reversed(self._slots):
            if slot.successor:
                return
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

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for process, due in self._leaving.items():
            if due <= now:
                log.warning("process killed", pid=process.pid)
                process.signal(signal.SIGKILL)
                self._leaving[process] = math.inf
        if self._trial and self._trial.too_late <= now:
            self._trial.process.signal(signal.SIGKILL)
            self._trial.too_late = math.inf

    def _renew(self) -> None:
        """Have it tried what this supervisor could go on as."""
        if self._renewer is None or self._exit_code is not None:
            return
        if self._trial or self._renewing:
            self._asked_again = True  # there may be something else to be by now
            return
        log.info("supervisor renews itself")
        self._asked_again = False
        try:
            self._trial = Trial(self._renewer)
        except OSError as error:
            self._stay(f"the trial cannot be started: {error}", time.monotonic())
            return
        self._selector.register(
            self._trial.process.pidfd, selectors.EVENT_READ, functools.partial(self._on_trial_exit, self._trial)
        )

    def _on_trial_exit(self, trial: Trial) -> None:
        at = time.monotonic()
        if self._is_called():
            self._on_signals(self._signals)
        self._selector.unregister(trial.process.pidfd)
        self._trial = None
        trial.end()
        if self._exit_code is not None:
            return
        if self._asked_again:
            self._renew()
        elif trial.outcome.refused:
            self._stay(trial.outcome.refused, at)
        else:
            self._renewing = trial
            self._tell(Renewal(tried=True, at=at))

    def _go_on_as(self, trial: Trial) -> None:
        """Go on as another program, under the same process id; what has come until then is seen to first."""
        if self._asked_again:
            self._renewing = None
            self._renew()
            return
        former = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            if not self._is_called():
                self._renewing = None
                trial.become()
        except OSError as error:
            self._stay(str(error), time.monotonic())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, former)

    def _stay(self, reason: str, at: float) -> None:
        log.error("supervisor stays what it is", reason=reason)
        self._told = True  # what is told then is not to be overwritten
        self._tell(Renewal(refused=reason, at=at))

    def _tell_settled(self, at: float) -> None:
        if not self._told:
            self._told = True
            self._tell(
                Renewal(
                    done=True,
                    stayed=tuple(slot.child.name for slot in self._slots if slot.stayed),
                    crashed=tuple(slot.child.name for slot in self._slots if slot.quick_exits),
                    names=tuple(slot.child.name for slot in self._slots),
                    at=at,
                )
            )

    def _tell(self, news: Renewal) -> None:
        if self._renewer:
            with contextlib.suppress(OSError):  # a full disk, say: nobody is told then, and that is all
                renewal.write(self._run_dir, news)

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
