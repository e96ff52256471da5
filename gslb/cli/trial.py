"""What the daemon would be if it started now, by the code and the configuration that are there now.

The supervisor runs this before it becomes that: what cannot be does not end what is. It has the environment, the user
and the rights of the daemon.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

from gslb.cli.activation import passed_sockets
from gslb.cli.preflight import check_renewal
from gslb.cli.run import supervisor_arguments
from gslb.config.load import load
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
    if sockets:
        os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(sockets)}
    passed = passed_sockets(configuration.nameserver.listen, os.environ)
    check_renewal(configuration, passed)
    return supervisor_arguments(configuration, passed)


if __name__ == "__main__":
    sys.exit(main())
