"""Branches to work on: one-line builders for decision tables, a strategy for properties."""

from hypothesis import strategies as st

from gslb.model.branch import Branch, Candidate, Context, Reason, Step, Tier, Verdict
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.topology import Member, Region, Service

REGIONS = tuple(map(RegionName, ("istanbul", "ankara", "izmir", "bursa")))
SERVICE = Service(ServiceName("api.example.com."), tuple(Member(name, 1) for name in REGIONS), (), ())
CONTEXT = Context(SERVICE, {name: Region(name, ()) for name in REGIONS})


def candidate(region: str, weight: int = 1, score: float = 1.0) -> Candidate:
    return Candidate(RegionName(region), (EndpointName(f"{region}/192.0.2.1:80"),), weight, score)


def branch(*tiers: Tier) -> Branch:
    return Branch(None, tiers, reasons=(Reason("health", RegionName("istanbul"), Verdict.IN, "up"),))


def run(steps: tuple[Step, ...], before: Branch) -> Branch:
    """The one branch that ``steps`` make of ``before``."""
    for step in steps:
        (before,) = step(before, CONTEXT)
    return before


def regions(after: Branch) -> list[list[str]]:
    return [[entry.region for entry in tier] for tier in after.tiers]


def weights(after: Branch) -> list[list[int]]:
    return [[entry.weight for entry in tier] for tier in after.tiers]


@st.composite
def branches(draw: st.DrawFn) -> Branch:
    """Up to four regions in any order, spread over up to three tiers, some of them empty."""
    tiers: list[list[Candidate]] = [[], [], []]
    for region in draw(st.permutations(REGIONS))[: draw(st.integers(0, 4))]:
        entry = candidate(region, draw(st.integers(0, 255)), draw(st.floats(0.0, 1.0)))
        tiers[draw(st.integers(0, 2))].append(entry)
    return branch(*map(tuple, tiers))
