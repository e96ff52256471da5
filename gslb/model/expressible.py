"""What of a steering a provider can say, and what is left out where a service has agreed to that by name.

feature        of a steering                                        where a service has it in ``degrade``
sticky         clients of one network always get the same group     they get groups by weight
nearest        the group nearest to the client                      groups by weight, or as the provider has it
withheld       some clients get no answer, to shed load             everybody is answered
servfail       nobody is left, which is SERVFAIL                    NODATA
networks       rules for networks                                   their clients get the next rule that they are in
asns           rules for autonomous systems                         likewise
subdivisions   rules for parts of countries                         likewise, or as the provider has it
places         rules for countries and continents                   likewise, or as the provider has it
unknown        a rule for clients whose place is not known          they get the last rule, or as the provider has it
gap            some clients have an answer of a type, others none   never
size           more record sets than the provider takes             never: some of k targets at a time may be said by
                                                                    answers that are fewer, see gslb.model.windows

A rule that is left out would open a fence, so what a fence needs cannot be left out: that is for the configuration to
check, since a steering does not say why a rule is there.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from gslb.model.area import AreaKind
from gslb.model.recordset import RecordSet
from gslb.model.steering import NoAnswer, Pick, RecordType, Rule, Steering, groups_for


class Feature(StrEnum):
    """What a provider may not be able to say."""

    STICKY = "sticky"
    NEAREST = "nearest"
    WITHHELD = "withheld"
    SERVFAIL = "servfail"
    NETWORKS = "networks"
    ASNS = "asns"
    SUBDIVISIONS = "subdivisions"
    PLACES = "places"
    UNKNOWN = "unknown"
    GAP = "gap"
    SIZE = "size"


DEGRADABLE = frozenset(Feature) - {Feature.GAP, Feature.SIZE}
"""what a service may agree to do without"""

MATCHED: Mapping[AreaKind, Feature] = {
    AreaKind.NETWORK: Feature.NETWORKS,
    AreaKind.ASN: Feature.ASNS,
    AreaKind.SUBDIVISION: Feature.SUBDIVISIONS,
    AreaKind.COUNTRY: Feature.PLACES,
    AreaKind.CONTINENT: Feature.PLACES,
    AreaKind.UNKNOWN: Feature.UNKNOWN,
}
"""what it takes to have rules for areas of a kind"""


class Inexpressible(msgspec.Struct, frozen=True, gc=False):
    """Something that a provider cannot say.

    Attributes:
        type: of which answers; the record sets of other types are not concerned.
        feature: what it takes.
        text: what cannot be said, for people: ``a rule for AS9121``.
    """

    type: RecordType
    feature: Feature
    text: str


class Rendering(msgspec.Struct, frozen=True, gc=False):
    """A steering as the record sets of a provider.

    Attributes:
        records: of the types that can be said.
        faults: why others cannot.
    """

    records: tuple[RecordSet, ...]
    faults: tuple[Inexpressible, ...] = ()


def degraded(steering: Steering, without: Collection[Feature]) -> Steering:
    """``steering`` without these features, but for those that nothing is done about here (``gap``, ``size``)."""
    rules = [_degraded(rule, without) for rule in steering.rules[:-1] if MATCHED[_kind(rule)] not in without]
    return replace(steering, rules=(*rules, _degraded(steering.rules[-1], without)))


def _kind(rule: Rule) -> AreaKind:
    assert rule.match is not None  # noqa: S101  in the last rule alone is everybody
    return rule.match.kind


def _degraded(rule: Rule, without: Collection[Feature]) -> Rule:
    weighed = (rule.pick is Pick.STICKY and Feature.STICKY in without) or (
        rule.pick is Pick.NEAREST and Feature.NEAREST in without
    )
    return replace(
        rule,
        pick=Pick.WEIGHTED if weighed else rule.pick,
        withheld=0 if Feature.WITHHELD in without else rule.withheld,
        no_answer=NoAnswer.NODATA if Feature.SERVFAIL in without else rule.no_answer,
    )


def required(steering: Steering, kind: RecordType) -> tuple[Inexpressible, ...]:
    """All that it takes to say the answers of one type, but for their number; each feature once, for each rule.

    A pick among fewer than two groups is none, and a service without any answer of that type has no rules for anybody.
    """
    each = [(rule, groups_for(rule, kind)) for rule in steering.rules]
    found: list[Inexpressible] = []
    if not any(groups for _, groups in each):
        if any(rule.no_answer is NoAnswer.SERVFAIL for rule, _ in each):
            found.append(Inexpressible(kind, Feature.SERVFAIL, "SERVFAIL where nobody is left"))
        return tuple(found)
    for rule, groups in each:
        if rule.match is not None:
            found.append(Inexpressible(kind, MATCHED[rule.match.kind], f"a rule for {_whom(rule)}"))
        if not groups:
            found.append(Inexpressible(kind, Feature.GAP, f"no {kind} answer for {_whom(rule)} beside one for others"))
        if rule.pick is not Pick.WEIGHTED and len(groups) > 1:
            found.append(Inexpressible(kind, Feature(rule.pick.value), f"the {rule.pick} pick for {_whom(rule)}"))
        if rule.withheld:
            found.append(Inexpressible(kind, Feature.WITHHELD, f"answers withheld from some of {_whom(rule)}"))
    return tuple(found)


def _whom(rule: Rule) -> str:
    if rule.match is None:
        return "everybody else"
    return "clients of unknown location" if rule.match.kind is AreaKind.UNKNOWN else f"clients in {rule.match}"
