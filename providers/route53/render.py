"""Steerings as record sets of Route 53. What it cannot say is a fault, and the type in question is left out."""

from collections.abc import Iterator
from itertools import chain

from msgspec.structs import replace

from gslb.model.area import Area, AreaKind, within
from gslb.model.expressible import MATCHED, Feature, Inexpressible, Rendering, degraded, required
from gslb.model.recordset import RecordSet
from gslb.model.steering import RecordType, Steering, groups_for
from gslb.model.windows import compact, exact
from providers.route53.layout import lay_out
from providers.route53.limits import MAX_CHARACTERS, MAX_RECORDS, problems
from providers.route53.networks import block
from providers.route53.places import geolocation
from providers.route53.tree import grow

FEATURES = frozenset({Feature.PLACES, Feature.SUBDIVISIONS, Feature.NETWORKS, Feature.NEAREST, Feature.UNKNOWN})
"""What can be said in a public zone, but for places, subdivisions and networks that Route 53 does not know."""
BY_VPC = frozenset({Feature.PLACES, Feature.SUBDIVISIONS, Feature.UNKNOWN})
"""Said in a private zone for services that agree to it: there a client is where the region of its VPC is (Amazon Route
53 Developer Guide, Geolocation routing in private hosted zones)."""
PRIVATE_FEATURES = FEATURES - BY_VPC - {Feature.NETWORKS}
"""In a private one IP-based routing is taken, but not supported (Amazon Route 53 Developer Guide, Values specific for
IP-based records)."""

_MARKER = 1, 1000
"""records and characters that are left for the marker of a service"""


def render(
    steering: Steering,
    without: frozenset[Feature],
    features: frozenset[Feature],
    roughly: frozenset[Feature] = frozenset(),
) -> Rendering:
    """``steering`` as record sets, in an order that equal ones share.

    Args:
        steering: what is to be answered.
        without: features that the service can do without.
        features: those that there are.
        roughly: others, that there are for services that can do without them.
    """
    agreed = without & roughly
    said = _reachable(_known_of(degraded(steering, without - agreed), agreed))
    rendered = [_rendered(said, kind, features | agreed) for kind in said.types]
    records = sorted(chain.from_iterable(part.records for part in rendered), key=lambda record: record.key)
    return Rendering(tuple(records), tuple(chain.from_iterable(part.faults for part in rendered)))


def _known_of(steering: Steering, agreed: frozenset[Feature]) -> Steering:
    """Without rules for areas that Route 53 does not know, where the service can do without such."""
    limited = ((rule, rule.match) for rule in steering.rules[:-1])
    kept = [rule for rule, area in limited if area and (MATCHED[area.kind] not in agreed or _known(area))]
    return replace(steering, rules=(*kept, steering.rules[-1]))


def _reachable(steering: Steering) -> Steering:
    """Without rules for clients all of whom an earlier rule is for."""
    kept = []
    for number, rule in enumerate(steering.rules[:-1]):
        before = [earlier.match for earlier in steering.rules[:number]]
        if rule.match is not None and not any(within(rule.match, area) for area in before):
            kept.append(rule)
    return replace(steering, rules=(*kept, steering.rules[-1]))


def _rendered(steering: Steering, kind: RecordType, features: frozenset[Feature]) -> Rendering:
    faults = tuple(dict.fromkeys(_unsayable(steering, kind, features)))
    if faults or not any(groups_for(rule, kind) for rule in steering.rules):
        return Rendering((), faults)
    excess: list[str] = []
    for layout in (exact, compact):
        records = lay_out(steering.name, kind, steering.ttl, grow(steering, kind, layout))
        excess = list(_excess(records, len(steering.types)))
        if not excess:
            return Rendering(records)
    return Rendering((), tuple(Inexpressible(kind, Feature.SIZE, text) for text in excess))


def _unsayable(steering: Steering, kind: RecordType, features: frozenset[Feature]) -> Iterator[Inexpressible]:
    yield from (needed for needed in required(steering, kind) if needed.feature not in features)
    if not any(groups_for(rule, kind) for rule in steering.rules):
        return
    for rule in steering.rules:
        if rule.match is not None and MATCHED[rule.match.kind] in features and not _known(rule.match):
            yield Inexpressible(kind, MATCHED[rule.match.kind], f"a rule for clients in {rule.match}")
        most = max((min(len(group.targets), steering.answers) for group in groups_for(rule, kind)), default=0)
        if kind is RecordType.CNAME and most > 1:
            yield Inexpressible(kind, Feature.SIZE, f"{most} CNAME records in one answer")
    if kind is RecordType.CNAME and len(steering.types) > 1:
        yield Inexpressible(kind, Feature.SIZE, "a CNAME beside other types")


def _known(area: Area) -> bool:
    """Whether Route 53 knows it."""
    if area.kind is AreaKind.NETWORK:
        return block(area) is not None
    return area.kind is AreaKind.UNKNOWN or geolocation(area) is not None


def _excess(records: tuple[RecordSet, ...], types: int) -> Iterator[str]:
    """What is too much.

    All that a service has is replaced by all that it is to have in a single request; so each of ``types`` has its share
    of half a request.
    """
    yield from problems(records)
    count = sum(max(1, len(record.values)) for record in records)
    characters = sum(len(value) for record in records for value in record.values)
    for spent, most, marker, what in zip(
        (count, characters), (MAX_RECORDS, MAX_CHARACTERS), _MARKER, ("records", "characters of values"), strict=True
    ):
        if spent > (allowed := (most // 2 - marker) // types):
            yield f"{spent} {what}; {allowed} at most, so that all are replaced in one request"
