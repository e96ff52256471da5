"""What a supervisor could go on as: ``trial.py RUN_DIR DESCRIPTOR``, with RUN_DIR/wanted as it is when this begins.

That is JSON: the arguments of supervise.py, or why it cannot be. This takes a while.
"""

import json
import sys
import time
from pathlib import Path

from gslb.supervisor.renewal import Outcome, conclude

run_dir, descriptor = Path(sys.argv[1]), int(sys.argv[2])
wanted = json.loads((run_dir / "wanted").read_text())
with (run_dir / "trials").open("a") as file:
    file.write("begun\n")
time.sleep(0.5)
conclude(descriptor, Outcome(refused=wanted) if isinstance(wanted, str) else Outcome(arguments=tuple(wanted)))
