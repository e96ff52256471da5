"""Rules for areas, and the nearest pick, as the items of a geo policy: one for each region of Google Cloud.

An item has what a client would be answered who is where its region is. Cloud DNS takes each client to be at a region of
Google Cloud, and answers by the item of that or else of the nearest one (Cloud DNS documentation, Geolocation routing
policies). So clients there are answered exactly as the steering says, and those around them likewise.

Policies do not nest: an item has one list of values, all of which are in the answer, and no weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gslb.model.expressible import Feature, Inexpressible
from gslb.model.geodesy import Coordinates, distance
from gslb.model.pick import nearest
from gslb.model.steering import Group, Pick, RecordType, Rule, Steering, groups_for
from gslb.model.windows import Window
from providers.clouddns.areas import AREAS
from providers.clouddns.regions import REGIONS
from providers.clouddns.windows import Shares, proportions, shares_of

FEATURES = frozenset({Feature.NEAREST, Feature.PLACES})
"""What a geo policy can say about, for services that agree to it: not every client is at a region of Google Cloud."""


@dataclass(frozen=True, slots=True)
class Local:
    """What clients at a region of Google Cloud are to be answered: by which rule, and from which groups."""

    rule: Rule
    groups: tuple[Group, ...]

    def shares(self, answers: int) -> Shares:
        """How often each answer is to be given, as a share of one."""
        return proportions(shares_of(self.groups, answers))

    def item(self, answers: int) -> Window:
        """The values that are answered together; empty where some of them are to be answered at a time.

        Those of groups at one place are all answered, unless an answer may not have so many.
        """
        shares = self.shares(answers)
        if len(shares) == 1:
            return next(iter(shares))
        together = tuple(sorted({target.value for group in self.groups for target in group.targets}))
        return together if self.rule.pick is Pick.NEAREST and len(together) <= answers else ()

    def fault(self, kind: RecordType, answers: int) -> Inexpressible:
        """Why there is no item."""
        whom = "everybody else" if self.rule.match is None else f"clients in {self.rule.match}"
        feature = Feature.NEAREST if self.rule.pick is Pick.NEAREST else Feature.PLACES
        regions = " and ".join(group.region for group in self.groups)
        what = f"weights of {regions}"
        if len(self.groups) == 1:
            what = f"{answers} of the {len(self.groups[0].targets)} addresses of {regions}"
        return Inexpressible(kind, feature, f"{what} within a geo policy, for {whom}")


def everywhere(steering: Steering, kind: RecordType) -> Mapping[str, Local]:
    """What is to be answered at each region of Google Cloud; there are answers of type ``kind`` in all rules."""
    rules = {rule.match: rule for rule in steering.rules}
    return {
        region: _local(next((rules[area] for area in AREAS[region] if area in rules), rules[None]), kind, coordinates)
        for region, (coordinates, _) in REGIONS.items()
    }


def _local(rule: Rule, kind: RecordType, place: Coordinates) -> Local:
    groups = groups_for(rule, kind)
    return Local(rule, _nearest(groups, place) if rule.pick is Pick.NEAREST else groups)


def _nearest(groups: tuple[Group, ...], place: Coordinates) -> tuple[Group, ...]:
    """The nearest group, and those at the same place as it; all of them where it is not known where they are.

    Others that happen to be as far from ``place``, in another direction, are not told from it by weights, as there are
    none here, but by metres.
    """
    away = {group.region: distance(place, group.location) for group in groups if group.location is not None}
    if len(away) < len(groups):
        return groups
    first = min(groups, key=lambda group: (away[group.region], group.region), default=None)
    return nearest(groups, first.location) if first is not None else ()
