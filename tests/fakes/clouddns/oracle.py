"""What clients are answered, computed from what the zones hold and from nothing else.

Where Google's documentation is silent, this is assumed:

- All weights zero: the reference says that the odds are proportional to the weight relative to the sum, which then says
  nothing. So nothing is answered: the reading under which whoever publishes it is found out.
- A client whose place is not known is answered as if it were at one given place.
- All records of an item are in an answer, as its signatures, which are made over all of them, demand.
- Everything is healthy: fencing makes no difference, and backups get their trickle only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from gslb.model.geodesy import Coordinates, distance
from tests.fakes.clouddns.records import RecordSet
from tests.fakes.clouddns.regions import REGIONS
from tests.fakes.clouddns.routing import Data, Geo, PrimaryBackup, Weighted
from tests.fakes.clouddns.zone import Zone

MOST_ALIASES = 16
Odds = dict[str, Fraction]


@dataclass(frozen=True, slots=True)
class View:
    """Zones, each as it is after one of its changes."""

    zones: Sequence[tuple[Zone, int]]

    def holds(self, name: str) -> bool:
        return self._zone(name) is not None

    def find(self, name: str, kind: str) -> RecordSet | None:
        """A record set by name, or by the wildcard that stands for the name (RFC 4592)."""
        found = self._zone(name)
        if found is None:
            return None
        zone, version = found
        record = zone.record((name, kind), version)
        if record is None and not _exists(name, names := zone.names(version)):
            above = name
            while not _exists(above, names):
                above = above.partition(".")[2]
            record = zone.record((f"*.{above}", kind), version)
        return record

    def _zone(self, name: str) -> tuple[Zone, int] | None:
        above = [(zone, version) for zone, version in self.zones if f".{name}".endswith(f".{zone.origin.name}")]
        return max(above, key=lambda each: len(each[0].origin.name), default=None)


def _exists(name: str, names: set[str]) -> bool:
    return name in names or any(each.endswith(f".{name}") for each in names)


def answers(view: View, name: str, kind: str, place: Coordinates, aliases: int = MOST_ALIASES) -> Odds:
    """How often each value is in an answer, as a share of all answers; empty where there is no answer of the type.

    Aliases are followed through the zones of the view. One that leads out of them is answered by its target's name.
    """
    record = view.find(name, kind)
    if record is not None:
        return shares(record, place)
    alias = view.find(name, "CNAME")
    if alias is None or not aliases:
        return {}
    odds: Odds = {}
    for target, share in shares(alias, place).items():
        inside = view.holds(target)
        further = answers(view, target, kind, place, aliases - 1) if inside else {target: Fraction(1)}
        _add(odds, further, share)
    return odds


def shares(record: RecordSet, place: Coordinates) -> Odds:
    """Of one record set."""
    if record.policy is None:
        return dict.fromkeys(record.rrdatas, Fraction(1))
    match record.policy.steers:
        case Weighted(items):
            return _weighted(items)
        case Geo() as geo:
            return _nearest(geo, place)
        case PrimaryBackup(primary, backup, trickle):
            odds: Odds = {}
            trickled = Fraction(str(trickle))
            _add(odds, dict.fromkeys(primary.values, Fraction(1)), 1 - trickled)
            _add(odds, _nearest(backup, place), trickled)
            return odds


def _weighted(items: Sequence[tuple[float, Data]]) -> Odds:
    weights = [Fraction(str(weight)) for weight, _ in items]
    total = sum(weights)
    odds: Odds = {}
    for weight, (_, data) in zip(weights, items, strict=True):
        if weight:
            _add(odds, dict.fromkeys(data.values, Fraction(1)), weight / total)
    return odds


def _nearest(geo: Geo, place: Coordinates) -> Odds:
    _, data = min(geo.items, key=lambda item: distance(place, REGIONS[item[0]].coordinates))
    return dict.fromkeys(data.values, Fraction(1))


def _add(odds: Odds, more: Odds, share: Fraction) -> None:
    for value, part in more.items():
        if share:
            odds[value] = odds.get(value, Fraction(0)) + part * share
