"""fence: clients in some areas are answered by some regions only, whatever happens: data residency.

Options: ``areas`` and ``unknown`` say whom it is around, ``regions`` who may answer them.

A candidate from outside is dropped from every tier of every branch whose clients are all in a fenced area, and a branch
is made for each fenced area that is not yet one. That is as strict wherever the step stands:

    after geo     geo's branches within the area are fenced, and its others get a branch for the area, which is
    before geo    geo parts the fenced branch again, and what it makes of that has no outside candidates to prefer

provided that of branches for the same clients the one from the most specific branch counts, which comes first.
At the nameserver the most specific rule counts that a client is in. A rule that lies within the area is fenced, and one
that the area lies within is less specific. One that is apart has no client of the area. Of any other nobody knows how
it lies to the area: if it is less specific the fence's own rule comes first, and if not it might answer fenced clients
from outside, so it is a fault.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Self

from msgspec.structs import replace
from pydantic import Field, model_validator

from gslb.model.area import UNKNOWN, Area, AreaKind, disjoint, specificity, within
from gslb.model.branch import Branch, Candidate, Context, Reason, Step, Verdict
from gslb.model.chain import Chain, Fault
from gslb.model.names import RegionName
from gslb.model.options import AreaText, Key, Options
from gslb.model.split import split
from gslb.model.topology import AllDown
from policies.checking import foreign, listed, rehearse, untold


class Fence(Options):
    """Answer clients in some areas by some regions only, even if none of these can."""

    ranks_by_weight: ClassVar[bool] = False

    regions: Annotated[list[Key], Field(min_length=1, description="the only regions that answer fenced clients")]
    areas: Annotated[list[AreaText], Field(max_length=1000, description="whose clients are fenced")] = []  # noqa: RUF012  pydantic copies it
    unknown: Annotated[bool, Field(description="fence clients whose location is not known as well")] = False

    @model_validator(mode="after")
    def _is_around_somebody(self) -> Self:
        if not self.around:
            raise ValueError('fences nobody; write areas = ["TR"], or unknown = true')
        return self

    @property
    def name(self) -> str:
        """As written in TOML."""
        return "fence"

    @property
    def around(self) -> tuple[Area, ...]:
        """The fenced areas."""
        return (*self.areas, UNKNOWN) if self.unknown else tuple(self.areas)

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:  # noqa: ARG002  the port's signature
        """A branch for each fenced area without the regions outside, with a reason for each region, and the rest."""
        parts = split(branch.match, self.around)
        return tuple(self._keep(replace(branch, match=match), area) for match, area in parts)

    def _keep(self, branch: Branch, area: Area | None) -> Branch:
        if area is None:
            return branch
        tiers = tuple(kept for tier in branch.tiers if (kept := tuple(c for c in tier if c.region in self.regions)))
        reasons = tuple(self._explain(candidate, area) for candidate in branch.candidates)
        return replace(branch, tiers=tiers, reasons=branch.reasons + reasons)

    def _explain(self, candidate: Candidate, area: Area) -> Reason:
        whom = _whom(area)
        if candidate.region in self.regions:
            return Reason("fence", candidate.region, Verdict.IN, f"may answer {whom}")
        text = f"outside the fence: only {listed(self.regions)} may answer {whom}"
        return Reason("fence", candidate.region, Verdict.OUT, text)

    def faults(self, chain: Chain) -> Iterator[Fault]:
        """What is wrong with this step at this place."""
        yield from untold(chain, self.areas, "areas")
        yield from untold(chain, [UNKNOWN] if self.unknown else [], "unknown")
        service, inside = chain.service, set(self.regions)
        strangers = [name for name in self.regions if name not in chain.regions and name != service.fallback]
        if strangers:
            yield from foreign(chain, strangers, "regions")
            return
        if inside.issuperset(chain.regions):
            text = "has no effect: these are all regions of the service"
            yield Fault(text, "leave out the regions that may not answer, or remove this step", "regions")
        if service.when_all_down is AllDown.FALLBACK and service.fallback not in inside:
            text = f"leaves out {service.fallback}, the fallback of the service, which fenced clients would never get"
            yield Fault(text, f"let when_all_down fall back to {listed(self.regions)}, or write servfail", "regions")
        yield from self._breaches(chain)

    def _breaches(self, chain: Chain) -> Iterator[Fault]:
        """Faults for clients whom others might answer, and for those whom nobody would."""
        for match, answering in _answering(chain, (*chain.before, self, *chain.after)).items():
            inside = match is not None and any(within(match, area) for area in self.around)
            if inside and not answering:
                text = f"leaves nobody to answer {_whom(match)}, together with the other steps"
                yield Fault(text, "let the fences around them have a region in common", "regions")
            outside = [name for name in answering if name not in self.regions]
            open_to = next((area for area in self.around if match is not None and _may_win(match, area)), None)
            if outside and match is not None and open_to is not None:
                text = f"cannot hold: {_whom(match)} may be {_whom(open_to)} too, and {listed(outside)} may answer them"
                yield Fault(text, f"fence {match} as well, or let no other step part clients by it", "areas")


def _whom(area: Area | None) -> str:
    return "clients of unknown location" if area == UNKNOWN else f"clients in {area}"


def _answering(chain: Chain, steps: tuple[Step, ...]) -> Mapping[Area | None, list[RegionName]]:
    """The regions that may ever answer, by whom.

    Each goes through the chain alone, since one that stands behind or beside others may be on its own some day.
    """
    found: dict[Area | None, list[RegionName]] = {}
    for name in chain.regions:
        for branch in rehearse(chain, steps, [name]):
            found.setdefault(branch.match, []).extend(c.region for c in branch.candidates)
    return found


def _may_win(match: Area, area: Area) -> bool:
    """Whether the rule for ``match`` may be the first for a client who is in ``area``."""
    if within(match, area):
        return True
    return not (within(area, match) or _apart(match, area)) and specificity(match) <= specificity(area)


_NESTED = frozenset(
    "AZ BD BE BF CV CZ DO EE ES FJ FR GB GN GQ GW ID IE IS IT KN LK MA MH MW NP PH RS UG".split()  # noqa: SIM905  a table
)
"""Countries that have subdivisions within subdivisions in ISO 3166-2, such as GB-LND in GB-ENG."""


def _apart(one: Area, other: Area) -> bool:
    """Whether no client can be in both."""
    nested = one.kind is other.kind is AreaKind.SUBDIVISION and one.code[:2] == other.code[:2]
    return disjoint(one, other) and not (nested and one.code[:2] in _NESTED)
