"""gslb run: check everything, then become the supervisor."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from gslb.cli.activation import Passed, passed_sockets
from gslb.cli.code import code_version
from gslb.cli.places import CONTROL, worker_names
from gslb.cli.preflight import check_start
from gslb.cli.privileges import take_user
from gslb.config.configuration import Configuration
from gslb.config.load import load
from gslb.control.changes import fixed_digest

SUPERVISOR = (sys.executable, "-m", "gslb.cli.supervise")


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
    sys.stdout.flush()
    os.execv(sys.executable, [*SUPERVISOR, *supervisor_arguments(configuration, passed)])  # noqa: S606  no shell is meant


def supervisor_arguments(configuration: Configuration, passed: Sequence[Passed] = ()) -> list[str]:
    """What ``gslb.cli.supervise`` is started with."""
    log, descriptors = configuration.log, [each.descriptor for each in passed]
    processes = {
        name: (command, descriptors if name != CONTROL else [])
        for name, command in commands(configuration, passed).items()
    }
    return [str(configuration.path), str(configuration.run_folder), log.format, log.level, json.dumps(processes)]


def commands(configuration: Configuration, passed: Sequence[Passed] = ()) -> dict[str, list[str]]:
    """Command lines of all processes by name, in the order in which they start; ``passed`` are bound already."""
    folder, log, nameserver = configuration.run_folder, configuration.log, configuration.nameserver
    code = code_version()  # what runs older code is replaced rather than adopted
    shared = [f"--listen={address}" for address in nameserver.listen]
    shared += [each.argument for each in passed]
    shared += ["--reuse-port"] if nameserver.workers > 1 else []
    shared += [] if nameserver.batches else ["--plain"]
    shared += [f"--geo={path}" for path in configuration.geo.databases]
    shared += [f"--tcp-{key.replace('_', '-')}={value}" for key, value in asdict(nameserver.tcp_limits).items()]
    shared += [f"--log-format={log.format}", f"--log-level={log.level}", f"--code={code}"]
    workers = {
        name: [sys.executable, "-m", "gslb.cli.nameserver", name, str(folder), *shared]
        for name in worker_names(nameserver.workers)
    }
    # The digest does the same for a control with other settings.
    control, api = [sys.executable, "-m", "gslb.cli.control"], str(configuration.api.listen)
    return {
        **workers,
        CONTROL: [*control, str(configuration.path), str(folder), fixed_digest(configuration), code, api],
    }
