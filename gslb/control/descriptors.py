"""How file descriptors are shared out: attempts under way, connections that are kept open, and everything else."""

from dataclasses import dataclass

MAX_IN_FLIGHT = 8000
MAX_KEPT = 100_000
LEAST = 16


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
