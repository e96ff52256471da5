"""Who runs where: servers on one CPU, the load generator on another, all in a network of their own."""

import os
from collections.abc import Sequence

from benchmarks.isolation import leave_network
from benchmarks.tools import BenchmarkError, tool

SERVER_CPU, LOAD_CPU = 0, 1


def prepare(programs: Sequence[str] = ()) -> None:
    """Find out what is missing before anything starts; keep off the servers' CPU and everybody's network.

    Raises:
        BenchmarkError: a program or a CPU is missing, or this is not root.
    """
    for program in ("gcc", "ip", "setpriv", "taskset", *programs):
        tool(program)
    if not {SERVER_CPU, LOAD_CPU} <= os.sched_getaffinity(0):
        raise BenchmarkError(f"CPUs {SERVER_CPU} and {LOAD_CPU} are needed")
    os.sched_setaffinity(0, {LOAD_CPU})
    leave_network()
