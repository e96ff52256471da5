"""Entry of the supervisor: ``gslb run`` becomes this once all its checks have passed.

A program of its own, so that what must live longest is small and imports next to nothing.
"""

import json
import sys
from pathlib import Path

from gslb.errors import GslbError
from gslb.supervisor.child import Child
from gslb.supervisor.supervisor import Supervisor
from gslb.telemetry.log import configure_log


def main() -> int:
    """Supervise ``NAME: [COMMAND, DESCRIPTORS]`` pairs until told to stop; returns the exit code."""
    run_folder, log_format, log_level, processes = sys.argv[1:]
    configure_log("json" if log_format == "json" else "human", log_level, "supervisor")
    children = [
        Child(name, tuple(command), tuple(descriptors))
        for name, (command, descriptors) in json.loads(processes).items()
    ]
    try:
        return Supervisor(children, Path(run_folder)).run()
    except GslbError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
