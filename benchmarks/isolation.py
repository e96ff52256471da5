"""A network for this process alone: loopback, free ports, and the kernel's counters of nothing else."""

import ctypes
import os
import subprocess

from benchmarks.tools import BenchmarkError, tool

CLONE_NEWNET = 0x40000000
"""linux/sched.h; ``os.unshare`` came with Python 3.12."""


def leave_network() -> None:
    """Move to a new network namespace, with what is started from now on; it goes with the last process in it.

    Raises:
        BenchmarkError: not root.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise BenchmarkError(f"a network of its own takes root: {os.strerror(ctypes.get_errno())}; run this with sudo")
    subprocess.run([tool("ip"), "link", "set", "lo", "up"], check=True, timeout=10)  # noqa: S603  no input
