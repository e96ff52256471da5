"""The odds of each answer: the one oracle that explain, the simulator and the provider tests ask."""

from fractions import Fraction

from gslb.model.steering import RecordType, Steering, groups_for


def distribution(steering: Steering, kind: RecordType) -> dict[str, Fraction]:
    """How often each value is in an answer of type ``kind``, as a share of all answers; empty where there is none.

    A group is picked by weight; of its n targets, min(n, answers) are given, each equally often. The shares add up to
    more than one where answers carry several addresses.
    """
    groups = groups_for(steering.rules[-1], kind)
    total = sum(group.weight for group in groups)
    odds: dict[str, Fraction] = {}
    for group in groups:
        given = Fraction(min(len(group.targets), steering.answers), len(group.targets))
        for target in group.targets:
            odds[target.value] = odds.get(target.value, Fraction(0)) + Fraction(group.weight, total) * given
    return odds
