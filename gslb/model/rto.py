"""Recovery time: how long after a fault the last resolver stops answering with the faulty endpoint, at worst."""

from dataclasses import dataclass

from gslb.model.duration import format_duration
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


def predict_rto(pace: Pace, publication: float, propagation: float, ttl: float) -> Rto:
    """The worst case for one probe and one provider.

    The fault falls just after an attempt began (interval); the next one runs into its time limit (timeout), or is
    hedged before that (hedge; the usual latency comes on top, which only a running daemon knows); fall - 1 confirming
    attempts start ``confirm`` apart, and the last of them runs into its own limit (confirm_timeout); the decision is
    published and reaches all servers; and a resolver asked just before that (ttl.steady).
    """
    confirms = pace.thresholds.fall - 1
    hedged = pace.hedge is not None and confirms > 0 and pace.hedge < pace.timeout
    return Rto(
        (
            ("interval", pace.interval),
            ("hedge", pace.hedge or 0.0) if hedged else ("timeout", pace.timeout),
            (f"{confirms} x confirm", confirms * pace.confirm),
            ("confirm_timeout", pace.confirm_timeout if confirms else 0.0),
            ("publication", publication),
            ("propagation", propagation),
            ("ttl.steady", ttl),
        )
    )
