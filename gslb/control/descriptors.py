"""How file descriptors are shared out: attempts under way, connections that are kept open, and everything else."""

import resource
from dataclasses import dataclass

MAX_IN_FLIGHT = 8000
MAX_KEPT = 100_000
LEAST = 16
_ENOUGH = 65536
"""What is asked for where there is no limit."""


def raise_limit() -> int:
    """Raise the soft limit of open files to the hard one; returns what is then allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return wanted if soft == resource.RLIM_INFINITY else soft


@dataclass(frozen=True, slots=True)
class Budget:
    """How many descriptors are for what.

    Attributes:
        attempts: under way at most; further ones wait for their turn.
        kept: connections that are kept open: idle ones, and tripwires; further ones are done without.
    """

    attempts: int = MAX_IN_FLIGHT
    kept: int = MAX_KEPT


DEFAULT = Budget()


def share_out(descriptors: int) -> Budget:
    """Half for attempts, a quarter for kept connections; files, clients and the rest have the last quarter."""
    return Budget(
        max(LEAST, min(MAX_IN_FLIGHT, descriptors // 2)),
        max(LEAST, min(MAX_KEPT, descriptors // 4)),
    )
