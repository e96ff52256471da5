"""Steerings as record sets of Cloud DNS: at most one for each type. What it cannot say is a fault.

of a steering, for one type             record set
one group, all of it in each answer     plain values
groups, or some of a group              policy wrr
rules for places, the nearest pick      policy geo, for services that agree to it; plain or wrr where they come to that

Some of a group are laid out exactly, or compactly where there is no room for that; see ``gslb.model.windows``. Anything
else cannot be said at all; see ``gslb.model.expressible``.
"""

from collections.abc import Collection, Iterator, Mapping

from gslb.model.expressible import Feature, Inexpressible, Rendering, degraded, required
from gslb.model.steering import Group, RecordType, Steering, groups_for
from gslb.model.windows import Window, compact, exact
from providers.clouddns import geo
from providers.clouddns.limits import MAX_CHARACTERS, MAX_ITEMS, MAX_RECORDS
from providers.clouddns.windows import Shares, shares_of, weights_of
from providers.clouddns.wire import read

_MARKER = 1000
"""characters that are left for the marker of a service"""


def render(steering: Steering, without: frozenset[Feature]) -> Rendering:
    """``steering`` as record sets, and faults where it cannot be; see ``providers.base.Provider``."""
    said = degraded(steering, without - geo.FEATURES)
    rendered = [(kind, *_rendered(said, kind, without & geo.FEATURES)) for kind in said.types]
    records = [
        read({"name": said.name, "type": kind.value, "ttl": said.ttl, **document})
        for kind, document, faults in rendered
        if document and not faults
    ]
    return Rendering(tuple(records), tuple(fault for *_, faults in rendered for fault in faults))


_Rendered = tuple[Mapping[str, object], tuple[Inexpressible, ...]]
"""members of the record set that say who gets it, if there is one, and why there is none"""


def _rendered(steering: Steering, kind: RecordType, agreed: frozenset[Feature]) -> _Rendered:
    needed = required(steering, kind)
    faults = tuple(fault for fault in needed if fault.feature not in agreed)
    if faults:
        return {}, faults
    if needed:
        return _located(steering, kind)
    groups = groups_for(steering.rules[-1], kind)
    return _weighed(groups, steering, kind) if groups else ({}, ())


def _located(steering: Steering, kind: RecordType) -> _Rendered:
    """By a geo policy, unless it is the same everywhere."""
    answers, local = steering.answers, geo.everywhere(steering, kind)
    shares = [each.shares(answers) for each in local.values()]
    if all(each == shares[0] for each in shares):
        return _weighed(next(iter(local.values())).groups, steering, kind)
    items = {region: each.item(answers) for region, each in local.items()}
    faults = [local[region].fault(kind, answers) for region, values in items.items() if not values]
    faults += _excess(items.values(), steering, kind)
    document = [{"location": region, "rrdatas": list(values)} for region, values in items.items()]
    return {"routingPolicy": {"geo": {"items": document}}}, tuple(dict.fromkeys(faults))


def _weighed(groups: tuple[Group, ...], steering: Steering, kind: RecordType) -> _Rendered:
    """By weights; plainly, where there is one answer only."""
    shares = shares_of(groups, steering.answers, exact)
    if any(_excess(shares, steering, kind)):
        shares = shares_of(groups, steering.answers, compact)
    return _document(shares), tuple(_excess(shares, steering, kind))


def _document(shares: Shares) -> Mapping[str, object]:
    if len(shares) == 1:
        return {"rrdatas": list(*shares)}
    weights = sorted(weights_of(shares).items())
    items = [{"weight": weight, "rrdatas": list(values)} for values, weight in weights]
    return {"routingPolicy": {"wrr": {"items": items}}}


def _excess(answers: Collection[Window], steering: Steering, kind: RecordType) -> Iterator[Inexpressible]:
    """What is too much. All of a service is replaced in a single request, so each type has its share of half of one."""
    if len(answers) > MAX_ITEMS:
        text = f"{len(answers)} weighted answers, of {MAX_ITEMS} that it takes"
        yield Inexpressible(kind, Feature.SIZE, text)
    most = 1 if kind is RecordType.CNAME else MAX_RECORDS
    count = max(map(len, answers))
    if count > most:
        yield Inexpressible(kind, Feature.SIZE, f"{count} {kind} records in an answer, of {most} that it takes")
    characters = sum(len(value) for values in answers for value in values)
    if characters > (allowed := (MAX_CHARACTERS // 2 - _MARKER) // len(steering.types)):
        text = f"{characters} characters of {kind} records, of {allowed} that it takes"
        yield Inexpressible(kind, Feature.SIZE, text)
