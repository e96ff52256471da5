"""sticky: clients of one network always reach the same region, as many networks for each as its weight says.

Options: none.
"""

from collections.abc import Iterator
from typing import ClassVar

from msgspec.structs import replace

from gslb.model.branch import Branch, Context, Reason, Verdict
from gslb.model.chain import Chain, Fault
from gslb.model.options import Options
from gslb.model.steering import Pick


class Sticky(Options):
    """Answer a network always alike, as long as the region it reaches is there."""

    ranks_by_weight: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """As written in TOML."""
        return "sticky"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:  # noqa: ARG002  the port's signature
        """The branch with its pick set, and a reason for each region."""
        text = "the same client networks each time, as many as its weight says"
        reasons = tuple(Reason("sticky", found.region, Verdict.WEIGHT, text) for found in branch.candidates)
        return (replace(branch, pick=Pick.STICKY, reasons=branch.reasons + reasons),)

    def faults(self, chain: Chain) -> Iterator[Fault]:
        """Another step of the chain says how a region is picked, or there is nothing to pick from."""
        if any(step.name == "nearest" for step in (*chain.before, *chain.after)):
            yield Fault("contradicts nearest: both say which region a client reaches", "remove one of the two")
        if any(step.name == "weighted" for step in chain.after):
            yield Fault("is undone by weighted, which picks by weight alone", "put sticky behind weighted")
        if sum(len(region.endpoints) for region in chain.regions.values()) == 1:
            yield Fault("has no effect: the service has one endpoint", "add an endpoint, or remove this step")
