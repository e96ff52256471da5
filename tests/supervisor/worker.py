"""A supervised process: ``worker.py RUN_DIR NAME BEHAVIOUR``. It notes what happens to it in RUN_DIR/NAME.notes.

serve: live until SIGTERM, noting SIGHUP. stubborn: likewise, but ignore SIGTERM. late: take the lock only once
RUN_DIR/go-PID exists. refuse: exit 1 at once. crash: exit 3 at once. once: serve the first time, then refuse.
brief: exit 3 when it has served for a moment.

As successors of others, take-brief: have them end, and serve for a moment. cannot: these have to be ended first.
unable: it could not do what they do. idle: do nothing.
"""

import os
import signal
import sys
import time
from pathlib import Path

from gslb.supervisor.child import CANNOT_TAKE_OVER, TAKE_OVER
from gslb.supervisor.lockfile import AlreadyRunningError, hold_lock, lock_file, read_holder

run_dir, name, behaviour = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
notes = run_dir / f"{name}.notes"


def note(text: str) -> None:
    with notes.open("a") as file:
        file.write(f"{time.monotonic()} {text}\n")


def serve() -> None:
    watched = {signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    with hold_lock(lock_file(run_dir, name), sys.orig_argv):
        note("serving")
        if behaviour in {"brief", "take-brief"}:
            time.sleep(0.2)
            sys.exit(3)
        while signal.sigwait(watched) == signal.SIGHUP or behaviour == "stubborn":
            note("signalled")
    note("stopped")


again = notes.exists()
note("begun")
if os.environ.pop(TAKE_OVER, ""):
    note("to take over")
    if behaviour == "idle":
        signal.pause()
    if behaviour == "take-brief":
        former = read_holder(lock_file(run_dir, name))
        assert former
        os.kill(former.pid, signal.SIGKILL)
        time.sleep(0.1)
    if behaviour in {"cannot", "unable"}:
        sys.exit(CANNOT_TAKE_OVER if behaviour == "cannot" else 1)
if behaviour == "refuse" or (behaviour == "once" and again):
    sys.exit(1)
if behaviour == "crash":
    sys.exit(3)
while behaviour == "late" and not (run_dir / f"go-{os.getpid()}").exists():
    time.sleep(0.01)
try:
    serve()
except AlreadyRunningError:
    note("already running")
    sys.exit(1)
