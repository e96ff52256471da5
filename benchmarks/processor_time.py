"""Processor time of a process tree, from the scheduler's own account."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")


def processor_seconds(roots: Iterable[int]) -> float:
    """Seconds on a CPU that the live threads of ``roots`` and of their descendants have had.

    A thread that has ended takes its time with it; no contender ends threads while it is measured.
    """
    return sum(_on_cpu(pid) for pid in _tree(roots)) / 1e9


def _tree(roots: Iterable[int]) -> list[int]:
    tree = list(roots)
    for pid in tree:  # grows while it is read
        for children in PROC.glob(f"{pid}/task/*/children"):
            with contextlib.suppress(OSError):
                tree += map(int, children.read_text(encoding="ascii").split())
    return tree


def _on_cpu(pid: int) -> int:
    """Nanoseconds: the first of the three figures of schedstat."""
    total = 0
    for account in PROC.glob(f"{pid}/task/*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(account.read_text(encoding="ascii").split()[0])
    return total
