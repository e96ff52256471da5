"""What the daemon would be if it started now, by the code and the configuration that are there now.

The supervisor runs this before it becomes that: what cannot be does not end what is. It has the environment, the user
and the rights of the daemon.
"""

import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from gslb.cli.activation import passed_sockets
from gslb.cli.preflight import check_renewal
from gslb.cli.run import supervisor_arguments
from gslb.config.configuration import Configuration
from gslb.config.load import load
from gslb.config.sources import PROPOSED, keep_accepted, read_accepted
from gslb.control.changes import refuse_restart
from gslb.errors import ConfigError, GslbError, Problem
from gslb.supervisor.renewal import Outcome, conclude
from gslb.supervisor.unhurried import NICE

_PROGRAMS = ("gslb.cli.supervise", "gslb.cli.nameserver", "gslb.nameserver.process", "gslb.cli.control")


def main() -> int:
    """``CONFIG RUN_FOLDER SOCKETS FILE``: how many sockets were passed, and where to say what has come of it."""
    os.nice(NICE)
    path, folder, sockets, file = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    try:
        outcome = Outcome(arguments=tuple(attempt(path, folder, sockets)))
    except GslbError as error:
        outcome = Outcome(refused=str(error))
    except Exception as error:  # noqa: BLE001  new code may fail in any way
        outcome = Outcome(refused=f"{type(error).__name__}: {error}")
    conclude(file, outcome)
    return 0


def attempt(path: Path, folder: Path, sockets: int) -> list[str]:
    """The arguments of the supervisor that would be.

    Raises:
        ConfigError, StateError, ListenError: it cannot be.
    """
    for program in _PROGRAMS:  # what cannot be imported cannot be started
        import_module(program)
    configuration = load(path)
    if configuration.run_folder != folder:
        message = f"is {configuration.database}, but that of the running daemon is beside {folder}"
        raise ConfigError(Problem(str(path), "node.state", message, "restart gslb run, or put the former value back"))
    _refuse_other_user(configuration)
    if sockets:
        os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(sockets)}
    passed = passed_sockets(configuration.nameserver.listen, os.environ)
    check_renewal(configuration, passed)
    with suppress(OSError, ValueError):  # a full disk is no reason to stay: only a file broken later would tell
        keep_accepted(folder, configuration.sources, PROPOSED)
    return supervisor_arguments(configuration, passed)


def _refuse_other_user(configuration: Configuration) -> None:
    """Whoever the daemon runs as, by the configuration that was accepted last, it stays."""
    accepted = read_accepted(configuration.run_folder)
    if accepted is None:
        return
    try:
        former = load(configuration.path, sources=accepted)
    except ConfigError:  # this code does not know it any more
        return
    refuse_restart(former, configuration)


if __name__ == "__main__":
    sys.exit(main())
