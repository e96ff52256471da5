"""What a DNS name answers, as data: the common currency of policies, providers and the nameserver.

Ten of these values are made for each decision, and compared for each publication. So they are msgspec.Structs, which do
both several times faster than frozen dataclasses; ``msgspec.structs.replace`` makes changed copies. The cyclic garbage
collector passes them over: they hold nothing that could lead back to them.
"""

from enum import StrEnum
from ipaddress import IPv4Address

import msgspec
from msgspec import structs

from gslb.model.address import IP
from gslb.model.area import Area
from gslb.model.location import Client, is_in
from gslb.model.names import EndpointName, RegionName, ServiceName

MAX_WEIGHT = 255


class RecordType(StrEnum):
    """Record types that steering can answer."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"


class Pick(StrEnum):
    """How one of a rule's groups is picked for an answer.

    Where nearest cannot tell, because the client's place is unknown or groups are equally far, weights do.
    """

    WEIGHTED = "weighted"
    NEAREST = "nearest"
    """the group whose region is nearest to the client"""
    STICKY = "sticky"
    """for clients of one network always the same group, as many networks for each as its weight says"""


class NoAnswer(StrEnum):
    """What a rule without any target says."""

    SERVFAIL = "servfail"
    NODATA = "nodata"


class Target(msgspec.Struct, frozen=True, gc=False):
    """One answer value, and the endpoints that share it.

    Attributes:
        endpoints: who is reached through it, in the order of the configuration.
        type: record type.
        value: presentation form of the rdata: ``203.0.113.7``.
    """

    endpoints: tuple[EndpointName, ...]
    type: RecordType
    value: str


class Group(msgspec.Struct, frozen=True, gc=False):
    """Targets that are picked together.

    Attributes:
        region: where they are.
        weight: 1..255: what would never be picked is left out.
        targets: at least one.
        location: latitude and longitude of the region in degrees, for ``Pick.NEAREST`` only.
    """

    region: RegionName
    weight: int
    targets: tuple[Target, ...]
    location: tuple[float, float] | None = None


WITHHELD = 256
"""Parts of a rule's answers, of which some may be withheld."""


class Rule(msgspec.Struct, frozen=True, gc=False):
    """Answers for some of the clients.

    For each record type a group that has targets of that type is picked; where none has, and the service is configured
    for that type, the answer is ``no_answer``.

    Attributes:
        match: whom it is for; None: everybody.
        groups: who is picked from.
        pick: how.
        no_answer: what is said where there is nobody to pick.
        withheld: so many of 256 clients are told ``no_answer`` although there is somebody.
    """

    match: Area | None
    groups: tuple[Group, ...]
    pick: Pick = Pick.WEIGHTED
    no_answer: NoAnswer = NoAnswer.SERVFAIL
    withheld: int = 0

    @property
    def weights(self) -> dict[RegionName, int]:
        """Of its groups, by region."""
        return {group.region: group.weight for group in self.groups}


class Steering(msgspec.Struct, frozen=True, gc=False):
    """Everything a name answers.

    Attributes:
        name: absolute, lower case.
        ttl: of positive answers, in seconds.
        negative_ttl: of negative answers, in seconds.
        answers: most addresses in one answer.
        types: record types the service is configured for; any other type is NODATA.
        rules: the most specific first; the first that a client is in counts, and in the last one is everybody.
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
    return tuple([reduced for group in rule.groups if (reduced := _reduced(group, kind)).targets])


def _reduced(group: Group, kind: RecordType) -> Group:
    targets = tuple([target for target in group.targets if target.type is kind])
    return group if len(targets) == len(group.targets) else structs.replace(group, targets=targets)


def rule_for(steering: Steering, client: Client | None) -> Rule:
    """The rule that a client is answered by; without one, that of the clients of whom nothing is known."""
    if client is None:
        return steering.rules[-1]
    return next(rule for rule in steering.rules if is_in(client, rule.match))
