"""Entry of the supervisor: ``gslb run`` becomes this once all its checks have passed.

A program of its own, so that what must live longest is small and imports next to nothing.
"""

import json
import sys
from pathlib import Path

from gslb.cli.places import CONTROL
from gslb.errors import GslbError
from gslb.supervisor.child import Child
from gslb.supervisor.renewal import Renewer
from gslb.supervisor.supervisor import Supervisor
from gslb.telemetry.log import configure_log


def main() -> int:
    """Supervise ``NAME: [COMMAND, DESCRIPTORS]`` pairs until told to stop; returns the exit code.

    What stands there was worked out from the file ``CONFIG``, and is again upon SIGUSR2.
    """
    config, run_folder, log_format, log_level, processes = sys.argv[1:]
    configure_log("json" if log_format == "json" else "human", log_level, "supervisor")
    children = [
        Child(name, tuple(command), tuple(descriptors), takes_over=name != CONTROL)
        for name, (command, descriptors) in json.loads(processes).items()
    ]
    passed = tuple(sorted({descriptor for child in children for descriptor in child.descriptors}))
    this = (sys.executable, "-m", "gslb.cli.supervise")
    trial = (sys.executable, "-m", "gslb.cli.trial", config, run_folder, str(len(passed)))
    renewer = Renewer(trial, this, passed)
    try:
        return Supervisor(children, Path(run_folder), renewer=renewer).run()
    except GslbError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
