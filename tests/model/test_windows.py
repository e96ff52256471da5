"""Targets laid out as whole answers are in equally many of them, and fit where they have fitted before."""

from collections import Counter
from math import ceil
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gslb.model.windows import Window, compact, exact

values = st.lists(st.integers(0, 999).map(str), min_size=1, max_size=120, unique=True)
widths = st.integers(1, 12)


def occurrences(windows: tuple[Window, ...]) -> Counter[str]:
    return Counter(value for window in windows for value in window)


@given(values, widths)
def test_each_value_is_in_n_of_k_exact_answers(given_: list[str], most: int) -> None:
    windows, width = exact(given_, most), min(len(given_), most)
    assert {len(window) for window in windows} == {width}
    times = occurrences(windows)
    assert times.keys() == set(given_)
    assert all(count * len(given_) == width * len(windows) for count in times.values())


@given(values, widths)
def test_each_value_is_in_one_compact_answer_of_almost_the_same_size(given_: list[str], most: int) -> None:
    windows = compact(given_, most)
    assert len(windows) == ceil(len(given_) / most)
    assert occurrences(windows) == Counter(given_)
    sizes = {len(window) for window in windows}
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1


@given(values, widths, st.data())
def test_compact_answers_become_no_more_and_no_longer_as_values_go_away(
    given_: list[str], most: int, data: st.DataObject
) -> None:
    left = data.draw(st.lists(st.sampled_from(given_), min_size=1, unique=True))
    assert len(compact(left, most)) <= len(compact(given_, most))
    assert len(compact(given_, most)) <= len(exact(given_, most))


def test_exact_answers_may_become_more_as_values_go_away() -> None:
    many = [str(number) for number in range(52)]
    assert (len(exact(many, 4)), len(exact(many[1:], 4))) == (13, 51)
    assert len(compact(many[1:], 4)) == 13


@given(values, widths, st.randoms(use_true_random=False))
def test_values_are_laid_out_alike_in_whatever_order(given_: list[str], most: int, random: Any) -> None:
    shuffled = random.sample(given_, len(given_))
    for layout in (exact, compact):
        assert layout(shuffled, most) == layout(given_, most)
        assert all(list(window) == sorted(window) for window in layout(given_, most))


@given(values)
def test_where_all_are_given_there_is_one_answer(given_: list[str]) -> None:
    everything = (tuple(sorted(given_)),)
    assert exact(given_, len(given_)) == compact(given_, len(given_) + 3) == everything
