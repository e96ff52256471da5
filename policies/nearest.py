"""nearest: every client is answered by the region that is nearest to it on the globe.

Options: none. Weights decide between regions whose distances differ by less than a kilometre, and for clients whose
place is not known.
"""

from collections.abc import Iterator
from typing import ClassVar

from msgspec.structs import replace

from gslb.model.branch import Branch, Candidate, Context, Reason, Step, Verdict
from gslb.model.chain import Chain, Fault
from gslb.model.options import Options
from gslb.model.pick import TIE
from gslb.model.steering import Pick
from policies.checking import alone, listed, rehearse


class Nearest(Options):
    """Answer every client by the region nearest to it."""

    ranks_by_weight: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """As written in TOML."""
        return "nearest"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        """The branch with its pick set, and a reason for each region."""
        reasons = tuple(_explain(candidate, context) for candidate in branch.candidates)
        return (replace(branch, pick=Pick.NEAREST, reasons=branch.reasons + reasons),)

    def faults(self, chain: Chain) -> Iterator[Fault]:
        """What is wrong with this step at this place."""
        lost = [name for name, region in chain.regions.items() if region.location is None]
        if lost:
            text = f"cannot tell how far {listed(lost)} {'are' if len(lost) > 1 else 'is'}: without location"
            yield Fault(text, "set location = [latitude, longitude] in [regions.NAME]")
        if not chain.geography.coordinates:
            yield Fault("cannot tell where clients are", "add a City database to [geo] databases")
        yield from _rivals(chain)
        yield from alone(chain)
        branches = rehearse(chain, chain.service.policy, chain.regions)
        if len(chain.regions) > 1 and all(len(branch.first) <= 1 for branch in branches):
            names = listed([step.name for step in chain.after]) if chain.after else ""
            if names:
                yield Fault(
                    f"has no effect: {names} after it leaves no two regions to choose between", f"remove {names}"
                )


def _explain(candidate: Candidate, context: Context) -> Reason:
    region = context.regions.get(candidate.region)
    weight = f"weight {candidate.weight} decides"
    if region is None or region.location is None:
        return Reason("nearest", candidate.region, Verdict.IN, f"its place is not known: {weight}")
    latitude, longitude = region.location
    text = f"answers whom it is nearest to, at {latitude:g}, {longitude:g}; {weight} within {TIE:g} km"
    return Reason("nearest", candidate.region, Verdict.IN, f"{text}, and where the client's place is not known")


def _rivals(chain: Chain) -> Iterator[Fault]:
    """A fault for each other step that says how a region is picked."""
    for step in chain.before:
        if _picks(step, Pick.WEIGHTED, chain) & {Pick.STICKY, Pick.NEAREST}:
            yield Fault(f"contradicts {step.name} before it: both say how a region is picked", "remove one of them")
    for step in chain.after:
        picks = _picks(step, Pick.NEAREST, chain) - {Pick.NEAREST}
        if Pick.STICKY in picks:
            yield Fault(f"contradicts {step.name} after it: both say how a region is picked", "remove one of them")
        elif picks:
            yield Fault(f"has no effect: {step.name} after it picks by weight", f"put nearest after {step.name}")


def _picks(step: Step, pick: Pick, chain: Chain) -> set[Pick]:
    """The picks that a step makes of one."""
    return {branch.pick for branch in rehearse(chain, (step,), chain.regions, pick)}
