"""What is asked of a service, from what its gateways count."""

HALF_LIFE = 300.0
"""Seconds in which half of what has gone away is forgotten."""


def follow_demand(former: float | None, counted: float | None, elapsed: float) -> float | None:
    """The demand, in requests per second, ``elapsed`` seconds after ``former``; None where nobody says.

    Upwards it follows at once, downwards slowly: a region that fails takes its requests along in the reports only,
    since its clients come back elsewhere.
    """
    if former is None or counted is None or counted >= former:
        return counted
    gone: float = 0.5 ** (max(0.0, elapsed) / HALF_LIFE)
    return counted + (former - counted) * gone
