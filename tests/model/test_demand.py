"""Demand: upwards at once, downwards slowly; and figures that noise does not change."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.damping import damped
from gslb.model.demand import follow_demand

_rates = st.floats(0.0, 1e6)


@pytest.mark.parametrize(
    ("former", "counted", "elapsed", "followed"),
    [
        (None, None, 1.0, None),
        (None, 100.0, 1.0, 100.0),
        (100.0, None, 1.0, None),
        # upwards at once
        (100.0, 900.0, 0.0, 900.0),
        # downwards with a half-life of five minutes
        (1000.0, 0.0, 300.0, 500.0),
        (1000.0, 600.0, 300.0, 800.0),
        (1000.0, 600.0, 900.0, 650.0),
        (1000.0, 600.0, 0.0, 1000.0),
        # time does not run backwards
        (1000.0, 600.0, -5.0, 1000.0),
    ],
)
def test_demand_follows_what_is_counted(
    former: float | None, counted: float | None, elapsed: float, followed: float | None
) -> None:
    assert follow_demand(former, counted, elapsed) == (None if followed is None else pytest.approx(followed))


@given(_rates, _rates, st.floats(0.0, 1e5))
def test_demand_is_never_below_what_is_counted_nor_above_what_was(
    former: float, counted: float, elapsed: float
) -> None:
    followed = follow_demand(former, counted, elapsed)
    assert followed is not None
    assert counted <= followed <= max(former, counted) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("former", "newest", "shown"),
    [
        (None, 5.0, 5.0),
        (5.0, None, None),
        (None, None, None),
        (100.0, 110.0, 100.0),
        (100.0, 110.1, 110.1),
        (100.0, 90.0, 100.0),
        (100.0, 89.9, 89.9),
        (0.0, 0.0, 0.0),
        (0.0, 0.1, 0.1),
    ],
)
def test_a_figure_changes_only_by_more_than_its_tolerance(
    former: float | None, newest: float | None, shown: float | None
) -> None:
    assert damped(former, newest, 0.10) == shown


@given(st.floats(1.0, 1e6), st.lists(st.floats(-0.047, 0.047), max_size=20))
def test_a_figure_that_trembles_by_less_than_half_its_tolerance_changes_once_at_most(
    middle: float, tremor: list[float]
) -> None:
    shown: list[float | None] = [middle * 0.94]
    for part in tremor:
        shown.append(damped(shown[-1], middle * (1 + part), 0.10))
    assert sum(one != other for one, other in pairwise(shown)) <= 1
