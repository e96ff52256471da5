"""A group of targets as whole answers, for providers that have no other way to give some of them at a time.

Of k targets n are given at a time, n < k, by answers that are equally likely:

layout    answers               each target is in
exact     k / gcd(k, n) of n    n of k answers: n neighbours in a circle, as many times as it takes
compact   ceil(k / n) of n,     one answer, so a bit fewer than n of k: parts of equal size, or smaller by one
          or n - 1

The exact layout may become larger as targets go away: 52 of which 4 are given are 13 answers, 51 are 51. Who has room
for the first only would be stuck with an address that is dead. The compact one never grows so. So the compact one is
for where the exact one does not fit, and whoever fits into it fits with any of its targets gone.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil, gcd

Window = tuple[str, ...]
"""values that are answered together, in order"""
Layout = Callable[[Sequence[str], int], tuple[Window, ...]]
"""answers made of values, of which so many are given at a time"""


def exact(values: Sequence[str], most: int) -> tuple[Window, ...]:
    """So few answers that each of ``values`` is in as many as any other, and each answer has as many as there may be.

    Args:
        values: different ones, at least one, in any order.
        most: values in an answer, at least one.
    """
    ordered = sorted(values)
    width = min(len(ordered), most)
    circle = (*ordered, *ordered)
    starts = range(0, len(ordered), gcd(len(ordered), width))
    return tuple(tuple(sorted(circle[start : start + width])) for start in starts)


def compact(values: Sequence[str], most: int) -> tuple[Window, ...]:
    """As few answers as there can be, each of ``values`` in one of them; see ``exact``."""
    ordered = sorted(values)
    parts = ceil(len(ordered) / most)
    bounds = [len(ordered) * number // parts for number in range(parts + 1)]
    return tuple(tuple(ordered[start:end]) for start, end in pairwise(bounds))
