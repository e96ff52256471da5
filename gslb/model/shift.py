"""How much of the traffic scores may move at a time: what a falling score pushes aside lands on somebody else."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from gslb.model.names import RegionName
from gslb.model.steering import MAX_WEIGHT, RecordType, Rule, Steering, groups_for

Weights = Mapping[RegionName, int]
"""Of regions that answer the same clients; shares are in proportion to them."""

WINDOW = 60.0
"""Seconds over which what has moved adds up."""
EXACT = Fraction(1, 100)
"""Of all traffic: weights of 0..255 cannot say more."""


def weights_of(rule: Rule, kind: RecordType) -> Weights:
    """Of the groups that answer questions for ``kind``."""
    return {group.region: group.weight for group in groups_for(rule, kind)}


def moved(before: Weights, after: Weights) -> Fraction:
    """The share of the traffic that goes elsewhere (total variation), 0..1.

    Only among the regions that answer before and after: those that are lost, or back, move theirs in any case.
    """
    both = [name for name in before if before[name] and after.get(name)]
    return sum((abs(gain) for gain in _gains(before, after, both)), Fraction(0)) / 2


def limited(before: Weights, wanted: Weights, most: Fraction) -> dict[RegionName, int]:
    """Weights on the way from ``before`` to ``wanted``, as far as moves no more than a share of ``most``."""
    both = [name for name in before if before[name] and wanted.get(name)]
    gains = _gains(before, wanted, both)
    moves = sum(map(abs, gains), Fraction(0)) / 2
    if moves <= most:
        return dict(wanted)
    total, old = sum(wanted[name] for name in both), sum(before[name] for name in both)
    exact: dict[RegionName, Fraction | float] = {name: Fraction(weight) for name, weight in wanted.items()}
    for name, gain in zip(both, gains, strict=True):
        exact[name] = total * (Fraction(before[name], old) + gain * most / moves)
    return whole(exact)


def moved_between(before: Steering | None, after: Steering) -> Fraction:
    """The most that a decision has moved for any clients."""
    if before is None:
        return Fraction(0)
    former = {rule.match: rule for rule in before.rules}
    plain = len(after.types) == 1  # which most are, and most decisions move nothing
    pairs = [
        (old, new)
        for new in after.rules
        if (old := former.get(new.match)) and not (plain and _weighed(old) == _weighed(new))
    ]
    amounts = (moved(weights_of(old, kind), weights_of(new, kind)) for old, new in pairs for kind in after.types)
    return max(amounts, default=Fraction(0))


def _weighed(rule: Rule) -> list[tuple[RegionName, int]]:
    return [(group.region, group.weight) for group in rule.groups]


def _gains(before: Weights, after: Weights, both: Sequence[RegionName]) -> list[Fraction]:
    old, new = sum(before[name] for name in both), sum(after[name] for name in both)
    return [Fraction(after[name], new) - Fraction(before[name], old) for name in both]


def whole(exact: Mapping[RegionName, Fraction | float]) -> dict[RegionName, int]:
    """The same proportions in whole numbers of 0..255, as exactly as these can say; none that has any gets nothing."""
    scale = MAX_WEIGHT / max(exact.values())
    return {name: max(1, round(weight * scale)) if weight else 0 for name, weight in exact.items()}
