"""What a DNS name answers, as data: the common currency of policies, providers and the nameserver."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

from gslb.model.address import IP
from gslb.model.names import EndpointName, RegionName, ServiceName

MAX_WEIGHT = 255


class RecordType(StrEnum):
    """Record types that steering can answer."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"


class Pick(StrEnum):
    """How one of a rule's groups is picked for an answer."""

    WEIGHTED = "weighted"


class NoAnswer(StrEnum):
    """What a rule without any target says."""

    SERVFAIL = "servfail"
    NODATA = "nodata"


@dataclass(frozen=True, slots=True)
class Anyone:
    """Matches every client."""


Match = Anyone
"""Whom a rule is for."""


@dataclass(frozen=True, slots=True)
class Target:
    """One answer value, and the endpoints that share it.

    Attributes:
        endpoints: who is reached through it, in the order of the configuration.
        type: record type.
        value: presentation form of the rdata: ``203.0.113.7``.
    """

    endpoints: tuple[EndpointName, ...]
    type: RecordType
    value: str


@dataclass(frozen=True, slots=True)
class Group:
    """Targets that are picked together. ``weight`` is 1..255: what would never be picked is left out."""

    region: RegionName
    weight: int
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Answers for the clients that ``match``.

    For each record type a group that has targets of that type is picked by weight; where none has, and the service is
    configured for that type, the answer is ``no_answer``.
    """

    match: Match
    groups: tuple[Group, ...]
    pick: Pick = Pick.WEIGHTED
    no_answer: NoAnswer = NoAnswer.SERVFAIL


@dataclass(frozen=True, slots=True)
class Steering:
    """Everything a name answers.

    Attributes:
        name: absolute, lower case.
        ttl: of positive answers, in seconds.
        negative_ttl: of negative answers, in seconds.
        answers: most addresses in one answer.
        types: record types the service is configured for; any other type is NODATA.
        rules: ordered, first match wins, the last matches anyone.
    """

    name: ServiceName
    ttl: int
    negative_ttl: int
    answers: int
    types: tuple[RecordType, ...]
    rules: tuple[Rule, ...]


def address_type(address: IP) -> RecordType:
    """The record type that carries ``address`` (RFC 1035, RFC 3596)."""
    return RecordType.A if isinstance(address, IPv4Address) else RecordType.AAAA


def answering(steering: Steering) -> set[EndpointName]:
    """The endpoints that are in some answer."""
    groups = (group for rule in steering.rules for group in rule.groups)
    return {name for group in groups for target in group.targets for name in target.endpoints}


def groups_for(rule: Rule, kind: RecordType) -> tuple[Group, ...]:
    """The groups of ``rule`` reduced to their targets of type ``kind``; groups without any are left out."""
    reduced = (Group(g.region, g.weight, tuple(t for t in g.targets if t.type is kind)) for g in rule.groups)
    return tuple(group for group in reduced if group.targets)
