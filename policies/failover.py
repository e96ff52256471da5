"""failover: tiers of regions in order of preference; a later tier answers only when none before it can.

Options: tiers, minimum, ready. By default every region is a tier of its own, in the order in which the service lists
them, and one healthy endpoint is enough to answer.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any, ClassVar

from msgspec.structs import replace
from pydantic import BeforeValidator, Field, PlainSerializer

from gslb.model.branch import Branch, Candidate, Context, Reason, Tier, Verdict
from gslb.model.chain import Chain, Fault
from gslb.model.names import RegionName
from gslb.model.options import Key, Options


def _read_minimum(value: Any) -> Any:
    """A number is the same number for each tier."""
    if type(value) is int:
        return [value]
    if isinstance(value, list) and value and all(type(entry) is int for entry in value):
        return value
    raise ValueError(f"{value!r} is no number of endpoints; write one such as 2, or one for each tier: [2, 1]")


def _show_minimum(value: list[int]) -> Any:
    return value[0] if len(value) == 1 else value


Minimum = Annotated[
    list[Annotated[int, Field(ge=1, le=1000)]], BeforeValidator(_read_minimum), PlainSerializer(_show_minimum)
]


@dataclass(frozen=True, slots=True)
class _Part:
    """Candidates that answer together.

    Attributes:
        tier: them, at least one.
        needed: healthy endpoints that they should have.
        ready: they may answer as soon as those before them cannot.
    """

    tier: Tier
    needed: int
    ready: bool

    @property
    def healthy(self) -> int:
        return sum(len(candidate.endpoints) for candidate in self.tier)

    @property
    def delayed(self) -> tuple[bool, bool]:
        """What puts it behind others, the weightier first."""
        return not self.ready, self.healthy < self.needed


@dataclass(frozen=True, slots=True)
class _Versions:
    """Versions of the configuration that gateways state.

    Attributes:
        preferred: those of the first tier's.
        standbys: by region behind it that is to be ready; empty where its gateways state none.
    """

    preferred: tuple[str, ...]
    standbys: Mapping[RegionName, str]

    def differ(self, region: RegionName) -> bool:
        """Whether a standby is not ready."""
        return bool(self.preferred) and region in self.standbys and self.standbys[region] not in self.preferred

    def note(self, region: RegionName) -> str:
        """What there is to say of it; empty for nothing."""
        if region in self.standbys and not self.preferred:
            return "readiness is not checked: the preferred tier states no configuration"
        if not self.differ(region):
            return ""
        own = self.standbys[region] or "not stated"
        return f"not ready: configuration {own}, preferred has {' and '.join(self.preferred)}"


class Failover(Options):
    """Part the regions into tiers of which the first that can answers."""

    ranks_by_weight: ClassVar[bool] = False

    tiers: Annotated[
        list[Annotated[list[Key], Field(min_length=1)]] | None,
        Field(min_length=1, description="lists of regions, the preferred ones first; default: each region alone"),
    ] = None
    minimum: Annotated[
        Minimum,
        Field(description="healthy endpoints a tier needs to answer before a later one: a number, or one for each"),
    ] = [1]  # noqa: RUF012  pydantic copies it
    ready: Annotated[
        bool, Field(description="prefer standbys whose gateways state the configuration of the first tier's")
    ] = False

    @property
    def name(self) -> str:
        """As written in TOML."""
        return "failover"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        """The branch with each of its tiers parted, what is not ready or too small last, and a reason for each."""
        ranked = _ranked(self.tiers or [[name] for name in context.regions])
        versions = self._versions(ranked, context)
        parts = [part for tier in branch.tiers for part in self._parts(tier, ranked, versions)]
        parts.sort(key=lambda part: part.delayed)
        reasons = tuple(
            Reason("failover", found.region, _verdict(place), _text(place, parts, versions.note(found.region)))
            for place, part in enumerate(parts)
            for found in part.tier
        )
        return (replace(branch, tiers=tuple(part.tier for part in parts), reasons=branch.reasons + reasons),)

    def _parts(self, tier: Tier, ranked: Mapping[RegionName, int], versions: _Versions) -> Iterator[_Part]:
        """What becomes of one tier; a region that has no tier of its own comes last: it is the fallback."""

        def rank(found: Candidate) -> tuple[int, bool]:
            return ranked.get(found.region, len(ranked)), versions.differ(found.region)

        for (number, unready), together in groupby(sorted(tier, key=rank), key=rank):
            yield _Part(tuple(together), self._needed(number), not unready)

    def _needed(self, number: int) -> int:
        return self.minimum[min(number, len(self.minimum) - 1)]

    def _versions(self, ranked: Mapping[RegionName, int], context: Context) -> _Versions:
        stated = context.signals.configurations if self.ready else {}
        preferred = {stated[name] for name, rank in ranked.items() if rank == 0 and stated.get(name)}
        standbys = {name: stated.get(name, "") for name, rank in ranked.items() if rank and self.ready}
        return _Versions(tuple(sorted(preferred)), standbys)

    def faults(self, chain: Chain) -> Iterator[Fault]:
        """Fewer than two tiers, regions in none or in two of them, minimums that do not fit them."""
        tiers = [[RegionName(name) for name in tier] for tier in self.tiers or [[name] for name in chain.regions]]
        yield from _misplaced(tiers, chain)
        if len(tiers) == 1:
            message = "has no effect: all regions are in one tier"
            remedy = "put those that are to stand by in a tier of their own, or remove this step"
            yield Fault(message, remedy, "tiers" if self.tiers else "")
        if len(self.minimum) not in (1, len(tiers)):
            message = f"has {len(self.minimum)} numbers for {len(tiers)} tiers"
            yield Fault(message, "write one for each tier, or one for all", "minimum")
            return
        for number, tier in enumerate(tiers):
            there = sum(len(chain.regions[name].endpoints) for name in set(tier) if name in chain.regions)
            if 0 < there < self._needed(number):
                message = f"is {self._needed(number)}, but {_list(tier)} has {there} endpoints"
                yield Fault(message, "lower it, or the tier never answers before a later one", "minimum")


def _ranked(tiers: Iterable[Iterable[str]]) -> dict[RegionName, int]:
    return {RegionName(name): rank for rank, tier in enumerate(tiers) for name in tier}


def _misplaced(tiers: Sequence[Sequence[RegionName]], chain: Chain) -> Iterator[Fault]:
    """Regions that are not the service's, are named twice, or are missing."""
    named = [name for tier in tiers for name in tier]
    for name in dict.fromkeys(named):
        if name not in chain.regions:
            yield Fault(f"{name!r} is no region of this service", f"its regions: {_list(chain.regions)}", "tiers")
        elif named.count(name) > 1:
            yield Fault(f"{name} is named twice", "name each region once", "tiers")
    missing = [name for name in chain.regions if name not in named]
    if missing:
        yield Fault(f"{_list(missing)} is in no tier", "add it to one, or take it from the service", "tiers")


def _list(names: Iterable[RegionName]) -> str:
    return ", ".join(names)


def _verdict(place: int) -> Verdict:
    return Verdict.STANDBY if place else Verdict.IN


def _text(place: int, parts: Sequence[_Part], note: str) -> str:
    part = parts[place]
    said = [_position(place, parts)]
    if part.healthy < part.needed:
        said.append(f"too small: {part.healthy} healthy of the {part.needed} endpoints that it needs")
    return "; ".join([*said, note] if note else said)


def _position(place: int, parts: Sequence[_Part]) -> str:
    if not place:
        return "preferred"
    return f"standby number {place}, behind {_list(found.region for found in parts[place - 1].tier)}"
