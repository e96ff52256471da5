"""What a service answers for one record type, as a tree of Route 53's routing policies.

of a steering                   policy         record sets
rules for networks              ip-based       one for each, and ``*`` for everybody else
rules for subdivisions,         geolocation    one for each, and ``*`` for everybody else
countries, continents
a rule for clients of           geolocation    ``*``, beside one for each continent: whoever is in none is unknown
unknown location
the weighted pick               weighted       one for each group
the nearest pick                geoproximity   one for each place; groups at one place are weighed below it. Whose place
                                               is not known gets groups by weight, and is told apart as above
all targets of a group          simple         one
8 of more than 8                multivalue     one for each target
n of k                          weighted       all alike, one for each window of targets (``gslb.model.windows``)

Networks come before places, as they do in gslb; were it otherwise, ``*`` leads on to whatever comes later. Within one
policy the longest block and the smallest place count, as they do in gslb.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import takewhile

from gslb.model.area import Area, AreaKind
from gslb.model.geodesy import Coordinates
from gslb.model.names import RegionName
from gslb.model.steering import Group, Pick, RecordType, Rule, Steering, groups_for
from gslb.model.windows import Layout, exact
from providers.route53.networks import cidr
from providers.route53.nodes import Node, Values, routed
from providers.route53.places import ANYWHERE, EVERY_CONTINENT, geolocation, proximity, rounded

_MULTIVALUE = 8
"""values in an answer by multivalue routing (Amazon Route 53 Developer Guide, Multivalue answer routing)"""


_Limited = Sequence[tuple[Area, Rule]]


class _Whom(Enum):
    """Clients, by whether their location is known."""

    ALL = auto()
    LOCATED = auto()
    UNLOCATED = auto()


def grow(steering: Steering, kind: RecordType, layout: Layout = exact) -> Node:
    """The tree of ``steering`` for one type; all of its rules have answers of it, and are such as Route 53 can say.

    Args:
        steering: what is to be answered.
        kind: record type.
        layout: makes windows of a group of which some are given at a time. Only the exact one has multivalue answers,
            which are a record set for each target.
    """
    limited = [(rule.match, rule) for rule in steering.rules if rule.match is not None]
    return _Growth(steering.answers, kind, steering.rules[-1], layout).among(limited, _Whom.ALL)


@dataclass(frozen=True, slots=True)
class _Growth:
    """Grows a tree; ``last`` is the rule in which everybody is."""

    answers: int
    kind: RecordType
    last: Rule
    layout: Layout

    def among(self, rules: _Limited, whom: _Whom) -> Node:
        """For clients of whom it is known that none of the rules before ``rules`` is for them."""
        if not rules:
            return self._answered(self.last, whom)
        if _for_network(rules[0]):
            run = list(takewhile(_for_network, rules))
            networks = [(area, self._answered(rule, whom)) for area, rule in run]
            return _by_network(networks, self.among(rules[len(run) :], whom))
        run = list(takewhile(lambda each: not _for_network(each), rules))
        return self._by_place(run, rules[len(run) :], whom)

    def _by_place(self, run: _Limited, rest: _Limited, whom: _Whom) -> Node:
        unknown = [rule for area, rule in run if area.kind is AreaKind.UNKNOWN]
        unlocated = self._answered(unknown[0], _Whom.UNLOCATED) if unknown else self.among(rest, _Whom.UNLOCATED)
        if whom is _Whom.UNLOCATED:
            return unlocated
        located = self.among(rest, _Whom.LOCATED)
        places = [(area, rule) for area, rule in run if area.kind is not AreaKind.UNKNOWN]
        return _by_place(
            [(area, self._answered(rule, _Whom.LOCATED)) for area, rule in places],
            located,
            unlocated if whom is _Whom.ALL else located,
        )

    def _answered(self, rule: Rule, whom: _Whom) -> Node:
        """For clients whom ``rule`` is for."""
        if whom is _Whom.ALL:
            return _by_place((), self._answered(rule, _Whom.LOCATED), self._answered(rule, _Whom.UNLOCATED))
        groups = groups_for(rule, self.kind)
        places = [rounded(group.location) for group in groups if group.location is not None]
        if rule.pick is Pick.NEAREST and whom is _Whom.LOCATED and len(places) == len(groups):
            return self._nearest(groups, places)
        return self._weighed(groups)

    def _nearest(self, groups: Sequence[Group], places: Sequence[Coordinates]) -> Node:
        at: dict[Coordinates, list[Group]] = {}
        for place, group in zip(places, groups, strict=True):
            at.setdefault(place, []).append(group)
        if len(at) == 1:
            return self._weighed(groups)
        return routed(
            (there[0].region, {"GeoProximityLocation": proximity(place)}, self._weighed(there), f"at-{there[0].region}")
            for place, there in at.items()
        )

    def _weighed(self, groups: Sequence[Group]) -> Node:
        if len(groups) == 1:
            return self._given(groups[0].region, [target.value for target in groups[0].targets])
        return routed(
            (group.region, {"Weight": group.weight}, self._weighed((group,)), group.region) for group in groups
        )

    def _given(self, region: RegionName, values: list[str]) -> Node:
        """Each value in as many answers as any other."""
        if len(values) <= self.answers:
            return Values(tuple(sorted(values)), region)
        alike: dict[str, object] = {"Weight": 1}
        windows = self.layout(values, self.answers)
        if self.answers == _MULTIVALUE and self.layout is exact:
            alike, windows = {"MultiValueAnswer": True}, exact(values, 1)
        nodes = [Values(window, f"{region}-{number}") for number, window in enumerate(windows, 1)]
        parts = ((f"{region}/{number}", alike, node, "") for number, node in enumerate(nodes, 1))
        return replace(routed(parts), label=region)


def _for_network(limited: tuple[Area, Rule]) -> bool:
    return limited[0].kind is AreaKind.NETWORK


def _by_network(networks: Sequence[tuple[Area, Node]], others: Node) -> Node:
    areas = [area for area, _ in networks]
    parts = [(str(area), {"CidrRoutingConfig": cidr(areas, area)}, node, str(area)) for area, node in networks]
    return routed((*parts, ("*", {"CidrRoutingConfig": cidr(areas, None)}, others, "elsewhere")))


def _by_place(places: Sequence[tuple[Area, Node]], located: Node, unlocated: Node) -> Node:
    """For clients in ``places``, for others whose location is known, and for those whose location is not."""
    if located == unlocated and not places:
        return located
    told = [(area, node, str(area)) for area, node in places]
    if located != unlocated:
        ruled = {area for area, _ in places}
        told += [(area, located, "elsewhere") for area in EVERY_CONTINENT if area not in ruled]
    parts = [(str(area), {"GeoLocation": geolocation(area)}, node, label) for area, node, label in told]
    rest = ("*", {"GeoLocation": ANYWHERE}, unlocated, "elsewhere" if located == unlocated else "unknown")
    return routed((*parts, rest))
