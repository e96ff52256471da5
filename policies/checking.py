"""What steps share when a configuration is checked: whom databases tell apart, and a rehearsal."""

from collections.abc import Iterable, Iterator, Sequence

from gslb.model.area import Area, AreaKind
from gslb.model.branch import Branch, Candidate, Context, Grown, Signals, Step, run
from gslb.model.chain import Chain, Fault
from gslb.model.names import RegionName
from gslb.model.ramp import ramps_of
from gslb.model.steering import Pick

_DATABASE = {
    AreaKind.ASN: "an ASN database",
    AreaKind.SUBDIVISION: "a City database",
    AreaKind.COUNTRY: "a Country or City database",
    AreaKind.CONTINENT: "a Country or City database",
    AreaKind.UNKNOWN: "a Country or City database",
}


def untold(chain: Chain, areas: Iterable[Area], key: str = "") -> Iterator[Fault]:
    """A fault for each kind of area of which nobody can tell which clients are in it."""
    for kind, remedy in _DATABASE.items():
        blind = sorted({str(area) for area in areas if area.kind is kind and not chain.geography.tells(area)})
        if blind:
            found = "clients of unknown location" if kind is AreaKind.UNKNOWN else f"clients in {listed(blind)}"
            yield Fault(f"cannot tell {found} from others", f"add {remedy} to [geo] databases", key)


def foreign(chain: Chain, names: Iterable[str], key: str) -> Iterator[Fault]:
    """A fault for each name that is no region of the service."""
    for name in names:
        if name not in chain.regions:
            remedy = f"write one of {', '.join(chain.regions)}"
            yield Fault(f"names {name}, which is no region of the service", remedy, key)


def rehearse(
    chain: Chain, steps: Sequence[Step], regions: Iterable[RegionName], pick: Pick = Pick.WEIGHTED
) -> tuple[Branch, ...]:
    """What ``steps`` make of these regions, all of them fit; of branches for the same clients the first counts."""
    ramps = {region: Grown(plan.steps[-1], "at its last step") for region, plan in ramps_of(chain.service).items()}
    context = Context(chain.service, chain.regions, Signals(vantages=chain.vantages, ramps=ramps))
    weights = {member.region: member.weight for member in chain.service.members}
    tier = tuple(
        Candidate(name, tuple(e.name for e in chain.regions[name].endpoints), weights.get(name, 1)) for name in regions
    )
    return run(steps, Branch(None, (tier,), pick), context)


def alone(chain: Chain) -> Iterator[Fault]:
    """A fault where no tier that a step gets has two regions to choose between."""
    branches = rehearse(chain, chain.before, chain.regions)
    if all(len(tier) <= 1 for branch in branches for tier in branch.tiers):
        before = f" after {listed([step.name for step in chain.before])}" if len(chain.regions) > 1 else ""
        remedy = "put it before them, or remove it" if before else "give the service a second region, or remove it"
        yield Fault(f"has no effect: there are no two regions to choose between{before}", remedy)


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
