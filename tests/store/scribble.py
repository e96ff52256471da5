"""Writes to a state database until killed, and prints how much is surely in it: ``-m tests.store.scribble FILE``."""

import sys
from pathlib import Path
from time import sleep

from prometheus_client import CollectorRegistry

from gslb.store.store import open_store
from tests.store import samples

registry = CollectorRegistry()
store = open_store(Path(sys.argv[1]), registry)
number = 0
while True:
    for _ in range(50):
        store.record(samples.publication(number))
        number += 1
    store.save_checks([samples.check(number)])
    written = registry.get_sample_value("gslb_state_written_total") or 0.0
    checks = number // 50
    print(int(written) - checks, flush=True)
    sleep(0.002)  # the writer's turn
