"""Groups of targets as the items of a weighted policy, of which one is answered whole.

A group of which some targets are given at a time is laid out as windows, which share its weight; see
``gslb.model.windows``.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import gcd, lcm

from gslb.model.steering import Group
from gslb.model.windows import Layout, Window, exact

MAX_WEIGHT = 1000
"""of an item (REST v1, WrrPolicyItem)"""

Shares = Mapping[Window, Fraction]


def shares_of(groups: Sequence[Group], answers: int, layout: Layout = exact) -> Shares:
    """The weight of each answer that is given, by its values in order.

    Args:
        groups: with targets of one type.
        answers: most values in an answer.
        layout: of a group that has more.
    """
    found: dict[Window, Fraction] = {}
    for group in groups:
        windows = layout([target.value for target in group.targets], answers)
        for window in windows:
            found[window] = found.get(window, Fraction(0)) + Fraction(group.weight, len(windows))
    return found


def proportions(shares: Shares) -> Shares:
    """``shares`` of one."""
    total = sum(shares.values())
    return {values: share / total for values, share in shares.items()}


def weights_of(shares: Shares) -> Mapping[Window, float]:
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
