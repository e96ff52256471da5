"""Groups of targets as the items of a weighted policy, of which one is answered whole.

A group of which n targets are given at a time, out of k, is laid out as windows of n neighbours in a circle: as many as
it takes for each target to be in equally many, which is k / gcd(k, n). They share the weight of the group.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import gcd, lcm

from gslb.model.steering import Group

MAX_WEIGHT = 1000
"""of an item (REST v1, WrrPolicyItem)"""

Values = tuple[str, ...]
Shares = Mapping[Values, Fraction]


def shares_of(groups: Sequence[Group], answers: int) -> Shares:
    """The weight of each answer that is given, by its values in order.

    Args:
        groups: with targets of one type.
        answers: most values in an answer.
    """
    found: dict[Values, Fraction] = {}
    for group in groups:
        windows = list(_windows([target.value for target in group.targets], answers))
        for window in windows:
            found[window] = found.get(window, Fraction(0)) + Fraction(group.weight, len(windows))
    return found


def _windows(values: Sequence[str], width: int) -> Iterator[Values]:
    count = len(values)
    width = min(count, width)
    for start in range(0, count * width // gcd(count, width), width):
        yield tuple(sorted(values[(start + offset) % count] for offset in range(width)))


def proportions(shares: Shares) -> Shares:
    """``shares`` of one."""
    total = sum(shares.values())
    return {values: share / total for values, share in shares.items()}


def weights_of(shares: Shares) -> Mapping[Values, float]:
    """Numbers of at most 1000 in the same proportions: whole ones, as small as need be, where there are such.

    Otherwise they are fractions, which the API takes as doubles; proportions are then off by their precision, 1e-16.
    """
    scale = lcm(*(share.denominator for share in shares.values()))
    whole = {values: int(share * scale) for values, share in shares.items()}
    if max(whole.values()) > MAX_WEIGHT:
        common = gcd(*whole.values())
        whole = {values: weight // common for values, weight in whole.items()}
    if max(whole.values()) <= MAX_WEIGHT:
        return whole
    divisor = max(max(shares.values()) / MAX_WEIGHT, Fraction(1))
    return {values: float(share / divisor) for values, share in shares.items()}
