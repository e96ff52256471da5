"""gslb run: check everything, then become the supervisor."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from gslb.cli.activation import Passed, passed_sockets
from gslb.cli.places import CONTROL, worker_names
from gslb.cli.preflight import check_start
from gslb.cli.privileges import take_user
from gslb.config.configuration import Configuration
from gslb.config.load import load
from gslb.control.changes import fixed_digest


def run(path: Path) -> None:
    """Start the daemon with the configuration at ``path``; does not return.

    Raises:
        ConfigError, StateError, ListenError, AlreadyRunningError: it cannot start, and nothing was started.
    """
    configuration = load(path.absolute())
    if take_user(configuration):
        configuration = load(path.absolute())  # what this user cannot read, control could not either
    passed = passed_sockets(configuration.nameserver.listen, os.environ)
    check_start(configuration, passed)
    log = configuration.log
    descriptors = [each.descriptor for each in passed]
    processes = json.dumps(
        {
            name: (command, descriptors if name != CONTROL else [])
            for name, command in commands(configuration, passed).items()
        }
    )
    arguments = [str(configuration.run_folder), log.format, log.level, processes]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "gslb.cli.supervise", *arguments])  # noqa: S606  no shell is meant


def commands(configuration: Configuration, passed: Sequence[Passed] = ()) -> dict[str, list[str]]:
    """Command lines of all processes by name, in the order in which they start; ``passed`` are bound already."""
    folder, log, nameserver = configuration.run_folder, configuration.log, configuration.nameserver
    shared = [f"--listen={address}" for address in nameserver.listen]
    shared += [each.argument for each in passed]
    shared += ["--reuse-port"] if nameserver.workers > 1 else []
    shared += [f"--geo={path}" for path in configuration.geo.databases]
    shared += [f"--tcp-{key.replace('_', '-')}={value}" for key, value in asdict(nameserver.tcp_limits).items()]
    shared += [f"--log-format={log.format}", f"--log-level={log.level}"]
    workers = {
        name: [sys.executable, "-m", "gslb.cli.nameserver", name, str(folder), *shared]
        for name in worker_names(nameserver.workers)
    }
    # The digest has a control with other settings replaced rather than adopted by a new supervisor.
    control = [sys.executable, "-m", "gslb.cli.control"]
    return {**workers, CONTROL: [*control, str(configuration.path), str(folder), fixed_digest(configuration)]}
