"""The odds of each answer: the one oracle that explain, the simulator and the provider tests ask."""

from fractions import Fraction

from gslb.model.location import Client
from gslb.model.pick import nearest, sticky_group, sticky_order, sticky_prefix
from gslb.model.steering import WITHHELD, Group, Pick, RecordType, Rule, Steering, groups_for, rule_for


def distribution(
    steering: Steering, kind: RecordType, client: Client | None = None, rule: Rule | None = None
) -> dict[str, Fraction]:
    """How often each value is in an answer of type ``kind``, as a share of all answers; empty where there is none.

    A group is picked; of its n targets, min(n, answers) are given, each equally often. The shares add up to more than
    one where answers carry several addresses, and to less where some are withheld.

    Args:
        steering: what is answered.
        kind: record type.
        client: who asks; None: the average over many whom the rule is for.
        rule: by which they are answered; None: the client's, or that for clients of whom nothing is known.
    """
    rule = rule or rule_for(steering, client)
    answered = 1 - Fraction(rule.withheld, WITHHELD)
    groups = _picked(steering, rule, kind, client)
    total = sum(group.weight for group in groups)
    odds: dict[str, Fraction] = {}
    for group in groups:
        for value, share in _within(steering, rule, group, client).items():
            odds[value] = odds.get(value, Fraction(0)) + Fraction(group.weight, total) * share * answered
    return odds


def _picked(steering: Steering, rule: Rule, kind: RecordType, client: Client | None) -> tuple[Group, ...]:
    groups = groups_for(rule, kind)
    if client is None or not groups or not client.network.prefixlen:  # who does not want to be told apart is anybody
        return groups
    match rule.pick:
        case Pick.NEAREST:
            return nearest(groups, client.location.coordinates)
        case Pick.STICKY:
            return (sticky_group(steering.name, groups, sticky_prefix(client.network)),)
        case Pick.WEIGHTED:
            return groups


def _within(steering: Steering, rule: Rule, group: Group, client: Client | None) -> dict[str, Fraction]:
    """How often each target of a group is in one of its answers."""
    given = min(len(group.targets), steering.answers)
    if rule.pick is Pick.STICKY and client is not None and client.network.prefixlen:
        order = sticky_order(steering.name, group.targets, sticky_prefix(client.network))
        return {target.value: Fraction(1) for target in order[:given]}
    return {target.value: Fraction(given, len(group.targets)) for target in group.targets}
