"""Smooth weighted order: whose turn it is, for weights that are given (nginx's algorithm). Pure."""

from collections.abc import Sequence
from math import gcd

LONGEST = 2048
"""turns in the longest cycle; weights that need more are rounded to it"""


def smooth_order(weights: Sequence[int]) -> tuple[int, ...]:
    """Indices into ``weights`` for one whole cycle, each as often as its weight says and spread evenly.

    Weights (1 or more) are reduced by their greatest common divisor. After n turns an index of weight w out of W has
    had less than ``n * w / W + 1`` of them.
    """
    reduced = _reduce(weights)
    total = sum(reduced)
    credit = [0] * len(reduced)
    order = []
    for _ in range(total):
        credit = [have + weight for have, weight in zip(credit, reduced, strict=True)]
        turn = credit.index(max(credit))
        credit[turn] -= total
        order.append(turn)
    return tuple(order)


def windows(count: int, width: int) -> tuple[tuple[int, ...], ...]:
    """Every run of at most ``width`` of ``count`` indices, wrapping around, so that each index leads once."""
    taken = min(count, width)
    return tuple(tuple((start + i) % count for i in range(taken)) for start in range(count))


def _reduce(weights: Sequence[int]) -> list[int]:
    divisor = gcd(*weights)
    reduced = [weight // divisor for weight in weights]
    total = sum(reduced)
    if total <= LONGEST:
        return reduced
    return [max(1, round(weight * LONGEST / total)) for weight in reduced]
