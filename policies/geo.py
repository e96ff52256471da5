"""geo: clients are answered by the regions that speak for where they are, and by the others when none of those can.

Options: ``unknown`` and ``elsewhere``, the regions preferred for clients whose location is not known, and for those who
are in no region's area.

    client is in                          preferred
    areas of some of the regions          the regions that have the most specific of these areas
    no region's area                      ``elsewhere``; all alike without it
    a place that is not known             ``unknown``; without it, as in no region's area

The preferred ones come first within each tier that an earlier step has made, so a tier never runs empty.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

from msgspec.structs import replace
from pydantic import Field

from gslb.model.area import UNKNOWN, Area
from gslb.model.branch import Branch, Context, Reason, Tier, Verdict
from gslb.model.chain import Chain, Fault
from gslb.model.names import RegionName
from gslb.model.options import Key, Options
from gslb.model.split import split
from gslb.model.topology import Region
from policies.checking import alone, foreign, listed, untold


class Geo(Options):
    """Prefer the regions that speak for the area a client is in."""

    ranks_by_weight: ClassVar[bool] = False

    unknown: Annotated[
        list[Key],
        Field(description="regions preferred for clients whose location is not known; default: as elsewhere"),
    ] = []  # noqa: RUF012  pydantic copies it
    elsewhere: Annotated[
        list[Key], Field(description="regions preferred for clients in no region's area; default: all")
    ] = []  # noqa: RUF012  pydantic copies it

    @property
    def name(self) -> str:
        """As written in TOML."""
        return "geo"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        """A branch for each area of the regions, with its own regions first, and one for everybody else."""
        parts = split(branch.match, self._areas(context.regions))
        return tuple(self._prefer(replace(branch, match=match), context.regions, area) for match, area in parts)

    def faults(self, chain: Chain) -> Iterator[Fault]:
        """What is wrong with this step at this place."""
        yield from foreign(chain, self.unknown, "unknown")
        yield from foreign(chain, self.elsewhere, "elsewhere")
        areas = {area for region in chain.regions.values() for area in region.areas}
        yield from untold(chain, areas)
        yield from untold(chain, [UNKNOWN] if self.unknown else [], "unknown")
        if not areas:
            yield Fault("has no effect: no region of the service has areas", "set areas in [regions.NAME]")
        elif not self._tells_apart(chain.regions):
            text = f"has no effect: {listed(list(chain.regions))} speak for the same areas"
            yield Fault(text, "set areas in [regions.NAME] to those that each is for, or remove this step")
        else:
            yield from alone(chain)

    def _tells_apart(self, regions: Mapping[RegionName, Region]) -> bool:
        """Whether some clients prefer some of the regions; of a single one it is not asked."""
        parts = (*self._areas(regions), None)
        return len(regions) == 1 or any(0 < len(self._preferred(area, regions)) < len(regions) for area in parts)

    def _areas(self, regions: Mapping[RegionName, Region]) -> set[Area]:
        own = {area for region in regions.values() for area in region.areas}
        return own | {UNKNOWN} if self.unknown else own

    def _preferred(self, area: Area | None, regions: Mapping[RegionName, Region]) -> list[RegionName]:
        if area is None or area == UNKNOWN:
            return [RegionName(name) for name in (self.unknown if area else self.elsewhere)]
        return [name for name, region in regions.items() if area in region.areas]

    def _prefer(self, branch: Branch, regions: Mapping[RegionName, Region], area: Area | None) -> Branch:
        preferred = self._preferred(area, regions)
        present = {found.region for found in branch.candidates}
        gone = not present.intersection(preferred)
        tiers, reasons = list[Tier](), list(branch.reasons)
        for tier in branch.tiers:
            own = tuple(found for found in tier if found.region in preferred)
            rest = tuple(found for found in tier if found.region not in preferred)
            tiers += [part for part in (own, rest) if part]
            reasons += [Reason("geo", found.region, Verdict.IN, _merit(area)) for found in own]
            verdict, text = _behind([found.region for found in own] or preferred, area, beside=bool(own), gone=gone)
            reasons += [Reason("geo", found.region, verdict, text) for found in rest]
        return replace(branch, tiers=tuple(tiers), reasons=tuple(reasons))


def _merit(area: Area | None, verb: str = "speaks") -> str:
    if area is None:
        return "preferred for clients in no region's area"
    return "preferred for clients of unknown location" if area == UNKNOWN else f"{verb} for {area}"


def _behind(preferred: Sequence[RegionName], area: Area | None, *, beside: bool, gone: bool) -> tuple[Verdict, str]:
    """Verdict and text on a region that is not preferred.

    Args:
        preferred: those that are: in its tier, where there are any.
        area: whose clients it is about.
        beside: whether there are any in its tier.
        gone: whether there are none in any tier.
    """
    if not preferred:
        return Verdict.IN, "no region is preferred for these clients"
    merit = _merit(area, "speaks" if len(preferred) == 1 else "speak")
    whom = f"{listed(preferred)}, {'' if merit.startswith('preferred') else 'which '}{merit}"
    if beside:
        return Verdict.STANDBY, f"behind {whom}"
    return Verdict.IN, f"in place of {whom}" if gone else f"keeps its tier, which has none of {whom}"
