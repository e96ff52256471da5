"""Recovery time: how long after a fault the last resolver stops answering with the faulty endpoint, at worst."""

from dataclasses import dataclass

from gslb.model.doubt import FEW
from gslb.model.duration import format_duration
from gslb.model.exposure import ROUNDING
from gslb.model.pacing import Pace


@dataclass(frozen=True, slots=True)
class Rto:
    """The predicted recovery time, term by term, in seconds."""

    terms: tuple[tuple[str, float], ...]

    @property
    def total(self) -> float:
        """Sum of all terms, in seconds."""
        return sum(seconds for _, seconds in self.terms)

    def __str__(self) -> str:
        """The arithmetic in one line: ``interval 1s + timeout 500ms + ... = 32.5s``."""
        shown = " + ".join(f"{name} {format_duration(seconds)}" for name, seconds in self.terms if seconds)
        return f"{shown} = {format_duration(self.total)}"


def predict_rto(pace: Pace, publication: float, propagation: float, ttl: float, *, witnesses: int = 0) -> Rto:
    """The worst case for one probe and one provider.

    The fault falls just after an attempt began (interval); the next one runs into its time limit (timeout), or is
    hedged before that (hedge; the usual latency comes on top, which only a running daemon knows); fall - 1 confirming
    attempts start ``confirm`` apart, and the last of them runs into its own limit (confirm_timeout); the decision is
    published and reaches all servers; and a resolver asked just before that (ttl.steady), which counts whole seconds.

    Results count in the order in which their attempts started, so no verdict comes before the limit of the one that
    was hedged: where that is longest, ``hedge`` is what remains of it.

    Args:
        pace: timing of the probe.
        publication: seconds from the decision until the provider has taken it.
        propagation: seconds from then until all its servers answer by it.
        ttl: seconds that resolvers keep an answer.
        witnesses: so many targets must not be silent at the same time for silence to be believed (doubt); 0: it is
            believed at once. A few are asked when the first attempt has run into its limit: if no confirming attempt
            starts after that, the verdict waits for one more (witness). Many are asked after the last attempt, unless
            confirming takes so long that all of them are due in the midst of it.
    """
    confirms = pace.thresholds.fall - 1
    confirming = confirms * pace.confirm + pace.confirm_timeout
    hedged = pace.hedge is not None and confirms > 0 and pace.hedge < pace.timeout
    again = 0.0
    if witnesses > FEW and confirms * pace.confirm < pace.interval:
        again = max(pace.timeout, pace.confirm) + pace.confirm_timeout  # of one that is under way still
    elif witnesses and (hedged or not confirms):
        again = max(pace.timeout, pace.confirm + pace.confirm_timeout)
    return Rto(
        (
            ("interval", pace.interval),
            ("hedge", max(pace.hedge or 0.0, pace.timeout - confirming)) if hedged else ("timeout", pace.timeout),
            (f"{confirms} x confirm", confirms * pace.confirm),
            ("confirm_timeout", pace.confirm_timeout if confirms else 0.0),
            ("witness", again),
            ("publication", publication),
            ("propagation", propagation),
            ("ttl.steady", ttl),
            ("whole seconds", ROUNDING if ttl else 0.0),
        )
    )
