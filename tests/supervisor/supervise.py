"""Run a supervisor: ``supervise.py RUN_DIR STOP_TIMEOUT CHILDREN``, children as JSON pairs of name and command.
With ``--renews`` it can renew itself, and says how far it has come.

Its events go to RUN_DIR/events, one JSON object a line, as the tests read them.
"""

import json
import sys
from pathlib import Path

import structlog

from gslb.errors import GslbError
from gslb.supervisor.child import Child
from gslb.supervisor.renewal import Renewer
from gslb.supervisor.supervisor import Supervisor


def main() -> int:
    run_dir = Path(sys.argv[1])
    children = [Child(name, tuple(command), takes_over=name != "control") for name, command in json.loads(sys.argv[3])]
    events = (run_dir / "events").open("a", buffering=1)
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.WriteLoggerFactory(events)
    )
    try:
        here = Path(__file__)
        trial = (sys.executable, str(here.with_name("trial.py")), str(run_dir))
        renewer = Renewer(trial, (sys.executable, str(here))) if "--renews" in sys.argv else None
        return Supervisor(children, run_dir, stop_timeout=float(sys.argv[2]), renewer=renewer).run()
    except GslbError as error:
        sys.stderr.write(f"{error}\n")
        return 1


sys.exit(main())
