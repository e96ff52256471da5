"""gslb upgrade: has the running daemon go on as what is installed now, and says what has come of it."""

import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from gslb.cli.client import run_folder_of
from gslb.cli.code import code_version
from gslb.cli.places import CONTROL, SUPERVISOR, lock_file
from gslb.errors import DaemonError, StateError
from gslb.supervisor.lockfile import Holder, read_holder
from gslb.supervisor.renewal import TRIAL_TIME, Renewal, Request

REPLACING = 300.0
"""seconds for all processes to be replaced"""

NAMING = 3.0
"""seconds for those that were started to be named"""

_PAUSE = 0.05
_CODE = "--code="


def upgrade(config: Path) -> None:
    """Upgrade the daemon that runs with the configuration at ``config``; returns when that is done.

    Raises:
        DaemonError: it goes on as it was, or in part.
    """
    folder = run_folder_of(config.absolute())
    before = _processes(folder)
    try:
        request = Request(folder)
    except LookupError as error:
        raise DaemonError(f"{folder}: {error}", f"gslb run {config} starts it") from None
    news = request.wait(TRIAL_TIME + 1)
    if news is None:
        raise DaemonError("the daemon has not said in time whether it can be upgraded", "look at its log")
    if not (news.refused or news.done):
        news = request.wait(REPLACING, done=True)
    _report(news, before, _after(folder, news.names if news else ()))


def _report(news: Renewal | None, before: dict[str, Holder], after: dict[str, Holder]) -> None:
    if news is None:
        raise DaemonError("not all processes have been replaced in time; all that live answer", "look at the log")
    if news.refused:
        raise DaemonError(f"not upgraded, the daemon goes on as it was: {news.refused}")
    for name, holder in after.items():
        verb = "stays" if name in before and before[name].pid == holder.pid else "new"
        print(f"{name}: {verb} (process {holder.pid})")
    missing = tuple(name for name in news.names if name not in after and name not in news.crashed)
    faults = {
        "could not be replaced, and goes on as it was": news.stayed,
        "has crashed since it was started anew, and is started again": news.crashed,
        "does not run": missing,
    }
    found = [f"{', '.join(names)}: {fault}" for fault, names in faults.items() if names]
    if found:
        raise DaemonError("\n".join(found), "look at the log for the reason")
    print(f"upgraded to {_code(after)}")


def _after(folder: Path, names: Collection[str]) -> dict[str, Holder]:
    """The processes as they are now; one that has just been started again takes a moment to have its name."""
    deadline = time.monotonic() + NAMING
    while set(names) - (after := _processes(folder)).keys() and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    return after


def _code(processes: dict[str, Holder]) -> str:
    """What the workers are, by their own command lines."""
    words = (word for holder in processes.values() for word in holder.command if word.startswith(_CODE))
    return ", ".join(sorted({word.removeprefix(_CODE) for word in words})) or code_version()


def _processes(folder: Path) -> dict[str, Holder]:
    names = sorted(path.stem for path in folder.glob("*.lock"))
    found: dict[str, Holder] = {}
    for name in sorted(names, key=lambda name: name == CONTROL):
        with suppress(StateError):  # what just starts, or ends, may have no name
            holder = read_holder(lock_file(folder, name)) if name != SUPERVISOR else None
            found |= {name: holder} if holder else {}
    return found
