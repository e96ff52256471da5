"""Processor time of a process tree, from the scheduler's own account."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
_ON_CPU, _WAITING = 0, 1
"""Fields of schedstat."""


def processor_seconds(roots: Iterable[int]) -> float:
    """Seconds on a CPU that the live threads of ``roots`` and of their descendants have had.

    A thread that has ended takes its time with it; no contender ends threads while it is measured.
    """
    return _seconds(roots, _ON_CPU)


def waiting_seconds(roots: Iterable[int]) -> float:
    """Likewise, seconds in which they could have gone on, had a CPU been free."""
    return _seconds(roots, _WAITING)


def _seconds(roots: Iterable[int], field: int) -> float:
    return sum(_account(pid, field) for pid in _tree(roots)) / 1e9


def _tree(roots: Iterable[int]) -> list[int]:
    tree = list(roots)
    for pid in tree:  # grows while it is read
        for children in PROC.glob(f"{pid}/task/*/children"):
            with contextlib.suppress(OSError):
                tree += map(int, children.read_text(encoding="ascii").split())
    return tree


def _account(pid: int, field: int) -> int:
    """Nanoseconds, of all threads."""
    total = 0
    for account in PROC.glob(f"{pid}/task/*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(account.read_text(encoding="ascii").split()[field])
    return total
