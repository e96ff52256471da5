"""Figures that noise does not change."""


def damped(former: float | None, newest: float | None, tolerance: float) -> float | None:
    """The figure to go on with: ``former`` until ``newest`` differs from it by more than a share of ``tolerance``.

    None, for not known, is taken over at once, and gives way at once.
    """
    if former is None or newest is None or abs(newest - former) > tolerance * former:
        return newest
    return former
