"""gslb upgrade: has the running daemon go on as what is installed now, and says what has come of it."""

import time
from pathlib import Path

from gslb.cli.client import run_folder_of
from gslb.cli.code import code_version
from gslb.cli.places import CONTROL, SUPERVISOR, lock_file
from gslb.errors import DaemonError
from gslb.supervisor.lockfile import read_holder
from gslb.supervisor.renewal import TRIAL_TIME, Renewal, Request

REPLACING = 300.0
"""seconds for all processes to be replaced"""

NAMING = 3.0
"""seconds for those that were started to be named"""

_PAUSE = 0.05


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
    _report(news, before, _after(folder, before))


def _report(news: Renewal | None, before: dict[str, int], after: dict[str, int]) -> None:
    if news is None:
        raise DaemonError("not all processes have been replaced in time; all that live answer", "look at the log")
    if news.refused:
        raise DaemonError(f"not upgraded, the daemon goes on as it was: {news.refused}")
    for name, pid in after.items():
        verb = "stays" if before.get(name) == pid else "new"
        print(f"{name}: {verb} (process {pid})")
    if news.stayed:
        stayed = ", ".join(news.stayed)
        raise DaemonError(f"{stayed}: could not be replaced, and goes on as it was", "look at the log for the reason")
    print(f"upgraded to {code_version()}")


def _after(folder: Path, before: dict[str, int]) -> dict[str, int]:
    """The processes as they are now; one that has just been started takes a moment to have its name."""
    deadline = time.monotonic() + NAMING
    while before.keys() - (after := _processes(folder)).keys() and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    return after


def _processes(folder: Path) -> dict[str, int]:
    names = sorted(path.stem for path in folder.glob("*.lock"))
    holders = {name: read_holder(lock_file(folder, name)) for name in names if name != SUPERVISOR}
    return {name: holder.pid for name, holder in sorted(holders.items(), key=lambda it: it[0] == CONTROL) if holder}
